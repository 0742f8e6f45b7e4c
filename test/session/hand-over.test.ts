/**
 * A session that goes on in another thread: at a random moment it is exported, cloned and imported, and nobody at the other
 * end notices. Every mode, random sizes, loss, stopped readers, plain and sealed, from a seed.
 */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it, test } from "vitest";
import type { Protocol } from "#src/protocol.js";
import {
  exportSession,
  importSession,
  type StateClass,
  stateClasses,
} from "#src/session/hand-over.js";
import { Session, type SessionOptions } from "#src/session/session.js";
import { Pair, SeededRandom } from "#src/testing/index.js";
import type { Writer } from "#src/wire/writer.js";
import { channelIndex, handProtocol, standardChannels } from "../support/hand-protocol.js";
import { sealing } from "../support/sealing.js";
import { broken, numberedPayload, type Side, side } from "../support/session-pair.js";

const channels = standardChannels.map((channel) => ({
  ...channel,
  notices: channel.name !== "tick",
}));
const plain = handProtocol({ channels, userFields: 1, clock: true });
const sealed = handProtocol({ channels, userFields: 1, clock: true, cipher: "aes-256-gcm" });

/** A session that another takes the place of. */
class Movable {
  session: Session;
  /** The number of the newest datagram, over all sessions: none has one twice. */
  newest = -1;

  constructor(session: Session) {
    this.session = session;
  }

  handleDatagram(bytes: Uint8Array, view: DataView, length: number, nowMs: number): unknown {
    return this.session.handleDatagram(bytes, view, length, nowMs);
  }

  handleTimeout(nowMs: number): void {
    this.session.handleTimeout(nowMs);
  }

  pollTransmit(w: Writer, nowMs: number): number {
    const bytes = this.session.pollTransmit(w, nowMs);
    if (bytes > 0) {
      const number = parts(this.session).sent.next - 1;
      expect(number).toBeGreaterThan(this.newest);
      this.newest = number;
    }
    return bytes;
  }

  pollDeadline(): number {
    return this.session.pollDeadline();
  }
}

function parts(session: Session): { readonly sent: { readonly next: number } } {
  return session as unknown as { readonly sent: { readonly next: number } };
}

interface World {
  readonly client: Side;
  server: Side;
  readonly movable: Movable;
  readonly pair: Pair;
  readonly notices: { readonly token: number; readonly delivered: boolean }[];
}

function options(protocol: Protocol, secrets: number): Partial<SessionOptions> {
  if (protocol.security === "plain") return {};
  const given = sealing();
  // The one that takes over is made without them.
  return secrets === 1
    ? { sealing: given }
    : {
        sealing: {
          ...given,
          clientSecret: new Uint8Array(32),
          serverSecret: new Uint8Array(32),
        },
      };
}

function world(protocol: Protocol, seed: number, loss: number): World {
  const client = side(protocol, "client", 2 * seed + 1, options(protocol, 1));
  const server = side(protocol, "server", 2 * seed + 2, options(protocol, 1));
  const notices: { token: number; delivered: boolean }[] = [];
  Object.assign(server.inbox, {
    notice: (_: unknown, token: number, delivered: boolean) => notices.push({ token, delivered }),
  });
  const movable = new Movable(server.session);
  const link = { delayMs: 20, jitterMs: 15, loss };
  const pair = new Pair({ a: client.session, b: movable, link, seed });
  return { client, server, movable, pair, notices };
}

/** Another session takes the place of the server's, in a clone as it would be in another thread. */
function handOver(protocol: Protocol, made: World, seed: number): void {
  const { server, movable, pair } = made;
  const state = structuredClone(exportSession(server.session));
  const random = new SeededRandom(seed);
  const session = new Session({
    protocol,
    role: "server",
    nowMs: pair.time.nowMs,
    random: () => random.next(),
    sink: server.inbox,
    ...options(protocol, 2),
  });
  importSession(session, state);
  expect(isDeepStrictEqual(structuredClone(exportSession(session)), state)).toBe(true);
  movable.session = session;
  const { inbox, sent } = server;
  made.server = {
    session,
    inbox,
    sent,
    send(name, payload) {
      const token = ++tokens;
      const index = channelIndex(protocol, name);
      const has = protocol.channels[index]!.notices === true;
      const taken = session.send(index, payload, 0, payload.length, has ? token : undefined);
      if (taken) sent.set(name, [...(sent.get(name) ?? []), payload]);
      return taken;
    },
  };
  session.ping();
}
let tokens = 0;

const names = channels.map(({ name }) => name);

