/**
 * The header of a datagram as the session sees it, whatever its layout on the wire. Generated code
 * (`HeaderCodec` in protocol.ts) moves these objects to bytes and back; the session owns one of each
 * and reuses them. Nothing here knows the layout.
 */
import { MAX_ACK_RANGES } from "../limits.ts";
import type { Reader } from "./reader.ts";
import { varintSize, type Writer } from "./writer.ts";

/**
 * Why a datagram was refused. Zero stands for none; the names of the others are also those of their counters. A const
 * object, not an enum: erasable syntax.
 */
export const Violation = {
  none: 0,
  truncated: 1,
  reservedBits: 2,
  nonMinimal: 3,
  unknownChannel: 4,
  flags: 5,
  sliceBounds: 6,
  payloadSize: 7,
} as const;
export type Violation = (typeof Violation)[keyof typeof Violation];
export type ViolationName = Exclude<keyof typeof Violation, "none">;
export const violationNames: readonly string[] = Object.keys(Violation);

/** Acknowledged packet numbers: `largest` downwards, `firstRun` of them, then pairs of a gap and a run. */
export class AckBlock {
  /** Truncated to the layout's width on the wire; the session expands it. */
  largest = 0;
  /** Wire units of 250 us, 0 to 254; 255: unknown. */
  delay = 255;
  /** Numbers acknowledged from `largest` downwards, 1 and up. */
  firstRun = 1;
  /** How many pairs of `gaps` and `runs` are in use. */
  pairs = 0;
  /** Numbers missing below the run before, 1 and up. */
  readonly gaps: Float64Array = new Float64Array(MAX_ACK_RANGES);
  /** Numbers acknowledged below that gap, 1 and up. */
  readonly runs: Float64Array = new Float64Array(MAX_ACK_RANGES);
}

/** The header fields that occur once in a datagram. The layout says which are on the wire, and where. */
export class DatagramHeader {
  /** Flag A: `acks` is there. */
  ack = false;
  /** Flag Q: acknowledge this datagram at once. */
  ackNow = false;
  /** Flag D: frames follow. */
  frames = false;
  /** Flag W: the packet number is wide. */
  wide = false;
  /** Flag K; false in plain. */
  keyPhase = false;
  /** Flag L: `receiveLimit` is there. */
  limit = false;
  /** The connection's secret; not touched by a layout that has none. */
  sessionTag = 0;
  /** Full when written, truncated when read; the session rebuilds it. */
  packetNumber = 0;
  readonly acks: AckBlock = new AckBlock();
  /** What the writer has handed on of one channel, and of which: session/flow-channels.ts has the two in it. */
  receiveLimit = 0;
  /** The writer's clock, in units of 250 us, where the layout has it; with flag L. */
  clock = 0;
  /** The user's own fields, in the order of `HeaderCodec.userFields`. */
  readonly user: Float64Array;

  constructor(userFieldCount: number) {
    this.user = new Float64Array(userFieldCount);
  }
}

/** What stands before each payload. The first frame's channel, F and M travel in the datagram's own header. */
export class FrameHeader {
  /** Index into `Protocol.channels`; -1 where a datagram has no frames. */
  channel = -1;
  /** Flag F: this is a slice of a larger message. */
  slice = false;
  /** Flag M: another frame follows. */
  more = false;
  /** Compat mode: every frame but the last says its length, and another version's message may have another size. */
  compat = false;
  /** Message number; full when written, truncated when read. Only on numbered channels. */
  number = 0;
  sliceIndex = 0;
  sliceCount = 0;
  /** Where the payload lies in the datagram (reading), and its size (both ways). */
  payloadStart = 0;
  payloadBytes = 0;
}

/** Bytes of the ack ranges as `writeAckRanges` writes them. */
export function ackRangesSize(acks: AckBlock): number {
  if (acks.pairs === 0 && acks.firstRun <= 128) return 1;
  let size = 1 + varintSize(acks.firstRun - 1);
  for (let i = 0; i < acks.pairs; i++) {
    size += varintSize(acks.gaps[i]! - 1) + varintSize(acks.runs[i]! - 1);
  }
  return size;
}

