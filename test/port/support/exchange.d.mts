import type { DoorbellMemory } from "#src/port/doorbell.js";
import type { RingMemory } from "#src/port/ring.js";

export interface Exchange {
  out: RingMemory;
  in: RingMemory;
  bell: DoorbellMemory;
  otherBell: DoorbellMemory;
  count: number;
  seed: number;
  otherSeed: number;
}
export interface Report {
  received: number;
  wrong: number;
  checksum: number;
  turns: number;
}
export function exchange(options: Exchange): Promise<Report>;
