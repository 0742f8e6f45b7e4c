/**
 * Requests and answers of two sides in virtual time, over channels that reorder and that run full as a session's do; then
 * what a hostile side may say.
 */
import { expect, it } from "vitest";
import { countersOf, requestCounters } from "#src/counters.js";
import { closedError } from "#src/endpoint.js";
import {
  declinedWith,
  InvalidMessageError,
  RequestError,
  type StardustError,
} from "#src/errors.js";
import { Exchange, type ExchangeMessage } from "#src/exchange.js";
import type { RespondContext } from "#src/face.js";
import { WAITING_PER_OPEN_REQUEST } from "#src/limits.js";
import type { ChannelDefinition, Direction, Role } from "#src/protocol.js";
import { Responders } from "#src/responders.js";
import { SeededRandom } from "#src/testing/random.js";
import { VirtualTime } from "#src/testing/virtual-time.js";

const MAX_OPEN = 256;

type Context = RespondContext<
  object,
  { kind: "poor"; value: { missing: number } } | { kind: "gone"; value: object }
>;
type Answerer = (message: { n: number }, context: Context) => unknown;

function channel(index: number, name: string, asks: Direction): ChannelDefinition {
  return { index, name, asks } as ChannelDefinition;
}

const channels = [
  channel(0, "up", "client-to-server"),
  channel(1, "down", "server-to-client"),
  channel(2, "both", "both"),
];

class Side {
  readonly counters = countersOf(requestCounters)();
  readonly responders = new Responders(channels);
  readonly faults: string[] = [];
  readonly exchange: Exchange;
  readonly name: "client" | "peer";
  /** Messages that the queue towards the other side takes. */
  room = Number.POSITIVE_INFINITY;
  /** What has been said, in order. */
  readonly said: ExchangeMessage[] = [];
  gone = false;
  refused = false;
  deliver: (channel: number, message: ExchangeMessage) => void = () => {};

  constructor(role: Role, time: VirtualTime, maxOpen: number) {
    this.name = role === "client" ? "client" : "peer";
    this.exchange = new Exchange(
      {
        channels,
        role,
        responders: this.responders,
        counters: this.counters,
        onFault: (error, where) => this.faults.push(`${where}: ${(error as Error).message}`),
        maxOpen,
        later: (ms, callback) => {
          let isOn = true;
          time.after(ms, () => isOn && callback());
          return () => {
            isOn = false;
          };
        },
        firstId: 0,
        idStep: 1,
      },
      {
        name: this.name,
        origin: [],
        send: (index, message) => {
          if (this.gone) throw closedError(this.name);
          if ((message.body.value as { n?: unknown })?.n === "wrong") {
            throw new InvalidMessageError("body.value.n", "must be a number");
          }
          if (this.room === 0) {
            this.refused = true;
            return false;
          }
          this.room--;
          this.said.push(message);
          this.deliver(index, message);
          return true;
        },
      },
    );
  }

  /** Takes what the other side has said. */
  take(index: number, message: ExchangeMessage): void {
    this.exchange.handle(index, message, () => ({}));
  }

  /** The queue has so much room again. */
  makeRoom(room: number): void {
    this.room = room;
    if (!this.refused) return;
    this.refused = false;
    this.exchange.drained();
  }

  answer(index: number, responder: Answerer): void {
    this.responders.respond(index, responder as (...args: unknown[]) => unknown);
  }
}

class Pair {
  readonly time = new VirtualTime();
  readonly client: Side;
  readonly server: Side;

  /** Each message takes so long; each side has so many open. */
  constructor(delayMs: () => number = () => 5, [ofClient, ofServer] = [MAX_OPEN, MAX_OPEN]) {
    this.client = new Side("client", this.time, ofClient);
    this.server = new Side("server", this.time, ofServer);
    const link = (to: Side) => (index: number, message: ExchangeMessage) => {
      // What travels is a copy.
      const copy = structuredClone(message);
      this.time.after(delayMs(), () => to.take(index, copy));
    };
    this.client.deliver = link(this.server);
    this.server.deliver = link(this.client);
  }

