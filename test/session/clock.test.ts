/**
 * What sessions learn of each other's clock, in virtual time, against the true one: over links that are longer one way than the
 * other, that lose and reorder, between clocks that drift, as far as they may.
 */
import { expect, it } from "vitest";
import { clockErrorMs, clockOffsetMs, clockView, MAX_CLOCK_DRIFT } from "#src/clock.js";
import type { Session } from "#src/session/session.js";
import type { LinkOptions } from "#src/testing/index.js";
import { type Endpoint, Pair, SeededRandom } from "#src/testing/index.js";
import type { Writer } from "#src/wire/writer.js";
import { handProtocol } from "../support/hand-protocol.ts";
import { numberedPayload, side } from "../support/session-pair.ts";

const protocol = handProtocol({ clock: true });

/** A session whose thread has a clock of its own: it began at another time, and runs at another speed. */
class OnOwnClock implements Endpoint {
  readonly #session: Session;
  readonly #speed: number;
  #setMs = 0;

  constructor(session: Session, speed: number) {
    this.#session = session;
    this.#speed = speed;
  }

  /** What it shows at a true time. */
  shows(trueMs: number): number {
    return trueMs * this.#speed + this.#setMs;
  }

  /** The machine has slept: its clock has not gone on. */
  sleep(ms: number): void {
    this.#setMs -= ms;
  }

  handleDatagram(bytes: Uint8Array, view: DataView, length: number, trueMs: number): unknown {
    return this.#session.handleDatagram(bytes, view, length, this.shows(trueMs));
  }

  handleTimeout(trueMs: number): void {
    this.#session.handleTimeout(this.shows(trueMs));
  }

  pollTransmit(w: Writer, trueMs: number): number {
    return this.#session.pollTransmit(w, this.shows(trueMs));
  }

  pollDeadline(): number {
    const atMs = this.#session.pollDeadline();
    // Rounded up, or a deadline would come again and again a moment too early.
    return (atMs - this.#setMs) / this.#speed + 1e-6;
  }
}

interface World {
  readonly pair: Pair;
  readonly client: ReturnType<typeof side>;
  readonly server: ReturnType<typeof side>;
  /** How far what the client believes is off, and by how much it says it may be. */
  look(): { readonly wrongMs: number; readonly errorMs: number; readonly shownMs: number };
}

const SERVER_AHEAD_MS = 86_400_000.4;

function world(options: {
  readonly seed: number;
  readonly up: LinkOptions;
  readonly down: LinkOptions;
  readonly clientSpeed: number;
  readonly serverSpeed: number;
}): World & { readonly a: OnOwnClock } {
  const { seed, up, down, clientSpeed, serverSpeed } = options;
  const client = side(protocol, "client", seed);
  const server = side(protocol, "server", seed + 1, { clockAheadMs: SERVER_AHEAD_MS });
  const a = new OnOwnClock(client.session, clientSpeed);
  const b = new OnOwnClock(server.session, serverSpeed);
  const pair = new Pair({ a, b, fromA: up, fromB: down, seed });
  const look = () => {
    const trueMs = pair.time.nowMs;
    const { words } = client.session.clock!;
    const ownMs = a.shows(trueMs);
    const shownMs = ownMs + clockOffsetMs(words, ownMs);
    return {
      wrongMs: Math.abs(shownMs - (b.shows(trueMs) + SERVER_AHEAD_MS)),
      errorMs: clockErrorMs(words, ownMs),
      shownMs,
    };
  };
  return { pair, client, server, look, a };
}

it.each([
  ["straight", { delayMs: 25 }, { delayMs: 25 }, 0, 0, 30],
  ["longer there", { delayMs: 120, jitterMs: 20 }, { delayMs: 10, jitterMs: 4 }, 0, 0, 80],
  ["longer back", { delayMs: 5 }, { delayMs: 90, jitterMs: 60, loss: 0.2 }, 0.4, -0.4, 70],
  ["drifting apart", { delayMs: 30, jitterMs: 30 }, { delayMs: 30, jitterMs: 30 }, 0.5, -0.499, 50],
  ["drifting together", { delayMs: 40, loss: 0.3 }, { delayMs: 60, loss: 0.3 }, -0.5, 0.499, 60],
  ["out of order", { delayMs: 20, reordering: 0.3 }, { delayMs: 20, reordering: 0.3 }, 0.1, 0, 30],
] as const)(
  "knows the server's clock as well as it says: %s",
  (_name, up, down, slow, fast, most) => {
    for (const seed of [1, 2, 3]) {
      const { pair, client, server, look } = world({
        seed,
        up,
        down,
        clientSpeed: 1 - slow * MAX_CLOCK_DRIFT,
        serverSpeed: 1 - fast * MAX_CLOCK_DRIFT,
      });
      const random = new SeededRandom(seed);
      expect(look().errorMs).toBe(Number.POSITIVE_INFINITY);
      let shownMs = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < 1500; i++) {
        client.send("pose", numberedPayload(i, 20));
        if (random.chance(0.7)) server.send("pose", numberedPayload(i, 20));
        // Now and then nobody says anything for a while.
        pair.run(random.chance(0.01) ? 2500 : 17);
        const seen = look();
        expect(seen.wrongMs, `seed ${seed}, ${pair.time.nowMs} ms`).toBeLessThanOrEqual(
          seen.errorMs + 1e-6,
        );
        if (seen.errorMs === Number.POSITIVE_INFINITY) continue;
        // Never back.
        expect(seen.shownMs).toBeGreaterThan(shownMs);
        shownMs = seen.shownMs;
      }
      // And it is good for something: no worse than half of the way there and back.
      expect(look().errorMs).toBeLessThan(most);
    }
  },
);

