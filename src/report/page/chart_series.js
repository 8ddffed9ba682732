/* The series of a chart for ECharts: lines, points, bars and histograms, with their bands and marks. */

const SYMBOLS = ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect"];
const DASHES = ["solid", [7, 4], [2, 3], [10, 3, 2, 3]];

function lineOf(series, index, colours) {
  const colour = series.reference ? colours.muted : colours.series[index % colours.series.length];
  return {
    colour,
    style: {
      color: colour,
      width: series.reference ? 1.25 : 2,
      type: series.reference
        ? [3, 4]
        : DASHES[Math.floor(index / colours.series.length) % DASHES.length],
    },
    symbol: SYMBOLS[index % SYMBOLS.length],
  };
}

/* Pairs for a series whose x may be categories. */
function pointsOf(chart, series) {
  return series.y.map((value, i) => [series.x ? series.x[i] : i, isKnown(value) ? value : null]);
}

/* A band, or error bars, drawn by hand: ECharts has neither. */
function bandSeries(chart, series, index, colours) {
  const { colour } = lineOf(series, index, colours);
  const xs = series.x || series.y.map((_, i) => i);
  return {
    type: "custom",
    name: series.name,
    silent: true,
    z: 1,
    data: xs.map((x, i) => [x, series.low[i], series.high[i]]),
    encode: { x: 0, y: [1, 2] },
    clip: true,
    renderItem: (parameters, api) => {
      if (parameters.dataIndexInside > 0) return null; /* one shape for all of them */
      const known = xs
        .map((x, i) => [x, series.low[i], series.high[i]])
        .filter((row) => isKnown(row[1]) && isKnown(row[2]));
      return {
        type: "polygon",
        shape: {
          points: [
            ...known.map(([x, low]) => api.coord([x, low])),
            ...known.reverse().map(([x, , high]) => api.coord([x, high])),
          ],
        },
        style: { fill: faded(colour, 0.16) },
      };
    },
  };
}

/* The bars of a category take this share of its room, and each no more than so many pixels. */
const BARS_SHARE = 0.72;
const WIDEST_BAR = 110;

function errorBars(chart, series, index, colours, isHorizontal, n) {
  const rows = series.y
    .map((_, i) => [series.x ? series.x[i] : i, series.low[i], series.high[i]])
    .filter((row) => isKnown(row[1]) && isKnown(row[2]));
  const isBar = chart.chart === "bars";
  return {
    type: "custom",
    name: series.name,
    silent: true,
    z: 4,
    data: rows,
    encode: isHorizontal ? { y: 0, x: [1, 2] } : { x: 0, y: [1, 2] },
    clip: true,
    renderItem: (_, api) => {
      const at = (value) => api.coord(isHorizontal ? [value, api.value(0)] : [api.value(0), value]);
      const from = at(api.value(1));
      const to = at(api.value(2));
      const axis = isHorizontal ? 1 : 0;
      if (isBar) {
        const size = Math.min(api.size([1, 1])[axis] * BARS_SHARE, n * WIDEST_BAR);
        const shift = size * ((index + 0.5) / n - 0.5);
        from[axis] += shift;
        to[axis] += shift;
      }
      const style = {
        stroke: isBar ? colours.ink : lineOf(series, index, colours).colour,
        lineWidth: 1.25,
      };
      const cap = (point) => {
        const [a, b] = [[...point], [...point]];
        a[axis] -= 4;
        b[axis] += 4;
        return { type: "line", shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] }, style };
      };
      return {
        type: "group",
        children: [
          { type: "line", shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, style },
          cap(from),
          cap(to),
        ],
      };
    },
  };
}

