import type { DoorbellMemory } from "#src/port/doorbell.js";
import type { RingMemory } from "#src/port/ring.js";

export interface Pressed {
  out: RingMemory;
  in: RingMemory;
  bell: DoorbellMemory;
  otherBell: DoorbellMemory;
  count: number;
  /** Two words: which side has found its ring full. */
  full: SharedArrayBuffer;
  side: 0 | 1;
  pauseMs: number;
}
export interface PressedReport {
  received: number;
  wrong: number;
  refused: number;
}
export function exchangePressed(options: Pressed): Promise<PressedReport>;
