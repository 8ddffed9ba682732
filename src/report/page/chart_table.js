/* A chart's data as a table: the same figures, for readers who cannot see the chart. */

function axisTitle(axis) {
  return axis.unit ? `${axis.title} (${axis.unit})` : axis.title;
}

/* A value as the axis shows it. */
function axisText(axis, value) {
  if (!isKnown(value)) return "\u2013";
  if (axis.whole) return plain(value, 0);
  if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -axis.digits)
    return value.toExponential(1).replace("-", MINUS);
  return plain(value, axis.digits);
}

function sameNumbers(a, b) {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/* Columns for a series' values: y, and its interval where it has one. */
function valueColumns(chart, series, several) {
  const name = several ? series.name : axisTitle(chart.y) || series.name;
  const number = (title, values) => ({
    title,
    number: true,
    value: (index) => axisText(chart.y, values[index]),
  });
  return [
    number(name, series.y),
    ...(series.low
      ? [number(`${name}, low`, series.low), number(`${name}, high`, series.high)]
      : []),
  ];
}

/* One row for each x that all series share. */
function wideTable(chart, heading, cells, n) {
  const first = {
    title: heading,
    number: !chart.x.categories,
    isText: Boolean(chart.x.categories),
    value: (index) => cells[index],
  };
  return {
    columns: [
      first,
      ...chart.series.flatMap((series) => valueColumns(chart, series, chart.series.length > 1)),
    ],
    items: Array.from({ length: n }, (_, index) => index),
  };
}

/* One row for each value of each series. */
function longTable(chart) {
  const items = chart.series.flatMap((series) => series.y.map((_, index) => ({ series, index })));
  const number = (title, axis, key) => ({
    title,
    number: true,
    value: ({ series, index }) => axisText(axis, series[key] ? series[key][index] : null),
  });
  return {
    columns: [
      ...(chart.series.length > 1
        ? [{ title: "Series", isText: true, value: ({ series }) => isolated(series.name) }]
        : []),
      ...(chart.series.some((series) => series.labels)
        ? [
            {
              title: "Name",
              isText: true,
              value: ({ series, index }) => isolated(series.labels ? series.labels[index] : ""),
            },
          ]
        : []),
      number(axisTitle(chart.x), chart.x, "x"),
      number(axisTitle(chart.y), chart.y, "y"),
      ...(chart.series.some((series) => series.low)
        ? [number("Low", chart.y, "low"), number("High", chart.y, "high")]
        : []),
    ],
    items,
  };
}

function binEdge(chart, index, n) {
  return chart.x.low + ((chart.x.high - chart.x.low) * index) / n;
}

function heatTable(chart) {
  const names = chart.x.categories;
  const { y } = chart.series[0];
  return {
    columns: [
      {
        title: axisTitle(chart.y),
        isText: true,
        value: (row) => isolated(chart.y.categories[row]),
      },
      ...names.map((name, column) => ({
        title: isolated(name),
        number: true,
        value: (row) => axisText(chart.z, y[row * names.length + column]),
      })),
    ],
    items: chart.y.categories.map((_, row) => row),
  };
}

/* {columns, items} for makeTable(). */
function chartTable(chart) {
  const [first] = chart.series;
  if (!first) return { columns: [], items: [] };
  if (chart.chart === "heat") return heatTable(chart);
  if (chart.chart === "histogram") {
    const n = first.y.length;
    const edges = first.y.map(
      (_, index) =>
        `${axisText(chart.x, binEdge(chart, index, n))} \u2026 ${axisText(chart.x, binEdge(chart, index + 1, n))}`,
    );
    return wideTable(chart, axisTitle(chart.x), edges, n);
  }
  if (chart.x.categories)
    return wideTable(
      chart,
      axisTitle(chart.x),
      chart.x.categories.map(isolated),
      chart.x.categories.length,
    );
  if (
    chart.chart === "lines" &&
    chart.series.every((series) => sameNumbers(series.x, first.x) && !series.labels)
  )
    return wideTable(
      chart,
      axisTitle(chart.x),
      first.x.map((value) => axisText(chart.x, value)),
      first.x.length,
    );
  return longTable(chart);
}