/** The tail of an ack block: `run - 1` in a byte below 0x80, else 0x80 + n, first run - 1, n pairs. */
export function writeAckRanges(w: Writer, acks: AckBlock): void {
  if (acks.pairs === 0 && acks.firstRun <= 128) {
    w.u8(acks.firstRun - 1);
    return;
  }
  w.u8(0x80 + acks.pairs);
  w.varint(acks.firstRun - 1);
  for (let i = 0; i < acks.pairs; i++) {
    w.varint(acks.gaps[i]! - 1);
    w.varint(acks.runs[i]! - 1);
  }
}

/** Reads what `writeAckRanges` writes, and nothing else: another way to say the same is a violation. */
export function readAckRanges(r: Reader, acks: AckBlock): Violation {
  if (r.at >= r.end) return Violation.truncated;
  const first = r.bytes[r.at++]!;
  if (first < 0x80) {
    acks.firstRun = first + 1;
    acks.pairs = 0;
    return Violation.none;
  }
  const pairs = first - 0x80;
  if (pairs >= MAX_ACK_RANGES) return Violation.nonMinimal;
  const run = r.tryVarint();
  if (run < 0) return varintViolation(run);
  if (pairs === 0 && run < 128) return Violation.nonMinimal;
  acks.firstRun = run + 1;
  acks.pairs = pairs;
  for (let i = 0; i < pairs; i++) {
    const gap = r.tryVarint();
    if (gap < 0) return varintViolation(gap);
    const next = r.tryVarint();
    if (next < 0) return varintViolation(next);
    acks.gaps[i] = gap + 1;
    acks.runs[i] = next + 1;
  }
  return Violation.none;
}

/**
 * Reads what stands behind the header of a datagram without frames: nothing, or the padding of one that asks for an ack,
 * which is zero bytes up to the end.
 */
export function readPadding(h: DatagramHeader, r: Reader): Violation {
  if (r.at === r.end) return Violation.none;
  if (!h.ackNow) return Violation.payloadSize;
  for (; r.at < r.end; r.at++) if (r.bytes[r.at] !== 0) return Violation.reservedBits;
  return Violation.none;
}

/**
 * The other form of acks, a bit field: 32 numbers from `largest - 1 - offset` downwards, most significant bit first; a
 * one is a number received. What the block says of other numbers is not in the word.
 */
export function ackWord(acks: AckBlock, offset: number): number {
  let word = 0;
  /** How far below `largest - 1 - offset` the run begins; the first one begins above. */
  let from = -1 - offset;
  let run = acks.firstRun;
  for (let i = 0; ; i++) {
    const first = from > 0 ? from : 0;
    const end = from + run;
    if (end > first) {
      word |= 0xffff_ffff >>> first;
      if (end < 32) word &= ~(0xffff_ffff >>> end);
    }
    if (i >= acks.pairs) return word >>> 0;
    from = end + acks.gaps[i]!;
    if (from >= 32) return word >>> 0;
    run = acks.runs[i]!;
  }
}

/** Reads what `ackWord` says for offsets 0 and 32; without the second word that is 0. All words are legal. */
export function readAckWords(acks: AckBlock, first: number, second: number): void {
  let run = 1;
  let gap = 0;
  let pairs = -1;
  for (let half = 0; half < 2; half++) {
    let word = half === 0 ? first : second;
    let left = 32;
    while (left > 0) {
      const ones = Math.min(left, Math.clz32(~word));
      if (ones > 0 && gap > 0) {
        if (pairs < 0) acks.firstRun = run;
        else acks.runs[pairs] = run;
        acks.gaps[++pairs] = gap;
        run = 0;
        gap = 0;
      }
      run += ones;
      left -= ones;
      if (left === 0) break;
      word <<= ones;
      const zeros = Math.min(left, Math.clz32(word));
      gap += zeros;
      left -= zeros;
      word <<= zeros;
    }
  }
  if (pairs < 0) acks.firstRun = run;
  else acks.runs[pairs] = run;
  acks.pairs = pairs + 1;
}

/** What a negative result of `Reader.tryVarint` means. */
export function varintViolation(result: number): Violation {
  return result === -1 ? Violation.truncated : Violation.nonMinimal;
}
