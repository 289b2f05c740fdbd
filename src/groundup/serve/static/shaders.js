// How the graphics card draws the network's tiles.
import { HEIGHT } from "/static/floors.js";

export const ROW = 1024; // numbers in a row of the texture that holds them all

// A tile is a map of cells, or one unit of a vector. The numbers lie in one texture, so that thousands of units cost no
// more to draw than a few pictures do, even where the browser draws without a graphics card.
const SHARED = `
  precision highp float;
  precision highp int;
  uniform highp sampler2D numbers;
  float numberAt(int index) {
    float byte = texelFetch(numbers, ivec2(index % ${ROW}, index / ${ROW}), 0).r * 255.0;
    return byte < 0.5 ? 0.0 : (byte - 128.0) / 127.0;
  }`;

export const VERTEX = `
  ${SHARED}
  attribute vec3 place;  // the middle of the tile's lower side
  attribute vec4 tile;   // the index of its first number, cells down, cells across, a cell's side
  attribute float ink;   // 1 for the picture
  varying vec2 spot;     // cells from the first one, down and across
  varying vec4 kind;     // the index, cells down and across, ink
  varying float light;
  void main() {
    float rise = tile.y * tile.z > 1.5 ? 0.0 : abs(numberAt(int(tile.x + 0.5))) * ${HEIGHT.toFixed(1)};
    vec3 size = vec3(tile.z, 0.0, tile.y) * tile.w + vec3(0.0, 0.6 + rise, 0.0);
    spot = (position.zx + 0.5) * tile.yz;
    kind = vec4(tile.xyz, ink);
    light = 0.8 + 0.2 * max(normal.y, 0.6 * normal.z);
    gl_Position = projectionMatrix * modelViewMatrix * vec4(position * size + place, 1.0);
  }`;

export const FRAGMENT = `
  ${SHARED}
  uniform vec3 zero, high, low, paper, dark;
  varying vec2 spot;
  varying vec4 kind;
  varying float light;
  void main() {
    ivec2 cell = ivec2(clamp(spot, vec2(0.0), kind.yz - 0.5));
    float number = numberAt(int(kind.x + 0.5) + cell.x * int(kind.z + 0.5) + cell.y);
    float size = abs(number);
    vec3 tint = kind.w > 0.5 ? mix(paper, dark, size) : mix(zero, number > 0.0 ? high : low, pow(size, 0.7));
    gl_FragColor = vec4(tint * light, 1.0);
  }`;
