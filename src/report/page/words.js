/* Words, and what each of them does to the score: the score less the score without it ("effect"),
 * or the attention it gets. */

/* The kinds of which the segments have figures. */
function kindsOf(segments) {
  const has = (key) => segments.some((segment) => segment.words.some((word) => isKnown(word[key])));
  return [has("score_without") && "effect", has("attention") && "attention"].filter(Boolean);
}

/* A figure for each word, or null. */
function effectsOf(segment, kind) {
  if (kind === "effect")
    return segment.words.map((word) =>
      isKnown(word.score_without) ? segment.score - word.score_without : NaN,
    );
  if (kind === "attention")
    return segment.words.map((word) => (isKnown(word.attention) ? word.attention : NaN));
  return null;
}

function effectText(value, kind) {
  return kind === "attention" ? percent(value) : signed(value, 2);
}

/* The words of a segment, coloured; where words are not known, its text. */
function fillWords(node, view, segment) {
  const effects = effectsOf(segment, view.shown.kind);
  if (segment.words.length === 0) {
    node.replaceChildren(
      segment.text || make("span", { class: "reason" }, segment.reason || "nothing is said"),
    );
    return;
  }
  const most = view.shown.kind === "attention" ? largest(effects) : 1;
  const nodes = [];
  segment.words.forEach((word, i) => {
    const known = effects && isKnown(effects[i]);
    nodes.push(
      i ? " " : "",
      make(
        "span",
        {
          class: "word",
          ...(known ? wordTone(effects[i], view.shown.kind, most) : {}),
          title: known ? effectText(effects[i], view.shown.kind) : null,
          "data-start": isKnown(word.start) ? word.start : null,
          "data-end": isKnown(word.end) ? word.end : null,
        },
        word.word,
      ),
    );
  });
  node.replaceChildren(...nodes);
}

/* What the colours mean, and where there are both kinds, the choice between them. */
function makeLegend(view) {
  if (view.kinds.length === 0) return null;
  const key = (tone, text, amount) =>
    make("span", { class: "word", "data-tone": tone, "--amount": amount }, text);
  const meanings = {
    effect: [
      "Words ",
      key("positive", "raise", "34%"),
      " or ",
      key("negative", "lower", "34%"),
      " the score: the colour shows how much it changes without the word.",
    ],
    attention: [
      "The more colour, the more ",
      key("weight", "attention", "34%"),
      " the model gives to a word.",
    ],
  };
  const meaning = make("p", {}, meanings[view.shown.kind]);
  const legend = make("div", { class: "legend" });
  if (view.kinds.length > 1) {
    legend.append(
      make(
        "fieldset",
        {},
        make("legend", {}, "Colour words by"),
        view.kinds.map((kind) =>
          make(
            "label",
            {},
            make("input", {
              type: "radio",
              name: `kind-${view.number}`,
              value: kind,
              checked: kind === view.shown.kind,
              onchange: () => {
                view.shown.kind = kind;
                meaning.replaceChildren(...meanings[kind]);
                view.onKind.forEach((listener) => listener());
              },
            }),
            " ",
            kind,
          ),
        ),
      ),
    );
  }
  legend.append(meaning);
  return legend;
}
