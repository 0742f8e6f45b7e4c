/**
 * `DatagramSocket` on the compiled part: what is sent in a turn leaves with one system call, or with a few, and what has come is
 * read with one. As on `node:dgram` nothing throws once the socket is bound, and what the network refuses is lost. Bounded: SEND_BYTES
 * and SEND_DATAGRAMS wait for the system at most, then the newest is lost. Not here: system calls (native/socket.c).
 */
import { isIPv6 } from "node:net";
import { PortBindError } from "../errors.ts";
import {
  FIELDS,
  Field,
  type NativeHandle,
  type NativeThread,
  type Shown,
} from "./native-binding.ts";
import {
  type BindOptions,
  type DatagramListener,
  type DatagramSocket,
  type OpenedSocket,
  viewOf,
} from "./socket.ts";

/** What leaves at once at most, and waits at most where the system takes no more. */
const SEND_BYTES = 128 * 1024;
const SEND_DATAGRAMS = 128;
/** A client sends a datagram or two: more is made when it is needed. */
const FIRST_BYTES = 2048;
const FIRST_DATAGRAMS = 4;

/** Of UDP over IPv6; over IPv4 it is less, and the system refuses it. */
const MAX_DATAGRAM_BYTES = 65_527;

/** Segments of a slot whose views are kept: as many as a system cuts in one. */
const KEPT_SEGMENTS = 64;

/** Addresses whose text is known, by a hash of their numbers, and numbers of texts; whoever forges addresses makes it forget. */
const KNOWN_ADDRESSES = 4096;

/** Addresses as numbers and as texts, for sockets of one family. */
class Addresses {
  readonly #isSocket6: boolean;
  readonly #thread: NativeThread;
  readonly #texts = new Array<string>(KNOWN_ADDRESSES).fill("");
  readonly #words = new Uint32Array(KNOWN_ADDRESSES * 5);
  readonly #fields = new Map<string, Uint32Array>();

  constructor(isSocket6: boolean, thread: NativeThread) {
    this.#isSocket6 = isSocket6;
    this.#thread = thread;
  }

  /** The address of datagram `at` of those that were read. */
  textOf(at: number): string {
    const { fields, binding } = this.#thread;
    const base = at * FIELDS + Field.word0;
    let hash = 0;
    for (let i = 0; i < 5; i++) hash = Math.imul(hash ^ fields[base + i]!, 0x9e3779b1);
    const slot = (hash >>> 16) & (KNOWN_ADDRESSES - 1);
    const known = slot * 5;
    let isKnown = this.#texts[slot] !== "";
    for (let i = 0; i < 5; i++) isKnown &&= this.#words[known + i] === fields[base + i];
    if (!isKnown) {
      for (let i = 0; i < 5; i++) this.#words[known + i] = fields[base + i]!;
      this.#texts[slot] = binding.text(this.#isSocket6, fields, at);
    }
    return this.#texts[slot]!;
  }

