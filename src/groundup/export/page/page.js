"use strict";
/* The page: it reads the model, and shows what the model makes of the drawing after every change. */

const element = (id) => document.getElementById(id);
const model = readModel(JSON.parse(element("model").textContent), element("weights").textContent.trim());
const pad = new Pad(element("pad"), () => requestUpdate());
const bars = model.class_names.map(addBar);
let layerViews = [];
let requested = false;

/** Update everything once before the next frame, however many strokes came in. */
function requestUpdate() {
  if (requested) return;
  requested = true;
  requestAnimationFrame(() => {
    requested = false;
    update();
  });
}

function update() {
  const pixels = toMnist(pad.strokes);
  element("undo").disabled = element("clear").disabled = !pixels;
  const seen = pixels ?? new Float32Array(SIDE * SIDE);
  const outputs = model.members.map((_, number) => forward(model, number, seen));
  showSeen(seen);
  showAnswer(pixels && answer(model, outputs));
  showLayers(outputs[shownMember()], pixels !== null);
}

// --- The picture and the answer ------------------------------------------------------------------------------------

function showSeen(pixels) {
  paint(element("seen"), SIDE, SIDE, inkShades(), (place) => pixels[place]);
}

function addBar(name) {
  const row = document.createElement("li");
  const [label, track, bar, share] = ["span", "div", "div", "span"].map((tag) => document.createElement(tag));
  label.textContent = name;
  track.className = "track";
  bar.className = "bar";
  share.className = "share";
  track.append(bar);
  row.append(label, track, share);
  element("bars").append(row);
  return { row, bar, share };
}

function showAnswer(shares) {
  const best = shares ? shares.indexOf(Math.max(...shares)) : -1;
  bars.forEach(({ row, bar, share }, index) => {
    row.classList.toggle("best", index === best);
    bar.style.transform = `scaleX(${shares ? shares[index] : 0})`;
    share.textContent = shares ? percent(shares[index]) : "";
  });
  if (!shares) {
    element("answer").textContent = "Nothing is drawn yet.";
    return;
  }
  const digit = document.createElement("b");
  digit.textContent = model.class_names[best];
  element("answer").replaceChildren(digit, " ", sureness(shares[best]));
}

