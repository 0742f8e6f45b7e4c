/** The oracle of each delivery mode takes what the mode may deliver, and nothing else. */
import type { Delivery } from "stardust-udp/protocol";
import { describe, expect, test } from "vitest";
import { Oracle, promises } from "#simulate/oracle.js";

const modes = Object.keys(promises) as Delivery[];

/** Message 0, 1, … of nine bytes; small ones are one byte, and cannot be told from each other. */
function message(index: number, size = 9): Uint8Array {
  const bytes = new Uint8Array(size).fill(7);
  if (size >= 4) new DataView(bytes.buffer).setUint32(0, index);
  return bytes;
}

/** What the oracle says when of four messages these are delivered, and then all is over. */
function verdict(
  delivery: Delivery,
  order: readonly number[],
  { lossless = false, sizes = [9, 9, 9, 9] } = {},
): string {
  const oracle = new Oracle(delivery);
  const sent = sizes.map((size, index) => message(index, size));
  for (const payload of sent) oracle.taken(payload);
  for (const index of order) {
    const payload = sent[index]!;
    const problem = oracle.deliver(payload, 0, payload.length);
    if (problem !== "") return problem;
  }
  return oracle.finish(lossless, lossless);
}

test("there is an oracle for each delivery mode", () => {
  expect(modes.sort()).toEqual([
    "reliable",
    "reliable-ordered",
    "reliable-sequenced",
    "unreliable",
    "unreliable-ordered",
    "unreliable-sequenced",
  ]);
});

const orders: readonly (readonly number[])[] = [
  [],
  [0],
  [3],
  [0, 1, 2, 3],
  [0, 2, 3],
  [0, 1, 2],
  [1, 0, 2, 3],
  [3, 2],
];

/** By mode: which of `orders` it may deliver. */
const allowed: Readonly<Record<Delivery, readonly boolean[]>> = {
  unreliable: [true, true, true, true, true, true, true, true],
  "unreliable-sequenced": [true, true, true, true, true, true, false, false],
  "unreliable-ordered": [true, true, true, true, true, true, false, false],
  reliable: [false, false, false, true, false, false, true, false],
  "reliable-ordered": [false, false, false, true, false, false, false, false],
  "reliable-sequenced": [false, false, true, true, true, false, false, false],
};

describe.each(modes)("%s", (delivery) => {
  test.each(orders.map((order, i) => [order, allowed[delivery][i]!] as const))(
    "delivers %j: %s",
    (order, may) => {
      expect(verdict(delivery, order) === "").toBe(may);
    },
  );

  test("delivers nothing twice, and nothing that was not sent", () => {
    const oracle = new Oracle(delivery);
    oracle.taken(message(0));
    expect(oracle.deliver(message(0), 0, 9)).toBe("");
    expect(oracle.deliver(message(0), 0, 9)).toBe("message 0 came twice");
    expect(oracle.deliver(message(1), 0, 9)).toBe("message 1 was never sent");
    expect(oracle.deliver(message(0, 1), 0, 1)).toBe("a message [7] was never sent");
  });

  test("delivers every byte", () => {
    const oracle = new Oracle(delivery);
    oracle.taken(message(0));
    const other = message(0);
    other[8] = 8;
    expect(oracle.deliver(other, 0, 9)).toBe("message 0 differs");
    expect(new Oracle(delivery).deliver(message(0), 0, 8)).toBe("message 0 was never sent");
  });

  test("delivers small messages as often as they were sent", () => {
    const sizes = [1, 9, 1, 9];
    expect(verdict(delivery, [0, 1, 2, 3], { sizes })).toBe("");
    expect(verdict(delivery, [0, 2, 0, 3], { sizes })).toBe(
      "a message [7] came once more than it was sent",
    );
  });

  test("delivers all where nothing is lost and nothing overtakes, or what is newest", () => {
    expect(verdict(delivery, [0, 1, 2, 3], { lossless: true })).toBe("");
    expect(verdict(delivery, [0, 1, 3], { lossless: true })).toBe(
      delivery === "reliable-sequenced" ? "" : "3 of 4 came",
    );
  });
});

test("a small message that can only be an older one is out of order", () => {
  const sizes = [9, 1, 9, 9];
  expect(verdict("unreliable-sequenced", [0, 1, 2], { sizes })).toBe("");
  expect(verdict("unreliable-sequenced", [0, 2, 1], { sizes })).toBe("a message [7] came after 2");
});
