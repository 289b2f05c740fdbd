// Numbers as coloured cells on a canvas: feature maps, vectors, weights. One byte a number: 128 is zero, 255 the
// largest, 1 its opposite, 0 no number at all.

const CURVE = 0.7; // below 1, so that small numbers are seen beside large ones

/** The page's colour of this name, as [red, green, blue]. */
export function colour(name) {
  const text = getComputedStyle(document.body).getPropertyValue(name).trim();
  return [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16) || 0);
}

/** The colours of the 256 bytes, four numbers each: orange below zero, blue above; or ink on paper. */
export function colours(ink = false) {
  const [zero, high, low] = ink
    ? [colour("--paper"), colour("--ink"), colour("--paper")]
    : [colour("--track"), colour("--accent"), colour("--accent-2")];
  const table = new Uint8ClampedArray(1024);
  for (let byte = 1; byte < 256; byte++) {
    const share = Math.abs((byte - 128) / 127) ** (ink ? 1 : CURVE);
    const end = byte > 128 ? high : low;
    for (let part = 0; part < 3; part++) table[4 * byte + part] = zero[part] + (end[part] - zero[part]) * share;
    table[4 * byte + 3] = 255;
  }
  return table;
}

export function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** A number as people write it, in four digits. */
export function written(value) {
  if (value === null || value === undefined) return "no number";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return text.replace("-", "−").replace("e+", "e");
}

/** Call `paint` again whenever the page turns light or dark; returns what ends it. */
export function onTheme(paint) {
  const watching = new MutationObserver(paint);
  watching.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  return () => watching.disconnect();
}

/** One layer's numbers on one canvas: tiles, each of `height` x `width` cells. */
export class Sheet {
  /** `shape` is [features] or [channels, height, width]; `labels` are written below the cells of a vector. */
  constructor(canvas, { shape, ink = false, columns = 0, labels = [], tile = 0 }) {
    Object.assign(this, { canvas, shape, ink, fixed: columns, labels, tile });
    this.vector = shape.length === 1;
    [this.number, this.height, this.width] = this.vector ? [shape[0], 1, 1] : shape;
    this.bytes = new Uint8Array(this.number * this.height * this.width);
    this.selected = -1;
    this.marks = [];
    this.layout();
  }

  layout() {
    const room = Math.max(this.canvas.parentElement.clientWidth, 40);
    const ratio = window.devicePixelRatio || 1;
    let tile, gap;
    if (this.vector) {
      tile = [[16, 34], [64, 22], [256, 16], [1024, 11]].find(([most]) => this.number <= most)?.[1] ?? 8;
      gap = tile > 12 ? 2 : 1;
      if (this.number <= 16) tile = Math.min(tile, Math.floor((room - (this.number - 1) * gap) / this.number));
    } else {
      tile = this.tile || [[20, 84], [10, 56], [5, 42]].find(([least]) => this.width >= least)?.[1] || 24;
      if (!this.tile && room < 480) tile *= 0.75;
      if (!this.tile && this.number === 1) tile = this.width > 2 * this.height ? room : 140;
      gap = tile < 30 ? 2 : 4;
      if (this.fixed) tile = Math.min(tile, (room - (this.fixed - 1) * gap) / this.fixed);
    }
    tile = Math.min(tile, room);
    const cell = tile / this.width;
    this.cell = cell * ratio >= 2 ? Math.floor(cell * ratio) / ratio : cell; // whole pixels of the screen, if it can be
    this.stepX = this.cell * this.width + gap;
    this.below = this.labels.length ? 16 : 0;
    this.stepY = this.cell * this.height + gap + this.below;
    this.columns = this.fixed || Math.max(1, Math.min(this.number, Math.floor((room + gap) / this.stepX)));
    const rows = Math.ceil(this.number / this.columns);
    const [across, down] = [Math.min(this.columns, this.number) * this.stepX - gap, rows * this.stepY - gap];
    this.canvas.width = Math.max(1, Math.round((across + 4) * ratio)); // room for the outlines at the edges
    this.canvas.height = Math.max(1, Math.round((down + 4) * ratio));
    this.canvas.style.width = across + 4 + "px";
    this.canvas.style.height = down + 4 + "px";
    this.ratio = ratio;
  }

  set(bytes) {
    this.bytes = bytes;
    this.paint();
  }

  paint() {
    const context = this.canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.translate(2, 2);
    context.imageSmoothingEnabled = false;
    const strip = this.strip();
    const [across, down] = [this.cell * this.width, this.cell * this.height];
    for (let tile = 0; tile < this.number; tile++) {
      const [x, y] = this.corner(tile);
      context.drawImage(strip, 0, tile * this.height, this.width, this.height, x, y, across, down);
    }
    this.outline(context);
  }

