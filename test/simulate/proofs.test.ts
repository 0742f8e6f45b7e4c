/** Scenarios of the simulator that take long, or stand at an edge, each for every delivery: seeded, in virtual time. */
import type { Delivery, Protocol } from "stardust-udp/protocol";
import { Session } from "stardust-udp/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { promises } from "#simulate/oracle.js";
import { type Outcome, play } from "#simulate/play.js";
import type { Scenario } from "#simulate/scenario.js";
import { protocolOf } from "#simulate/specs.js";
import { channelIndex, handProtocol } from "../support/hand-protocol.js";
import { indexOf, joined, numberedPayload } from "../support/session-pair.js";

const deliveries = Object.keys(promises) as Delivery[];
let protocol: Protocol;

beforeAll(async () => {
  protocol = await protocolOf("plain");
});

function prove(scenario: Partial<Scenario>): Outcome {
  const outcome = play(
    protocol,
    {
      seed: 1,
      mode: "all",
      link: "",
      path: { fromClient: { delayMs: 20 } },
      messages: 100,
      bothWays: false,
      perTick: 10,
      tickMs: 16,
      sizes: "small",
      ...scenario,
    },
    Session,
  );
  expect(outcome.problem, JSON.stringify(scenario)).toBe("");
  return outcome;
}

describe.each(deliveries)("%s", (mode) => {
  test.each([
    [0.5, 20_000],
    [0.9, 3_600_000],
  ])("comes to rest over a link that loses %d of all datagrams", (loss, withinMs) => {
    for (const seed of [1, 2, 3]) {
      const outcome = prove({ seed, mode, path: { fromClient: { delayMs: 20, loss } } });
      expect(outcome.settledAtMs).toBeLessThan(withinMs);
    }
  });

  test("carries 100,000 messages over a link that loses, reorders and duplicates", {
    timeout: 120_000,
  }, () => {
    const link = { delayMs: 20, loss: 0.02, jitterMs: 5, duplication: 0.01 };
    const path = { fromClient: link };
    const { sent, delivered } = prove({ mode, messages: 100_000, perTick: 200, path });
    expect(sent).toBe(100_000);
    if (mode !== "reliable-sequenced") expect(delivered).toBeGreaterThan(40_000);
  });

  test("goes across every wrap of its numbers", () => {
    const path = { fromClient: { delayMs: 20, loss: 0.2, jitterMs: 10, duplication: 0.1 } };
    for (const bits of [14, 15, 16, 17, 24, 31, 32, 33, 48]) {
      const first = 2 ** bits - 30;
      prove({ mode, path, packets: first, bothWays: true, perTick: 1, messages: 200 });
      prove({ mode, path, numbers: first, bothWays: true, messages: 200 });
      prove({ mode, path, numbers: first, packets: first, messages: 200, sizes: "large" });
    }
  });

  test("flows one way for a quarter of an hour, and what is remembered of it stays small", () => {
    const path = { fromClient: { delayMs: 20, loss: 0.01 } };
    const messages = 15 * 60 * 30;
    const { mostOutstanding } = prove({ mode, path, messages, perTick: 1, tickMs: 1000 / 30 });
    expect(mostOutstanding).toBeLessThan(300);
  });
});

test("silence of a year is silent, and over with the next message", () => {
  const world = joined({ seed: 3, link: { delayMs: 20, jitterMs: 2 } });
  const { client, server, pair } = world;
  const say = (index: number) => {
    client.send("chat", numberedPayload(index, 20));
    server.send("state", numberedPayload(index, 20));
    pair.run(500);
    expect(server.inbox.of("chat")).toHaveLength(index + 1);
    expect(client.inbox.of("state")).toHaveLength(index + 1);
  };
  const sent = () => client.session.counters.datagramsSent + server.session.counters.datagramsSent;
  for (let index = 0; index < 3; index++) {
    say(index);
    const before = sent();
    pair.run(365 * 86_400_000);
    expect(sent()).toBe(before);
    expect(client.session.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(server.session.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  }
});

/** GAME_MINUTES=60 for the hour. */
const GAME_MINUTES = Number(process.env["GAME_MINUTES"] ?? 5);

test("at a game's rate on a clean link nothing is held, resent or refused", {
  timeout: 300_000,
}, () => {
  const hand = handProtocol();
  const world = joined({ seed: 4, protocol: hand, link: { delayMs: 25, jitterMs: 1 } });
  const { client, server, pair } = world;
  const sides = [client, server];
  const sentAtMs: number[] = [];
  let slowestMs = 0;
  let delivered = 0;
  for (const { inbox } of sides) {
    inbox.deliver = ({ bytes, start }) => {
      const index = indexOf(bytes.subarray(start));
      slowestMs = Math.max(slowestMs, pair.time.nowMs - sentAtMs[index]!);
      delivered++;
      return true;
    };
  }
  const ticks = GAME_MINUTES * 60 * 60;
  for (let tick = 0; tick < ticks; tick++) {
    sentAtMs[tick] = pair.time.nowMs;
    for (const { session } of sides) {
      for (const name of ["state", "event"]) {
        const payload = numberedPayload(tick, 200);
        const index = channelIndex(hand, name);
        expect(session.send(index, payload, 0, payload.length)).toBe(true);
      }
    }
    pair.run(1000 / 60);
  }
  pair.run(1000);
  expect(delivered).toBe(4 * ticks);
  expect(slowestMs).toBeLessThan(26.001);
  for (const { session } of sides) {
    expect(session.counters).toMatchObject({ messagesResent: 0, datagramsLost: 0, probesSent: 0 });
  }
});
