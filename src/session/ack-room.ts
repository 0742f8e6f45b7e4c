/**
 * How much of an ack block fits into a datagram that carries frames: ACK_RESERVE_BYTES with the receive limit, because
 * that is what the size of slices leaves free. A bit field always fits. Worst case: one look at each range.
 */
import { ACK_RESERVE_BYTES } from "../limits.ts";
import type { HeaderCodec } from "../protocol.ts";
import type { DatagramHeader } from "../wire/header.ts";

/** Leaves out the oldest ranges until acks and limit fit into what slices leave free for them. True: some are. */
export function trimAcks(header: DatagramHeader, codec: HeaderCodec): boolean {
  const { acks, receiveLimit } = header;
  const { pairs, firstRun } = acks;
  if (pairs === 0) return false;
  // Held against the shortest block, so that the user's own fields that stand with an ack do not count.
  acks.pairs = 0;
  acks.firstRun = 1;
  header.receiveLimit = 0;
  const shortestBytes = codec.ackBits / 8 + 2 + (header.limit ? 1 : 0);
  const mostBytes = codec.size(header) + ACK_RESERVE_BYTES - shortestBytes;
  acks.pairs = pairs;
  acks.firstRun = firstRun;
  header.receiveLimit = receiveLimit;
  while (acks.pairs > 0 && codec.size(header) > mostBytes) acks.pairs--;
  return acks.pairs < pairs;
}
