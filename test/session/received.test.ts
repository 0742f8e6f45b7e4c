/** What is acknowledged against a plain set: every number that came, in whatever order, and no other. */
import fc from "fast-check";
import { AckBlock } from "stardust-udp/wire";
import { describe, expect, it } from "vitest";
import { ReceivedPackets } from "#src/session/received.js";

function named(received: ReceivedPackets): number[] {
  const acks = new AckBlock();
  received.fill(acks, 0);
  const numbers: number[] = [];
  let high = acks.largest;
  for (let i = -1; i < acks.pairs; i++) {
    if (i >= 0) high -= acks.gaps[i]!;
    const run = i < 0 ? acks.firstRun : acks.runs[i]!;
    for (let n = high; n > high - run; n--) numbers.push(n);
    high -= run;
  }
  return numbers.reverse();
}

function add(received: ReceivedPackets, number: number): void {
  received.add(number, 0, true, false, true, 20);
}

describe("an ack names", () => {
  it("every number that came, in whatever order, as soon as it came", () => {
    // Of 60 numbers at most 30 ranges can be made: none is forgotten.
    const some = fc.shuffledSubarray(Array.from({ length: 60 }, (_, i) => i));
    fc.assert(
      fc.property(some, (numbers) => {
        const received = new ReceivedPackets();
        const came: number[] = [];
        for (const number of numbers) {
          add(received, number);
          came.push(number);
          came.sort((a, b) => a - b);
          expect(named(received)).toEqual(came);
        }
      }),
    );
  });

  it("one that closes a gap, from below as from above", () => {
    const received = new ReceivedPackets();
    for (const number of [0, 3, 6, 2, 5, 4, 1]) add(received, number);
    expect(received.count).toBe(1);
    expect(named(received)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("the newest 32 ranges where there are more", () => {
    const received = new ReceivedPackets();
    const even = Array.from({ length: 40 }, (_, i) => i * 2);
    for (const number of even) add(received, number);
    expect(named(received)).toEqual(even.slice(8));
  });

  it("all of a burst in the worst order, once its gaps have closed", () => {
    const received = new ReceivedPackets();
    for (let i = 0; i < 256; i += 2) add(received, i);
    for (let i = 1; i < 256; i += 2) add(received, i);
    expect(named(received)).toEqual(Array.from({ length: 256 }, (_, i) => i));
  });

  it("nothing of the oldest of more than 128 ranges", () => {
    const received = new ReceivedPackets();
    for (let i = 0; i < 1000; i += 2) add(received, i);
    expect(received.count).toBe(128);
    for (let i = 1; i < 1000; i += 2) add(received, i);
    expect(named(received)[0]).toBeGreaterThan(1000 - 2 * 128 - 2);
  });
});

describe("an ack that says that something is missing", () => {
  it("is followed by another 5 ms after it left, however late that was, and by no third", () => {
    const received = new ReceivedPackets();
    for (const number of [0, 2]) add(received, number);
    received.reported(100);
    expect([received.isDue(104), received.isDue(105)]).toEqual([false, true]);
    received.reported(105);
    expect(received.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  });

  it("is not, where what was missing has come before it left", () => {
    const received = new ReceivedPackets();
    for (const number of [0, 2, 1]) add(received, number);
    received.reported(0);
    expect(received.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  });
});
