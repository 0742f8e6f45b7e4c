/**
 * The compiled part of the native sockets (native/socket.c, seal.c), where it was built: what it offers, and what a thread reads
 * into. Not here: what is done with it (native-socket.ts, native-seal.ts).
 */
import { createRequire } from "node:module";

/** The numbers of a datagram, `fields` of them in a `Uint32Array`: where they lie in it. Const object: erasable syntax. */
export const Field = {
  /** Where its bytes are. */
  at: 0,
  length: 1,
  port: 2,
  /** Four words of address, of which IPv4 has the last, and the scope of a link-local one. */
  word0: 3,
  word1: 4,
  word2: 5,
  word3: 6,
  scope: 7,
  /** It is many that came as one, of so many bytes each but the last; 0: it is one. */
  segment: 8,
} as const;

/** Fields of a datagram. */
export const FIELDS = 9;

/** A socket of the compiled part. */
export type NativeHandle = object & { readonly __native: true };

/**
 * Told how many datagrams are in the thread's area; -1: the socket may be written again; 0: it threw, which was told as an
 * uncaught exception, and goes on where it was.
 */
export type NativeListener = (count: number) => void;

/** What native/seal.c exports, where this Node lets others see its OpenSSL. Wrong arguments are a TypeError. */
export interface NativeSealing {
  /**
   * Seals `bytes[clearEnd..end)` in its place, with the tag behind it; `bytes[start..clearEnd)` is authenticated. `cipher` is 0 for
   * AES-256-GCM and 1 for ChaCha20-Poly1305, `secret` a key with the nonce behind it.
   */
  seal(
    cipher: number,
    secret: Uint8Array,
    bytes: Uint8Array,
    start: number,
    clearEnd: number,
    end: number,
  ): void;
  /** The reverse: `end` is behind the tag. False: that is not right, and nothing has changed. */
  unseal(
    cipher: number,
    secret: Uint8Array,
    bytes: Uint8Array,
    start: number,
    clearEnd: number,
    end: number,
  ): boolean;
}

/** What native/socket.c exports. Wrong arguments are a TypeError; what the network does is never thrown, but by `open`. */
export interface NativeBinding extends NativeSealing {
  /** Whether it seals. */
  readonly seals: boolean;
  /** Datagrams that are read at once at most. */
  readonly slots: number;
  /** What this thread reads into, the same at every call. */
  area(): { readonly bytes: Uint8Array; readonly fields: Uint32Array };
  /** Throws what the system says, with its `code`. */
  open(
    address: string,
    port: number,
    ipv6Only: boolean,
    bufferBytes: number,
    onEvent: NativeListener,
  ): NativeHandle;
  /** Writes port and address into `fields`; the bytes of receive buffer that the system has granted, doubled on Linux. */
  local(socket: NativeHandle, fields: Uint32Array): number;
  /** The first of `from` to `to` that is left, since the system's buffer is full; `to`: none. */
  send(
    socket: NativeHandle,
    bytes: Uint8Array,
    fields: Uint32Array,
    from: number,
    to: number,
  ): number;
  watchWrites(socket: NativeHandle): void;
  /** Whether what comes is read, as it is in the beginning; what is not, lies in the system's buffer. */
  watchReads(socket: NativeHandle, is: boolean): void;
  unref(socket: NativeHandle): void;
  close(socket: NativeHandle): void;
  /** Writes an address of that family into `fields`; false: it is none. */
  parse(isSocket6: boolean, text: string, fields: Uint32Array): boolean;
  /** The address of datagram `at` as Node writes it. */
  text(isSocket6: boolean, fields: Uint32Array, at: number): string;
}

/** The compiled part with what this thread reads into. */
export interface NativeThread {
  readonly binding: NativeBinding;
  /** The bytes of what was read last, and its fields. */
  readonly bytes: Uint8Array;
  readonly fields: Uint32Array;
  /** By slot, and segment of it: what was shown of it last. */
  readonly shown: Shown[][];
}

/** A datagram, and a view of the same bytes. */
export interface Shown {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** In the package's own folder, from dist/src/udp. */
const PATH = "../../../native/build/socket.node";

let thread: NativeThread | undefined;
let problem: string | undefined;

/** This thread's, loaded when it is first asked for; undefined where it was not built or cannot be loaded: see `nativeProblem`. */
export function nativeThread(): NativeThread | undefined {
  if (thread !== undefined || problem !== undefined) return thread;
  try {
    const binding = createRequire(import.meta.url)(PATH) as NativeBinding;
    thread = { binding, ...binding.area(), shown: [] };
  } catch (error) {
    problem = problemOf(error as NodeJS.ErrnoException);
  }
  return thread;
}

function problemOf({ code, message }: NodeJS.ErrnoException): string {
  if (process.platform !== "linux") return `they are for Linux, and this is ${process.platform}`;
  if (code === "MODULE_NOT_FOUND") return "they were not built when the package was installed";
  // One that was built for another machine, say.
  return message.split("\n", 1)[0]!;
}

/** Why there is none; empty where there is. */
export function nativeProblem(): string {
  return problem ?? "";
}