  /** The fields of an address; undefined: it is none of this family. */
  fieldsOf(text: string): Uint32Array | undefined {
    let fields = this.#fields.get(text);
    if (fields !== undefined) return fields;
    fields = new Uint32Array(FIELDS);
    if (!this.#thread.binding.parse(this.#isSocket6, text, fields)) return undefined;
    if (this.#fields.size >= KNOWN_ADDRESSES) this.#fields.clear();
    this.#fields.set(text, fields);
    return fields;
  }
}

/**
 * The views of segment `index` of a slot of the area: those of the last one there, where it began at the same byte and had as many,
 * as in a game and in bulk it has.
 */
function show(
  { bytes, shown }: NativeThread,
  slot: number,
  index: number,
  at: number,
  length: number,
): Shown {
  shown[slot] ??= [];
  const segments = shown[slot];
  const last = segments[index];
  if (
    last !== undefined &&
    last.bytes.length === length &&
    last.view.byteOffset === bytes.byteOffset + at
  )
    return last;
  const part = bytes.subarray(at, at + length);
  const made = { bytes: part, view: viewOf(part) };
  if (index < KEPT_SEGMENTS) segments[index] = made;
  return made;
}

/** Those of this thread, by family. */
const addresses: { 4?: Addresses; 6?: Addresses } = {};

/** Binds a socket; rejects with `PortBindError`. */
export async function openNativeSocket(
  thread: NativeThread,
  options: BindOptions,
): Promise<OpenedSocket> {
  const family = isIPv6(options.host) ? 6 : 4;
  addresses[family] ??= new Addresses(family === 6, thread);
  const socket = new NativeSocket(thread, addresses[family]);
  return { socket, grantedBytes: socket.open(options) };
}

class NativeSocket implements DatagramSocket {
  port = 0;
  address = "";
  /** As many had come as are read at once: there may be more. */
  hasMore = false;
  readonly #thread: NativeThread;
  readonly #addresses: Addresses;
  #handle: NativeHandle | undefined;
  #listener: DatagramListener | undefined;
  #bytes = new Uint8Array(FIRST_BYTES);
  #fields = new Uint32Array(FIRST_DATAGRAMS * FIELDS);
  /** Datagrams that wait, the first of them, and the end of their bytes. */
  #count = 0;
  #from = 0;
  #end = 0;
  #isFlushing = false;
  /** The system's buffer is full. */
  #isBlocked = false;
  /** It is not read before this. */
  #resting: NodeJS.Timeout | undefined;
  #isUnref = false;
  /** Of what was read: how many, the one that is handed out, and in it where the next segment begins, and which it is. */
  #readCount = 0;
  #readAt = 0;
  #readOffset = 0;
  #readSegment = 0;

  constructor(thread: NativeThread, addresses: Addresses) {
    this.#thread = thread;
    this.#addresses = addresses;
  }

  /** Returns the receive buffer that was granted, bytes. */
  open(options: BindOptions): number {
    const { binding } = this.#thread;
    const { host, port, ipv6Only, bufferBytes } = options;
    try {
      this.#handle = binding.open(host, port, ipv6Only, bufferBytes, this.#onEvent);
    } catch (error) {
      throw new PortBindError(port, host, error as Error);
    }
    const local = new Uint32Array(FIELDS);
    const grantedBytes = binding.local(this.#handle, local);
    this.port = local[Field.port]!;
    this.address = binding.text(isIPv6(host), local, 0);
    return grantedBytes;
  }

  send(bytes: Uint8Array, port: number, address: string): void {
    const to = this.#addresses.fieldsOf(address);
    const length = bytes.byteLength;
    if (this.#handle === undefined || to === undefined) return;
    // What no system would take; the compiled part says so with an error.
    if (length > MAX_DATAGRAM_BYTES || port === 0 || (port & 0xffff) !== port) return;
    if (this.#count === SEND_DATAGRAMS || this.#end + length > SEND_BYTES) this.#flush();
    if (!this.#hasRoom(length)) return;
    const base = this.#count * FIELDS;
    this.#fields.set(to, base);
    this.#fields[base + Field.at] = this.#end;
    this.#fields[base + Field.length] = length;
    this.#fields[base + Field.port] = port;
    this.#bytes.set(bytes, this.#end);
    this.#end += length;
    this.#count++;
    if (this.#isFlushing || this.#isBlocked) return;
    // All that a turn sends it sends in one go: the first microtask is behind that.
    this.#isFlushing = true;
    queueMicrotask(this.#onMicrotask);
  }

  readonly #onMicrotask = (): void => {
    this.#isFlushing = false;
    this.#flush();
  };

  /** Room for one more, grown where it is too small; false: what waits is all that may. */
  #hasRoom(length: number): boolean {
    if (this.#count === SEND_DATAGRAMS || this.#end + length > SEND_BYTES) return false;
    if (this.#end + length > this.#bytes.length) {
      const size = Math.min(SEND_BYTES, Math.max(2 * this.#bytes.length, this.#end + length));
      const bytes = new Uint8Array(size);
      bytes.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = bytes;
    }
    if ((this.#count + 1) * FIELDS > this.#fields.length) {
      const fields = new Uint32Array(2 * this.#fields.length);
      fields.set(this.#fields);
      this.#fields = fields;
    }
    return true;
  }

  #flush(): void {
    if (this.#isBlocked || this.#handle === undefined || this.#count === 0) return;
    const { binding } = this.#thread;
    this.#from = binding.send(this.#handle, this.#bytes, this.#fields, this.#from, this.#count);
    if (this.#from < this.#count) {
      this.#isBlocked = true;
      binding.watchWrites(this.#handle);
      return;
    }
    this.#from = 0;
    this.#count = 0;
    this.#end = 0;
  }

  listen(listener: DatagramListener): void {
    this.#listener = listener;
  }

  readonly #onEvent = (event: number): void => {
    if (event < 0) {
      this.#isBlocked = false;
      this.#flush();
      return;
    }
    if (event > 0) {
      this.#readCount = event;
      this.#readAt = 0;
      this.#readOffset = 0;
      this.#readSegment = 0;
      this.hasMore = event === this.#thread.binding.slots;
    }
    this.#handOut();
  };

  /** Hands out what was read, from where it stopped: after what a listener threw it is called again. */
  #handOut(): void {
    const { fields } = this.#thread;
    for (; this.#readAt < this.#readCount; this.#readAt++) {
      const base = this.#readAt * FIELDS;
      const at = fields[base + Field.at]!;
      const length = fields[base + Field.length]!;
      const port = fields[base + Field.port]!;
      const address = this.#addresses.textOf(this.#readAt);
      // An empty datagram is one, too.
      const segment = fields[base + Field.segment]! || length || 1;
      do {
        const from = this.#readOffset;
        if (from > 0 && from >= length) break;
        this.#readOffset += segment;
        const bytes = Math.min(segment, length - from);
        const shown = show(this.#thread, this.#readAt, this.#readSegment++, at + from, bytes);
        // Whoever listens may have closed it, or another may listen now.
        this.#listener?.(shown.bytes, address, port, shown.view);
      } while (this.#readOffset < length);
      this.#readOffset = 0;
      this.#readSegment = 0;
    }
  }

  rest(ms: number): void {
    if (this.#resting !== undefined || this.#handle === undefined) return;
    this.#thread.binding.watchReads(this.#handle, false);
    this.#resting = setTimeout(this.#onRested, ms);
    if (this.#isUnref) this.#resting.unref();
  }

  readonly #onRested = (): void => {
    this.#resting = undefined;
    this.#thread.binding.watchReads(this.#handle!, true);
  };

  unref(): void {
    this.#isUnref = true;
    this.#resting?.unref();
    if (this.#handle !== undefined) this.#thread.binding.unref(this.#handle);
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#flush();
    clearTimeout(this.#resting);
    this.#handle = undefined;
    this.#listener = undefined;
    this.#thread.binding.close(handle);
  }
}