  /** Lets time pass until nothing is scheduled, promises in between. */
  async run(untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      if (this.time.nextMs > untilMs || !this.time.step()) break;
    }
    if (untilMs < Number.POSITIVE_INFINITY) this.time.runUntil(untilMs);
  }
}

/** What became of a promise, once it is known: the response, or the code of the error. */
function fate(promise: Promise<unknown>): { is: unknown } {
  const known = { is: "open" as unknown };
  promise.then(
    (value) => {
      known.is = value;
    },
    (error: StardustError) => {
      known.is = error.code;
    },
  );
  return known;
}

it("answers each request with its own answer, both ways at once, however messages are reordered", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const pair = new Pair(() => 1 + Math.floor(random.next() * 50));
    const { client, server, time } = pair;
    const slowly: Answerer = ({ n }) =>
      new Promise((resolve) => time.after(random.next() * 30, () => resolve({ n: n * 2 })));
    for (const side of [client, server]) side.answer(2, slowly);
    const fates: (readonly [number, { is: unknown }])[] = [];
    for (let n = 0; n < 200; n++) {
      const side = n % 2 === 0 ? client : server;
      fates.push([n, fate(side.exchange.request(2, { n }))]);
    }
    await pair.run();
    for (const [n, { is }] of fates) expect(is, `seed ${seed}`).toEqual({ n: n * 2 });
    expect(client.counters).toMatchObject({ requestsMade: 100, requestsAnswered: 100 });
    expect([...client.faults, ...server.faults]).toEqual([]);
  }
});

it("a queue that runs full holds requests, cancels and answers back, and loses none", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = new SeededRandom(seed);
    const pair = new Pair(() => 1 + Math.floor(random.next() * 9));
    const { client, server, time } = pair;
    for (const side of [client, server]) {
      side.room = 3;
      side.answer(2, ({ n }) => ({ n: n + 1000 }));
      const refill = (): void => {
        side.makeRoom(Math.floor(random.next() * 4));
        if (time.nowMs < 3000) time.after(7, refill);
      };
      refill();
    }
    const fates = Array.from({ length: 100 }, (_, n) =>
      [client, server].map((side) => fate(side.exchange.request(2, { n }))),
    );
    await pair.run();
    fates.forEach((both, n) => {
      for (const { is } of both) expect(is, `seed ${seed}, ${n}`).toEqual({ n: n + 1000 });
    });
  }
});

it("declines with what the spec declares, returned or thrown, and with nothing else", async () => {
  const pair = new Pair();
  const { client, server } = pair;
  const answers: Record<number, Answerer> = {
    1: (_, context) => context.decline("poor", { missing: 3 }),
    2: async (_, context) => {
      throw context.decline("gone");
    },
    3: () => {
      throw new Error("the text stays here");
    },
    4: async () => Promise.reject(new TypeError("planted")),
    5: () => ({ n: "wrong" }),
  };
  server.answer(0, (message, context) => answers[message.n]!(message, context));
  const outcomes = Object.keys(answers).map((n) =>
    client.exchange.request(0, { n: Number(n) }).catch((error: unknown) => error),
  );
  await pair.run();
  const [poor, gone, ...faults] = (await Promise.all(outcomes)) as RequestError[];
  expect(declinedWith("up", poor)).toEqual({ kind: "poor", value: { missing: 3 } });
  expect(declinedWith("both", poor)).toBeUndefined();
  expect(declinedWith("up", gone)).toEqual({ kind: "gone", value: {} });
  for (const fault of faults) {
    expect(fault).toBeInstanceOf(RequestError);
    expect(fault.code).toBe("STARDUST_REQUEST_INTERNAL");
    expect(declinedWith("up", fault)).toBeUndefined();
  }
  expect(server.faults).toEqual([
    "respond.up: the text stays here",
    "respond.up: planted",
    "respond.up: up: n: must be a number",
  ]);
  expect(JSON.stringify(server.said)).not.toContain("stays here");
  expect(server.counters.requestsFailed).toBe(3);
});

