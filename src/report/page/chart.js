/* Charts as figures: drawn when they come near the window, anew where their width or the colours
 * change; with a table of the same figures, a link to them, and ways to save them. */

const drawnCharts = new Set();

function hasCharts() {
  return typeof echarts !== "undefined";
}

/* ---- Drawing ---- */

function drawChart(view) {
  const width = Math.floor(view.room.clientWidth);
  if (!width || !view.isNear) return;
  const height = chartHeight(view.chart, width);
  view.room.style.setProperty("height", `${height}px`);
  view.drawing = view.drawing || echarts.init(view.room, null, { renderer: "canvas" });
  view.drawing.resize({ width, height });
  view.drawing.setOption(chartOptions(view.chart, readColours(), width), true);
  view.drawing.getZr().flush();
  view.width = width;
  view.figure.dataset.drawn = "true";
  view.room.setAttribute("aria-busy", "false");
}

/* Those that are drawn: where the colours have changed. */
function drawAllCharts() {
  for (const view of drawnCharts) drawChart(view);
}

function watchChart(view) {
  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      view.isNear = true;
      drawChart(view);
    },
    { rootMargin: "600px" },
  );
  near.observe(view.figure);
  new ResizeObserver(() => {
    if (Math.floor(view.room.clientWidth) !== view.width) drawChart(view);
  }).observe(view.room);
}

/* ---- Saving ---- */

function save(name, type, data) {
  const address = URL.createObjectURL(new Blob([data], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function savePicture(view) {
  const width = view.width || 800;
  const canvas = view.drawing.getRenderedCanvas({
    pixelRatio: 2,
    backgroundColor: readColours().surface,
  });
  canvas.toBlob((blob) => save(`${view.chart.id}.png`, "image/png", blob));
  return width;
}

function drawSvg(chart, colours, width, height) {
  const drawing = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  drawing.setOption({
    ...chartOptions(chart, colours, width),
    backgroundColor: colours.surface,
  });
  const text = drawing.renderToSVGString();
  drawing.dispose();
  return text;
}

function saveDrawing(view) {
  const width = view.width || 800;
  const text = drawSvg(view.chart, readColours(), width, chartHeight(view.chart, width));
  save(`${view.chart.id}.svg`, "image/svg+xml", text);
}

/* ---- Paper ---- */

/* In pixels of A4 or US Letter without margins: a column, both, and what fits on a page below the
 * title. */
const PAPER_COLUMN = 325;
const PAPER_WIDTH = 660;
const PAPER_HEIGHT = 800;

/* A drawing as an element of the page, at once: a picture would load later than the page is
 * printed. The page's policy allows no style in a text, so each is set by itself. */
function parseSvg(text) {
  const kept = text.replace(/<style[^]*?<\/style>/g, "").replaceAll(' style="', ' data-style="');
  const drawing = new DOMParser().parseFromString(kept, "image/svg+xml").documentElement;
  const element = document.importNode(drawing, true);
  for (const styled of [element, ...element.querySelectorAll("[data-style]")]) {
    for (const rule of (styled.dataset.style || "").split(";")) {
      const [name, value] = rule.split(/:(.*)/s);
      if (value) styled.style.setProperty(name.trim(), value.trim());
    }
    styled.removeAttribute("data-style");
  }
  return element;
}

/* Drawn anew for paper, since a picture of the window's would be too wide or too narrow. */
function drawForPaper(view) {
  const width = view.figure.classList.contains("wide") ? PAPER_WIDTH : PAPER_COLUMN;
  const height = Math.min(PAPER_HEIGHT, chartHeight(view.chart, width));
  const text = drawSvg(view.chart, readColours("light"), width, height);
  const picture = parseSvg(text);
  picture.setAttribute("class", "paper");
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", chartName(view.chart));
  view.room.after(picture);
  return picture;
}

function setUpChartPrinting() {
  const pictures = [];
  window.addEventListener("beforeprint", () => {
    for (const view of drawnCharts) pictures.push(drawForPaper(view));
  });
  window.addEventListener("afterprint", () => {
    for (const picture of pictures.splice(0)) picture.remove();
  });
}

/* ---- The figure ---- */

/* "Validation error by Epoch, 2 series": what a screen reader says of the picture. */
function chartName(chart) {
  const what = chart.chart === "heat" ? axisTitle(chart.z) : axisTitle(chart.y);
  const n = chart.series.length;
  return `${chart.title}. Chart of ${what || "values"} by ${axisTitle(chart.x)}${n > 1 ? `, ${n} series` : ""}. The table below has the figures.`;
}

function makeTools(view) {
  const button = (text, label, action) =>
    make("button", { type: "button", class: "quiet", "aria-label": label, onclick: action }, text);
  const { chart } = view;
  return make(
    "div",
    { class: "tools" },
    button("PNG", `Save ${chart.title} as PNG`, () => {
      view.isNear = true;
      if (!view.drawing) drawChart(view);
      savePicture(view);
    }),
    button("SVG", `Save ${chart.title} as SVG`, () => saveDrawing(view)),
  );
}

function makeChartTable(chart) {
  return makeFoldedTable(`${chart.title}, as a table`, "The figures as a table", chart.title, () =>
    chartTable(chart),
  );
}

function makeChart(chart) {
  const figure = make("figure", { class: "chart", id: chart.id, tabindex: -1 });
  const table = makeChartTable(chart);
  const heading = make(
    "h3",
    {},
    make("a", { class: "anchor", href: `#${chart.id}` }, isolated(chart.title)),
  );
  const note = chart.note ? make("p", { class: "note" }, isolated(chart.note)) : null;
  if (!hasCharts()) {
    figure.append(make("figcaption", {}, heading), ...[note].filter(Boolean), table);
    return figure;
  }
  const room = make("div", {
    class: "drawing",
    role: "img",
    "aria-label": chartName(chart),
    "aria-busy": "true",
  });
  const view = { chart, figure, room, isNear: false };
  figure.append(
    make("figcaption", {}, heading, makeTools(view)),
    ...[note].filter(Boolean),
    room,
    table,
  );
  drawnCharts.add(view);
  watchChart(view);
  return figure;
}
