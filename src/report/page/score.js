/* The page of scores: reads the document that `valence score --json` prints, and shows each
 * recording. */

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
    report, recording, media, number, title, hasTimes, kinds, segments: recording.segments, name: `recording-${number}`,
    domain: domainOf(recording, hasTimes), range: rangeOf(report), shown: { kind: kinds[0] },
    selection: makeSelection(), onKind: [], drawings: [],
  };
  view.unit = hasTimes ? "segment" : recording.isJoined ? "text" : "sentence";
  view.player = makePlayer(hasTimes ? media : null, recording);
  view.choose = (index) => {
    view.selection.set(index);
    if (view.player.available) view.player.play(view.segments[index].start, view.segments[index].end);
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
    ...recording.segments[0], label: recording.id === recording.segments[0].text ? "" : shortened(recording.id, 200),
  }));
  const scores = segments.map((segment) => segment.score).filter(isKnown);
  const mean = scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null;
  return {
    ...recordings[0], id: "Texts", segments, score: mean, lowest: Math.min(...scores), highest: Math.max(...scores),
    spread: Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / Math.max(1, scores.length)),
    unscored: segments.length - scores.length, isJoined: segments.length > 1,
  };
}

function makeViews(report, media) {
  const views = [];
  const { recordings } = report;
  for (let i = 0; i < recordings.length; i++) {
    if (recordings[i].error) continue;
    let last = i;
    while (isSingleText(recordings[i]) && last + 1 < recordings.length && isSingleText(recordings[last + 1])) last++;
    const recording = isSingleText(recordings[i]) ? joinTexts(recordings.slice(i, last + 1)) : recordings[i];
    const title = recording.isJoined ? "Texts" : isSingleText(recordings[i]) ? shortened(recordings[i].id, 120) : shortened(baseName(recording.id), 120);
    views.push(makeView(report, recording, media[i] || null, views.length + 1, title));
    i = last;
  }
  return views;
}

/* ---- A recording ---- */

function levelText(report) {
  return isKnown(report.level) ? percent(report.level) : "";
}

function summaryOf(view) {
  const { recording, segments, report } = view;
  if (segments.length === 1) {
    const range = interval(segments[0].low, segments[0].high, 1);
    const error = segments[0].expected_error;
    return range ? `${levelText(report)} interval ${range}${isKnown(error) ? `, expected error ${plain(error, 1)}` : ""}` : segments[0].reason || "";
  }
  const weighted = recording.isJoined ? "" : view.hasTimes ? ", weighted by duration" : ", weighted by words";
  return `Mean of ${count(segments.length - recording.unscored, view.unit, view.unit + "s")}${weighted}; ` +
    `spread ${plain(recording.spread, 1)}, from ${signed(recording.lowest, 1)} to ${signed(recording.highest, 1)}`;
}

function factsOf(view) {
  const { recording, segments } = view;
  const recognised = segments.filter((segment) => segment.words_from === "recognised");
  const confidences = recognised.map((segment) => segment.confidence).filter(isKnown);
  const confidence = confidences.length ? confidences.reduce((sum, value) => sum + value, 0) / confidences.length : null;
  return [
    summaryOf(view),
    recording.seconds > 0 ? `length ${clock(recording.seconds)}` : "",
    recognised.length ? `words recognised${isKnown(confidence) ? `, ${percent(confidence)} sure` : ""}` : "",
    recording.language ? `language ${recording.language}` : "",
  ].filter(Boolean).map((text) => make("span", {}, text));
}

/* What the model was not fed, though the recording has it. */
function unusedNote(view) {
  const used = Object.keys(view.report.encoders);
  const unused = [view.recording.has_sound && !used.includes("audio") && "The voice", view.recording.has_pictures && !used.includes("video") && "the face"].filter(Boolean);
  if (unused.length === 0) return "";
  const names = used.map((modality) => MODALITY_NAMES[modality]).join(" and ");
  const subject = unused.join(" and ").replace(/^t/, "T");
  return `${subject} ${unused.length > 1 ? "were" : "was"} there but not used: this model reads ${names} alone. A model trained on the streams of \u201cvalence extract\u201d uses them.`;
}

