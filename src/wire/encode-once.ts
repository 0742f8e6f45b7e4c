/**
 * A message's bytes beside any ring, for what goes into several, and for what may be so large that no ring has room for the
 * largest. Written in one pass into memory that is kept and grows; where it turns out to be too small, the pass is thrown
 * away and made again in more, so that the bytes are always those of one pass, whatever getters say in between. Not for
 * small messages to one peer, which are written where they are read. Worst case: the memory of one thread grows to the
 * largest message of any channel, and a message is walked once more for each doubling.
 */
import { InvalidMessageError } from "../errors.ts";
import { Writer } from "./writer.ts";

const MIN_BYTES = 4096;

/** What an encoder has to have here; `MessageEncoder` is one. */
export interface OnceEncoder<M> {
  readonly maxBytes: number;
  write(message: M, w: Writer, at: number): number;
}

/** The reused writer; undefined while in use, so that a getter that encodes another message gets its own. */
let kept: Writer | undefined;

/** The bytes of `message`, valid until the next call. Throws InvalidMessageError. */
export function encodeOnce<M>(encoder: OnceEncoder<M>, message: M): Uint8Array {
  const { maxBytes } = encoder;
  let w = kept ?? new Writer(new Uint8Array(MIN_BYTES));
  kept = undefined;
  try {
    for (;;) {
      const room = w.bytes.length;
      const end = endOf(encoder, message, w);
      if (end > maxBytes) refuse(end, maxBytes);
      if (end <= room) return w.bytes.subarray(0, end);
      w = new Writer(new Uint8Array(Math.min(maxBytes, Math.max(end, 2 * room))));
    }
  } finally {
    kept = w;
  }
}

/** Where the message ends or, where there is no room, somewhere behind the memory. */
function endOf<M>(encoder: OnceEncoder<M>, message: M, w: Writer): number {
  try {
    return encoder.write(message, w, 0);
  } catch (error) {
    if (error instanceof RangeError && outside.has(error.message)) return w.bytes.length + 1;
    throw error;
  }
}

function refuse(end: number, maxBytes: number): never {
  throw new InvalidMessageError("", `takes at least ${end} bytes, ${maxBytes} are allowed`);
}

/** What the engine says of writing behind the end of memory; a getter's own RangeError says something else. */
const outside: ReadonlySet<string> = new Set(
  [() => new DataView(new ArrayBuffer(0)).setUint8(0, 0), () => new Uint8Array(0).set([0], 0)].map(
    (write) => {
      try {
        write();
      } catch (error) {
        return (error as RangeError).message;
      }
      throw new Error("the engine writes behind the end of memory");
    },
  ),
);
