/* The sign of a value as a tone, which the style sheet colours. */

/* Scores and effects below this look neutral. */
const NEUTRAL_SCORE = 0.25;
const NEUTRAL_EFFECT = 0.1;

function toneOf(value, neutral) {
  if (!isKnown(value) || Math.abs(value) < neutral) return "neutral";
  return value > 0 ? "positive" : "negative";
}

function scoreTone(score) {
  return toneOf(score, NEUTRAL_SCORE);
}

/* Attributes of a word: its tone, and how strongly it is coloured. `most` is the value that gets
 * the full colour. */
function wordTone(value, kind, most) {
  if (!isKnown(value)) return {};
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) : 0;
  const amount = Math.round(42 * share) + "%";
  if (kind === "attention") return { "data-tone": "weight", "--amount": amount };
  return {
    "data-tone": toneOf(value, NEUTRAL_EFFECT),
    "--amount": Math.abs(value) < NEUTRAL_EFFECT ? "0%" : amount,
  };
}