it("what another request was declined with is a fault here, not an answer", async () => {
  const pair = new Pair();
  const { client, server } = pair;
  let first: Context | undefined;
  server.answer(0, (_, context) => {
    first ??= context;
    return first.decline("gone");
  });
  const codes = [1, 2].map((n) => fate(client.exchange.request(0, { n })));
  await pair.run();
  expect(codes.map(({ is }) => is)).toEqual([
    "STARDUST_REQUEST_DECLINED",
    "STARDUST_REQUEST_INTERNAL",
  ]);
});

it("giving up reaches the other side, by time and by signal, and its answer is then of no interest", async () => {
  const pair = new Pair();
  const { client, server, time } = pair;
  const fired: number[] = [];
  server.answer(0, ({ n }, { signal }) => {
    signal.addEventListener("abort", () => fired.push(n));
    return new Promise((resolve, reject) => {
      time.after(500, () => resolve({ n }));
      if (n === 2) signal.addEventListener("abort", () => reject(signal.reason));
    });
  });
  const stop = new AbortController();
  const late = fate(client.exchange.request(0, { n: 1 }, { timeoutMs: 100 }));
  const aborted = fate(client.exchange.request(0, { n: 2 }, { signal: stop.signal }));
  const kept = fate(client.exchange.request(0, { n: 3 }));
  time.after(50, () => stop.abort("enough"));
  await pair.run(99);
  expect(aborted.is).toBe("STARDUST_REQUEST_ABORTED");
  expect(fired).toEqual([2]);
  await pair.run(200);
  expect(late.is).toBe("STARDUST_REQUEST_TIMEOUT");
  expect(fired).toEqual([2, 1]);
  await pair.run();
  expect(kept.is).toEqual({ n: 3 });
  // That it ended because it was to end is no fault, and the late answers do not travel.
  expect(server.faults).toEqual([]);
  expect(server.said).toHaveLength(1);
  expect(server.counters.requestsCancelled).toBe(2);
  expect(client.counters).toMatchObject({ requestsTimedOut: 1, requestsAborted: 1 });
  const already = fate(client.exchange.request(0, { n: 4 }, { signal: AbortSignal.abort() }));
  await pair.run();
  expect(already.is).toBe("STARDUST_REQUEST_ABORTED");
  expect(client.counters.requestsMade).toBe(3);
});

it("a cancel that overtakes its request takes effect when that comes", async () => {
  let delays = [100, 1];
  const pair = new Pair(() => delays.shift() ?? 1);
  const { client, server } = pair;
  server.answer(0, () => ({}));
  const stop = new AbortController();
  fate(client.exchange.request(0, { n: 1 }, { signal: stop.signal }));
  stop.abort();
  await pair.run();
  expect(server.counters).toMatchObject({ cancelsUnknown: 1, requestsAnswered: 0 });
  // A number that is given up late is not remembered against the next.
  delays = [];
  const next = fate(client.exchange.request(0, { n: 2 }));
  await pair.run();
  expect(next.is).toEqual({});
});

it("what has not left when it is given up never leaves", async () => {
  const pair = new Pair();
  const { client, server } = pair;
  client.room = 0;
  server.answer(0, () => ({}));
  const late = fate(client.exchange.request(0, { n: 1 }, { timeoutMs: 10 }));
  const kept = fate(client.exchange.request(0, { n: 2 }));
  await pair.run(20);
  expect(late.is).toBe("STARDUST_REQUEST_TIMEOUT");
  client.makeRoom(10);
  await pair.run();
  expect(kept.is).toEqual({});
  expect(client.said.map(({ id, body }) => [id, body.kind])).toEqual([[1, "request"]]);
});

it("without a responder it says so, but not before who is setting up has had a turn", async () => {
  const pair = new Pair();
  const { client, server } = pair;
  const nobody = fate(client.exchange.request(0, { n: 1 }));
  await pair.run();
  expect(nobody.is).toBe("STARDUST_REQUEST_UNANSWERED");
  expect(server.counters.requestsUnanswered).toBe(1);
  const justInTime = fate(client.exchange.request(0, { n: 1 }));
  pair.time.after(5, () => server.answer(0, () => ({ n: 5 })));
  await pair.run();
  expect(justInTime.is).toEqual({ n: 5 });
});

