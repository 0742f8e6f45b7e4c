/**
 * Two sessions that have been talking for long, without the talking: sets their numbers to where they would be. The one
 * place that reaches into a session's private state, because sending 2^32 datagrams takes too long.
 */
import type { Protocol } from "#src/protocol.js";
import type { Session } from "#src/session/session.js";
import type { Joined } from "./session-pair.ts";

interface Sender {
  readonly definition: { readonly reliable: boolean };
  oldest: number;
  unsent: number;
  next: number;
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
  };
  readonly duplicates: { largest: number };
  sender(index: number): Sender;
  receivers: { of(index: number): Receiver };
}

const inside = (session: Session): Inside => session as unknown as Inside;

/** Both sides have sent `packets` datagrams, all acknowledged, and `messages` on each reliable channel. */
export function age(protocol: Protocol, world: Joined, packets: number, messages: number): void {
  for (const [from, to] of [
    [world.client, world.server],
    [world.server, world.client],
  ] as const) {
    const { sent } = inside(from.session);
    sent.next = packets;
    sent.base = packets;
    sent.largestAcknowledged = packets - 1;
    sent.skipAt += packets;
    inside(to.session).duplicates.largest = packets - 1;
    for (const { index, reliable, direction } of protocol.channels) {
      if (!reliable || (direction === "client-to-server" && from === world.server)) continue;
      const sender = inside(from.session).sender(index);
      sender.oldest = messages;
      sender.unsent = messages;
      sender.next = messages;
      const receiver = inside(to.session).receivers.of(index);
      receiver.window!.next = messages;
      receiver.highest = messages - 1;
      if (receiver.nextOut !== undefined) receiver.nextOut = messages;
    }
  }
}
