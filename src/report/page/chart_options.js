/* A chart of the document as options for ECharts. Nothing but this and chart_series.js knows that
 * library's names. */

/* Colours as the style sheet has them now, which an element must be asked for, or those of a
 * scheme, "light" or "dark". */
function readColours(scheme) {
  const probe = make("span");
  if (scheme) probe.style.setProperty("color-scheme", scheme);
  document.body.append(probe);
  const read = (name) => {
    probe.style.setProperty("color", `var(${name})`);
    return getComputedStyle(probe).color;
  };
  const colours = Object.fromEntries(
    ["ink", "muted", "line", "strong-line", "surface", "positive", "negative", "accent"].map(
      (name) => [name, read(`--${name}`)],
    ),
  );
  colours.series = Array.from({ length: 8 }, (_, i) => read(`--series-${i + 1}`));
  /* ECharts does not escape quotes in the attributes of its SVG. */
  colours.font = getComputedStyle(document.body).fontFamily.replaceAll('"', "'");
  probe.remove();
  return colours;
}

/* A computed colour, rgb(...), with an opacity. */
function faded(colour, opacity) {
  const parts = colour.match(/[\d.]+/g).slice(0, 3);
  return `rgba(${parts.join(", ")}, ${opacity})`;
}

/* ---- Axes ---- */

/* Names are cut so that they leave room for the chart. */
function cutName(name, width) {
  return shortened(name, Math.max(6, Math.floor(width / 7)));
}

function axisOptions(axis, colours, width, isX) {
  const options = {
    type: axis.categories ? "category" : axis.logarithmic ? "log" : "value",
    name: axisTitle(axis),
    nameLocation: "middle",
    nameGap: 10,
    nameTextStyle: { color: colours.muted, fontSize: 12 },
    axisLabel: { color: colours.muted, fontSize: 11, hideOverlap: true },
    axisLine: { show: isX, lineStyle: { color: colours["strong-line"] } },
    axisTick: { show: false },
    splitLine: { show: !isX, lineStyle: { color: colours.line } },
    scale: true,
  };
  if (axis.categories) {
    options.data = axis.categories;
    options.axisLabel.formatter = (name) => cutName(name, isX ? width / 4 : width / 3);
  } else {
    if (isKnown(axis.low)) options.min = axis.low;
    if (isKnown(axis.high)) options.max = axis.high;
    if (axis.whole) options.minInterval = 1;
    options.axisLabel.formatter = (value) =>
      String(Number(value.toPrecision(6))).replace("-", MINUS);
  }
  return options;
}

/* ---- Hovering ---- */

function hoverText(chart, parameters, isHorizontal) {
  const list = (Array.isArray(parameters) ? parameters : [parameters]).filter(
    (item) => item && item.seriesType !== "custom",
  );
  if (!list.length) return "";
  const valueOf = (item) => {
    const value = Array.isArray(item.value) ? item.value[1] : item.value;
    const series = chart.series.find((one) => one.name === item.seriesName);
    const text = axisText(chart.y, value);
    return series && series.low && isKnown(series.low[item.dataIndex])
      ? `${text}  (${axisText(chart.y, series.low[item.dataIndex])} \u2026 ${axisText(chart.y, series.high[item.dataIndex])})`
      : text;
  };
  const [first] = list;
  const head = chart.x.categories
    ? shortened(chart.x.categories[first.dataIndex], 60)
    : `${axisTitle(chart.x)} ${axisText(chart.x, first.value[0])}`;
  const label = (item) => {
    const series = chart.series.find((one) => one.name === item.seriesName);
    return series && series.labels ? shortened(series.labels[item.dataIndex], 60) + "\n" : "";
  };
  return [
    head,
    ...list.slice(0, 16).map((item) => `${label(item)}${item.seriesName}: ${valueOf(item)}`),
  ].join("\n");
}

function tooltipOf(chart, colours, isHorizontal) {
  const style = {
    renderMode: "richText" /* HTML would need styles that the page's policy forbids */,
    confine: true,
    backgroundColor: colours.surface,
    borderColor: colours["strong-line"],
    textStyle: { color: colours.ink, fontSize: 12, fontFamily: colours.font },
    transitionDuration: 0,
  };
  if (chart.chart === "heat")
    return {
      ...style,
      formatter: ({ value: [column, row, value] }) =>
        `${shortened(chart.y.categories[row], 40)}, ${shortened(chart.x.categories[column], 40)}\n${axisText(chart.z, value)}`,
    };
  if (chart.chart === "histogram")
    return {
      ...style,
      formatter: ({ seriesName, value: [from, to, height] }) =>
        `${axisText(chart.x, from)} \u2026 ${axisText(chart.x, to)}\n${seriesName}: ${axisText(chart.y, height)}`,
    };
  return {
    ...style,
    trigger: chart.chart === "points" ? "item" : "axis",
    axisPointer: { type: chart.chart === "bars" ? "shadow" : "line" },
    formatter: (parameters) => hoverText(chart, parameters, isHorizontal),
  };
}

/* ---- The whole ---- */

/* Bars lie where the names of the categories are too long to stand side by side. */
function liesDown(chart, width) {
  if (chart.chart !== "bars" || !chart.x.categories) return false;
  const longest = Math.max(0, ...chart.x.categories.map((name) => name.length));
  return (longest * 6.2 + 10) * chart.x.categories.length > width - 60;
}

