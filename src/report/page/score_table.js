/* The figures of a recording's segments and words as tables. */

function headingOf(word) {
  return word[0].toUpperCase() + word.slice(1);
}

/* The columns of segments: those that some segment has a figure for. */
function segmentColumns(view) {
  const { segments } = view;
  const number = (title, digits, value, sign = true) => ({
    title,
    number: true,
    value: (segment) => (sign ? signed : plain)(value(segment), digits),
    present: segments.some((segment) => isKnown(value(segment))),
  });
  const modalities = Object.keys((segments[0] && segments[0].modality_weights) || {});
  const columns = [
    {
      title: headingOf(view.unit),
      number: true,
      value: (segment, index) => String(index + 1),
      present: true,
    },
    {
      title: "Start",
      number: true,
      value: (segment) => clock(segment.start),
      present: view.hasTimes,
    },
    { title: "End", number: true, value: (segment) => clock(segment.end), present: view.hasTimes },
    { ...number("Score", 2, (segment) => segment.score), present: true },
    number("Low", 2, (segment) => segment.low),
    number("High", 2, (segment) => segment.high),
    number("Expected error", 2, (segment) => segment.expected_error, false),
    {
      title: "Text",
      isText: true,
      value: (segment) => segment.text || segment.reason || "",
      present: true,
    },
    ...(modalities.length > 1 ? modalities : []).flatMap((modality) => [
      number(
        `Weight of ${MODALITY_NAMES[modality]}`,
        2,
        (segment) => segment.modality_weights[modality],
      ),
      number(
        `Without ${MODALITY_NAMES[modality]}`,
        2,
        (segment) => segment.score_without && segment.score_without[modality],
      ),
    ]),
    ...SIGNALS.map((signal) => ({
      title: signal.name,
      number: true,
      value: (segment) => signalText(signal, segment.signals && segment.signals[signal.key]),
      present: segments.some((segment) => segment.signals && isKnown(segment.signals[signal.key])),
    })),
    {
      title: "Expressions",
      isText: true,
      value: (segment) =>
        expressionsOf(segment.signals)
          .map(([name, share]) => `${name} ${percent(share)}`)
          .join(", "),
      present: segments.some((segment) => expressionsOf(segment.signals).length > 0),
    },
    {
      title: "Missing",
      value: (segment) => segment.missing.map((modality) => MODALITY_NAMES[modality]).join(", "),
      present: segments.some((segment) => segment.missing.length > 0),
    },
  ];
  return columns.filter((column) => column.present);
}

function makeSegmentTable(view) {
  return makeFoldedTable(
    `Scores as a table, ${view.number}`,
    "Scores as a table",
    `Scores of ${view.title}`,
    () => ({ columns: segmentColumns(view), items: view.segments }),
  );
}

/* Each word with its figures. */
function makeWordTable(view) {
  if (view.kinds.length === 0) return null;
  const words = () =>
    view.segments.flatMap((segment, index) =>
      segment.words.map((word, i) => ({ segment, index, word, i })),
    );
  const columns = [
    { title: headingOf(view.unit), number: true, value: (item) => String(item.index + 1) },
    ...(view.hasTimes &&
    view.segments.some((segment) => segment.words.some((word) => isKnown(word.start)))
      ? [
          {
            title: "Start",
            number: true,
            value: (item) => (isKnown(item.word.start) ? clock(item.word.start, 2) : "\u2013"),
          },
        ]
      : []),
    { title: "Word", value: (item) => isolated(item.word.word) },
    ...(view.kinds.includes("effect")
      ? [
          {
            title: "Score without it",
            number: true,
            value: (item) => signed(item.word.score_without, 2),
          },
          {
            title: "Adds",
            number: true,
            value: (item) => signed(item.segment.score - item.word.score_without, 2),
          },
        ]
      : []),
    ...(view.kinds.includes("attention")
      ? [{ title: "Attention", number: true, value: (item) => percent(item.word.attention) }]
      : []),
  ];
  return makeFoldedTable(
    `Words as a table, ${view.number}`,
    "Words as a table",
    `Words of ${view.title}`,
    () => ({ columns, items: words() }),
  );
}
