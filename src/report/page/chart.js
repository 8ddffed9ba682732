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

/* All of them, now: before printing, and where the colours have changed. */
function drawAllCharts(isWanted) {
  for (const view of drawnCharts) {
    view.isNear = view.isNear || isWanted;
    drawChart(view);
  }
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

function saveDrawing(view) {
  const width = view.width || 800;
  const drawing = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width,
    height: chartHeight(view.chart, width),
  });
  const colours = readColours();
  drawing.setOption({
    ...chartOptions(view.chart, colours, width),
    backgroundColor: colours.surface,
  });
  save(`${view.chart.id}.svg`, "image/svg+xml", drawing.renderToSVGString());
  drawing.dispose();
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
