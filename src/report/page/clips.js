/* The explorer of clips: search, sort, and one clip with all that is known of it. */

const CLIPS_A_PAGE = 25;

/* ---- Data ---- */

/* {low, high, bits, data}: whole numbers of so many bits, in Base64; the largest is no value. */
function unpack(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  const wide = packed.bits === 16;
  const none = wide ? 65535 : 255;
  const n = bytes.length / (wide ? 2 : 1);
  const values = new Float64Array(n);
  const unit = (packed.high - packed.low) / (none - 1);
  for (let i = 0; i < n; i++) {
    const whole = wide ? bytes[2 * i] + 256 * bytes[2 * i + 1] : bytes[i];
    values[i] = whole === none ? NaN : packed.low + unit * whole;
  }
  return values;
}

/* By the place of an attended clip: the weights of its words. */
function readWords(one) {
  if (!one.n_words) return null;
  const weights = unpack(one.word_attention);
  let from = 0;
  return one.n_words.map((n) => weights.subarray(from, (from += n)));
}

/* What the explorer works on; long arrays are unpacked once. */
function readClips(item) {
  const scores = item.scores.map((one) => ({
    name: `${one.run}, ${one.flow}`,
    score: unpack(one.score),
    low: unpack(one.low),
    high: unpack(one.high),
    weights: unpack(one.weights),
    attention: unpack(one.attention),
    attended: one.attended ? new Map(one.attended.map((clip, i) => [clip, i])) : null,
    words: readWords(one),
  }));
  return {
    item,
    scores,
    labels: unpack(item.labels),
    hasLabels: unpack(item.labels).some(isKnown),
    texts: item.ids.map((id, i) =>
      `${id}\n${item.groups ? item.groups[i] : ""}\n${item.transcripts ? item.transcripts[i] : ""}`.toLowerCase(),
    ),
  };
}

/* ---- Which clips, in which order ---- */

function errorOf(clips, chosen, clip) {
  return Math.abs(clips.scores[chosen].score[clip] - clips.labels[clip]);
}

const ORDERS = [
  { name: "largest error", needsLabels: true, value: (clips, i, clip) => errorOf(clips, i, clip) },
  {
    name: "smallest error",
    needsLabels: true,
    value: (clips, i, clip) => -errorOf(clips, i, clip),
  },
  { name: "highest score", value: (clips, i, clip) => clips.scores[i].score[clip] },
  { name: "lowest score", value: (clips, i, clip) => -clips.scores[i].score[clip] },
  { name: "highest label", needsLabels: true, value: (clips, i, clip) => clips.labels[clip] },
  { name: "lowest label", needsLabels: true, value: (clips, i, clip) => -clips.labels[clip] },
  {
    name: "models differ most",
    needsSeveral: true,
    value: (clips, i, clip) => {
      const known = clips.scores.map((one) => one.score[clip]).filter(isKnown);
      return known.length > 1 ? Math.max(...known) - Math.min(...known) : NaN;
    },
  },
  { name: "order of the store", value: () => 0 },
];

/* Clips with a value of the order come first, the largest before the others. */
function findClips(clips, state) {
  const wanted = state.search.trim().toLowerCase();
  const found = [];
  const order = ORDERS[state.order];
  for (let clip = 0; clip < clips.item.n; clip++)
    if (!wanted || clips.texts[clip].includes(wanted)) found.push(clip);
  const keys = new Float64Array(clips.item.n);
  for (const clip of found) {
    const key = order.value(clips, state.chosen, clip);
    keys[clip] = isKnown(key) ? key : -Infinity;
  }
  return found.sort((a, b) => keys[b] - keys[a] || a - b);
}

/* ---- The list ---- */

function scoreText(value) {
  return make("span", { class: "tone", "data-tone": scoreTone(value) }, signed(value, 2));
}

function clipColumns(clips, state, open) {
  const { item } = clips;
  const chosen = clips.scores[state.chosen];
  return [
    {
      title: "Clip",
      isText: true,
      value: (clip) =>
        make(
          "button",
          {
            type: "button",
            class: "link",
            "aria-pressed": String(state.clip === clip),
            onclick: () => open(clip),
          },
          isolated(shortened(item.ids[clip], 60)),
        ),
    },
    ...(clips.hasLabels
      ? [{ title: "Label", number: true, value: (clip) => scoreText(clips.labels[clip]) }]
      : []),
    { title: "Score", number: true, value: (clip) => scoreText(chosen.score[clip]) },
    ...(clips.hasLabels
      ? [
          {
            title: "Error",
            number: true,
            value: (clip) => plain(errorOf(clips, state.chosen, clip), 2),
          },
        ]
      : []),
    ...(item.transcripts
      ? [
          {
            title: "Transcript",
            isText: true,
            value: (clip) => isolated(shortened(item.transcripts[clip], 140)),
          },
        ]
      : []),
  ];
}