function talk(protocol: Protocol, made: World, random: SeededRandom, rounds: number): void {
  for (let i = 0; i < rounds; i++) {
    for (const from of [made.client, made.server]) {
      const name = names[random.below(names.length)]!;
      const { fixedBytes, maxBytes, direction } = protocol.channels[channelIndex(protocol, name)]!;
      if (direction !== "both" && from === made.server) continue;
      const length =
        fixedBytes >= 0
          ? fixedBytes
          : 4 + random.below(Math.min(maxBytes - 4, random.chance(0.1) ? 9000 : 200));
      from.send(name, numberedPayload(from.sent.get(name)?.length ?? 0, length, random));
    }
    if (random.chance(0.2)) {
      const { inbox } = made.server;
      const name = names[random.below(names.length)]!;
      if (!inbox.stopped.delete(name)) inbox.stopped.add(name);
      made.server.session.pump();
    }
    if (random.chance(0.5)) made.pair.run(random.below(8));
  }
}

describe.each([
  ["plain", plain],
  ["sealed", sealed],
])("a %s session that is handed over", (_, protocol) => {
  it("goes on as it was, whatever was under way", () => {
    for (let seed = 1; seed <= 2; seed++) {
      const random = new SeededRandom(seed);
      const made = world(protocol, seed, [0, 0.05, 0.2][seed % 3]!);
      for (let move = 0; move < 3; move++) {
        talk(protocol, made, random, 30 + random.below(40));
        if (protocol.security === "sealed" && random.chance(0.5)) made.server.session.updateKeys();
        handOver(protocol, made, seed);
      }
      talk(protocol, made, random, 50);
      made.server.inbox.stopped.clear();
      made.server.session.pump();
      const { client, server, pair } = made;
      const isDone = (): boolean =>
        !client.session.unacknowledged && !server.session.unacknowledged;
      expect(pair.runUntil(isDone, 60_000), `seed ${seed}`).toBe(true);
      pair.run(2000);
      for (const name of names) {
        expect(broken(protocol, name, client, server), `seed ${seed}`).toBe("");
        expect(broken(protocol, name, server, client), `seed ${seed}`).toBe("");
      }
      expect(server.session.failure).toBeUndefined();
    }
  });
});

test("a session that begins later has nothing of one that was handed over", () => {
  const begun = (): unknown => exportSession(side(plain, "server", 9).session);
  const before = structuredClone(begun());
  const made = world(plain, 5, 0.1);
  talk(plain, made, new SeededRandom(5), 60);
  handOver(plain, made, 5);
  talk(plain, made, new SeededRandom(6), 60);
  expect(isDeepStrictEqual(structuredClone(begun()), before)).toBe(true);
});

test("what became of a message is told by the session that took over", () => {
  const made = world(plain, 3, 0.1);
  handOver(plain, made, 3);
  for (let i = 0; i < 40; i++) made.server.send("chat", numberedPayload(i, 50));
  made.pair.run(15);
  handOver(plain, made, 4);
  made.pair.run(10_000);
  expect(made.notices.map(({ delivered }) => delivered)).toEqual(new Array(40).fill(true));
  expect(new Set(made.notices.map(({ token }) => token)).size).toBe(40);
});

/** Classes of objects that a session points at and that are none of its state. */
const others = new Set([
  "Workspace",
  "BlockPool",
  "BudgetShares",
  "FlowTable",
  "ReceivedMessage",
  "Writer",
  "Inbox",
  "DefaultLayout",
]);

test("every object that a session holds is part of its state, or known not to be", () => {
  const made = world(sealed, 5, 0.1);
  talk(sealed, made, new SeededRandom(5), 400);
  const byType = new Map<unknown, StateClass>(stateClasses.map((one) => [one.type, one]));
  const seen = new Set<object>();
  const strange = new Set<string>();
  const unused = new Set(
    stateClasses.flatMap(({ type, given = [] }) => given.map((name) => `${type.name}.${name}`)),
  );
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
    if (seen.has(value)) return;
    seen.add(value);
    if (Array.isArray(value) || value instanceof Map) {
      for (const one of value.values()) walk(one);
      return;
    }
    const type = value.constructor;
    const known = byType.get(type);
    if (type !== Object && known === undefined) {
      if (!others.has(type.name)) strange.add(type.name);
      return;
    }
    for (const [name, one] of Object.entries(value)) {
      if (known?.given?.includes(name)) unused.delete(`${known.type.name}.${name}`);
      else walk(one);
    }
  };
  walk(made.server.session);
  // Cipher and key objects stand in the phases of the keys, which are written as their secrets.
  strange.delete("NodeSealKey");
  expect([...strange]).toEqual([]);
  expect([...unused]).toEqual([]);
});
