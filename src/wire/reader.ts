/**
 * What generated decoders read from. Every length is checked against `end` before a byte is touched.
 * Message decoders use the throwing methods (`MalformedError`); header decoders, which see every hostile
 * datagram, use the `try…` methods, which return -1 and cost no exception. Worst case: linear in `end - at`.
 */
import { MalformedError } from "../errors.ts";
import { utf8Read } from "./utf8.ts";

const emptyBytes = new Uint8Array(0);
const emptyView = new DataView(emptyBytes.buffer);

export class Reader {
  bytes: Uint8Array = emptyBytes;
  view: DataView = emptyView;
  /** The next byte to read. */
  at = 0;
  /** The first byte that is not ours any more. */
  end = 0;
  /** Where the message begins, so that errors can say the byte within it. */
  start = 0;

  /** Points at `bytes[start..end)`; `view` must cover the same memory as `bytes`. */
  reset(bytes: Uint8Array, view: DataView, start: number, end: number): this {
    this.bytes = bytes;
    this.view = view;
    this.at = start;
    this.start = start;
    this.end = end;
    return this;
  }

  /** A reader over a whole array: for tests and tools, not for hot paths. */
  static of(bytes: Uint8Array): Reader {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new Reader().reset(bytes, view, 0, bytes.byteLength);
  }

  fail(path: string, problem: string): never {
    throw new MalformedError(path, problem, this.at - this.start);
  }

  /** The one bounds check of a run of fixed-size members: `count` bytes are there, and start at the result. */
  take(count: number): number {
    const at = this.at;
    if (count > this.end - at) this.fail("", `${count} more bytes expected, ${this.end - at} left`);
    this.at = at + count;
    return at;
  }

  /** Nothing may follow a message. */
  finish(): void {
    if (this.at !== this.end) this.fail("", `${this.end - this.at} bytes left over`);
  }

  varint(): number {
    const value = this.tryVarint();
    if (value < 0) this.fail("", "not a shortest-form varint of at most 2^53 - 1");
    return value;
  }

  /** A varint no larger than `max`: a length or count that was bounded in the spec. */
  length(max: number): number {
    const value = this.varint();
    if (value > max) this.fail("", `${value} is more than the ${max} that the spec allows`);
    return value;
  }

  /** A string of at most `maxBytes` bytes of strict UTF-8, behind its varint byte length. */
  string(maxBytes: number): string {
    const byteLength = this.length(maxBytes);
    const at = this.take(byteLength);
    const value = utf8Read(this.bytes, at, byteLength);
    if (value === undefined) this.fail("", "not valid UTF-8");
    return value;
  }

  /** Bytes behind their varint length; a copy, so that it outlives the datagram. */
  blob(maxBytes: number): Uint8Array {
    const byteLength = this.length(maxBytes);
    const at = this.take(byteLength);
    const copy = new Uint8Array(byteLength);
    copy.set(this.bytes.subarray(at, at + byteLength));
    return copy;
  }

  /** As `varint`, but -1 when it is truncated, not the shortest form, or above 2^53 - 1. */
  tryVarint(): number {
    const bytes = this.bytes;
    const end = this.end;
    let at = this.at;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      if (at >= end) return -1;
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && i > 0) return -1;
        if (value > Number.MAX_SAFE_INTEGER) return -1;
        this.at = at;
        return value;
      }
      scale *= 128;
    }
    return -1;
  }
}