function lineSeries(chart, colours) {
  return chart.series.flatMap((series, index) => {
    const line = lineOf(series, index, colours);
    const data = pointsOf(chart, series);
    return [
      ...(series.low ? [bandSeries(chart, series, index, colours)] : []),
      {
        type: "line",
        name: series.name,
        data,
        lineStyle: line.style,
        itemStyle: { color: line.colour },
        symbol: line.symbol,
        symbolSize: data.length > 60 ? 0 : 6,
        showSymbol: !series.reference && data.length <= 60,
        showAllSymbol: true,
        connectNulls: false,
        z: series.reference ? 2 : 3,
      },
    ];
  });
}

function pointSeries(chart, colours) {
  return chart.series.flatMap((series, index) => {
    const line = lineOf(series, index, colours);
    const many = series.y.length > 1000;
    if (series.reference)
      return [
        {
          type: "line",
          name: series.name,
          data: pointsOf(chart, series),
          lineStyle: line.style,
          itemStyle: { color: line.colour },
          showSymbol: false,
          silent: true,
        },
      ];
    return [
      {
        type: "scatter",
        name: series.name,
        data: pointsOf(chart, series),
        symbol: line.symbol,
        symbolSize: many ? 3 : series.y.length > 200 ? 5 : 8,
        itemStyle: { color: line.colour, opacity: many ? 0.35 : 0.75 },
        progressive: 0,
      },
      ...(series.low ? [errorBars(chart, series, index, colours, false, 1)] : []),
    ];
  });
}

function barSeries(chart, colours, isHorizontal) {
  const n = chart.series.length;
  return chart.series.flatMap((series, index) => [
    {
      type: "bar",
      name: series.name,
      data: series.y.map((value) => (isKnown(value) ? value : null)),
      itemStyle: { color: faded(lineOf(series, index, colours).colour, 0.85) },
      barWidth: `${(100 * BARS_SHARE) / n}%`,
      barMaxWidth: WIDEST_BAR,
      barGap: "0%",
    },
    ...(series.low ? [errorBars(chart, series, index, colours, isHorizontal, n)] : []),
  ]);
}

/* Bars that touch, on an axis of numbers. Several series are drawn as steps. */
function histogramSeries(chart, colours) {
  return chart.series.map((series, index) => {
    const { colour } = lineOf(series, index, colours);
    const n = series.y.length;
    return {
      type: "custom",
      name: series.name,
      itemStyle: { color: colour },
      data: series.y.map((value, i) => [binEdge(chart, i, n), binEdge(chart, i + 1, n), value]),
      encode: { x: [0, 1], y: 2 },
      clip: true,
      renderItem: (_, api) => {
        const [left, top] = api.coord([api.value(0), api.value(2)]);
        const [right, bottom] = api.coord([api.value(1), 0]);
        return {
          type: "rect",
          shape: { x: left, y: top, width: Math.max(1, right - left - 1), height: bottom - top },
          style: {
            fill: faded(colour, chart.series.length > 1 ? 0.35 : 0.8),
            stroke: colour,
            lineWidth: 1,
          },
        };
      },
    };
  });
}

function marksOf(chart, colours, isHorizontal) {
  return {
    silent: true,
    symbol: "none",
    animation: false,
    data: chart.marks.map((mark, i) => ({
      [(mark.axis === "y") !== isHorizontal ? "yAxis" : "xAxis"]: mark.at,
      lineStyle: { color: colours.ink, type: [2, 3], width: 1.25 },
      label: {
        formatter: mark.name,
        color: colours.ink,
        backgroundColor: faded(colours.surface, 0.8) /* it may lie on bars */,
        padding: [1, 3],
        fontSize: 11,
        position: "insideEndTop",
        rotate: mark.axis === "y" ? undefined : 90,
      },
    })),
  };
}

function seriesOptions(chart, colours, isHorizontal) {
  switch (chart.chart) {
    case "lines":
      return lineSeries(chart, colours);
    case "points":
      return pointSeries(chart, colours);
    case "bars":
      return barSeries(chart, colours, isHorizontal);
    default:
      return histogramSeries(chart, colours);
  }
}
