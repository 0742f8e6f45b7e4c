import { describe, expect, it } from "vitest";
import { createCounters } from "#src/zero/counters.js";
import {
  ReliableSequence,
  RetransmissionTimer,
  RtoEstimator,
} from "#src/zero/reliable-sequence.js";

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
    const timer = new RetransmissionTimer(new RtoEstimator());
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
