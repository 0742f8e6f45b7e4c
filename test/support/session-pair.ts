/** Sessions in virtual time with an oracle: what was sent on each channel against what arrived there. */

import { Oracle } from "#simulate/oracle.js";
import type { ChannelDefinition, Protocol, Role } from "#src/protocol.js";
import type { ReceivedMessage } from "#src/received-message.js";
import { Session, type SessionOptions, type SessionSink } from "#src/session/session.js";
import { type LinkOptions, Pair, SeededRandom } from "#src/testing/index.js";
import { channelIndex, handProtocol } from "./hand-protocol.js";

/** A sink that keeps copies; `accepting` false refuses everything, `stopped` the channels in it. */
export class Inbox implements SessionSink {
  accepting = true;
  readonly stopped: Set<string> = new Set();
  readonly messages: Map<string, Uint8Array[]> = new Map();
  readonly users: number[][] = [];
  readonly drainedChannels: string[] = [];
  refused = 0;

  deliver({ channel, bytes, start, end, user }: ReceivedMessage): boolean {
    if (!this.accepting || this.stopped.has(channel.name)) {
      this.refused++;
      return false;
    }
    this.of(channel.name).push(bytes.slice(start, end));
    this.users.push([...user]);
    return true;
  }

  drained(channel: ChannelDefinition): void {
    this.drainedChannels.push(channel.name);
  }

  of(name: string): Uint8Array[] {
    let list = this.messages.get(name);
    if (list === undefined) {
      list = [];
      this.messages.set(name, list);
    }
    return list;
  }
}

export interface Side {
  readonly session: Session;
  readonly inbox: Inbox;
  /** Takes a message for the channel; what was taken is remembered for the oracle. */
  send(name: string, payload: Uint8Array): boolean;
  readonly sent: Map<string, Uint8Array[]>;
}

export function side(
  protocol: Protocol,
  role: Role,
  seed: number,
  extra: Partial<SessionOptions> = {},
): Side {
  const inbox = new Inbox();
  const random = new SeededRandom(seed);
  const session = new Session({
    protocol,
    role,
    nowMs: 0,
    random: () => random.next(),
    sink: inbox,
    ...extra,
  });
  const sent = new Map<string, Uint8Array[]>();
  return {
    session,
    inbox,
    sent,
    send(name, payload) {
      const taken = session.send(channelIndex(protocol, name), payload, 0, payload.length);
      if (taken) {
        const list = sent.get(name) ?? [];
        list.push(payload);
        sent.set(name, list);
      }
      return taken;
    },
  };
}

export interface Joined {
  readonly client: Side;
  readonly server: Side;
  readonly pair: Pair<Session, Session>;
}

export function joined(options: {
  readonly seed: number;
  readonly protocol?: Protocol;
  readonly link?: LinkOptions;
  readonly fromClient?: LinkOptions;
  readonly fromServer?: LinkOptions;
  readonly client?: Partial<SessionOptions>;
  readonly server?: Partial<SessionOptions>;
  readonly tap?: (from: "a" | "b", datagram: Uint8Array, nowMs: number) => void;
}): Joined {
  const protocol = options.protocol ?? handProtocol();
  const client = side(protocol, "client", options.seed * 2 + 1, options.client);
  const server = side(protocol, "server", options.seed * 2 + 2, options.server);
  const pair = new Pair({
    a: client.session,
    b: server.session,
    link: options.link,
    fromA: options.fromClient,
    fromB: options.fromServer,
    seed: options.seed,
    tap: options.tap,
  });
  return { client, server, pair };
}

/** `index` in the first four bytes, then noise; so that each message is told apart. */
export function numberedPayload(index: number, length: number, random?: SeededRandom): Uint8Array {
  const bytes = new Uint8Array(length);
  random?.fill(bytes);
  if (length >= 4) new DataView(bytes.buffer).setUint32(0, index);
  return bytes;
}

export function indexOf(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

/** What is wrong with what arrived, by the promise of the channel's mode; empty: nothing. */
export function broken(protocol: Protocol, name: string, from: Side, to: Side): string {
  const oracle = new Oracle(protocol.channels[channelIndex(protocol, name)]!.delivery);
  for (const payload of from.sent.get(name) ?? []) oracle.taken(payload);
  for (const payload of to.inbox.of(name)) {
    const problem = oracle.deliver(payload, 0, payload.length);
    if (problem !== "") return `${name}: ${problem}`;
  }
  const problem = oracle.finish(false, false);
  return problem === "" ? "" : `${name}: ${problem}`;
}
