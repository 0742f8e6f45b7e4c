/**
 * Memory that is needed only while a datagram is read or written: one for all sessions of a protocol in a thread, so
 * that ten thousand idle peers do not have one each. A session that finds it in use (a sink that feeds another
 * session) makes one of its own for that call.
 */
import type { Protocol } from "../protocol.ts";
import { DatagramHeader, FrameHeader } from "../wire/header.ts";
import { Reader } from "../wire/reader.ts";
import { MESSAGE_CELL_BYTES } from "./message-store.ts";
import { Plan } from "./packer.ts";
import { BlockPool } from "./slab.ts";

const FRAME_STRIDE = 5;
const MIN_FRAMES = 64;

/** The frames of a datagram that is being checked. */
export class ReceivedFrames {
  count = 0;
  private fields: Int32Array = new Int32Array(MIN_FRAMES * FRAME_STRIDE);
  private numbers: Float64Array = new Float64Array(MIN_FRAMES);

  add(frame: FrameHeader, number: number): void {
    const index = this.count++;
    if (index === this.numbers.length) this.grow();
    const at = index * FRAME_STRIDE;
    this.fields[at] = frame.channel;
    this.fields[at + 1] = frame.slice ? frame.sliceIndex : 0;
    this.fields[at + 2] = frame.slice ? frame.sliceCount : 0;
    this.fields[at + 3] = frame.payloadStart;
    this.fields[at + 4] = frame.payloadStart + frame.payloadBytes;
    this.numbers[index] = number;
  }

  /** Whether one of them is of a reliable channel. */
  hasReliable({ channels }: Protocol): boolean {
    for (let i = 0; i < this.count; i++) if (channels[this.channel(i)]!.reliable) return true;
    return false;
  }

  number(index: number): number {
    return this.numbers[index]!;
  }

  channel(index: number): number {
    return this.fields[index * FRAME_STRIDE]!;
  }

  sliceIndex(index: number): number {
    return this.fields[index * FRAME_STRIDE + 1]!;
  }

  /** 0: a whole message. */
  sliceCount(index: number): number {
    return this.fields[index * FRAME_STRIDE + 2]!;
  }

  start(index: number): number {
    return this.fields[index * FRAME_STRIDE + 3]!;
  }

  end(index: number): number {
    return this.fields[index * FRAME_STRIDE + 4]!;
  }

  private grow(): void {
    const fields = new Int32Array(this.fields.length * 2);
    fields.set(this.fields);
    this.fields = fields;
    const numbers = new Float64Array(this.numbers.length * 2);
    numbers.set(this.numbers);
    this.numbers = numbers;
  }
}

export class Workspace {
  readonly in: DatagramHeader;
  readonly out: DatagramHeader;
  readonly frame: FrameHeader = new FrameHeader();
  readonly reader: Reader = new Reader();
  readonly frames: ReceivedFrames = new ReceivedFrames();
  readonly plan: Plan = new Plan();
  /** Memory for slices of unfinished messages, and for messages that wait. */
  readonly slicePool: BlockPool;
  readonly messagePool: BlockPool;
  /** A datagram is being read. */
  busy = false;

  constructor(protocol: Protocol) {
    this.in = new DatagramHeader(protocol.header.userFields.length);
    this.out = new DatagramHeader(protocol.header.userFields.length);
    this.slicePool = new BlockPool(protocol.limits.sliceBytes);
    this.messagePool = new BlockPool(MESSAGE_CELL_BYTES);
  }
}

const noValues: Float64Array = new Float64Array(0);

/** Values for the user's header fields, 0 each; where there are none, the same for all. */
export function userValuesOf({ header }: Protocol): Float64Array {
  const { length } = header.userFields;
  return length === 0 ? noValues : new Float64Array(length);
}

const workspaces: WeakMap<Protocol, Workspace> = new WeakMap();

/** The workspace of a protocol in this thread. */
export function workspaceOf(protocol: Protocol): Workspace {
  let workspace = workspaces.get(protocol);
  if (workspace === undefined) {
    workspace = new Workspace(protocol);
    workspaces.set(protocol, workspace);
  }
  return workspace;
}
