"use strict";
/*
 * The network: what it is made of, and its forward pass, one small function for each kind of layer.
 *
 * A value that flows through it is {shape, values}. The shape is [features] or [channels, height, width]; the values
 * are a Float32Array, row after row, channel after channel. `params(name)` gives a layer's own learned numbers.
 */

const LAYERS = {
  Linear: linear,
  Conv2d: convolution,
  MaxPool2d: maxPool,
  AvgPool2d: averagePool,
  GlobalAvgPool: globalAveragePool,
  BatchNorm: batchNorm,
  Flatten: (layer, params, x) => ({ shape: [x.values.length], values: x.values }),
  Dropout: (layer, params, x) => x, // it drops only in training
  Residual: residual,
  ReLU: (layer, params, x) => each(x, (value) => Math.max(value, 0)),
  LeakyReLU: (layer, params, x) => each(x, (value) => (value > 0 ? value : layer.slope * value)),
  Sigmoid: (layer, params, x) => each(x, (value) => 1 / (1 + Math.exp(-value))),
  Tanh: (layer, params, x) => each(x, Math.tanh),
  Softmax: (layer, params, x) => ({ shape: x.shape, values: softmax(x.values) }),
};

/** Every output is a weighted sum of all inputs. */
function linear(layer, params, x) {
  const weight = params("weight"); // (outputs, inputs)
  const values = layer.bias ? params("bias").slice() : new Float32Array(layer.outputs);
  for (let output = 0; output < layer.outputs; output++) {
    let sum = 0;
    for (let input = 0; input < layer.inputs; input++) {
      sum += weight[output * layer.inputs + input] * x.values[input];
    }
    values[output] += sum;
  }
  return { shape: [layer.outputs], values };
}

/** Every output channel is a weighted sum over a square window of all input channels. */
function convolution(layer, params, x) {
  const { inputs, outputs, size, stride, padding } = layer;
  const [, height, width] = x.shape;
  const rows = Math.floor((height + 2 * padding - size) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - size) / stride) + 1;
  const weight = params("weight"); // (outputs, inputs, size, size)
  const values = new Float32Array(outputs * rows * columns);
  for (let output = 0; output < outputs; output++) {
    const plane = values.subarray(output * rows * columns, (output + 1) * rows * columns);
    if (layer.bias) plane.fill(params("bias")[output]);
    for (let input = 0; input < inputs; input++) {
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          const factor = weight[((output * inputs + input) * size + i) * size + j];
          // Where this cell of the window lies inside the picture: around it there are `padding` zeros.
          const first = Math.max(0, Math.ceil((padding - j) / stride));
          const last = Math.min(columns - 1, Math.floor((width - 1 + padding - j) / stride));
          for (let row = 0; row < rows; row++) {
            const y = row * stride + i - padding;
            if (y < 0 || y >= height) continue;
            const from = (input * height + y) * width + j - padding;
            for (let column = first; column <= last; column++) {
              plane[row * columns + column] += factor * x.values[from + column * stride];
            }
          }
        }
      }
    }
  }
  return { shape: [outputs, rows, columns], values };
}

/** The largest number of each window. */
function maxPool(layer, params, x) {
  return pool(layer, x, (numbers) => Math.max(...numbers));
}

/** The mean of each window. */
function averagePool(layer, params, x) {
  return pool(layer, x, mean);
}

/** Make one number of each window that slides over each channel. */
function pool(layer, x, summary) {
  const [channels, height, width] = x.shape;
  const { size } = layer;
  const stride = layer.stride || size;
  const rows = Math.floor((height - size) / stride) + 1;
  const columns = Math.floor((width - size) / stride) + 1;
  const values = new Float32Array(channels * rows * columns);
  const cells = new Array(size * size);
  for (let place = 0; place < values.length; place++) {
    const column = place % columns;
    const row = Math.floor(place / columns) % rows;
    const channel = Math.floor(place / (columns * rows));
    for (let cell = 0; cell < cells.length; cell++) {
      const y = row * stride + Math.floor(cell / size);
      cells[cell] = x.values[(channel * height + y) * width + column * stride + (cell % size)];
    }
    values[place] = summary(cells);
  }
  return { shape: [channels, rows, columns], values };
}

/** The mean of each channel. */
function globalAveragePool(layer, params, x) {
  const [channels, height, width] = x.shape;
  const values = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    values[channel] = mean(x.values.subarray(channel * height * width, (channel + 1) * height * width));
  }
  return { shape: [channels], values };
}