/* ---- One clip ---- */

/* Each model's score with its interval, on the labels' scale; the label is a line. */
function makeScale(clips, clip) {
  const { item } = clips;
  const low = isKnown(item.low) ? item.low : -3;
  const high = isKnown(item.high) ? item.high : 3;
  const place = (value) =>
    `${(100 * (Math.min(high, Math.max(low, value)) - low)) / (high - low)}%`;
  const row = (one) =>
    make(
      "li",
      {},
      make("span", { class: "scale-name" }, isolated(shortened(one.name, 60))),
      make(
        "span",
        { class: "scale-track", "aria-hidden": "true" },
        one.low && isKnown(one.low[clip])
          ? make("span", {
              class: "scale-band",
              "--from": place(one.low[clip]),
              "--to": place(one.high[clip]),
            })
          : null,
        isKnown(clips.labels[clip])
          ? make("span", { class: "scale-label", "--at": place(clips.labels[clip]) })
          : null,
        isKnown(one.score[clip])
          ? make("span", {
              class: "scale-score",
              "data-tone": scoreTone(one.score[clip]),
              "--at": place(one.score[clip]),
            })
          : null,
      ),
      make(
        "span",
        { class: "scale-value" },
        scoreText(one.score[clip]),
        one.low && isKnown(one.low[clip]) ? ` (${interval(one.low[clip], one.high[clip], 2)})` : "",
      ),
    );
  return make("ul", { class: "scale" }, clips.scores.map(row));
}

function makeWeights(clips, clip, chosen) {
  const { weights } = clips.scores[chosen];
  if (!weights) return null;
  const list = ["audio", "text", "video"]
    .map((name, m) => [name, weights[3 * clip + m]])
    .filter(([, value]) => isKnown(value));
  if (!list.length) return null;
  return make(
    "p",
    { class: "small" },
    "Weights of the modalities: ",
    list.map(([name, value]) => `${name} ${signed(value, 2)}`).join(", "),
    ".",
  );
}

/* Bars over the clip's time, one row a modality. */
function makeAttention(clips, clip, chosen) {
  const one = clips.scores[chosen];
  if (!one.attention) return null;
  const at = one.attended.get(clip);
  if (at === undefined)
    return make(
      "p",
      { class: "small muted" },
      "The attention of this clip was not kept: it is there for the clips with the largest errors.",
    );
  const { bins, rows } = clips.item;
  const tracks = ["audio", "text", "video"].map((name, m) => {
    const from = (3 * at + m) * bins;
    const values = Array.from(one.attention.slice(from, from + bins));
    if (!values.some(isKnown)) return null;
    const most = largest(values);
    const peak = values.indexOf(most);
    const spoken = `${name}: most attention, ${percent(most)}, at ${percent((peak + 0.5) / bins)} of the clip`;
    const svg = draw("svg", {
      viewBox: `0 0 ${bins} 10`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": spoken,
    });
    values.forEach((value, i) => {
      const height = most > 0 ? (10 * value) / most : 0;
      svg.append(
        draw("rect", { x: i + 0.06, y: 10 - height, width: 0.88, height: Math.max(0.15, height) }),
      );
    });
    return make(
      "li",
      { title: spoken },
      make(
        "span",
        { class: "attention-name" },
        name,
        rows
          ? make("span", { class: "muted" }, ` ${rows[3 * clip + m].toLocaleString("en")} rows`)
          : "",
      ),
      svg,
    );
  });
  if (!tracks.some(Boolean)) return null;
  return make(
    "div",
    {},
    make("h4", {}, "Where the network looked, from the clip's beginning to its end"),
    make("ul", { class: "attention" }, tracks.filter(Boolean)),
  );
}

/* The transcript; where it is known which rows of text are of which word, each word coloured by the
 * attention that it gets, as on the page of scores. */
function makeTranscript(clips, clip, chosen) {
  const { transcripts } = clips.item;
  const one = clips.scores[chosen];
  if (!transcripts || !transcripts[clip]) return null;
  const weights = one.words && one.attended.has(clip) ? one.words[one.attended.get(clip)] : [];
  const quote = make("blockquote", { dir: "auto" }, isolated(transcripts[clip]));
  if (!Array.from(weights).some(isKnown)) return quote;
  const words = transcripts[clip].split(/[ \t\n\v\f\r]+/).filter(Boolean);
  const view = { kinds: ["attention"], shown: { kind: "attention" }, onKind: [] };
  fillWords(quote.firstChild, view, {
    words: words.map((word, i) => ({ word, attention: weights[i] })),
  });
  return make("div", {}, quote, makeLegend(view));
}

