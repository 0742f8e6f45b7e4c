/**
 * Messages of channels with `compress`: one byte says stored (0) or deflated (1), then the message, or a raw DEFLATE
 * stream (RFC 1951) that is shorter than it. Generated codecs wrap theirs in this; a protocol without such a channel does
 * not load it, nor zlib. It runs where messages are encoded and decoded: on the application's thread or in a system.
 * Worst case: a few bytes inflate to the channel's `maxBytes`, never more, and one message at a time.
 */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { MalformedError } from "./errors.ts";
import type { MessageDecoder, MessageEncoder } from "./protocol.ts";
import { Reader } from "./wire/reader.ts";

/** The first byte of a payload. */
const STORED = 0;
const DEFLATED = 1;

/** Shorter messages are stored: deflated, hardly one of them is shorter (decision 83). */
const MIN_DEFLATE_BYTES = 64;
/** What zlib gives out at a time, bytes; it has at least so many at hand however little there is to inflate. */
const MIN_CHUNK_BYTES: number = constants.Z_MIN_CHUNK;
const MAX_CHUNK_BYTES: number = constants.Z_DEFAULT_CHUNK;

/**
 * Encodes what `write` writes, of at most `maxBytes`, and deflates it where that is shorter. `maxBytes` of the result is
 * that of a payload.
 */
export function compressedEncoder<M>(
  maxBytes: number,
  write: MessageEncoder<M>["write"],
): MessageEncoder<M> {
  return {
    maxBytes: maxBytes + 1,
    inPlace: false,
    write(message, w, at) {
      const start = at + 1;
      const end = write(message, w, start);
      const length = end - start;
      // What has no room, or is too long, is the caller's to refuse: it is told by the end.
      if (end > w.bytes.length || length > maxBytes) return end;
      w.bytes[at] = STORED;
      if (length < MIN_DEFLATE_BYTES) return end;
      const deflated = deflateRawSync(w.bytes.subarray(start, end));
      if (deflated.length >= length) return end;
      w.bytes[at] = DEFLATED;
      w.bytes.set(deflated, start);
      return start + deflated.length;
    },
  };
}

/**
 * Decodes by `decode` what `compressedEncoder` writes. Nothing inflates to more than `maxBytes`, or `compatMaxBytes` from
 * a peer of another version.
 */
export function compressedDecoder<M>(
  maxBytes: number,
  compatMaxBytes: number,
  decode: MessageDecoder<M>["decode"],
): MessageDecoder<M> {
  return {
    decode(r) {
      const at = r.take(1);
      const form = r.bytes[at]!;
      if (form === STORED) return whole(decode, r);
      if (form !== DEFLATED) return r.refuse(at, "", `${form} is neither stored nor deflated`);
      const message = Reader.of(inflate(r, r.compat ? compatMaxBytes : maxBytes));
      message.compat = r.compat;
      r.at = r.end;
      try {
        return whole(decode, message);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        const { path, problem, byteOffset } = error;
        throw new MalformedError(path, `${problem} (byte ${byteOffset} of what is inflated)`, 1);
      }
    },
  };
}

function whole<M>(decode: MessageDecoder<M>["decode"], r: Reader): M {
  const message = decode(r);
  r.finish();
  return message;
}

/** What the rest of `r` inflates to: one whole stream, that is shorter than what it makes, which is at most `most` bytes. */
function inflate(r: Reader, most: number): Uint8Array {
  const { at } = r;
  const deflated = r.bytes.subarray(at, r.end);
  // Nothing that is allowed would be longer than this, and zlib takes no bound of zero.
  if (deflated.length >= most) return refuseLength(r);
  let made: { buffer: Uint8Array; engine: { bytesWritten: number } };
  try {
    made = inflateRawSync(deflated, {
      maxOutputLength: most,
      chunkSize: Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, most)),
      info: true,
    }) as unknown as typeof made;
  } catch (error) {
    const { code } = error as { code?: unknown };
    const why = code === "ERR_BUFFER_TOO_LARGE" ? `inflates to more than ${most} bytes` : undefined;
    throw new MalformedError("", why ?? "is no DEFLATE stream", at - r.start);
  }
  const { buffer, engine } = made;
  const over = deflated.length - engine.bytesWritten;
  if (over > 0) return r.refuse(r.end - over, "", `${over} bytes left over behind the stream`);
  if (deflated.length >= buffer.length) return refuseLength(r);
  // Not a Buffer: its `slice` does not copy, and decoded members would keep all of it.
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function refuseLength(r: Reader): never {
  return r.fail("", "is deflated, and no shorter for it");
}
