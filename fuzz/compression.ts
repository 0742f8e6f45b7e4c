/**
 * Channels with `compress` as the fuzzer sees them. What lenient.ts puts in the place of `stardust-udp/compression`: the same
 * codecs, but known for what they are. A deflated message may be written in many ways; what it inflates to, in one. Not for
 * programs: nothing here bounds what is inflated but MAX_INFLATED_BYTES.
 */
import { inflateRawSync } from "node:zlib";
import { compressedDecoder, compressedEncoder as soundEncoder } from "stardust-udp/compression";
import type { MessageEncoder } from "stardust-udp/protocol";

export { compressedDecoder };

/** More than any channel takes. */
const MAX_INFLATED_BYTES: number = 4 * 1024 * 1024;
const compressed = new WeakSet<object>();

export function compressedEncoder<M>(
  maxBytes: number,
  write: MessageEncoder<M>["write"],
): MessageEncoder<M> {
  const encoder = soundEncoder(maxBytes, write);
  compressed.add(encoder);
  return encoder;
}

/** Whether an encoder of lenient codecs deflates. */
export function isCompressed(encoder: object): boolean {
  return compressed.has(encoder);
}

/** The message in a payload that may be deflated; what is refused is left as it is. */
export function uncompressed(payload: Uint8Array): Uint8Array {
  const rest = payload.subarray(1);
  if (payload[0] !== 1) return rest;
  try {
    return inflateRawSync(rest, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch {
    return rest;
  }
}