  /** All tiles below each other, a pixel for each number. */
  strip() {
    const image = new ImageData(this.width, this.number * this.height);
    const pixels = new Uint32Array(image.data.buffer);
    const table = new Uint32Array(colours(this.ink).buffer);
    for (let index = 0; index < pixels.length; index++) pixels[index] = table[this.bytes[index]];
    const strip = new OffscreenCanvas(image.width, image.height);
    strip.getContext("2d").putImageData(image, 0, 0);
    return strip;
  }

  outline(context) {
    const name = (text) => getComputedStyle(document.body).getPropertyValue(text);
    context.font = "12px sans-serif";
    context.textAlign = "center";
    context.fillStyle = name("--muted");
    this.labels.forEach((label, tile) => {
      const [x, y] = this.corner(tile);
      context.fillText(label, x + this.cell / 2, y + this.cell + 13);
    });
    if (this.ink) {
      context.strokeStyle = name("--line"); // paper has an edge
      for (let tile = 0; tile < this.number; tile++) {
        context.strokeRect(...this.corner(tile), this.cell * this.width, this.cell * this.height);
      }
    }
    for (const { start, size } of this.marks) {
      for (let tile = start[0]; tile < Math.min(start[0] + size[0], this.number); tile++) {
        const [x, y] = this.corner(tile);
        const [row, column] = this.vector ? [0, 0] : start.slice(1);
        const [rows, columns] = this.vector ? [1, 1] : size.slice(1);
        const [top, left] = [Math.max(row, 0), Math.max(column, 0)];
        const [bottom, right] = [Math.min(row + rows, this.height), Math.min(column + columns, this.width)];
        const box = [x + left * this.cell, y + top * this.cell, (right - left) * this.cell, (bottom - top) * this.cell];
        this.frame(context, box);
      }
    }
    if (this.selected >= 0) {
      const [x, y] = this.place(this.selected);
      this.frame(context, [x - 1, y - 1, this.cell + 2, this.cell + 2]);
    }
  }

  /** A dark line with a light one around it, or the reverse: it is seen on every colour. */
  frame(context, box) {
    const name = (text) => getComputedStyle(document.body).getPropertyValue(text);
    for (const [width, ink] of [[4, "--surface"], [2, this.ink ? "--accent" : "--text"]]) {
      context.lineWidth = width;
      context.strokeStyle = name(ink);
      context.strokeRect(...box);
    }
  }

  corner(tile) {
    return [(tile % this.columns) * this.stepX, Math.floor(tile / this.columns) * this.stepY];
  }

  /** Where the cell of a number begins. */
  place(index) {
    const inside = index % (this.height * this.width);
    const [x, y] = this.corner(Math.floor(index / (this.height * this.width)));
    return [x + (inside % this.width) * this.cell, y + Math.floor(inside / this.width) * this.cell];
  }

  /** The number at a place on the canvas, or -1. */
  indexAt(x, y) {
    x -= 2;
    y -= 2;
    const [across, down] = [Math.floor(x / this.stepX), Math.floor(y / this.stepY)];
    const tile = down * this.columns + across;
    const column = Math.floor((x - across * this.stepX) / this.cell);
    const row = Math.floor((y - down * this.stepY) / this.cell);
    const inside = across >= 0 && across < this.columns && tile >= 0 && tile < this.number;
    if (!inside || column >= this.width || row >= this.height || column < 0 || row < 0) return -1;
    return (tile * this.height + row) * this.width + column;
  }

  /** The number that an arrow key leads to from another. */
  neighbour(index, key) {
    const size = this.height * this.width;
    const all = this.number * size;
    const row = Math.floor((index % size) / this.width);
    const column = index % this.width;
    let next = index;
    if (key === "Home") next = 0;
    else if (key === "End") next = all - 1;
    else if (key === "PageUp") next = index - size;
    else if (key === "PageDown") next = index + size;
    else if (key === "ArrowLeft") next = column > 0 ? index - 1 : index - size + this.width - 1;
    else if (key === "ArrowRight") next = column < this.width - 1 ? index + 1 : index + size - this.width + 1;
    else if (key === "ArrowUp") next = row > 0 ? index - this.width : index - (this.columns - 1) * size - this.width;
    else if (key === "ArrowDown")
      next = row < this.height - 1 ? index + this.width : index + (this.columns - 1) * size + this.width;
    else return null;
    return next >= 0 && next < all ? next : index;
  }
}
