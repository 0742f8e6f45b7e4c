/**
 * Golden vectors of channels with `compress`: messages that are deflated, by a deflater whose bytes never change
 * (bytes/deflate.ts), and payloads that every reader refuses: an unknown form, a stream that is cut off, too long, no
 * shorter than what it makes, or followed by something. Worst case: three and seven of each channel.
 */
import { deflateFixed } from "../bytes/deflate.ts";
import { TooLarge } from "../bytes/sink.ts";
import { DEFLATED } from "../interpret/compression.ts";
import { writeMessage } from "../interpret/write-message.ts";
import type { Lookup } from "../model/lookup.ts";
import type { ChannelModel } from "../model/model.ts";
import type { Case } from "./vector-cases.ts";

export interface RefusedPayload {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface DeflatedCase extends RefusedPayload {
  readonly value: Record<string, unknown>;
}

const MAX_DEFLATED_CASES = 3;
/** What inflates to more than a channel's bound is shown where that is not above this. */
const MAX_BOMB_BYTES = 65_536;

/** Cases of a channel that get shorter; none where it has no `compress`. */
export function deflatedCases(
  lookup: Lookup,
  { compress, message, maxBytes }: ChannelModel,
  cases: readonly Case[],
): DeflatedCase[] {
  if (!compress) return [];
  const found: DeflatedCase[] = [];
  for (const { name, value } of cases) {
    const bytes = bytesOf(lookup, message, value, maxBytes);
    const deflated = bytes === undefined ? undefined : deflateFixed(bytes);
    if (deflated === undefined || deflated.length >= bytes!.length) continue;
    found.push({ name, value, bytes: payload(deflated) });
    if (found.length === MAX_DEFLATED_CASES) break;
  }
  return found;
}

function bytesOf(
  lookup: Lookup,
  message: string,
  value: unknown,
  maxBytes: number,
): Uint8Array | undefined {
  try {
    return writeMessage(lookup, message, value, maxBytes);
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    throw error;
  }
}

function payload(stream: Uint8Array, ...behind: number[]): Uint8Array {
  return Uint8Array.from([DEFLATED, ...stream, ...behind]);
}

/** What a channel with `compress` refuses besides messages that are wrong themselves. */
export function refusedCompression(
  lookup: Lookup,
  channel: ChannelModel,
  cases: readonly Case[],
): RefusedPayload[] {
  const { maxBytes } = channel;
  const rows: RefusedPayload[] = [
    { name: "nothing, not even the form", bytes: Uint8Array.of() },
    { name: "neither stored nor deflated", bytes: Uint8Array.of(DEFLATED + 1, 0) },
    { name: "deflated, without a stream", bytes: payload(Uint8Array.of()) },
  ];
  if (maxBytes < MAX_BOMB_BYTES) {
    const bomb = deflateFixed(new Uint8Array(maxBytes + 1));
    rows.push({ name: "inflates to one byte too many", bytes: payload(bomb) });
  }
  const least = cases.find(({ name }) => name === "minimum")!.value;
  const literal = deflateFixed(writeMessage(lookup, channel.message, least));
  const [good] = deflatedCases(lookup, channel, cases);
  if (good === undefined) return rows;
  const stream = good.bytes.subarray(1);
  rows.push(
    { name: "a stream that is cut off", bytes: payload(stream.subarray(0, -1)) },
    { name: "a byte behind the stream", bytes: payload(stream, 0) },
  );
  const { length } = writeMessage(lookup, channel.message, least);
  if (literal.length >= length) {
    rows.push({ name: "deflated, and no shorter for it", bytes: payload(literal) });
  }
  return rows;
}
