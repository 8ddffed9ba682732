/* What was said: a cue for each segment, which a click or its button plays. */

const MODALITY_NAMES = { audio: "voice", text: "words", video: "face" };

function bar(value, most) {
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) : 0;
  return make(
    "span",
    { class: value < 0 ? "bar negative" : "bar", "aria-hidden": "true" },
    make("i", { "--amount": Math.round(100 * share) + "%" }),
  );
}

/* How much the network weighs each modality, and the score without it. */
function makeWeights(segment) {
  const weights = Object.entries(segment.modality_weights || {}).filter(([, value]) =>
    isKnown(value),
  );
  if (weights.length < 2 || !isKnown(segment.score)) return null;
  const most = largest(weights.map(([, value]) => Math.abs(value)));
  return make(
    "div",
    { class: "weights" },
    weights.map(([modality, value]) => {
      const without = segment.score_without && segment.score_without[modality];
      const is = segment.imagined.includes(modality)
        ? " (imagined)"
        : segment.missing.includes(modality)
          ? " (missing)"
          : "";
      return [
        make("span", {}, MODALITY_NAMES[modality] + is),
        bar(value, most),
        make(
          "span",
          {},
          signed(value, 2),
          isKnown(without) ? `, without it ${signed(without, 2)}` : "",
        ),
      ];
    }),
  );
}

function makeSignals(segment) {
  if (!segment.signals) return null;
  const seen = SIGNALS.filter((signal) => isKnown(segment.signals[signal.key])).map((signal) => [
    signal.name,
    signalText(signal, segment.signals[signal.key]),
  ]);
  const expressions = expressionsOf(segment.signals)
    .slice(0, 3)
    .filter(([, share]) => share >= 0.05);
  if (expressions.length)
    seen.unshift([
      "Expression",
      expressions.map(([name, share]) => `${name} ${percent(share)}`).join(", "),
    ]);
  if (seen.length === 0) return null;
  return make(
    "dl",
    { class: "signals" },
    seen.map(([name, text]) => make("div", {}, make("dt", {}, name + " "), make("dd", {}, text))),
  );
}

function missingText(segment) {
  const single = Object.keys(segment.modality_weights || {}).length < 2;
  if (single || segment.missing.length === 0) return null;
  const names = segment.missing.map(
    (modality) =>
      MODALITY_NAMES[modality] + (segment.imagined.includes(modality) ? " (imagined)" : ""),
  );
  return make("p", {}, `Scored without ${names.join(" and ")}.`);
}

function makeCue(view, index) {
  const segment = view.segments[index];
  const words = make("p", {
    class: segment.text.length > 1500 ? "cue-words long" : "cue-words",
    dir: "auto",
    tabindex: segment.text.length > 1500 ? 0 : null,
  });
  const mark = make(
    "div",
    { class: "cue-mark" },
    make(
      "span",
      { class: "cue-score" },
      isKnown(segment.score) ? signed(segment.score, 1) : "\u2013",
    ),
    make("span", { class: "cue-range" }, interval(segment.low, segment.high, 1)),
  );
  if (view.player.available) {
    mark.append(
      make(
        "button",
        {
          type: "button",
          class: "cue-play",
          "aria-label": `Play ${clock(segment.start)} to ${clock(segment.end)}`,
          onclick: (event) => {
            event.stopPropagation();
            view.choose(index);
          },
        },
        clock(segment.start),
      ),
    );
  } else if (view.hasTimes) {
    mark.append(make("span", { class: "cue-range" }, clock(segment.start)));
  }
  const details = [
    segment.label ? make("p", {}, isolated(segment.label)) : null,
    missingText(segment),
    makeWeights(segment),
    makeSignals(segment),
    segment.outside ? make("p", {}, "Unlike the training data: this score means little.") : null,
  ].filter(Boolean);
  const cue = make(
    "div",
    {
      class: view.player.available ? "cue playable" : "cue",
      "data-tone": scoreTone(segment.score),
      onclick: () => {
        if (!String(window.getSelection())) view.choose(index);
      },
    },
    mark,
    words,
    details.length ? make("div", { class: "cue-detail" }, details) : null,
  );
  const fill = () => fillWords(words, view, segment);
  fill();
  view.onKind.push(fill);
  return cue;
}

/* The word that is being said stands out. */
function followWords(view, time) {
  const cue = view.cues[view.selection.index];
  for (const word of cue ? cue.querySelectorAll("[data-start]") : []) {
    word.classList.toggle(
      "now",
      time >= Number(word.dataset.start) && time < Number(word.dataset.end),
    );
  }
}

function makeCues(view) {
  view.cues = view.segments.map((segment, index) => makeCue(view, index));
  view.selection.onChange((index, before) => {
    if (view.cues[before]) {
      view.cues[before].classList.remove("current");
      for (const word of view.cues[before].querySelectorAll(".now")) word.classList.remove("now");
    }
    if (view.cues[index]) view.cues[index].classList.add("current");
  });
  const heading = make("h3", { class: "hidden-text" }, "What was said");
  return make(
    "div",
    {},
    heading,
    makeLegend(view),
    make(
      "ol",
      { class: view.cues.length > 100 ? "cues many" : "cues" },
      view.cues.map((cue, index) => make("li", { id: `${view.name}-${index + 1}` }, cue)),
    ),
  );
}
