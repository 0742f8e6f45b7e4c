/** The arena's floor: made from a seed, and a checksum by which a bot proves that it arrived whole. */
import { SeededRandom } from "stardust-udp/testing";

export const MAP_WIDTH = 256;
export const MAP_HEIGHT = 256;

/** One byte a tile: grass, stone, water or wall. */
export function makeTiles(seed: number): Uint8Array {
  const tiles = new Uint8Array(MAP_WIDTH * MAP_HEIGHT);
  new SeededRandom(seed).fill(tiles);
  for (let i = 0; i < tiles.length; i++) tiles[i]! &= 3;
  return tiles;
}

/** FNV-1a, 32 bits. */
export function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
