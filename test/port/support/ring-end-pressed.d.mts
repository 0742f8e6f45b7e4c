import type { PortMemory } from "#src/port/memory.js";

export interface PressedEnd {
  memory: PortMemory;
  side: "application" | "worker";
  count: number;
  /** Two words: which side has found its ring full. */
  full: SharedArrayBuffer;
  pauseMs: number;
}
export interface PressedEndReport {
  received: number;
  wrong: number;
  /** How often its writer was refused, and how often it was told of room. */
  refused: number;
  told: number;
}
export function pressEnd(options: PressedEnd): Promise<PressedEndReport>;
export interface Fill {
  memory: PortMemory;
  /** So many records. */
  fill: number;
  /** A word: how many workers have filled their rings. */
  filled: SharedArrayBuffer;
  /** A word: not 0 when it may begin. */
  go: SharedArrayBuffer;
}
export function fillRing(options: Fill): void;
