"use strict";
/*
 * From pen strokes to MNIST's form, as its makers did it: the ink's box is scaled into 20x20 pixels, keeping its aspect,
 * and placed so that the ink's centre of mass lies in the middle of 28x28.
 *
 * A stroke is a list of points [x, y], from 0 to 1 of the pad's side. A grey picture is {height, width, values}: 0 is
 * paper, 1 is ink.
 */

const SIDE = 28; // of the whole picture
const INNER = 20; // of the box that the ink is scaled into
const FINE = 280; // of the canvas on which strokes are drawn
const SOFT = 0.05; // ink below this is not counted into the box
const PEN = 0.08; // the pen's width on the pad
const THIN = 1.5; // of strokes in the final picture,
const THICK = 4.2; // in its pixels: 96 of 100 of MNIST's digits are within
const USUAL = 2.2;

/** Return the 28x28 pixels, 0 to 255, that the network sees of the strokes; null if there are none. */
function toMnist(strokes) {
  if (!strokes.length) return null;
  const ink = cropped(drawn(strokes, usualPen(strokes)));
  return centred(fitted(ink)).values.map((value) => rounded(value * 255));
}

/** Return how wide the pen must be so that strokes look like MNIST's in the end, however large the digit is drawn. */
function usualPen(strokes) {
  const points = strokes.flat();
  const [wide, high] = [0, 1].map((axis) => {
    const places = points.map((point) => point[axis]);
    return places.reduce((a, b) => Math.max(a, b)) - places.reduce((a, b) => Math.min(a, b));
  });
  const side = Math.max(wide, high); // of the digit without its pen's width
  const width = (PEN * INNER) / (side + PEN); // of its strokes in the final picture
  if (side === 0 || (width >= THIN && width <= THICK)) return PEN;
  const wanted = width < THIN ? USUAL : THICK;
  return (wanted * side) / (INNER - wanted);
}

/** Draw strokes on a canvas; return the ink. */
function drawn(strokes, pen) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = FINE;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  drawStrokes(context, strokes, FINE, pen);
  const { data } = context.getImageData(0, 0, FINE, FINE);
  const values = Float32Array.from({ length: FINE * FINE }, (_, place) => data[4 * place + 3] / 255); // opacity
  return { height: FINE, width: FINE, values };
}

/** Draw strokes as smooth lines with round ends on a canvas of that side. */
function drawStrokes(context, strokes, side, pen) {
  context.lineWidth = pen * side;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const points = stroke.map(([x, y]) => [x * side, y * side]);
    context.beginPath();
    context.moveTo(...points[0]);
    for (let index = 1; index < points.length - 1; index++) {
      // A curve from middle to middle, bent towards the point between: it has no corners.
      const [[x, y], next] = [points[index], points[index + 1]];
      context.quadraticCurveTo(x, y, (x + next[0]) / 2, (y + next[1]) / 2);
    }
    context.lineTo(...points.at(-1));
    context.stroke();
  }
}

/** Return the ink's box, full strokes at 1. */
function cropped({ height, width, values }) {
  let [top, bottom, left, right, full] = [height, 0, width, 0, 0];
  values.forEach((value, place) => {
    if (value <= SOFT) return;
    const [y, x] = [Math.floor(place / width), place % width];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
    full = Math.max(full, value);
  });
  const box = new Float32Array((bottom - top) * (right - left));
  box.forEach((_, place) => {
    const [y, x] = [top + Math.floor(place / (right - left)), left + (place % (right - left))];
    box[place] = values[y * width + x] / full;
  });
  return { height: bottom - top, width: right - left, values: box };
}

/** Scale the longer side to 20 pixels. */
function fitted(picture) {
  const scale = INNER / Math.max(picture.height, picture.width);
  const [height, width] = [picture.height, picture.width].map((side) => Math.max(1, rounded(side * scale)));
  return resized(picture, height, width);
}

/** Scale by averaging over areas: every new pixel is the mean of what lies under it. */
function resized(picture, height, width) {
  const down = overlaps(picture.height, height);
  const across = overlaps(picture.width, width);
  const values = new Float32Array(height * width);
  down.forEach((rows, y) => {
    across.forEach((columns, x) => {
      for (const [row, rowShare] of rows) {
        for (const [column, columnShare] of columns) {
          values[y * width + x] += rowShare * columnShare * picture.values[row * picture.width + column];
        }
      }
    });
  });
  return { height, width, values };
}

/** For each new pixel along one side: the old pixels under it, and the share of it that each covers. */
function overlaps(old, fresh) {
  const length = old / fresh; // of a new pixel, in old ones
  return Array.from({ length: fresh }, (_, pixel) => {
    const [start, end] = [pixel * length, (pixel + 1) * length];
    const shares = [];
    for (let under = Math.floor(start); under < Math.min(Math.ceil(end), old); under++) {
      const covered = Math.min(end, under + 1) - Math.max(start, under);
      if (covered > 0) shares.push([under, covered / length]);
    }
    return shares;
  });
}

/** Place the digit so that its centre of mass lies in row and column 14, counted from 0, of 28x28 pixels. */
function centred({ height, width, values }) {
  let [total, y, x] = [0, 0, 0];
  values.forEach((value, place) => {
    total += value;
    y += value * Math.floor(place / width);
    x += value * (place % width);
  });
  const top = within(rounded(SIDE / 2 - y / total), SIDE - height);
  const left = within(rounded(SIDE / 2 - x / total), SIDE - width);
  const picture = new Float32Array(SIDE * SIDE);
  values.forEach((value, place) => {
    picture[(top + Math.floor(place / width)) * SIDE + left + (place % width)] = value;
  });
  return { height: SIDE, width: SIDE, values: picture };
}

function within(value, largest) {
  return Math.min(Math.max(value, 0), largest);
}

/** As Python rounds: a half goes to the even neighbour. */
function rounded(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + Math.abs(below % 2) : Math.round(value);
}