function makeClip(clips, state, close) {
  const { item } = clips;
  const { clip, chosen } = state;
  const label = clips.labels[clip];
  return make(
    "div",
    { class: "clip", tabindex: -1, role: "region", "aria-label": "The chosen clip" },
    make(
      "div",
      { class: "clip-head" },
      make("h3", {}, isolated(item.ids[clip])),
      make("button", { type: "button", class: "quiet", onclick: close }, "Close"),
    ),
    make(
      "p",
      { class: "small muted" },
      item.groups && item.groups[clip] ? ["Recording ", isolated(item.groups[clip]), ". "] : "",
      isKnown(label) ? ["Label ", scoreText(label), "."] : "No label.",
    ),
    makeTranscript(clips, clip, chosen),
    makeScale(clips, clip),
    makeWeights(clips, clip, chosen),
    makeAttention(clips, clip, chosen),
  );
}

/* ---- The explorer ---- */

function makeSelect(label, names, value, onChange) {
  return make(
    "label",
    {},
    make("span", {}, label),
    make(
      "select",
      { onchange: (event) => onChange(Number(event.target.value)) },
      names.map(([name, index]) =>
        make("option", { value: index, selected: index === value }, name),
      ),
    ),
  );
}

/* Controls stay while the list and the clip are made anew. */
function makeExplorer(item) {
  const clips = readClips(item);
  const orders = ORDERS.map((order, i) => [order.name, i]).filter(
    ([, i]) =>
      (clips.hasLabels || !ORDERS[i].needsLabels) &&
      (clips.scores.length > 1 || !ORDERS[i].needsSeveral),
  );
  const state = { search: "", order: orders[0][1], chosen: 0, page: 0, clip: -1 };
  const list = make("div", { class: "clip-list" });
  const place = make("div", { class: "clip-place" });
  const status = make("p", { class: "small muted", role: "status" });
  const showClip = (focus) => {
    place.replaceChildren(
      ...(state.clip < 0
        ? []
        : [
            makeClip(clips, state, () => {
              state.clip = -1;
              showAll();
            }),
          ]),
    );
    if (focus && place.firstChild) place.firstChild.focus();
  };
  const open = (clip) => {
    state.clip = clip;
    history.replaceState(null, "", `#${item.id}/${encodeURIComponent(item.ids[clip])}`);
    showAll(true);
  };
  const turn = (step) => {
    state.page += step;
    showAll();
  };
  const showAll = (focus = false) => {
    const found = findClips(clips, state);
    const pages = Math.max(1, Math.ceil(found.length / CLIPS_A_PAGE));
    state.page = Math.min(state.page, pages - 1);
    const shown = found.slice(state.page * CLIPS_A_PAGE, (state.page + 1) * CLIPS_A_PAGE);
    status.textContent =
      `${count(found.length, "clip", "clips")} of ${item.n.toLocaleString("en")}` +
      (pages > 1 ? `, page ${state.page + 1} of ${pages.toLocaleString("en")}` : "");
    const button = (name, step, isOff) =>
      make(
        "button",
        { type: "button", class: "quiet", disabled: isOff, onclick: () => turn(step) },
        name,
      );
    list.replaceChildren(
      make(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "The clips found" },
        makeTable(
          make("span", { class: "hidden-text" }, item.title),
          clipColumns(clips, state, open),
          shown,
        ),
      ),
      make(
        "div",
        { class: "turn" },
        button("Previous", -1, state.page === 0),
        button("Next", 1, state.page >= pages - 1),
      ),
    );
    showClip(focus);
  };
  const again = (change) => {
    Object.assign(state, change, { page: 0 });
    showAll();
  };
  showAll();
  const node = make(
    "div",
    { class: "explorer", id: item.id, tabindex: -1 },
    make("h3", {}, make("a", { class: "anchor", href: `#${item.id}` }, isolated(item.title))),
    make(
      "div",
      { class: "controls", role: "search", "aria-label": item.title },
      make(
        "label",
        {},
        make("span", {}, "Search"),
        make("input", {
          type: "search",
          placeholder: "id, recording, words",
          oninput: (event) => again({ search: event.target.value }),
        }),
      ),
      makeSelect("Order", orders, state.order, (order) => again({ order })),
      clips.scores.length > 1
        ? makeSelect(
            "Scores of",
            clips.scores.map((one, i) => [one.name, i]),
            0,
            (chosen) => again({ chosen }),
          )
        : null,
    ),
    status,
    make("div", { class: "explorer-body" }, list, place),
  );
  explorers.set(item.id, (id) => {
    const clip = item.ids.indexOf(id);
    if (clip >= 0) open(clip);
    return clip >= 0;
  });
  return node;
}

/* By the explorer's id: opens the clip of an id, for links. */
const explorers = new Map();
