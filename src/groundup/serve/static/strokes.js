// The text of a drawing's strokes, as `drawing.py` reads and writes it. A stroke is a list of points, each [right, down,
// width] in the pad's units.
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function letters(value) {
  let rest = value < 0 ? -2 * value + 1 : 2 * value;
  let text = "";
  for (; rest >= 32; rest >>= 5) text += LETTERS[(rest & 31) | 32];
  return text + LETTERS[rest];
}

/** Return one stroke's text. */
export function strokeText(points) {
  const width = points[0][2];
  const pressed = points.some((point) => point[2] !== width);
  let last = [0, 0, width];
  let text = letters(2 * width + (pressed ? 1 : 0));
  for (const point of points) {
    text += letters(point[0] - last[0]) + letters(point[1] - last[1]);
    if (pressed) text += letters(point[2] - last[2]);
    last = point;
  }
  return text;
}

function integers(text) {
  const values = [];
  let value = 0;
  let bits = 0;
  for (const letter of text) {
    const digit = LETTERS.indexOf(letter);
    value |= (digit & 31) << bits;
    bits += 5;
    if (digit & 32) continue;
    values.push(value & 1 ? -(value >> 1) : value >> 1);
    value = bits = 0;
  }
  return values;
}

/** Return the strokes of a drawing's text. */
export function readStrokes(text) {
  return text.split(".").filter(Boolean).map((part) => {
    const [head, ...values] = integers(part);
    const step = head & 1 ? 3 : 2;
    const points = [];
    let last = [0, 0, head >> 1];
    for (let i = 0; i + step <= values.length; i += step) {
      last = [last[0] + values[i], last[1] + values[i + 1], last[2] + (step === 3 ? values[i + 2] : 0)];
      points.push(last);
    }
    return points;
  });
}