function sureness(share) {
  if (share > 0.99) return `It is sure: ${percent(share)}`;
  if (share > 0.8) return `It is fairly sure: ${percent(share)}`;
  return `It is not sure: ${percent(share)}`;
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

function shownMember() {
  return Number(element("member").value || 0);
}

// --- The layers ----------------------------------------------------------------------------------------------------

const MEANINGS = {
  Linear: "weighted sums of all numbers before",
  Conv2d: "filters slide over the maps before: each looks for one small pattern, everywhere",
  MaxPool2d: "only the largest number of each window is kept",
  AvgPool2d: "the mean of each window",
  GlobalAvgPool: "the mean of each map",
  BatchNorm: "every map or feature, brought to the same scale",
  Residual: "some layers, and what went into them added to what came out",
  ReLU: "what is below zero becomes zero",
  LeakyReLU: "what is below zero becomes small",
  Sigmoid: "squeezed between 0 and 1",
  Tanh: "squeezed between -1 and 1",
  Softmax: "shares that add up to 1",
};
const MAPS = 32; // of one layer, at most, are shown
const MAP_SIZE = 44; // about as many pixels of the screen a map takes

/** Make room for every layer that changes the numbers. */
function makeLayerViews() {
  const { network, names } = model.members[shownMember()];
  element("layers").replaceChildren();
  layerViews = network.layers.map((layer, index) => {
    if (layer.type === "Dropout" || layer.type === "Flatten") return null;
    const [row, line, name, shape] = ["li", "div", "span", "span"].map((tag) => document.createElement(tag));
    const meaning = document.createElement("small");
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Output of layer ${index}, ${names[index]}`);
    line.className = "name";
    shape.className = "shape";
    name.textContent = `${index} ${names[index]}`;
    meaning.textContent = MEANINGS[layer.type];
    line.append(name, shape);
    row.append(line, meaning, canvas);
    element("layers").append(row);
    return { canvas, shape };
  });
}

/** Show every layer's numbers; before anything is drawn, only the places for them. */
function showLayers(outputs, live) {
  const shades = signedShades();
  layerViews.forEach((view, index) => {
    if (!view) return;
    const { shape, values } = outputs[index];
    const shown = shape.length === 3 && shape[0] > MAPS ? `, the first ${MAPS} shown` : "";
    view.shape.textContent = shape.join(" × ") + shown;
    const limit = live ? values.reduce((found, value) => Math.max(found, Math.abs(value)), 0) || 1 : Infinity;
    const shade = (place) => 128 + Math.round((127 * values[place]) / limit);
    (shape.length === 3 ? showMaps : showFeatures)(view.canvas, shape, shades, shade);
  });
}

/** Show the channels of a layer as maps beside each other. */
function showMaps(canvas, [channels, height, width], shades, shade) {
  const zoom = Math.max(1, Math.round(MAP_SIZE / width));
  const maps = Math.min(channels, MAPS);
  const room = element("layers").clientWidth;
  const columns = Math.max(1, Math.min(maps, Math.floor((room / zoom + 1) / (width + 1))));
  const whole = columns * (width + 1) - 1; // a gap of one pixel between maps
  paint(canvas, whole, Math.ceil(maps / columns) * (height + 1) - 1, shades, (place) => {
    const [y, x] = [Math.floor(place / whole), place % whole];
    const map = Math.floor(y / (height + 1)) * columns + Math.floor(x / (width + 1));
    const [row, column] = [y % (height + 1), x % (width + 1)];
    return row === height || column === width || map >= maps ? 0 : shade((map * height + row) * width + column);
  });
  canvas.style.width = `${canvas.width * zoom}px`;
}

/** Show the features of a layer as squares in rows. */
function showFeatures(canvas, [features], shades, shade) {
  const zoom = features <= 20 ? 22 : 10;
  const columns = Math.min(features, Math.floor(element("layers").clientWidth / zoom));
  paint(canvas, columns, Math.ceil(features / columns), shades, (place) => (place < features ? shade(place) : 0));
  canvas.style.width = `${canvas.width * zoom}px`;
}

// --- Pixels and colours --------------------------------------------------------------------------------------------

/** Colour every pixel of a canvas: `shade(place)`, 0 to 255, says with which of the shades. */
function paint(canvas, width, height, shades, shade) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let place = 0; place < width * height; place++) image.data.set(shades[shade(place)], 4 * place);
  context.putImageData(image, 0, 0);
}

/** 256 shades from paper to ink, each [red, green, blue, opacity]. */
function inkShades() {
  const ink = colour("--ink");
  return Array.from({ length: 256 }, (_, opacity) => [...ink, opacity]);
}

/** 256 shades: 1 to 255 are numbers from -1 (orange) over 0 (a faint ground) to 1 (blue), 0 is nothing at all. */
function signedShades() {
  const [positive, negative, ground] = ["--positive", "--negative", "--line"].map(colour);
  return Array.from({ length: 256 }, (_, shade) => {
    if (shade === 0) return [0, 0, 0, 0];
    const strength = Math.abs(shade - 128) / 127;
    const hue = shade > 128 ? positive : negative;
    return [...hue.map((part, index) => strength * part + (1 - strength) * ground[index]), 115 + 140 * strength];
  });
}

/** Return one of the style sheet's colours as [red, green, blue]. */
function colour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((start) => parseInt(text.slice(start, start + 2), 16));
}

// --- Switches ------------------------------------------------------------------------------------------------------

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  pad.draw();
  update();
}

element("undo").addEventListener("click", () => pad.undo());
element("clear").addEventListener("click", () => pad.clear());
element("theme").addEventListener("click", () => {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
});
document.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    pad.undo();
  } else if (event.key === "Escape") {
    pad.clear();
  }
});
element("member").append(...model.members.map((_, number) => new Option(`member ${number}`, number)));
element("member").hidden = model.members.length === 1;
element("member").addEventListener("change", () => {
  makeLayerViews();
  update();
});
addEventListener("resize", requestUpdate);

makeLayerViews();
setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
