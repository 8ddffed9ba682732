/* One recording: its heading and notes, then the stage with player, charts and cues. */

function levelText(report) {
  return isKnown(report.level) ? percent(report.level) : "";
}

function summaryOf(view) {
  const { recording, segments, report } = view;
  if (segments.length === 1) {
    const range = interval(segments[0].low, segments[0].high, 1);
    const error = segments[0].expected_error;
    return range
      ? `${levelText(report)} interval ${range}` +
          (isKnown(error) ? `, expected error ${plain(error, 1)}` : "")
      : segments[0].reason || "";
  }
  const weighted = recording.isJoined
    ? ""
    : view.hasTimes
      ? ", weighted by duration"
      : ", weighted by words";
  const scored = segments.length - recording.unscored;
  return (
    `Mean of ${count(scored, view.unit, view.unit + "s")}${weighted}; ` +
    `spread ${plain(recording.spread, 1)}, ` +
    `from ${signed(recording.lowest, 1)} to ${signed(recording.highest, 1)}`
  );
}

function factsOf(view) {
  const { recording, segments } = view;
  const recognised = segments.filter((segment) => segment.words_from === "recognised");
  const confidences = recognised.map((segment) => segment.confidence).filter(isKnown);
  const confidence = confidences.length
    ? confidences.reduce((sum, value) => sum + value, 0) / confidences.length
    : null;
  return [
    summaryOf(view),
    recording.seconds > 0 ? `length ${clock(recording.seconds)}` : "",
    recognised.length
      ? `words recognised${isKnown(confidence) ? `, ${percent(confidence)} sure` : ""}`
      : "",
    recording.language ? `language ${recording.language}` : "",
  ]
    .filter(Boolean)
    .map((text) => make("span", {}, text));
}

/* What the model was not fed, though the recording has it. */
function unusedNote(view) {
  const used = Object.keys(view.report.encoders);
  const unused = [
    view.recording.has_sound && !used.includes("audio") && "The voice",
    view.recording.has_pictures && !used.includes("video") && "the face",
  ].filter(Boolean);
  if (unused.length === 0) return "";
  const names = used.map((modality) => MODALITY_NAMES[modality]).join(" and ");
  const subject = unused.join(" and ").replace(/^t/, "T");
  return (
    `${subject} ${unused.length > 1 ? "were" : "was"} there but not used: ` +
    `this model reads ${names} alone. ` +
    "A model trained on the streams of \u201cvalence extract\u201d uses them."
  );
}

function notesOf(view, language) {
  const { recording, segments } = view;
  const outside = segments.filter((segment) => segment.outside).length;
  const warning = (text) => make("li", { class: "warning" }, text);
  return [
    recording.warning && warning(`${recording.warning}; the readable part was used.`),
    language &&
      recording.language &&
      recording.language !== language &&
      warning(
        `The model was trained on another language (${language}). For language ` +
          `${recording.language} its scores mean little, and its intervals do not hold.`,
      ),
    outside > 0 &&
      warning(
        `${count(outside, view.unit + " is", view.unit + "s are")} unlike the ` +
          "training data; such scores mean little.",
      ),
    recording.unscored > 0 &&
      segments.length > 1 &&
      make(
        "li",
        {},
        `${recording.unscored} of ${count(segments.length, view.unit, view.unit + "s")} ` +
          `${recording.unscored === 1 ? "has" : "have"} no score; ` +
          "the reason stands in place of the words.",
      ),
    unusedNote(view) && make("li", {}, unusedNote(view)),
    view.media &&
      view.media.problem &&
      make("li", {}, `Not all pictures could be read: ${view.media.problem}`),
  ].filter(Boolean);
}

/* Where there is one recording, the page's title is its name. */
function makeHeading(view, isAlone) {
  const title = make(
    "h2",
    { id: view.name, dir: "auto", class: isAlone ? "hidden-text" : null },
    isolated(view.title),
  );
  const figure = make(
    "p",
    { class: "figure", "data-tone": scoreTone(view.recording.score) },
    make("span", { class: "hidden-text" }, "Score "),
    signed(view.recording.score, 1),
  );
  return make(
    "div",
    { class: isAlone ? "recording-head untitled" : "recording-head" },
    figure,
    title,
    make("p", { class: "facts" }, factsOf(view)),
  );
}

function makeRecording(view, language, isAlone) {
  const notes = notesOf(view, language);
  const timeline = makeTimeline(view);
  view.drawings.push([view.slider, (width) => drawTimeline(view, view.slider, width)]);
  const tracks = make("div", {});
  const fillTracks = () => {
    view.drawings = view.drawings.slice(0, 1);
    const made = makeTracks(view);
    tracks.replaceChildren(...(made ? [made] : []));
    view.drawings.slice(1).forEach(([node, drawAt]) => drawToFit(node, drawAt));
  };
  const stage = make(
    "div",
    { class: view.hasTimes ? "stage" : "stage one-column" },
    make(
      "div",
      { class: "stage-media" },
      view.player.node,
      make("div", {}, makeStrip(view)),
      timeline,
      tracks,
    ),
    makeCues(view),
  );
  const section = make(
    "section",
    { class: "recording", "aria-labelledby": view.name },
    makeHeading(view, isAlone),
    notes.length ? make("ul", { class: "notes" }, notes) : null,
    stage,
    makeSegmentTable(view),
    makeWordTable(view),
  );
  view.onKind.push(fillTracks);
  view.begin = () => {
    drawToFit(...view.drawings[0]);
    fillTracks();
  };
  view.player.onFailure = () => {
    for (const button of section.querySelectorAll(".cue-play")) button.disabled = true;
    for (const cue of view.cues) cue.classList.remove("playable");
  };
  view.player.onTime((time) => followTime(view, time));
  return section;
}

/* The charts and cues follow the player. */
function followTime(view, time) {
  for (const move of (view.movePlayhead || new Map()).values()) move(time);
  const current = view.segments[view.selection.index];
  if (!current || time < current.start || time >= current.end + 0.25) {
    const index = view.segments.findIndex((segment) => time >= segment.start && time < segment.end);
    if (index >= 0) view.selection.set(index);
  }
  followWords(view, time);
}
