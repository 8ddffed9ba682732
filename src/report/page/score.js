/* The document that `valence score --json` prints, as views that show each recording. */

/* ---- What is shown ---- */

/* Which segment is current. */
function makeSelection() {
  const listeners = [];
  const selection = { index: -1, onChange: (listener) => listeners.push(listener) };
  selection.set = (index) => {
    if (index === selection.index) return;
    const before = selection.index;
    selection.index = index;
    for (const listener of listeners) listener(index, before);
  };
  return selection;
}

/* The time that the charts show: the part that was scored, or all of the recording. */
function domainOf(recording, hasTimes) {
  const { segments } = recording;
  if (!hasTimes) return [0, Math.max(1, segments.length)];
  if (segments.length === 1) return [segments[0].start, segments[0].end];
  return [0, Math.max(recording.seconds, segments[segments.length - 1].end)];
}

function rangeOf(report) {
  const [low, high] = report.range || [];
  return [Math.min(-1, isKnown(low) ? low : -3), Math.max(1, isKnown(high) ? high : 3)];
}

function makeView(report, recording, media, number, title) {
  const hasTimes = recording.segments.every((segment) => isKnown(segment.start));
  const kinds = kindsOf(recording.segments);
  const view = {
    report,
    recording,
    media,
    number,
    title,
    hasTimes,
    kinds,
    segments: recording.segments,
    name: `recording-${number}`,
    domain: domainOf(recording, hasTimes),
    range: rangeOf(report),
    shown: { kind: kinds[0] },
    selection: makeSelection(),
    onKind: [],
    drawings: [],
  };
  view.unit = hasTimes ? "segment" : recording.isJoined ? "text" : "sentence";
  view.player = makePlayer(hasTimes ? media : null, recording);
  view.choose = (index) => {
    view.selection.set(index);
    if (view.player.available)
      view.player.play(view.segments[index].start, view.segments[index].end);
    else view.cues[index].scrollIntoView({ block: "nearest" });
  };
  return view;
}

/* Texts that were scored one by one are shown together. */
function isSingleText(recording) {
  return !recording.error && recording.seconds === 0 && recording.segments.length === 1;
}

function joinTexts(recordings) {
  const segments = recordings.map((recording) => ({
    ...recording.segments[0],
    label: recording.id === recording.segments[0].text ? "" : shortened(recording.id, 200),
  }));
  const scores = segments.map((segment) => segment.score).filter(isKnown);
  const mean = scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null;
  return {
    ...recordings[0],
    id: segments.length > 1 ? "Texts" : recordings[0].id,
    segments,
    score: mean,
    lowest: -largest(scores.map((score) => -score)),
    highest: largest(scores),
    spread: Math.sqrt(
      scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / Math.max(1, scores.length),
    ),
    unscored: segments.length - scores.length,
    isJoined: segments.length > 1,
  };
}

function makeViews(report, media) {
  const views = [];
  const { recordings } = report;
  for (let i = 0; i < recordings.length; i++) {
    if (recordings[i].error) continue;
    let last = i;
    while (
      isSingleText(recordings[i]) &&
      last + 1 < recordings.length &&
      isSingleText(recordings[last + 1])
    )
      last++;
    const recording = isSingleText(recordings[i])
      ? joinTexts(recordings.slice(i, last + 1))
      : recordings[i];
    const title = recording.isJoined
      ? "Texts"
      : isSingleText(recordings[i])
        ? shortened(recordings[i].id, 120)
        : shortened(baseName(recording.id), 120);
    views.push(makeView(report, recording, media[i] || null, views.length + 1, title));
    i = last;
  }
  return views;
}

/* ---- The page ---- */

function makeOverview(report, views) {
  const failed = report.recordings.filter((recording) => recording.error);
  if (views.length + failed.length < 2) return null;
  const items = [...views, ...failed];
  const number = (title, value) => ({ title, number: true, value });
  return make(
    "section",
    { class: "recording", "aria-label": "Overview" },
    make(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "All recordings" },
      makeTable(
        make("span", { class: "hidden-text" }, "All recordings and texts"),
        [
          {
            title: "Name",
            isText: true,
            value: (item) =>
              item.error
                ? isolated(shortened(item.id, 120))
                : make(
                    "a",
                    { href: `#${item.name}` },
                    isolated(
                      item.recording.isJoined ? item.title : shortened(item.recording.id, 120),
                    ),
                  ),
          },
          number("Score", (item) =>
            item.error
              ? "\u2013"
              : make(
                  "span",
                  { class: "tone", "data-tone": scoreTone(item.recording.score) },
                  signed(item.recording.score, 2),
                ),
          ),
          number("Spread", (item) =>
            item.error || item.segments.length < 2 ? "\u2013" : plain(item.recording.spread, 2),
          ),
          number("Segments", (item) => (item.error ? "\u2013" : String(item.segments.length))),
          number("Length", (item) =>
            item.error || !item.recording.seconds ? "\u2013" : clock(item.recording.seconds),
          ),
          {
            title: "Problem",
            isText: true,
            value: (item) => item.error || item.recording.warning || "",
          },
        ].filter(
          (column) =>
            column.title !== "Problem" ||
            items.some((item) => item.error || item.recording.warning),
        ),
        items,
      ),
    ),
  );
}

function fillFooter(report, version) {
  const [low, high] = rangeOf(report);
  const encoders = Object.entries(report.encoders)
    .map(([modality, name]) => `${MODALITY_NAMES[modality]} by ${name}`)
    .join("; ");
  document
    .getElementById("about")
    .append(
      make(
        "p",
        {},
        `Scores run from ${signed(low, 0)}, negative, to ${signed(high, 0)}, positive. ` +
          `The band is the ${levelText(report)} interval, which holds for recordings like those ` +
          "that the model was validated on.",
      ),
      make(
        "p",
        {},
        "Model: ",
        isolated(shortened(report.run, 160)),
        `. It reads ${encoders}. Made by valence ${version}. ` +
          "This page makes no network requests.",
      ),
    );
}