it("one answers a channel, and may be taken off again", () => {
  const { server } = new Pair();
  const off = server.responders.respond(0, () => ({}));
  expect(() => server.responders.respond(0, () => ({}))).toThrow(/there is one already/);
  expect(() => server.responders.respond(2, 3 as never)).toThrow(/a responder is a function/);
  off();
  server.answer(0, () => ({}));
  const given = { up: () => ({}) };
  expect(() => server.responders.addAll(given, "client", "responders")).toThrow(
    "responders.up: there is no such channel on which the client is asked; there are down, both",
  );
});

it("a side that goes leaves nothing open, and fires the signals of what it had asked", async () => {
  const pair = new Pair();
  const { client, server } = pair;
  let fired = 0;
  server.answer(0, (_, { signal }) => {
    signal.addEventListener("abort", () => fired++);
    return new Promise(() => {});
  });
  const fates = [1, 2, 3].map((n) =>
    fate(client.exchange.request(0, { n }, { timeoutMs: Infinity })),
  );
  await pair.run();
  client.exchange.close();
  server.exchange.close();
  await pair.run();
  expect(fates.map(({ is }) => is)).toEqual(Array(3).fill("STARDUST_CLOSED"));
  expect(fired).toBe(3);
  const after = fate(client.exchange.request(0, { n: 4 }));
  await pair.run();
  expect(after.is).toBe("STARDUST_CLOSED");
});

it("no more are open at once than may be, and then it says so", async () => {
  const pair = new Pair();
  const { client, server, time } = pair;
  server.answer(0, () => new Promise((resolve) => time.after(50, () => resolve({}))));
  const fates = Array.from({ length: MAX_OPEN + 2 }, (_, n) =>
    fate(client.exchange.request(0, { n })),
  );
  await pair.run();
  expect(fates.filter(({ is }) => is === "STARDUST_REQUEST_BUSY")).toHaveLength(2);
  expect(client.counters.requestsOverLimit).toBe(2);
  expect(server.counters.requestsAnswered).toBe(MAX_OPEN);
  const again = fate(client.exchange.request(0, { n: 1 }));
  await pair.run();
  expect(again.is).toEqual({});
});

it("each side has a number of its own, and holds the other to it", async () => {
  const pair = new Pair(undefined, [3, 2]);
  const { client, server, time } = pair;
  for (const side of [client, server]) {
    side.answer(2, () => new Promise((resolve) => time.after(50, () => resolve({}))));
  }
  const ask = ({ exchange }: Side, count: number) =>
    Array.from({ length: count }, (_, n) => fate(exchange.request(2, { n })));
  const up = ask(client, 4);
  const down = ask(server, 3);
  await pair.run();
  const fates = (of: readonly { is: unknown }[]) => of.map(({ is }) => is);
  const busy = "STARDUST_REQUEST_BUSY";
  // The third was made and is refused at the other side; the fourth was not made.
  expect(fates(up)).toEqual([{}, {}, busy, busy]);
  expect(fates(down)).toEqual([{}, {}, busy]);
  expect(client.counters).toMatchObject({ requestsMade: 3, requestsOverLimit: 1, requestsBusy: 0 });
  expect(server.counters).toMatchObject({ requestsMade: 2, requestsOverLimit: 1, requestsBusy: 1 });
  expect(fates(ask(client, 2))).toEqual(["open", "open"]);
  await pair.run();
});

it("with a place for one, everybody has their turn, and cancels that come early are remembered", async () => {
  const pair = new Pair(undefined, [8, 1]);
  const { client, server } = pair;
  server.room = 0;
  server.answer(0, () => ({}));
  for (let id = 0; id < 100; id++) {
    server.take(0, { id, body: { kind: "request", value: { n: 1 } } });
  }
  expect(server.counters).toMatchObject({ requestsAnswered: 1, answersDropped: 96 });
  server.makeRoom(Number.POSITIVE_INFINITY);
  for (const id of [200, 201]) server.take(0, { id, body: { kind: "cancel", value: {} } });
  for (const id of [200, 201]) {
    server.take(0, { id, body: { kind: "request", value: { n: 1 } } });
  }
  expect(server.counters).toMatchObject({ requestsAnswered: 2, cancelsUnknown: 2 });
  for (let n = 0; n < 3; n++) {
    const one = fate(client.exchange.request(0, { n }));
    await pair.run();
    expect(one.is).toEqual({});
  }
});

