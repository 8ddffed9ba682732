/* Tables of the figures, which charts only show. A column is {title, number, value(item, index)};
 * a value is a text or a node. A column of texts may say with isWhole(item) which it does not break. */

function textClass(column, item) {
  return column.isWhole && column.isWhole(item) ? "text whole" : "text";
}

function makeTable(caption, columns, items) {
  const cell = (column, item, index) =>
    make(
      "td",
      {
        class: column.number ? "number" : column.isText ? textClass(column, item) : null,
        dir: column.isText ? "auto" : null,
      },
      column.value(item, index),
    );
  return make(
    "table",
    {},
    make("caption", {}, caption),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        columns.map((column) =>
          make("th", { scope: "col", class: column.number ? "number" : null }, column.title),
        ),
      ),
    ),
    make(
      "tbody",
      {},
      items.map((item, index) =>
        make(
          "tr",
          {},
          columns.map((column) => cell(column, item, index)),
        ),
      ),
    ),
  );
}

/* A table that is folded up, and filled when it is opened first. `content` gives its {columns, items} then. */
function makeFoldedTable(label, title, caption, content) {
  const details = make("details", { class: "figures" }, make("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    const { columns, items } = content();
    details.append(
      make(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
        makeTable(caption, columns, items),
      ),
    );
  });
  return details;
}