function notesOf(view, language) {
  const { recording, segments } = view;
  const outside = segments.filter((segment) => segment.outside).length;
  const warning = (text) => make("li", { class: "warning" }, text);
  return [
    recording.warning && warning(`${recording.warning}; the readable part was used.`),
    language && recording.language && recording.language !== language &&
      warning(`The model was trained on another language (${language}). For language ${recording.language} its scores mean little, and its intervals do not hold.`),
    outside > 0 && warning(`${count(outside, view.unit + " lies", view.unit + "s lie")} far outside the training data; such scores mean little.`),
    recording.unscored > 0 && segments.length > 1 && make("li", {}, `${recording.unscored} of ${count(segments.length, view.unit, view.unit + "s")} ${recording.unscored === 1 ? "has" : "have"} no score; the reason stands in place of the words.`),
    unusedNote(view) && make("li", {}, unusedNote(view)),
    view.media && view.media.problem && make("li", {}, `Not all pictures could be read: ${view.media.problem}`),
  ].filter(Boolean);
}

/* Where there is one recording, the page's title is its name. */
function makeHeading(view, isAlone) {
  const title = make("h2", { id: view.name, dir: "auto", class: isAlone ? "hidden-text" : null }, isolated(view.title));
  const figure = make("p", { class: "figure", "data-tone": scoreTone(view.recording.score) },
    make("span", { class: "hidden-text" }, "Score "), signed(view.recording.score, 1));
  return make("div", { class: isAlone ? "recording-head untitled" : "recording-head" }, figure, title, make("p", { class: "facts" }, factsOf(view)));
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
  const stage = make("div", { class: view.hasTimes ? "stage" : "stage one-column" },
    make("div", { class: "stage-media" }, view.player.node, make("div", {}, makeStrip(view)), timeline, tracks), makeCues(view));
  const section = make("section", { class: "recording", "aria-labelledby": view.name }, makeHeading(view, isAlone),
    notes.length ? make("ul", { class: "notes" }, notes) : null, stage, makeSegmentTable(view), makeWordTable(view));
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

/* ---- The page ---- */

function makeOverview(report, views) {
  const failed = report.recordings.filter((recording) => recording.error);
  if (views.length + failed.length < 2) return null;
  const items = [...views, ...failed];
  const number = (title, value) => ({ title, number: true, value });
  return make("section", { class: "recording", "aria-label": "Overview" }, make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "All recordings" },
    makeTable(make("span", { class: "hidden-text" }, "All recordings and texts"), [
      { title: "Name", isText: true, value: (item) => (item.error ? isolated(shortened(item.id, 120)) : make("a", { href: `#${item.name}` }, isolated(item.recording.isJoined ? item.title : shortened(item.recording.id, 120)))) },
      number("Score", (item) => (item.error ? "\u2013" : make("span", { class: "tone", "data-tone": scoreTone(item.recording.score) }, signed(item.recording.score, 2)))),
      number("Spread", (item) => (item.error || item.segments.length < 2 ? "\u2013" : plain(item.recording.spread, 2))),
      number("Segments", (item) => (item.error ? "\u2013" : String(item.segments.length))),
      number("Length", (item) => (item.error || !item.recording.seconds ? "\u2013" : clock(item.recording.seconds))),
      { title: "Problem", isText: true, value: (item) => item.error || item.recording.warning || "" },
    ].filter((column) => column.title !== "Problem" || items.some((item) => item.error || item.recording.warning)), items)));
}

function fillFooter(report, version) {
  const [low, high] = rangeOf(report);
  const encoders = Object.entries(report.encoders).map(([modality, name]) => `${MODALITY_NAMES[modality]} by ${name}`).join("; ");
  document.getElementById("about").append(
    make("p", {}, `Scores run from ${signed(low, 0)}, negative, to ${signed(high, 0)}, positive. ` +
      `The band is the ${levelText(report)} interval, which holds for recordings like those that the model was validated on.`),
    make("p", {}, "Model: ", isolated(shortened(report.run, 160)), `. It reads ${encoders}. Made by valence ${version}. This page asks the network for nothing.`));
}

function showReport() {
  const report = readData("scores");
  const page = readData("page");
  const main = document.getElementById("main");
  const views = makeViews(report, page.media);
  main.append(...[makeOverview(report, views), ...views.map((view) => makeRecording(view, page.language, views.length === 1))].filter(Boolean));
  views.forEach((view) => view.begin());
  fillFooter(report, page.version);
  setUpTheme();
  setUpPrinting();
  if (location.hash.length > 1) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

showReport();
