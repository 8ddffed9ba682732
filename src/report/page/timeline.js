/* The scores over time: a bar for each segment's score, in the band of its interval. The figures
 * are in a table as well, so to screen readers the chart is one control that steps through the
 * segments. */

function timelineHeight(width) {
  return width < 480 ? 168 : 216;
}

/* What one segment says, as a sentence. */
function describeSegment(view, index) {
  const segment = view.segments[index];
  const place = view.hasTimes
    ? `${clock(segment.start)} to ${clock(segment.end)}`
    : `${view.unit} ${index + 1}`;
  if (!isKnown(segment.score)) return `${place}: no score, ${segment.reason || "unknown why"}`;
  const range = interval(segment.low, segment.high, 1);
  const score = `score ${signed(segment.score, 2)}${range ? `, interval ${range}` : ""}`;
  return `${place}: ${score}. ${shortened(segment.text, 240)}`;
}

/* Where a tick's label stands: below the tick, or at the right edge, which it would cross. */
function labelPlace(x, width) {
  const isLast = x > width - 24;
  return { x: isLast ? width : x, "text-anchor": isLast ? "end" : "middle" };
}

function drawGrid(view, svg, scale, y, width, height) {
  const [low, high] = view.range;
  for (let value = Math.ceil(low); value <= high; value++) {
    svg.append(
      draw("line", {
        class: value === 0 ? "zero" : "grid",
        x1: AXIS_LEFT,
        x2: width - AXIS_RIGHT,
        y1: y(value),
        y2: y(value),
      }),
    );
    if (value === 0 || value === Math.ceil(low) || value === Math.floor(high)) {
      svg.append(
        draw(
          "text",
          { x: AXIS_LEFT - 8, y: y(value), "text-anchor": "end", "dominant-baseline": "central" },
          signed(value, 0),
        ),
      );
    }
  }
  for (const tick of ticksOf(view, width)) {
    svg.append(draw("text", { ...labelPlace(scale(tick.at), width), y: height - 4 }, tick.text));
  }
}

/* A segment's own group: its interval, its score, and the area that is clicked. */
function drawSegment(view, index, scale, y, bottom) {
  const segment = view.segments[index];
  const [start, end] = spanOf(view, segment, index);
  const left = scale(start) + 0.75;
  const wide = Math.max(1.5, scale(end) - scale(start) - 1.5);
  const group = draw("g", {
    "data-tone": scoreTone(segment.score),
    "data-index": index,
    class: segment.outside ? "outside" : null,
  });
  if (!isKnown(segment.score)) {
    group.append(
      draw("rect", { class: "unscored", x: left, width: wide, y: y(0) - 5, height: 10, rx: 3 }),
    );
  } else {
    if (isKnown(segment.low)) {
      const top = y(segment.high);
      group.append(
        draw("rect", {
          class: "band",
          x: left,
          width: wide,
          y: top,
          height: Math.max(1, y(segment.low) - top),
          rx: Math.min(4, wide / 2),
        }),
      );
    }
    const inset = Math.min(1.75, wide / 2);
    group.append(
      wide < 6
        ? draw("circle", { class: "dot", cx: left + wide / 2, cy: y(segment.score), r: 2.5 })
        : draw("line", {
            class: "score",
            x1: left + inset,
            x2: left + wide - inset,
            y1: y(segment.score),
            y2: y(segment.score),
          }),
    );
  }
  group.append(draw("rect", { class: "target", x: left, width: wide, y: 0, height: bottom }));
  return group;
}

function drawTimeline(view, node, width) {
  const height = timelineHeight(width);
  const bottom = height - 22;
  const [low, high] = view.range;
  const y = (value) => 8 + ((bottom - 16) * (high - value)) / (high - low);
  const scale = makeScale(view, width);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
  drawGrid(view, svg, scale, y, width, height);
  view.groups = view.segments.map((segment, index) => drawSegment(view, index, scale, y, bottom));
  svg.append(...view.groups);
  svg.addEventListener("pointerover", (event) => showReadout(view, indexUnder(event)));
  svg.addEventListener("pointerleave", () => showReadout(view, view.selection.index));
  svg.addEventListener("click", (event) => {
    const index = indexUnder(event);
    if (index >= 0) view.choose(index);
  });
  node.replaceChildren(svg);
  makePlayhead(view, svg, scale, bottom);
  markCurrent(view);
}

function indexUnder(event) {
  const group = event.target.closest("[data-index]");
  return group ? Number(group.dataset.index) : -1;
}

/* The line under the chart: the segment under the pointer, else the current one. */
function showReadout(view, index) {
  const segment = view.segments[index];
  if (!segment) {
    view.readout.replaceChildren(view.hint);
    return;
  }
  const place = view.hasTimes
    ? `${clock(segment.start)}\u2013${clock(segment.end)}`
    : String(index + 1);
  const range = interval(segment.low, segment.high, 1);
  view.readout.dataset.tone = scoreTone(segment.score);
  view.readout.replaceChildren(
    `${place}  `,
    make("b", {}, isKnown(segment.score) ? signed(segment.score, 2) : "no score"),
    range ? `  (${range})  ` : "  ",
    isolated(shortened(segment.text || segment.reason || "", 160)),
  );
}

function markCurrent(view) {
  const index = view.selection.index;
  for (const group of view.groups || [])
    group.classList.toggle("current", Number(group.dataset.index) === index);
  if (!view.slider) return;
  view.slider.setAttribute("aria-valuenow", Math.max(0, index) + 1);
  view.slider.setAttribute("aria-valuetext", describeSegment(view, Math.max(0, index)));
}

/* Arrows step through the segments, Home and End go to the ends, Enter and the space bar play. */
function stepByKey(view, event) {
  const last = view.segments.length - 1;
  const at = view.selection.index;
  const steps = {
    ArrowRight: at + 1,
    ArrowUp: at + 1,
    ArrowLeft: at - 1,
    ArrowDown: at - 1,
    Home: 0,
    End: last,
  };
  if (event.key in steps) view.selection.set(Math.min(last, Math.max(0, steps[event.key])));
  else if (event.key === "Enter" || event.key === " ") view.choose(Math.max(0, at));
  else return;
  event.preventDefault();
}

function makeTimeline(view) {
  const unit = view.unit + "s";
  view.hint =
    view.segments.length === 1
      ? ""
      : view.player.available
        ? "Choose a segment to play it. With the keyboard: arrows, then Enter."
        : `Choose one of the ${unit} to see its words.`;
  view.readout = make("p", { class: "readout" }, view.hint);
  view.slider = make("div", {
    class: "timeline",
    role: "slider",
    tabindex: 0,
    "aria-label": `Scores of the ${unit}; the same figures are in the table below`,
    "aria-valuemin": 1,
    "aria-valuemax": view.segments.length,
    "aria-valuenow": 1,
    "aria-valuetext": describeSegment(view, 0),
    onkeydown: (event) => stepByKey(view, event),
  });
  view.selection.onChange((index) => {
    markCurrent(view);
    showReadout(view, index);
  });
  return make("figure", {}, view.slider, view.segments.length > 1 ? view.readout : null);
}
