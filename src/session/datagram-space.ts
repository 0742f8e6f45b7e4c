/**
 * How much fits into a datagram: of frames, what header and tag leave of it; of an ack block, where there are frames too,
 * ACK_RESERVE_BYTES with the receive limit, because that is what the size of slices leaves free (and the tag besides). A
 * bit field always fits. Not here: which frames. Worst case: one look at each range.
 */
import { ACK_RESERVE_BYTES } from "../limits.ts";
import type { HeaderCodec, Protocol } from "../protocol.ts";
import type { DatagramHeader } from "../wire/header.ts";
import { TAG_BYTES } from "./seal-crypto.ts";

/** Bytes that sealing adds at the end of a datagram. */
const tagBytes: Readonly<Record<Protocol["security"], number>> = {
  plain: 0,
  sealed: TAG_BYTES,
};

/** Bytes left for frames, their headers included, in a datagram of so many bytes that begins with `header`. */
export function roomBytes(header: DatagramHeader, protocol: Protocol, bytes: number): number {
  const { security } = protocol;
  return bytes - tagBytes[security] - protocol.header.size(header);
}

/** Leaves out the oldest ranges until acks and limit fit into what slices leave free for them. True: some are. */
export function trimAcks(header: DatagramHeader, codec: HeaderCodec): boolean {
  const { acks, receiveLimit, clock } = header;
  const { pairs, firstRun } = acks;
  if (pairs === 0) return false;
  // Held against the shortest block, so that the user's own fields that stand with an ack do not count.
  acks.pairs = 0;
  acks.firstRun = 1;
  header.receiveLimit = 0;
  header.clock = 0;
  const limitBytes = codec.hasClock ? 2 : 1;
  const shortestBytes = codec.ackBits / 8 + 2 + (header.limit ? limitBytes : 0);
  const mostBytes = codec.size(header) + ACK_RESERVE_BYTES - shortestBytes;
  acks.pairs = pairs;
  acks.firstRun = firstRun;
  header.receiveLimit = receiveLimit;
  header.clock = clock;
  while (acks.pairs > 0 && codec.size(header) > mostBytes) acks.pairs--;
  return acks.pairs < pairs;
}
