import { describe, expect, it } from "vitest";
import { createCounters } from "#src/zero/counters.js";
import {
  ReliableSequence,
  RetransmissionTimer,
  RtoEstimator,
} from "#src/zero/reliable-sequence.js";
import { restartPauseMs } from "#src/zero/request.js";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { openWorld, seeded, World } from "../support/zero-world.ts";

const bytes = (n: number): Uint8Array => Uint8Array.of(n);

describe("the retransmission timeout", () => {
  it("begins at a quarter of a second, and follows RFC 6298 once measured", () => {
    const rtt = new RtoEstimator();
    expect(rtt.rtoMs).toBe(250);
    rtt.sample(100);
    expect(rtt.rtoMs).toBe(100 + 4 * 50);
    rtt.sample(140);
    expect(rtt.smoothedMs).toBe(100 + 40 / 8);
    expect(rtt.rtoMs).toBe(105 + 4 * (50 * 0.75 + 40 * 0.25));
  });

  it("has a floor of 100 ms and a ceiling of 400", () => {
    const rtt = new RtoEstimator();
    for (let i = 0; i < 50; i++) rtt.sample(1);
    expect(rtt.rtoMs).toBe(100);
    rtt.sample(60_000);
    expect(rtt.rtoMs).toBe(400);
  });

  it("doubles up to a bound, until it is started anew", () => {
    const timer = new RetransmissionTimer({ random: () => 0 });
    timer.start(0);
    const waits: number[] = [];
    for (let i = 0, nowMs = 0; i < 6; i++) {
      waits.push(timer.deadlineMs - nowMs);
      nowMs = timer.deadlineMs;
      timer.backOff(nowMs);
    }
    expect(waits).toEqual([250, 400, 400, 400, 400, 400]);
    timer.start(0);
    expect(timer.deadlineMs).toBe(250);
    timer.stop();
    expect(timer.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("jitter", () => {
  /** What a timer waits for, timeout after timeout. */
  function waits(random: () => number, count: number): number[] {
    const timer = new RetransmissionTimer({ random });
    const found: number[] = [];
    timer.start(0);
    for (let nowMs = 0; found.length < count; timer.backOff(nowMs)) {
      found.push(timer.deadlineMs - nowMs);
      nowMs = timer.deadlineMs;
    }
    return found;
  }

  it("makes every pause longer by up to an eighth, never shorter, and is not doubled", () => {
    expect(waits(() => 0.5, 3)).toEqual([250, 400, 400].map((ms) => ms * (1 + 1 / 16)));
    const random = seeded(7);
    const timeouts = [250, ...Array.from({ length: 999 }, () => 400)];
    const shares = waits(random, 1000).map((ms, i) => ms / timeouts[i]! - 1);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...shares)).toBeLessThanOrEqual(1 / 8);
    // All of the room is used, evenly.
    const quarters = [0, 0, 0, 0];
    for (const share of shares) quarters[Math.floor(share * 32)]!++;
    expect(Math.min(...quarters)).toBeGreaterThan(200);
  });

  it("takes clients apart that began at one moment, and is the same for the same seed", () => {
    const times = (seed: number): string => {
      const pauses = waits(seeded(seed), 5);
      return pauses
        .map((_, i) => Math.round(pauses.slice(0, i + 1).reduce((a, b) => a + b)))
        .join();
    };
    expect(times(1)).toBe(times(1));
    const all = Array.from({ length: 50 }, (_, i) => times(i));
    expect(new Set(all).size).toBe(50);
  });

  it("is of the pause before a new connection id, too, but for the first, which comes at once", () => {
    expect([0, 1, 2, 3, 4, 5].map((restarts) => restartPauseMs(restarts, () => 0))).toEqual([
      0, 1000, 2000, 4000, 8000, 8000,
    ]);
    expect([0, 1, 5].map((restarts) => restartPauseMs(restarts, () => 0.8))).toEqual([
      0, 1100, 8800,
    ]);
  });
});

describe("a sequence", () => {
  it("takes four messages and no more until one is acknowledged", () => {
    const sequence = new ReliableSequence<number>({ sent: 2, received: 1 });
    for (let i = 3; i <= 6; i++) {
      expect(sequence.nextSeq).toBe(i);
      expect(sequence.transmit(bytes(i), 0)).toBe(true);
    }
    expect(sequence.transmit(bytes(7), 0)).toBe(false);
    expect(sequence.nextSeq).toBe(7);
    expect(sequence.acknowledge(3, 10)).toBe(true);
    expect(sequence.transmit(bytes(7), 10)).toBe(true);
  });

  it("sends the oldest again when its time has come, and stops when all is acknowledged", () => {
    const sequence = new ReliableSequence<number>({ sent: 0, received: 0 });
    sequence.transmit(bytes(1), 0);
    sequence.transmit(bytes(2), 0);
    expect(sequence.handleTimeout(249)).toBeUndefined();
    expect(sequence.handleTimeout(250)).toEqual(bytes(1));
    expect(sequence.handleTimeout(251)).toBeUndefined();
    sequence.acknowledge(1, 350);
    expect(sequence.handleTimeout(600)).toEqual(bytes(2));
    expect(sequence.idle).toBe(false);
    sequence.acknowledge(2, 700);
    expect(sequence.idle).toBe(true);
    expect(sequence.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  });

  it("measures what was sent once only (Karn)", () => {
    const sequence = new ReliableSequence<number>({ sent: 0, received: 0 });
    sequence.transmit(bytes(1), 0);
    sequence.handleTimeout(250);
    sequence.acknowledge(1, 1010);
    expect(sequence.rttMs).toBe(0);
    sequence.transmit(bytes(2), 2000);
    sequence.acknowledge(2, 2050);
    expect(sequence.rttMs).toBe(50);
  });

  it("measures what the other side asks for again, but does not repeat it", () => {
    const sequence = new ReliableSequence<number>({ sent: 1, received: 1 });
    sequence.answered(2, 0);
    expect(sequence.nextSeq).toBe(3);
    expect(sequence.deadlineMs).toBe(Number.POSITIVE_INFINITY);
    sequence.acknowledge(2, 40);
    expect(sequence.rttMs).toBe(40);
    const again = new ReliableSequence<number>({ sent: 1, received: 1 });
    again.answered(2, 0);
    again.answered(2, 10);
    again.acknowledge(2, 40);
    expect(again.rttMs).toBe(0);
  });

  it("refuses an acknowledgement of what was never sent", () => {
    const sequence = new ReliableSequence<number>({ sent: 2, received: 1 });
    sequence.transmit(bytes(3), 0);
    expect(sequence.acknowledge(4, 10)).toBe(false);
    expect(sequence.idle).toBe(false);
    expect(sequence.acknowledge(2, 10)).toBe(true);
    expect(sequence.idle).toBe(false);
  });

  it("delivers in order, each once, whatever order and however often they come", () => {
    const sequence = new ReliableSequence<string>({ sent: 0, received: 0 });
    const delivered: string[] = [];
    const arrive = (seq: number): string => {
      const arrival = sequence.receive(seq, `m${seq}`);
      for (let m = sequence.take(); m !== undefined; m = sequence.take()) delivered.push(m);
      return arrival;
    };
    expect(arrive(2)).toBe("held");
    expect(arrive(2)).toBe("duplicate");
    expect(sequence.ack).toBe(0);
    expect(arrive(4)).toBe("held");
    expect(arrive(5)).toBe("beyond");
    expect(arrive(1)).toBe("next");
    expect(sequence.ack).toBe(2);
    expect(arrive(1)).toBe("duplicate");
    expect(arrive(3)).toBe("next");
    expect(arrive(5)).toBe("next");
    expect(arrive(0)).toBe("duplicate");
    expect(delivered).toEqual(["m1", "m2", "m3", "m4", "m5"]);
    expect(sequence.ack).toBe(5);
  });

  it("goes past what is missing only where it is told to, and never past its window", () => {
    const sequence = new ReliableSequence<string>({ sent: 0, received: 1 });
    sequence.skipTo(3);
    expect(sequence.receive(3, "close")).toBe("next");
    expect(sequence.take()).toBe("close");
    sequence.skipTo(1e9);
    expect(sequence.ack).toBe(3);
  });
});

it("counts what became of each message, both ways", () => {
  const counters = createCounters();
  const sequence = new ReliableSequence<number>({ sent: 0, received: 0, counters });
  sequence.transmit(bytes(1), 0);
  sequence.transmit(bytes(2), 0);
  sequence.answered(3, 0);
  expect(sequence.handleTimeout(250)).toEqual(bytes(1));
  sequence.acknowledge(2, 300);
  for (const seq of [2, 2, 1, 1, 9]) sequence.receive(seq, seq);
  expect(counters).toMatchObject({
    sequenceSent: 3,
    sequenceResent: 1,
    sequenceAcknowledged: 2,
    sequenceReceived: 1,
    sequenceHeld: 1,
    sequenceDuplicates: 2,
    sequenceBeyond: 1,
  });
});

describe("whatever a machine repeats has jitter", () => {
  /** Between one sending of this message and the next, from here on, while nothing arrives. */
  function pausesOf(world: World, msg: string): number[] {
    const before = world.sentOf(msg).length;
    world.loss = 1;
    world.runFor(4000);
    const times = world.sentOf(msg).map(({ atMs }) => atMs);
    return times.slice(before).map((atMs, i) => atMs - times[before + i - 1]!);
  }

  function expectJitter(pauses: readonly number[]): void {
    expect(pauses.length).toBeGreaterThan(5);
    // What is repeated at 0.4 s is repeated at another time each time.
    expect(new Set(pauses.map((ms) => ms.toFixed(3))).size).toBe(pauses.length);
  }

  it("a client's joins, the pieces of a body, its close", () => {
    const joining = new World();
    joining.join();
    expectJitter(pausesOf(joining, "join"));

    const large = new World({ protocol: handZeroProtocol({ large: true }) });
    large.join({ join: { name: "ada", ticket: "x".repeat(3000) } });
    // Join 1, its answer, join 2, its answer: the pieces are on their way.
    large.runFor(45);
    expect(large.sentOf("join").length).toBeGreaterThan(3);
    expectJitter(pausesOf(large, "join").slice(1));

    const closing = openWorld();
    closing.hosts[0]!.client.close("bye", "", closing.nowMs);
    closing.pump();
    expectJitter(pausesOf(closing, "close"));
  });

  it("a server's close", () => {
    const world = openWorld();
    const { peer } = world.eventsOf("attached")[0]!;
    const { port } = world.serverEvents.find(({ event }) => event.type === "attached")!;
    world.servers.get(port)!.close(peer, "kicked", "", world.nowMs);
    world.pump();
    expectJitter(pausesOf(world, "close"));
  });
});
