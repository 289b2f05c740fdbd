// How a stroke looks: smooth curves through its points, each [right, down, width] in the pad's units.

/** Draw a whole stroke. */
export function drawStroke(context, stroke) {
  const [first, ...others] = stroke;
  if (others.length && others.every((point) => point[2] === first[2])) return drawSmooth(context, stroke);
  for (let index = stroke.length === 1 ? 0 : 1; index < stroke.length; index++) drawSegment(context, stroke, index);
  const [x, y, width] = stroke[stroke.length - 1];
  drawCurve(context, middle(stroke, stroke.length - 1), [x, y], [x, y], width);
}

/** Draw what one more point adds: a curve from the middle before the last point to the middle after it. */
export function drawSegment(context, stroke, index) {
  const bend = stroke[Math.max(index - 1, 0)];
  drawCurve(context, middle(stroke, index - 1), bend, middle(stroke, index), stroke[index][2]);
}

/** Draw a stroke of one width in one go: where pieces overlap, soft edges would add up to rough ones. */
function drawSmooth(context, stroke) {
  context.lineWidth = stroke[0][2];
  context.beginPath();
  context.moveTo(stroke[0][0], stroke[0][1]);
  for (let index = 1; index < stroke.length - 1; index++) {
    context.quadraticCurveTo(stroke[index][0], stroke[index][1], ...middle(stroke, index + 1));
  }
  context.lineTo(stroke[stroke.length - 1][0], stroke[stroke.length - 1][1]);
  context.stroke();
}

function middle(stroke, index) {
  if (index <= 0) return stroke[0];
  const [a, b] = [stroke[index - 1], stroke[index]];
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function drawCurve(context, from, bend, to, width) {
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(from[0], from[1]);
  context.quadraticCurveTo(bend[0], bend[1], to[0], to[1]);
  context.stroke();
}
