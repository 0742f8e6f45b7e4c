/**
 * A message's bytes beside any ring, for what goes into several, and for what may be so large that no ring has room for the
 * largest: encoded once, whatever its getters say next time or do, and no ring is open meanwhile. Not for small messages to
 * one peer, which are written where they are read. Worst case: one allocation for each message that may be large.
 */
import { InvalidMessageError } from "../errors.ts";
import type { MessageEncoder } from "../protocol.ts";
import { Writer } from "../wire/writer.ts";

const MIN_BESIDE_BYTES = 4096;
/** Where messages are written that are never large; away while one is, so that a getter that encodes another has its own. */
let beside: Writer | undefined;

/** The bytes of `message`, valid until the next call. Throws InvalidMessageError. */
export function encodeOnce<M>(encoder: MessageEncoder<M>, message: M): Uint8Array {
  return encoder.write === undefined ? encodeLarge(encoder, message) : writeSmall(encoder, message);
}

function writeSmall<M>(encoder: MessageEncoder<M>, message: M): Uint8Array {
  const { maxBytes } = encoder;
  const fits = beside !== undefined && maxBytes <= beside.bytes.length;
  const w = fits ? beside! : new Writer(new Uint8Array(Math.max(MIN_BESIDE_BYTES, maxBytes)));
  beside = undefined;
  try {
    return w.bytes.subarray(0, encoder.write!(message, w, 0));
  } finally {
    beside = w;
  }
}

function encodeLarge<M>(encoder: MessageEncoder<M>, message: M): Uint8Array {
  const size = encoder.size(message);
  const w = new Writer(new Uint8Array(size));
  try {
    encoder.encode(message, w);
  } catch (error) {
    // Of what writes at the end of the memory.
    if (!(error instanceof RangeError)) throw error;
    w.at = -1;
  }
  if (w.at !== size) throw new InvalidMessageError("", "changed while it was written");
  return w.bytes;
}
