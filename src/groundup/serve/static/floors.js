// Where the layers, maps and units of a network stand in three dimensions.

export const HEIGHT = 7; // of the block of a vector's largest number

/** A layer's floor: how many tiles beside each other, how large, and how high up. */
export function floor(layer, level, wide) {
  const vector = layer.shape.length === 1;
  const [number, height, width] = vector ? [layer.shape[0], 1, 1] : layer.shape;
  const [room, ratio, rise] = wide ? [230, 7, 34] : [120, 3, 38];
  const gap = vector ? 0.35 : Math.max(1, width / 12);
  let columns = Math.min(number, Math.max(1, Math.round(Math.sqrt((number * ratio * (height + gap)) / (width + gap)))));
  if (number <= 16 && vector) columns = number;
  columns = Math.ceil(number / Math.ceil(number / columns));
  const rows = Math.ceil(number / columns);
  const [across, down] = [columns * (width + gap) - gap, rows * (height + gap) - gap];
  const cell = Math.min(room / across, (1.25 * room) / ratio / down, vector ? 8 : 4);
  return {
    vector, number, height, width, columns, gap, cell, ink: layer.ink,
    count: number * height * width, y: level * rise, breadth: across * cell, depth: down * cell,
  };
}

/** Where the middle of a tile stands on its floor: [x, z]. */
export function tileCenter(each, tile) {
  const across = (tile % each.columns) * (each.width + each.gap) + each.width / 2;
  const down = Math.floor(tile / each.columns) * (each.height + each.gap) + each.height / 2;
  return [across * each.cell - each.breadth / 2, down * each.cell - each.depth / 2];
}

/** Where the middle of a unit stands on its floor: [x, z]. */
export function center(each, unit) {
  const size = each.height * each.width;
  const [x, z] = tileCenter(each, Math.floor(unit / size));
  const [row, column] = [Math.floor((unit % size) / each.width), unit % each.width];
  return [x + (column + 0.5 - each.width / 2) * each.cell, z + (row + 0.5 - each.height / 2) * each.cell];
}

/** The unit at a place on a floor, or -1. */
export function unitOn(each, x, z) {
  const [across, down] = [(x + each.breadth / 2) / each.cell, (z + each.depth / 2) / each.cell];
  const [tileX, tileZ] = [Math.floor(across / (each.width + each.gap)), Math.floor(down / (each.height + each.gap))];
  const column = Math.floor(across - tileX * (each.width + each.gap));
  const row = Math.floor(down - tileZ * (each.height + each.gap));
  const tile = tileZ * each.columns + tileX;
  const inside = tileX >= 0 && tileX < each.columns && tileZ >= 0 && tile < each.number;
  if (!inside || column >= each.width || row >= each.height || column < 0 || row < 0) return -1;
  return (tile * each.height + row) * each.width + column;
}