/** Each feature or channel less its mean, by its deviation, both as seen in training; then scaled and shifted. */
function batchNorm(layer, params, x) {
  const [weight, bias, means, variances] = ["weight", "bias", "running_mean", "running_var"].map(params);
  const size = x.values.length / layer.features; // numbers of one feature (1) or channel (height · width)
  const values = x.values.map((value, place) => {
    const feature = Math.floor(place / size);
    const normalized = (value - means[feature]) / Math.sqrt(variances[feature] + layer.epsilon);
    return normalized * weight[feature] + bias[feature];
  });
  return { shape: x.shape, values };
}

/** The input, and what the inner layers make of it, added. */
function residual(layer, params, x) {
  const y = run(layer.layers, params, x).at(-1);
  return { shape: x.shape, values: x.values.map((value, place) => value + y.values[place]) };
}

/** One function, on every number by itself. */
function each(x, change) {
  return { shape: x.shape, values: x.values.map((value) => change(value)) };
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** exp(x) over its sum: positive numbers that add up to 1. */
function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return Float32Array.from(powers, (power) => power / sum);
}

/** Run layers one after another; return every one's output. Layer 3's weight is called "3.weight". */
function run(layers, params, x) {
  return layers.map((layer, index) => {
    x = LAYERS[layer.type](layer, (name) => params(`${index}.${name}`), x);
    return x;
  });
}

/** Return the outputs of all layers of one member of the model for 28x28 pixels of 0 (paper) to 255 (ink). */
function forward(model, number, pixels) {
  const { network } = model.members[number];
  const { mean: middle, deviation } = network.normalization;
  const input = Float32Array.from(pixels, (pixel) => (pixel - middle) / deviation);
  return run(network.layers, (name) => model.arrays[`${number}/${name}`], { shape: network.input_shape, values: input });
}

/** Return the probability of each class for 28x28 pixels. */
function predict(model, pixels) {
  return answer(model, model.members.map((_, number) => forward(model, number, pixels)));
}

/** Return what the members' outputs come to: their mean, made as sure as the model turned out to be right. */
function answer(model, outputs) {
  const shares = model.members.map((member, number) => {
    return tempered(probabilities(member, outputs[number].at(-1).values), member.temperature);
  });
  return tempered(shares[0].map((_, index) => mean(shares.map((share) => share[index]))), model.temperature);
}

/** Turn a network's outputs into probabilities, as its loss means them. */
function probabilities(member, outputs) {
  if (member.network.layers.at(-1).type === "Softmax") return outputs;
  if (member.loss === "cross-entropy") return softmax(outputs);
  const scores = outputs.map((score) => Math.max(score, SMALLEST));
  const sum = scores.reduce((total, score) => total + score, 0);
  return scores.map((score) => score / sum);
}

const SMALLEST = 2 ** -126; // the smallest normal number of 32 bits

/** Return softmax(logits / temperature): a temperature above 1 makes answers less sure. */
function tempered(shares, temperature) {
  return softmax(Array.from(shares, (share) => Math.log(Math.max(share, SMALLEST)) / temperature));
}

// --- Reading the model ---------------------------------------------------------------------------------------------

/** Return the model with its arrays: {members, temperature, class_names, arrays: name → Float32Array}. */
function readModel(description, base64) {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const arrays = {};
  for (const { name, shape, type, offset } of description.arrays) {
    arrays[name] = READERS[type](bytes.buffer, offset, shape);
  }
  return { ...description, arrays };
}

const READERS = {
  float32: (buffer, offset, shape) => new Float32Array(buffer, offset, count(shape)),
  float16: (buffer, offset, shape) => Float32Array.from(new Uint16Array(buffer, offset, count(shape)), fromHalf),
  int8: fromBytes,
};

function count(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

/** A number of 16 bits: one for the sign, five for the exponent, ten for the fraction. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15) : sign * fraction * 2 ** -24;
}

/** Whole numbers from -127 to 127, and before them, for each row or output channel, what one step is worth. */
function fromBytes(buffer, offset, shape) {
  const steps = new Float32Array(buffer, offset, shape[0]);
  const perRow = count(shape.slice(1));
  const whole = new Int8Array(buffer, offset + steps.byteLength, count(shape));
  return Float32Array.from(whole, (number, place) => number * steps[Math.floor(place / perRow)]);
}
