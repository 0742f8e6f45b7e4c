/**
 * Packets out of captures: the classic pcap format and pcapng, in either byte order. Read as they come, so that a file
 * of any size takes one block of memory at a time, at most MAX_PACKET. A file that is cut off or damaged gives what is
 * whole in front of that, and says where. Worst case: linear in the file.
 */
import { readSync } from "node:fs";

export interface Packet {
  /** From 1. */
  readonly number: number;
  readonly link: number;
  /** Valid until the next one is asked for. */
  readonly bytes: Uint8Array;
}

/** More than any capture tool keeps of one packet; what is longer is passed over. */
const MAX_PACKET = 1 << 18;
/** Interfaces of one capture: more than any machine has. */
const MAX_INTERFACES = 1 << 12;
const CHUNK = 1 << 16;

/** A file or pipe, read forwards. */
export class Bytes {
  readonly #file: number;
  #buffer = Buffer.alloc(CHUNK);
  #start = 0;
  #end = 0;

  constructor(file: number) {
    this.#file = file;
  }

  /** The next bytes, which stay next; fewer only where the file ends. Valid until the next call. */
  peek(count: number): Buffer {
    while (this.#end - this.#start < count && this.#fill()) {}
    return this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + count));
  }

  /** The next bytes, or undefined where the file ends before. */
  take(count: number): Buffer | undefined {
    const bytes = this.peek(count);
    if (bytes.length < count) return undefined;
    this.#start += count;
    return bytes;
  }

  /** False where the file ends before. */
  skip(count: number): boolean {
    for (let left = count; left > 0; ) {
      const step = Math.min(left, CHUNK);
      if (this.take(step) === undefined) return false;
      left -= step;
    }
    return true;
  }

  /** Reads on, with room made for it; false at the end. */
  #fill(): boolean {
    if (this.#end === this.#buffer.length) {
      const left = this.#buffer.subarray(this.#start, this.#end);
      // Growing by what is there, not by what is asked for: that may be a lie.
      if (this.#start === 0) this.#buffer = Buffer.concat([left], 2 * left.length);
      else left.copy(this.#buffer);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const count = readMore(this.#file, this.#buffer.subarray(this.#end));
    this.#end += count;
    return count > 0;
  }
}

const RETRY_MS = 5;

/** Also from a pipe that its other end has made non-blocking, which answers "not yet". */
function readMore(file: number, into: Buffer): number {
  for (;;) {
    try {
      return readSync(file, into, 0, into.length, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

/** What of a capture is left out. */
export interface Remarks {
  /** Packets that are not handed out. */
  skipped: number;
  /** Where the file is cut off or damaged, if it is. */
  cut?: string;
}

/** The packets of a capture; undefined for what is none. */
export function packetsOf(bytes: Bytes, remarks: Remarks): Iterable<Packet> | undefined {
  const magic = bytes.peek(4).toString("hex");
  if (magic === "0a0d0d0a") return new PcapNg(bytes, remarks);
  const order = { a1b2c3d4: false, a1b23c4d: false, d4c3b2a1: true, "4d3cb2a1": true }[magic];
  return order === undefined ? undefined : pcap(bytes, order, remarks);
}

function* pcap(bytes: Bytes, littleEndian: boolean, remarks: Remarks): Iterable<Packet> {
  const head = bytes.take(24);
  if (head === undefined) {
    remarks.cut = "the file is cut off in its header";
    return;
  }
  const link = u32(head, 20, littleEndian) & 0xffff;
  for (let number = 1; bytes.peek(1).length > 0; number++) {
    const record = bytes.take(16);
    const length = record === undefined ? 0 : u32(record, 8, littleEndian);
    const long = length > MAX_PACKET;
    const packet = record && !long ? bytes.take(length) : undefined;
    if (packet === undefined && !(record && long && bytes.skip(length))) {
      remarks.cut = `packet ${number}: the file is cut off`;
      return;
    }
    if (packet === undefined) remarks.skipped++;
    else yield { number, link, bytes: packet };
  }
}

interface Interface {
  readonly link: number;
  /** Most bytes that it keeps of a packet; 0: all. */
  readonly snapBytes: number;
}

/** Blocks of pcapng that hold a packet: where its length stands, and where its bytes begin. */
const packetBlocks: Readonly<Record<number, { length: number; data: number }>> = {
  2: { length: 12, data: 20 },
  3: { length: 0, data: 4 },
  6: { length: 12, data: 20 },
};

class PcapNg implements Iterable<Packet> {
  readonly #bytes: Bytes;
  readonly #remarks: Remarks;
  #littleEndian = false;
  #interfaces: Interface[] = [];
  #number = 0;

  constructor(bytes: Bytes, remarks: Remarks) {
    this.#bytes = bytes;
    this.#remarks = remarks;
  }

  *[Symbol.iterator](): Iterator<Packet> {
    let problem: string | undefined;
    while (problem === undefined && this.#bytes.peek(1).length > 0) {
      const next = this.#block();
      if (typeof next === "string") problem = next;
      else if (next !== undefined) yield next;
    }
    if (problem !== undefined) {
      this.#remarks.cut = `${this.#number === 0 ? "" : `behind packet ${this.#number}: `}${problem}`;
    }
  }

  /** The packet of the next block, if it is one's; or what is wrong. */
  #block(): Packet | string | undefined {
    const bytes = this.#bytes;
    const head = bytes.peek(12);
    if (head.length < 12) return "the file is cut off";
    const section = head.readUInt32BE(0) === 0x0a0d0d0a;
    if (section) {
      const magic = head.readUInt32BE(8);
      if (magic !== 0x1a2b3c4d && magic !== 0x4d3c2b1a)
        return "a section begins with no byte order";
      this.#littleEndian = magic === 0x4d3c2b1a;
      this.#interfaces = [];
    }
    const type = section ? -1 : u32(head, 0, this.#littleEndian);
    const length = u32(head, 4, this.#littleEndian);
    if (length < 12 || length % 4 !== 0)
      return "the file is damaged: a block has an impossible length";
    const packet = packetBlocks[type];
    if (packet !== undefined) this.#number++;
    if (type !== 1 && packet === undefined)
      return bytes.skip(length) ? undefined : "the file is cut off";
    if (length > MAX_PACKET) {
      this.#remarks.skipped++;
      return bytes.skip(length) ? undefined : "the file is cut off";
    }
    const block = bytes.take(length);
    if (block === undefined) {
      // It is not whole, so it does not count.
      if (packet !== undefined) this.#number--;
      return "the file is cut off";
    }
    if (u32(block, length - 4, this.#littleEndian) !== length) {
      return "the file is damaged: a block ends with another length than it begins with";
    }
    const body = block.subarray(8, length - 4);
    return packet === undefined ? this.#interface(body) : this.#packet(type, body, packet);
  }

  #interface(body: Buffer): string | undefined {
    if (body.length < 8) return "the file is damaged: an interface is too short";
    if (this.#interfaces.length === MAX_INTERFACES) return `more than ${MAX_INTERFACES} interfaces`;
    const link = u16(body, 0, this.#littleEndian);
    this.#interfaces.push({ link, snapBytes: u32(body, 4, this.#littleEndian) });
    return undefined;
  }

  #packet(
    type: number,
    body: Buffer,
    { length, data }: { length: number; data: number },
  ): Packet | string {
    if (body.length < data) return "the file is damaged: a packet is too short";
    const index =
      type === 6
        ? u32(body, 0, this.#littleEndian)
        : type === 2
          ? u16(body, 0, this.#littleEndian)
          : 0;
    const from = this.#interfaces[index];
    if (from === undefined)
      return `the file is damaged: a packet of interface ${index}, which there is not`;
    let captured = u32(body, length, this.#littleEndian);
    if (type === 3) captured = Math.min(captured, from.snapBytes || captured, body.length - data);
    if (captured > body.length - data)
      return "the file is damaged: a packet is longer than its block";
    const bytes = body.subarray(data, data + captured);
    return { number: this.#number, link: from.link, bytes };
  }
}

function u16(bytes: Buffer, at: number, littleEndian: boolean): number {
  return littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
}

function u32(bytes: Buffer, at: number, littleEndian: boolean): number {
  return littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}
