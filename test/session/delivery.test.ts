import { describe, expect, it } from "vitest";
import { type LinkOptions, SeededRandom } from "#src/testing/index.js";
import { channelIndex, handProtocol } from "../support/hand-protocol.js";
import {
  broken,
  type Joined,
  joined,
  numberedPayload,
  type Side,
} from "../support/session-pair.js";

const protocol = handProtocol();
const names = protocol.channels.map((channel) => channel.name);

function sizeFor(name: string, random: SeededRandom): number {
  const channel = protocol.channels[channelIndex(protocol, name)]!;
  if (channel.fixedBytes >= 0) return channel.fixedBytes;
  const most = channel.fragment ? Math.min(channel.maxBytes, 9000) : channel.maxBytes;
  return random.integer(4, random.chance(0.8) ? Math.min(80, most) : most);
}

/** Both sides send on every channel they may, `ticks` times 16 ms apart; then the rest settles. */
function play(world: Joined, ticks: number, random: SeededRandom, settleMs: number): void {
  const sides: [Side, "client" | "server"][] = [
    [world.client, "client"],
    [world.server, "server"],
  ];
  for (let tick = 0; tick < ticks; tick++) {
    for (const [from, role] of sides) {
      for (const name of names) {
        if (name === "order" && role === "server") continue;
        for (let n = random.integer(0, 3); n > 0; n--) {
          const index = from.sent.get(name)?.length ?? 0;
          from.send(name, numberedPayload(index, sizeFor(name, random), random));
        }
      }
    }
    world.pair.run(16);
  }
  world.pair.runUntil(
    () => !world.client.session.unacknowledged && !world.server.session.unacknowledged,
    settleMs,
  );
  world.pair.run(200);
}

function expectPromisesKept(world: Joined): void {
  for (const name of names) {
    expect(broken(protocol, name, world.client, world.server)).toBe("");
    if (name !== "order") expect(broken(protocol, name, world.server, world.client)).toBe("");
  }
  expect(world.client.session.unacknowledged).toBe(false);
  expect(world.server.session.unacknowledged).toBe(false);
}

const networks: [string, LinkOptions][] = [
  ["a perfect network", { delayMs: 1 }],
  ["1 % loss", { delayMs: 25, loss: 0.01 }],
  ["10 % loss", { delayMs: 25, loss: 0.1 }],
  ["30 % loss", { delayMs: 25, loss: 0.3 }],
  ["bursts of loss", { delayMs: 20, burstLoss: { toBad: 0.02, toGood: 0.2 } }],
  ["reordering", { delayMs: 10, jitterMs: 40 }],
  ["duplication", { delayMs: 10, jitterMs: 5, duplication: 0.5 }],
  ["corruption that the checksum finds", { delayMs: 10, corruption: 0.2 }],
  ["a narrow link with a short queue", { delayMs: 20, rateBytesPerMs: 200, queueBytes: 20_000 }],
  ["everything", { delayMs: 20, jitterMs: 30, loss: 0.2, duplication: 0.1, corruption: 0.05 }],
];

describe("every channel keeps its promise", () => {
  for (const [name, link] of networks) {
    for (const seed of [1, 2, 3]) {
      it(`over ${name}, seed ${seed}`, () => {
        const world = joined({ protocol, seed, link });
        play(world, 60, new SeededRandom(seed + 100), 120_000);
        expectPromisesKept(world);
      });
    }
  }

  it("delivers everything, unreliable too, when the network does", () => {
    const world = joined({ protocol, seed: 9, link: { delayMs: 5 } });
    play(world, 100, new SeededRandom(9), 10_000);
    expectPromisesKept(world);
    for (const name of names) {
      // Of those only the newest is promised.
      if (name === "door" || name === "level") continue;
      expect([name, world.server.inbox.of(name).length]).toEqual([
        name,
        world.client.sent.get(name)?.length ?? 0,
      ]);
    }
    expect(world.client.session.counters.datagramsLost).toBe(0);
    expect(world.client.session.counters.messagesResent).toBe(0);
  });

  it("gets through at 99 % loss in the end", () => {
    const world = joined({ protocol, seed: 5, link: { delayMs: 10, loss: 0.99 } });
    world.client.send("chat", numberedPayload(0, 20));
    world.client.send("chat", numberedPayload(1, 20));
    const done = world.pair.runUntil(() => world.server.inbox.of("chat").length === 2, 3_600_000);
    expect(done).toBe(true);
    expect(broken(protocol, "chat", world.client, world.server)).toBe("");
  });

  it("carries a message of 1 MiB over 10 % loss intact", () => {
    const world = joined({ protocol, seed: 6, link: { delayMs: 25, loss: 0.1, jitterMs: 5 } });
    const random = new SeededRandom(6);
    expect(world.client.send("map", numberedPayload(0, 1_048_576, random))).toBe(true);
    expect(world.client.send("map", numberedPayload(1, 300_000, random))).toBe(true);
    expect(world.pair.runUntil(() => world.server.inbox.of("map").length === 2, 120_000)).toBe(
      true,
    );
    expect(broken(protocol, "map", world.client, world.server)).toBe("");
  });

  it("goes on when message numbers have come round", () => {
    const world = joined({ protocol, seed: 7, link: { delayMs: 5, loss: 0.02, jitterMs: 10 } });
    let index = 0;
    const total = 70_000;
    const rounds = 3000;
    for (let round = 0; round < rounds && index < total; round++) {
      for (let i = 0; i < 400 && index < total; i++) {
        if (!world.client.send("chat", numberedPayload(index, 5))) break;
        world.client.send("event", numberedPayload(index, 5));
        index++;
      }
      world.pair.run(4);
    }
    expect(index).toBe(total);
    expect(world.pair.runUntil(() => !world.client.session.unacknowledged, 60_000)).toBe(true);
    expect(broken(protocol, "chat", world.client, world.server)).toBe("");
    expect(world.client.sent.get("event")!.length).toBe(world.server.inbox.of("event").length);
  });
});

describe("a session that may not resend", () => {
  it("loses reliable messages under loss, which shows what resending is for", () => {
    const world = joined({
      protocol,
      seed: 8,
      link: { delayMs: 10, loss: 0.2 },
      client: { resend: false },
    });
    for (let i = 0; i < 300; i++) {
      world.client.send("event", numberedPayload(i, 900));
      world.pair.run(4);
    }
    world.pair.run(20_000);
    expect(world.server.inbox.of("event").length).toBeLessThan(290);
    expect(world.client.session.counters.messagesResent).toBe(0);
    expect(world.client.session.counters.framesAbandoned).toBeGreaterThan(10);
  });
});