it("knows the client's clock at the server too, and says so when it knows more", () => {
  const told: number[] = [];
  const client = side(protocol, "client", 5);
  const server = side(protocol, "server", 6, { clockAheadMs: 1000 });
  const inbox = server.inbox as unknown as { clock(words: Float64Array): void };
  inbox.clock = (words) => void told.push(words[2]!);
  const pair = new Pair({ a: client.session, b: server.session, link: { delayMs: 10 }, seed: 5 });
  for (let i = 0; i < 200; i++) {
    server.send("pose", numberedPayload(i, 20));
    client.send("pose", numberedPayload(i, 20));
    pair.run(10);
  }
  expect(told.length).toBeGreaterThan(5);
  expect(told.length).toBeLessThan(20);
  expect(Math.abs(told.at(-1)! + 1000)).toBeLessThan(11);
});

it("begins anew where a clock has been set, or its machine has slept", () => {
  const links = { up: { delayMs: 20 }, down: { delayMs: 20 } };
  const { pair, client, look, a } = world({ seed: 7, ...links, clientSpeed: 1, serverSpeed: 1 });
  const talk = () => {
    for (let i = 0; i < 200; i++) {
      client.send("pose", numberedPayload(i, 20));
      pair.run(20);
    }
  };
  talk();
  expect(look().errorMs).toBeLessThan(25);
  a.sleep(0);
  pair.run(5000);
  a.sleep(-30_000);
  talk();
  const after = look();
  expect(after.wrongMs).toBeLessThanOrEqual(after.errorMs);
  expect(after.errorMs).toBeLessThan(25);
});

it("is told any clock by a peer, and stays a number with a bound", () => {
  const random = new SeededRandom(12);
  const { pair, client, server } = world({
    seed: 12,
    up: { delayMs: 20 },
    down: { delayMs: 20 },
    clientSpeed: 1,
    serverSpeed: 1,
  });
  const lies = [0, Number.MAX_SAFE_INTEGER, 1, 2 ** 52];
  server.session.clock!.reading = () => lies[random.integer(0, lies.length - 1)]!;
  for (let i = 0; i < 300; i++) {
    client.send("pose", numberedPayload(i, 20));
    pair.run(20);
    const { words } = client.session.clock!;
    expect(Number.isFinite(clockOffsetMs(words, pair.time.nowMs))).toBe(true);
    expect(clockErrorMs(words, pair.time.nowMs)).toBeGreaterThanOrEqual(0);
  }
  expect(client.session.clock!.words.every(Number.isFinite)).toBe(true);
});

it("sends nothing for it, and a clock once in a while", () => {
  const run = (clock: boolean) => {
    const of = handProtocol({ clock });
    const client = side(of, "client", 9);
    const server = side(of, "server", 10);
    const pair = new Pair({ a: client.session, b: server.session, link: { delayMs: 15 }, seed: 9 });
    for (let i = 0; i < 1000; i++) {
      client.send("pose", numberedPayload(i, 20));
      server.send("pose", numberedPayload(i, 20));
      pair.run(20);
    }
    return server.session.counters;
  };
  const [without, withClock] = [run(false), run(true)];
  expect(withClock.datagramsSent).toBe(without.datagramsSent);
  // 20 s: ten at first, then one a second; limit and clock take up to nine bytes.
  const more = withClock.bytesSent - without.bytesSent;
  expect(more).toBeGreaterThan(0);
  expect(more).toBeLessThan(30 * 9);
});

it("has no clock where the layout has none", () => {
  const client = side(handProtocol(), "client", 11);
  expect(client.session.clock).toBeUndefined();
  expect(() =>
    clockView(
      () => client.session.clock?.words,
      () => 0,
    ),
  ).toThrow(/role: clock/);
});
