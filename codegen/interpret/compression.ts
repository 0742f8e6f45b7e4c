/**
 * The payload of a channel: the message as it is or, where the channel has `compress`, behind a byte that says stored
 * or deflated ("Compression" in docs/wire.md). Worst case: what inflates to the channel's `maxBytes`, and no more.
 */
import { inflateRawSync } from "node:zlib";
import { ByteCursor, inBytes, Problem } from "../bytes/cursor.ts";
import { compatMessageBytes } from "../model/channels.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, Model } from "../model/model.ts";
import { readMessage } from "./read-message.ts";
import { writeMessage } from "./write-message.ts";

/** The first byte of a compressed payload. */
export const STORED = 0;
export const DEFLATED = 1;

export interface PayloadReading {
  readonly message: Record<string, unknown>;
  /** Only where it was deflated: the bytes that the message was read from. */
  readonly inflated?: Uint8Array;
}

/** Reads all that is left of `s` as the payload of one message. */
export function readPayload(model: Model, channel: ChannelModel, s: ByteCursor): PayloadReading {
  const lookup = Lookup.of(model);
  if (channel.compress === undefined) return { message: readMessage(lookup, channel.message, s) };
  const at = s.take(1, "compression");
  const form = s.bytes[at]!;
  const text = form === STORED ? "stored" : form === DEFLATED ? "deflated" : undefined;
  s.leaf("compression", at, { value: form, ...(text === undefined ? {} : { text }) });
  if (form === STORED) return { message: readMessage(lookup, channel.message, s) };
  if (form !== DEFLATED) s.fail("is neither stored nor deflated", "compression", at);
  const inflated = inflate(s, s.compat ? compatMessageBytes(model, channel) : channel.maxBytes);
  try {
    const inner = new ByteCursor(inflated, s.compat);
    return { message: readMessage(lookup, channel.message, inner), inflated };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return s.fail(`byte ${error.at} of what it inflates to: ${error.problem}`, error.path, at + 1);
  }
}

function inflate(s: ByteCursor, most: number): Uint8Array {
  const at = s.take(s.left, "deflated");
  const deflated = s.bytes.subarray(at, s.at);
  const fail = (problem: string): never => s.fail(problem, "deflated", at);
  const noShorter = (): never => fail(`${inBytes(deflated.length)}, and no shorter than inflated`);
  // zlib takes no bound of zero.
  if (deflated.length >= most) noShorter();
  let inflated: { buffer: Uint8Array; engine: { bytesWritten: number } };
  try {
    const options = { maxOutputLength: most, info: true };
    inflated = inflateRawSync(deflated, options) as unknown as typeof inflated;
  } catch (error) {
    const tooMuch = (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
    return fail(tooMuch ? `inflates to more than ${inBytes(most)}` : "is no DEFLATE stream");
  }
  const { buffer, engine } = inflated;
  s.leaf("deflated", at, { value: deflated, text: `inflates to ${inBytes(buffer.length)}` });
  const over = deflated.length - engine.bytesWritten;
  if (over > 0) s.fail(`${inBytes(over)} left over behind the stream`, "deflated", s.at - over);
  return deflated.length >= buffer.length ? noShorter() : Uint8Array.from(buffer);
}

/** A message as the payload of its channel, never deflated; throws `TooLarge` above `maxBytes`. */
export function writePayload(
  lookup: Lookup,
  { message, compress, maxBytes }: ChannelModel,
  value: unknown,
): Uint8Array {
  const bytes = writeMessage(lookup, message, value, maxBytes);
  return compress ? storedPayload(bytes) : bytes;
}

/** The bytes of a message behind the byte that says so. */
export function storedPayload(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([STORED, ...bytes]);
}
