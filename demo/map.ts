/** The arena's floor: made from a seed, and a checksum by which a bot proves that it arrived whole. */

export const MAP_WIDTH = 256;
export const MAP_HEIGHT = 256;

/** One byte a tile: grass, stone, water or wall. */
export function makeTiles(seed: number): Uint8Array {
  const tiles = new Uint8Array(MAP_WIDTH * MAP_HEIGHT);
  let state = seed >>> 0;
  for (let i = 0; i < tiles.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    tiles[i] = state >>> 30;
  }
  return tiles;
}

/** FNV-1a, 32 bits. */
export function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
