/**
 * What a simulation needs of the inside of a session: numbers as they are when two sessions have been talking for long,
 * without the talking (2^32 datagrams take too long), and what a session holds. The one place that reaches into a
 * session's private state.
 */
import type { Protocol } from "stardust-udp/protocol";
import type { Session } from "stardust-udp/testing";

interface Sender {
  oldest: number;
  unsent: number;
  next: number;
  nextNumber: number;
  newestAcknowledged: number;
}

interface Receiver {
  window?: { next: number };
  highest: number;
  nextOut?: number;
}

interface Inside {
  readonly sent: {
    next: number;
    base: number;
    largestAcknowledged: number;
    skipAt: number;
    readonly bytesInFlight: number;
    readonly reliableInFlight: number;
  };
  readonly duplicates: { largest: number };
  readonly received: { readonly count: number };
  readonly context: {
    readonly store: { readonly heldBytes: number };
    readonly slices: { readonly used: number; readonly cellBytes: number };
    readonly limit: {
      readonly heldBytes: number;
      readonly flow: { readonly shares: { readonly totalBytes: number } };
    };
    readonly unreliableBytes: number;
    readonly sequencedBytes: number;
  };
  readonly senders: { of(index: number): Sender };
  receivers: { of(index: number): Receiver };
}

const inside = (session: Session): Inside => session as unknown as Inside;

/** Both sides have sent `packets` datagrams, all acknowledged, and `messages` on each channel that numbers them. */
export function age(
  protocol: Protocol,
  client: Session,
  server: Session,
  packets: number,
  messages: number,
): void {
  for (const [from, to, role] of [
    [client, server, "client-to-server"],
    [server, client, "server-to-client"],
  ] as const) {
    const { sent } = inside(from);
    sent.next = packets;
    sent.base = packets;
    sent.largestAcknowledged = packets - 1;
    sent.skipAt += packets;
    inside(to).duplicates.largest = packets - 1;
    for (const { index, reliable, numbered, direction } of protocol.channels) {
      if (!numbered || (direction !== "both" && direction !== role)) continue;
      const sender = inside(from).senders.of(index);
      const receiver = inside(to).receivers.of(index);
      receiver.highest = messages - 1;
      if (reliable) {
        sender.oldest = messages;
        sender.unsent = messages;
        sender.next = messages;
      } else sender.nextNumber = messages;
      sender.newestAcknowledged = messages - 1;
      if (receiver.window !== undefined) receiver.window.next = messages;
      if (receiver.nextOut !== undefined) receiver.nextOut = messages;
    }
  }
}

export interface Holdings {
  readonly bytesInFlight: number;
  readonly reliableInFlight: number;
  /** Of messages that have arrived and wait, with the memory around them. */
  readonly waitingBytes: number;
  /** Of slices of unfinished messages. */
  readonly sliceBytes: number;
  /** What the receive limit counts as arrived and not handed on. */
  readonly chargedBytes: number;
  readonly unreliableBytes: number;
  readonly sequencedBytes: number;
}

/** What a session may hold of the messages that count, by their channels' parts and the pool. */
export function mayHoldBytes(session: Session): number {
  return inside(session).context.limit.flow.shares.totalBytes;
}

export function holdings(session: Session): Holdings {
  const { sent, context } = inside(session);
  return {
    bytesInFlight: sent.bytesInFlight,
    reliableInFlight: sent.reliableInFlight,
    waitingBytes: context.store.heldBytes,
    sliceBytes: context.slices.used * context.slices.cellBytes,
    chargedBytes: context.limit.heldBytes,
    unreliableBytes: context.unreliableBytes,
    sequencedBytes: context.sequencedBytes,
  };
}

/** How many datagrams it has sent that it remembers. */
export function outstanding(session: Session): number {
  const { sent } = inside(session);
  return sent.next - sent.base;
}

/** How many ranges of packet numbers it remembers. */
export function ackRanges(session: Session): number {
  return inside(session).received.count;
}
