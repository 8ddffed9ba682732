/* Numbers and times as they are shown. */

const MINUS = "\u2212";

function isKnown(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/* The largest of those that are known, of any number of them. */
function largest(values) {
  return values.filter(isKnown).reduce((most, value) => Math.max(most, value), -Infinity);
}

function plain(value, digits) {
  return isKnown(value)
    ? value
        .toFixed(digits)
        .replace(/^-(?=.*[1-9])/, MINUS)
        .replace("-", "")
    : "\u2013";
}

/* With its sign: +1.24, −0.31, 0.00. */
function signed(value, digits) {
  const text = plain(value, digits);
  return isKnown(value) && value > 0 && /[1-9]/.test(text) ? "+" + text : text;
}

function percent(share) {
  return isKnown(share) ? Math.round(100 * share) + "\u00a0%" : "\u2013";
}

/* 1:02.4, or 1:02:03 from an hour on. */
function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const units = Math.round(Math.max(0, seconds) * unit);
  const whole = Math.floor(units / unit);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  if (hours) return `${hours}:${two(minutes)}:${two(whole % 60)}`;
  return (
    `${minutes}:${two(whole % 60)}` +
    (digits ? "." + String(units % unit).padStart(digits, "0") : "")
  );
}

function interval(low, high, digits) {
  return isKnown(low) && isKnown(high)
    ? `${signed(low, digits)} \u2026 ${signed(high, digits)}`
    : "";
}

function count(n, one, many) {
  return `${n.toLocaleString("en")}\u00a0${n === 1 ? one : many}`;
}

/* The name of a file behind its folders. */
function baseName(path) {
  return path.replace(/\/+$/, "").split("/").pop() || path;
}

/* Long texts shortened in the middle; whole code points. */
function shortened(text, length) {
  const letters = Array.from(text);
  if (letters.length <= length) return text;
  const half = Math.floor((length - 1) / 2);
  return letters.slice(0, half).join("") + "\u2026" + letters.slice(-half).join("");
}