it("options and messages that are wrong reject, and take no place", async () => {
  const { client } = new Pair();
  const wrong = [
    [{ n: "wrong" }, {}, /^up: n: must be a number$/],
    [{ n: 1 }, { timeoutMs: 0 }, /^timeoutMs: /],
    [{ n: 1 }, { signal: 3 }, /^signal: /],
    [{ n: 1 }, 5, /takes its options as an object/],
  ] as const;
  for (const [message, options, says] of wrong) {
    await expect(client.exchange.request(0, message, options as never)).rejects.toThrow(says);
  }
  expect(client.counters.requestsMade).toBe(0);
});

it("asking and giving up makes no more work than may be open", async () => {
  const pair = new Pair();
  const { server, time } = pair;
  let running = 0;
  let most = 0;
  server.answer(0, () => {
    most = Math.max(most, ++running);
    return new Promise((resolve) =>
      time.after(1000, () => {
        running--;
        resolve({});
      }),
    );
  });
  for (let id = 0; id < 5000; id++) {
    server.take(0, { id, body: { kind: "request", value: { n: 1 } } });
    server.take(0, { id, body: { kind: "cancel", value: {} } });
  }
  expect(most).toBe(MAX_OPEN);
  expect(server.counters.requestsBusy).toBe(5000 - MAX_OPEN);
  await pair.run();
  expect(server.faults).toEqual([]);
});

it("a flood of requests from a side that takes no answers is bounded, and then dropped", async () => {
  const pair = new Pair();
  const { server } = pair;
  server.room = 0;
  server.answer(0, () => ({}));
  for (let id = 0; id < 5000; id++) {
    server.take(0, { id, body: { kind: "request", value: { n: 1 } } });
  }
  expect(server.counters.requestsAnswered).toBe(MAX_OPEN);
  expect(server.counters.answersDropped).toBe(5000 - WAITING_PER_OPEN_REQUEST * MAX_OPEN);
  server.makeRoom(Number.POSITIVE_INFINITY);
  expect(server.said).toHaveLength(WAITING_PER_OPEN_REQUEST * MAX_OPEN);
});

it("counts what it is told of no request, twice, by whom it may not be, or in a number that is in use", async () => {
  const pair = new Pair();
  const { client, server } = pair;
  server.answer(0, () => new Promise(() => {}));
  const answered = fate(client.exchange.request(0, { n: 1 }));
  const response = { id: 0, body: { kind: "response", value: { n: 9 } } } as const;
  // On another channel; then twice; then to nothing.
  client.take(2, response);
  client.take(0, response);
  client.take(0, response);
  client.take(0, { id: 77, body: { kind: "failed", value: "busy" } });
  client.take(0, { id: 77, body: { kind: "error", value: { kind: "x", value: {} } } });
  await pair.run();
  expect(answered.is).toEqual({ n: 9 });
  expect(client.counters.answersUnknown).toBe(4);
  // The server asks where only clients do, and answers where only it asks.
  client.take(0, { id: 1, body: { kind: "request", value: {} } });
  client.take(0, { id: 1, body: { kind: "cancel", value: {} } });
  client.take(1, response);
  expect(client.counters.requestsAstray).toBe(3);
  expect(client.said).toHaveLength(1);
  server.take(0, { id: 0, body: { kind: "request", value: {} } });
  expect(server.counters.requestsRepeated).toBe(1);
  for (let id = 1000; id < 9000; id++) server.take(0, { id, body: { kind: "cancel", value: {} } });
  expect(server.counters.cancelsUnknown).toBe(8000);
  expect([...client.faults, ...server.faults]).toEqual([]);
});
