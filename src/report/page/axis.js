/* What all charts over a recording share: a horizontal axis of seconds, or of texts one after the
 * other, and drawing anew where the width changes. */

const AXIS_LEFT = 36;
const AXIS_RIGHT = 8;

/* Start and end of a segment on the axis. */
function spanOf(view, segment, index) {
  return view.hasTimes ? [segment.start, segment.end] : [index, index + 1];
}

function makeScale(view, width) {
  const [from, to] = view.domain;
  const room = Math.max(1, width - AXIS_LEFT - AXIS_RIGHT);
  const scale = (value) => AXIS_LEFT + (room * (value - from)) / (to - from || 1);
  scale.invert = (x) => from + ((x - AXIS_LEFT) / room) * (to - from);
  return scale;
}

/* Round distances of ticks, so that they are at least `least` pixels apart. */
function tickStep(view, width, least) {
  const [from, to] = view.domain;
  const most = Math.max(1, Math.floor((width - AXIS_LEFT - AXIS_RIGHT) / least));
  const steps = view.hasTimes
    ? [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400]
    : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
  return steps.find((step) => (to - from) / step <= most) || to - from;
}

function ticksOf(view, width) {
  const [from, to] = view.domain;
  const step = tickStep(view, width, 64);
  const ticks = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to + 1e-9; tick += step) ticks.push(tick);
  return view.hasTimes
    ? ticks.map((at) => ({ at, text: clock(at, step < 1 ? 1 : 0) }))
    : ticks.filter((at) => at < to).map((at) => ({ at: at + 0.5, text: String(at + 1) }));
}

/* Calls drawAt(width) at first and whenever the width of `node` changes. */
function drawToFit(node, drawAt) {
  let last = 0;
  const fit = () => {
    const width = Math.floor(node.clientWidth);
    if (width > 0 && width !== last) drawAt((last = width));
  };
  new ResizeObserver(fit).observe(node);
  fit();
}

/* A line that follows the player, in each chart. */
function makePlayhead(view, svg, scale, height) {
  if (!view.player.available) return;
  const line = draw("line", { class: "playhead", y1: 0, y2: height, visibility: "hidden" });
  svg.append(line);
  view.movePlayhead = view.movePlayhead || new Map();
  view.movePlayhead.set(svg.parentNode, (time) => {
    const x = scale(Math.min(Math.max(time, view.domain[0]), view.domain[1]));
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.setAttribute("visibility", "visible");
  });
}
