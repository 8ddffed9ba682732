/* Under the timeline, in its time: pictures, what each word adds, what voice and face look like. */

function makeStrip(view) {
  const pictures = (view.media && view.media.pictures) || [];
  if (pictures.length === 0) return null;
  return make(
    "div",
    { class: "strip", "--axis": AXIS_LEFT + "px" },
    pictures.map((picture) =>
      make("img", {
        src: "data:image/jpeg;base64," + picture.jpeg,
        alt: `Picture at ${clock(picture.time)}`,
        title: clock(picture.time),
        loading: "lazy",
      }),
    ),
  );
}

/* A track: a name, a note on the right, and a drawing that fits the width. */
function makeTrack(view, name, note, height, drawInto) {
  const node = make("div", {});
  const track = make(
    "div",
    { class: "track" },
    make("div", { class: "track-head" }, make("span", {}, name), make("span", {}, note)),
    node,
  );
  view.drawings.push([
    node,
    (width) => {
      const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
      const scale = makeScale(view, width);
      drawInto(svg, scale, width);
      node.replaceChildren(svg);
      makePlayhead(view, svg, scale, height);
    },
  ]);
  return track;
}

/* Bars up and down from the middle where effects have a sign, and up from the bottom for
 * attention. */
function makeWordTrack(view) {
  const words = [];
  for (const segment of view.segments) {
    const effects = effectsOf(segment, view.shown.kind);
    segment.words.forEach((word, i) => {
      if (isKnown(word.start) && word.end > word.start && effects && isKnown(effects[i]))
        words.push({ word, effect: effects[i] });
    });
  }
  if (!view.hasTimes || words.length === 0) return null;
  const most = largest(words.map(({ effect }) => Math.abs(effect))) || 1;
  const isSigned = view.shown.kind === "effect";
  const height = 44;
  const base = isSigned ? height / 2 : height - 1;
  const room = isSigned ? height / 2 - 1 : height - 2;
  const note = isSigned ? `up to ${plain(most, 1)} either way` : "share of the attention";
  return makeTrack(
    view,
    isSigned ? "What each word adds" : "Attention to each word",
    note,
    height,
    (svg, scale, width) => {
      svg.append(
        draw("line", { class: "base", x1: AXIS_LEFT, x2: width - AXIS_RIGHT, y1: base, y2: base }),
      );
      for (const { word, effect } of words) {
        const tall = Math.max(1, (room * Math.abs(effect)) / most);
        const x = scale(word.start);
        svg.append(
          draw("rect", {
            class: "word",
            "data-tone": isSigned ? toneOf(effect, NEUTRAL_EFFECT) : "weight",
            x,
            width: Math.max(1.5, scale(word.end) - x - 1),
            y: effect > 0 ? base - tall : base,
            height: tall,
            rx: 1,
          }),
        );
      }
    },
  );
}

/* Where in time the network looked, for a modality whose rows go with the time. Weights are shares
 * of a segment's rows, so each segment is drawn against its own even share. */
function makeAttentionTrack(view, modality) {
  const parts = view.segments
    .map((segment) => ({ segment, rows: segment.attention && segment.attention[modality] }))
    .filter(({ rows }) => rows && isKnown(rows.rows_per_second) && rows.weights.length > 1);
  if (!view.hasTimes || parts.length === 0) return null;
  const height = 28;
  return makeTrack(
    view,
    `Attention to the ${MODALITY_NAMES[modality]}`,
    "over time",
    height,
    (svg, scale) => {
      for (const { segment, rows } of parts) {
        const most = largest(rows.weights) || 1;
        const point = (time, weight) => {
          const y = height - 1 - ((height - 3) * (weight || 0)) / most;
          return `${scale(Math.min(segment.end, time)).toFixed(1)} ${y.toFixed(1)}`;
        };
        const line = rows.weights.map((weight, i) =>
          point(segment.start + i / rows.rows_per_second, weight),
        );
        const d = `M${[point(segment.start, 0), ...line, point(segment.end, 0)].join("L")}Z`;
        svg.append(draw("path", { class: "area", d }));
      }
    },
  );
}

/* What is observed of voice and face; the tracks show some of it, the cues and the table all. */
const SIGNALS = [
  { key: "pitch_hz", name: "Pitch", unit: "Hz", digits: 0, hasTrack: true },
  { key: "pitch_range", name: "Pitch range", unit: "semitones", digits: 1 },
  { key: "voiced", name: "Voiced", share: true },
  { key: "energy_db", name: "Loudness", unit: "dB", digits: 1, hasTrack: true },
  { key: "words_per_second", name: "Words per second", unit: "", digits: 1, hasTrack: true },
  { key: "face_coverage", name: "Face in view", share: true, hasTrack: true },
];

function signalText(signal, value) {
  return signal.share
    ? percent(value)
    : plain(value, signal.digits) + (isKnown(value) && signal.unit ? "\u00a0" + signal.unit : "");
}

/* The expressions that were seen, the strongest first. */
function expressionsOf(signals) {
  return Object.entries((signals && signals.expressions) || {})
    .filter(([, share]) => isKnown(share))
    .sort((a, b) => b[1] - a[1]);
}

function makeSignalTrack(view, signal) {
  const values = view.segments.map((segment) => segment.signals && segment.signals[signal.key]);
  const known = values.filter(isKnown);
  if (known.length < 2) return null;
  const low = -largest(known.map((value) => -value));
  const high = largest(known);
  const height = 20;
  const y = (value) => height - 3 - ((height - 6) * (value - low)) / (high - low || 1);
  const note =
    high > low
      ? `${signalText(signal, low)} \u2026 ${signalText(signal, high)}`
      : signalText(signal, low);
  return makeTrack(view, signal.name, note, height, (svg, scale) => {
    view.segments.forEach((segment, index) => {
      if (!isKnown(values[index])) return;
      const [start, end] = spanOf(view, segment, index);
      svg.append(
        draw("line", {
          class: "level",
          x1: scale(start) + 1.5,
          x2: Math.max(scale(start) + 2, scale(end) - 1.5),
          y1: y(values[index]),
          y2: y(values[index]),
        }),
      );
    });
  });
}

function makeTracks(view) {
  const tracks = [
    makeWordTrack(view),
    makeAttentionTrack(view, "audio"),
    makeAttentionTrack(view, "video"),
    ...SIGNALS.filter((signal) => signal.hasTrack).map((signal) => makeSignalTrack(view, signal)),
  ].filter(Boolean);
  return tracks.length ? make("div", { class: "tracks", "aria-hidden": "true" }, tracks) : null;
}
