/* The report: shows the document that `valence report --json` prints. */

/* ---- Items ---- */

/* Blocks of code can be scrolled by keyboard, so each has a name of its own. */
let codeBlocks = 0;

function makeCell(cell) {
  if (cell === null) return "\u2013";
  return Array.isArray(cell) ? plain(cell[0], cell[1]) : isolated(cell);
}

/* Names up to this length stay on one line of a table. */
const LONGEST_WHOLE = 28;

function makeItemTable(item) {
  const columns = item.columns.map((column, i) => ({
    title: column.heading,
    number: column.number,
    isText: !column.number,
    isWhole: (row) => typeof row[i] === "string" && row[i].length <= LONGEST_WHOLE,
    value: (row) => makeCell(row[i]),
  }));
  return make(
    "figure",
    { class: "table", id: item.id, tabindex: -1 },
    make(
      "figcaption",
      {},
      make("h3", {}, make("a", { class: "anchor", href: `#${item.id}` }, isolated(item.title))),
    ),
    item.note ? make("p", { class: "note" }, isolated(item.note)) : null,
    make(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": item.title },
      makeTable(make("span", { class: "hidden-text" }, item.title), columns, item.rows),
    ),
  );
}

function makeItem(item) {
  switch (item.kind) {
    case "warning":
      return make("p", { class: "warning", role: "note" }, isolated(item.text));
    case "command":
    case "code":
      return make(
        "pre",
        {
          class: item.kind,
          tabindex: 0,
          role: "region",
          "aria-label": `Code ${++codeBlocks}`,
          dir: "ltr",
        },
        make("code", {}, item.text),
      );
    case "table":
      return makeItemTable(item);
    case "chart":
      return makeChart(item);
    case "clips":
      return makeExplorer(item);
    default:
      return make("p", {}, isolated(item.text));
  }
}

/* ---- Sections ---- */

/* Charts stand in two columns; a wide one takes both, and so does the last of an odd number. */
function widenCharts(items, nodes) {
  const isNarrow = (item) => item && item.kind === "chart" && !item.wide;
  let n = 0;
  items.forEach((item, i) => {
    n = isNarrow(item) ? n + 1 : 0;
    if (item.wide || (n % 2 === 1 && !isNarrow(items[i + 1]))) nodes[i].classList.add("wide");
  });
}

function makeSection(section) {
  const body = make("div", { class: "items" });
  body.append(...section.items.map(makeItem));
  widenCharts(section.items, body.children);
  return make(
    "section",
    { class: "section", id: section.id, tabindex: -1, "aria-labelledby": `${section.id}-heading` },
    make("h2", { id: `${section.id}-heading` }, section.heading),
    body,
  );
}

function makeContents(sections) {
  return make(
    "nav",
    { class: "contents", "aria-label": "Sections" },
    make(
      "ul",
      {},
      sections.map((section) =>
        make("li", {}, make("a", { href: `#${section.id}` }, section.heading)),
      ),
    ),
  );
}

/* ---- The page ---- */

function fillAbout(report) {
  const about = document.getElementById("about");
  if (!hasCharts())
    document
      .getElementById("main")
      .prepend(
        make(
          "p",
          { class: "warning", role: "note" },
          "This report was made by a build without Apache ECharts: it has all figures as tables, and no charts.",
        ),
      );
  about.append(
    make(
      "p",
      {},
      `Made by valence ${report.valence}. This page makes no network requests.`,
      hasCharts() ? " Charts: Apache ECharts." : "",
    ),
  );
}

/* A link to a section, a chart or a clip ("#clips-of-corpus/ID") works when the page opens, and when
 * it is clicked. */
function goToHash() {
  const [id, ...rest] = location.hash.slice(1).split("/");
  const target = id && document.getElementById(decodeURIComponent(id));
  if (!target) return;
  target.scrollIntoView({ block: "start" });
  target.focus({ preventScroll: true });
  if (rest.length && explorers.has(id)) explorers.get(id)(decodeURIComponent(rest.join("/")));
}

function showReport() {
  const report = readData("report");
  const main = document.getElementById("main");
  main.append(makeContents(report.sections), ...report.sections.map(makeSection));
  fillAbout(report);
  setUpTheme(drawAllCharts);
  setUpChartPrinting();
  window.addEventListener("hashchange", goToHash);
  goToHash();
}

showReport();