/* How many lines the names of the series take, about. */
function legendLines(chart, width) {
  if (chart.chart === "heat" || chart.series.length < 2) return 0;
  let lines = 1;
  let used = 0;
  for (const series of chart.series) {
    const size = 46 + 6.6 * cutName(series.name, width / 2).length;
    if (used > 0 && used + size > width) {
      lines++;
      used = 0;
    }
    used += size;
  }
  return lines;
}

const LEGEND_LINE = 20;
const HEAT_ROOM = 110; /* above and below a map */

function chartHeight(chart, width) {
  const legend = LEGEND_LINE * Math.max(0, legendLines(chart, width) - 1);
  if (liesDown(chart, width))
    return 110 + legend + chart.x.categories.length * Math.max(22, 13 * chart.series.length);
  const usual = width < 480 ? 290 : 340;
  if (chart.chart === "heat")
    return Math.max(usual, Math.min(640, HEAT_ROOM + 15 * chart.y.categories.length, 0.85 * width + 80));
  return usual + legend;
}

/* Where a map has too many rows for all names, it shows every second or third, and so on. */
function rowInterval(chart, width) {
  const room = chartHeight(chart, width) - HEAT_ROOM;
  return Math.ceil((13 * chart.y.categories.length) / room) - 1;
}

function heatOptions(chart, colours, width) {
  const columns = chart.x.categories.length;
  const known = chart.series[0].y.filter(isKnown);
  let low = isKnown(chart.z.low) ? chart.z.low : -largest(known.map((value) => -value));
  let high = isKnown(chart.z.high) ? chart.z.high : largest(known);
  const diverges = low < 0 && high > 0;
  if (diverges) high = Math.max(high, -low);
  if (diverges) low = -high;
  const room = (width - 150) / columns;
  /* Figures stand out from the colour of their cell. */
  const isDark = (value) =>
    diverges ? Math.abs(value) > 0.6 * high : value - low > 0.55 * (high - low);
  const cells = chart.series[0].y.map((value, i) => ({
    value: [i % columns, Math.floor(i / columns), isKnown(value) ? value : "-"],
    label: { color: isDark(value) ? colours.surface : colours.ink },
  }));
  return {
    visualMap: {
      type: "continuous",
      min: low,
      max: high > low ? high : low + 1,
      calculable: false,
      orient: "horizontal",
      left: "center",
      top: 0,
      itemWidth: 10,
      itemHeight: Math.min(180, width / 3),
      text: [axisText(chart.z, high), axisText(chart.z, low)],
      textStyle: { color: colours.muted, fontSize: 11 },
      inRange: {
        color: diverges
          ? [colours.negative, colours.surface, colours.positive]
          : [colours.surface, colours.positive],
      },
    },
    series: [
      {
        type: "heatmap",
        name: chart.series[0].name,
        data: cells,
        itemStyle: { borderColor: colours.line, borderWidth: columns > 12 ? 0 : 1 },
        label: {
          show: columns <= 9 && room > 24,
          fontSize: 11,
          formatter: ({ value }) => axisText(chart.z, value[2]),
        },
      },
    ],
  };
}

/* To a limit that an axis divides evenly. */
function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((limit) => limit * unit >= value);
}

/* For a chart of this width in pixels. */
function chartOptions(chart, colours, width) {
  const isHorizontal = liesDown(chart, width);
  const hasLegend = chart.chart !== "heat" && chart.series.length > 1;
  const x = axisOptions(chart.x, colours, width, !isHorizontal);
  const y = axisOptions(chart.y, colours, width, isHorizontal);
  if (isHorizontal) x.inverse = true;
  if (chart.chart === "heat")
    y.axisLabel.interval = rowInterval(chart, width);
  if (chart.chart === "bars" || chart.chart === "histogram") y.scale = false;
  const highest = largest(chart.marks.filter((mark) => mark.axis === "y").map((mark) => mark.at));
  if (isKnown(highest) && !isKnown(chart.y.high))
    y.max = ({ max }) => (highest > max ? roundUp(1.02 * highest) : null);
  if (chart.chart === "lines" && !chart.x.categories) {
    x.min = isKnown(chart.x.low) ? chart.x.low : "dataMin";
    x.max = isKnown(chart.x.high) ? chart.x.high : "dataMax";
  }
  const options = {
    animation: false,
    aria: { enabled: false } /* the figure has a name, and the table has the figures */,
    textStyle: { fontFamily: colours.font, color: colours.ink },
    grid: {
      left: 12,
      right: 20,
      top:
        (hasLegend ? 20 + LEGEND_LINE * legendLines(chart, width) : 16) +
        (chart.chart === "heat" ? 24 : 0),
      bottom: 12,
      outerBoundsMode: "same" /* names and labels of the axes lie within */,
      outerBoundsContain: "all",
    },
    legend: {
      show: hasLegend,
      type: "plain",
      top: 0,
      left: 0,
      itemWidth: 22,
      itemHeight: 10,
      textStyle: { color: colours.ink, fontSize: 12 },
      formatter: (name) => cutName(name, width / 2),
      data: chart.series.map((series) => series.name),
    },
    tooltip: tooltipOf(chart, colours, isHorizontal),
    xAxis: isHorizontal ? y : x,
    yAxis: isHorizontal ? x : y,
  };
  if (chart.chart === "heat") return { ...options, ...heatOptions(chart, colours, width) };
  options.series = seriesOptions(chart, colours, isHorizontal);
  const first = options.series.find((series) => series.type !== "custom") || options.series[0];
  if (first && chart.marks.length) first.markLine = marksOf(chart, colours, isHorizontal);
  return options;
}
