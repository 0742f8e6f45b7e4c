/**
 * What a peer can make the application's thread hold, measured: whatever it sends that nobody reads, the memory of it is at
 * most 1.25 times the budget that bounds it, though a message is forty times as large once it is decoded.
 */
import { describe, expect, it } from "vitest";
import { Dispatcher } from "#src/dispatcher.js";
import { HeldMessages, Mark } from "#src/held-messages.js";
import { MESSAGE_OVERHEAD_BYTES } from "#src/limits.js";
import type { ChannelDefinition, Delivery } from "#src/protocol.js";
import { ReceivedMessage } from "#src/received-message.js";
import { SeededRandom } from "#src/testing/random.js";
import { usedBytes } from "./support/used-bytes.js";

const budgetBytes = 524_288;
const most = 1.25;
/** Victims at once: what the process does besides is a small part then. */
const VICTIMS = 6;

const deliveries = ["reliable-ordered", "unreliable", "reliable-sequenced"] as const;
const channels = deliveries.map(
  (delivery: Delivery, index): ChannelDefinition => ({
    index,
    name: delivery,
    id: index,
    delivery,
    direction: "both",
    numbered: true,
    reliable: delivery !== "unreliable",
    fragment: true,
    compatMaxBytes: budgetBytes - MESSAGE_OVERHEAD_BYTES,
    maxBytes: budgetBytes - MESSAGE_OVERHEAD_BYTES,
    queueBytes: budgetBytes,
    priority: 0,
    weight: 1,
    fixedBytes: -1,
  }),
);
const [reliable, unreliable, sequenced] = [0, 1, 2] as const;

function arrived(channel: number, payloadBytes: number): ReceivedMessage {
  const received = new ReceivedMessage();
  const bytes = new Uint8Array(payloadBytes);
  const view = new DataView(bytes.buffer);
  received.fill(channels[channel]!, bytes, view, 0, payloadBytes, new Float64Array(0));
  return received;
}

/** A dispatcher of the application's, and a peer that sends as much as its credit or the channel's queue allows. */
class Victim {
  credit = budgetBytes;
  offered = 0;
  /** The peer that sends, with what its join said. */
  peer = { join: "x".repeat(1000) };
  readonly dispatcher: Dispatcher<object>;
  readonly #isServer: boolean;

  constructor(isServer: boolean) {
    this.#isServer = isServer;
    this.dispatcher = new Dispatcher<object>({
      channels,
      userFields: 0,
      cost: (payloadBytes) => payloadBytes + MESSAGE_OVERHEAD_BYTES,
      // As a decoder reads `{ list: { of: { struct: { on: bool } } } }`: an object for each byte.
      decode: (_origin, { bytes, start, end }) => ({
        list: Array.from(bytes.subarray(start, end), (byte) => ({ on: byte !== 0 })),
      }),
      invoke: () => {},
      yields: (_origin, message) => message,
      release: isServer
        ? (_origin, _channel, cost) => {
            this.credit += cost;
          }
        : undefined,
      onHandlerError: (error) => {
        throw error;
      },
    });
  }

  flood(channel: number, payloadBytes: number): void {
    const cost = payloadBytes + MESSAGE_OVERHEAD_BYTES;
    // What is dropped for newer ones never ends.
    for (let sent = 0; sent < 4 * budgetBytes; sent += cost) {
      const isTaken = this.#isServer
        ? this.credit >= cost
        : this.dispatcher.hasRoom(channel, payloadBytes);
      if (!isTaken) return;
      if (this.#isServer) this.credit -= cost;
      this.dispatcher.offer(channel, this.peer, arrived(channel, payloadBytes));
      this.offered++;
    }
  }
}

/** A peer that fills its credit, leaves and joins again, so that its credit is new, while nobody takes anything. */
function floodAgainAndAgain(victim: Victim, payloadBytes: number): number {
  let dropped = 0;
  for (let joined = 0; joined < 5; joined++) {
    if (joined > 0) dropped += victim.dispatcher.forget(victim.peer, budgetBytes);
    victim.peer = { join: "x".repeat(1000) };
    victim.credit = budgetBytes;
    victim.flood(reliable, payloadBytes);
  }
  return dropped;
}

/** What each victim holds, in parts of the budget, once the attack is over. */
async function heldBy(
  isServer: boolean,
  attack: (victim: Victim) => unknown,
): Promise<{ held: number; victim: Victim }> {
  const run = async (victims: Victim[]): Promise<number> => {
    const before = usedBytes();
    const kept: unknown[] = [];
    for (const victim of victims) kept.push(await attack(victim));
    const held = (usedBytes() - before) / victims.length / budgetBytes;
    // They are still there, and so is what they hold.
    expect(kept).toHaveLength(victims.length);
    return held;
  };
  // Once for what is made only once: compiled code, blocks and scratch that are kept.
  await run([new Victim(isServer)]);
  let held = Number.POSITIVE_INFINITY;
  let victims: Victim[] = [];
  // What the process does besides only ever adds: the least is nearest.
  for (let round = 0; round < 3; round++) {
    victims = Array.from({ length: VICTIMS }, () => new Victim(isServer));
    held = Math.min(held, await run(victims));
    expect(victims.every(({ offered }) => offered > 0)).toBe(true);
  }
  return { held, victim: victims[0]! };
}

const sizes = [0, 17, 49, 3000, 30_000];

describe.each([
  ["server's thread", "its credit", true],
  ["client", "the channel's queue", false],
] as const)("a peer makes a %s hold at most 1.25 times %s", (_side, _budget, isServer) => {
  const expectBounded = (held: number): void => {
    // The budget is used.
    expect(held).toBeGreaterThan(0.4);
    expect(held).toBeLessThan(most);
  };

  it.each(sizes)("with messages of %i bytes on a channel without a reader", async (bytes) => {
    const { held } = await heldBy(isServer, (victim) => victim.flood(reliable, bytes));
    expectBounded(held);
  });

  it.each(sizes)("with messages of %i bytes that an iterator is not asked for", async (bytes) => {
    const { held } = await heldBy(isServer, (victim) => {
      const reader = victim.dispatcher.messages(reliable, { limit: 100_000 });
      victim.flood(reliable, bytes);
      return reader;
    });
    expectBounded(held);
  });

  it("with what one iterator has read, a handler has seen and another iterator has not", async () => {
    const { held } = await heldBy(isServer, async (victim) => {
      const { dispatcher } = victim;
      dispatcher.receive(reliable, () => {});
      const quick = dispatcher.messages(reliable, { limit: 1000, overflow: "drop-oldest" });
      const slow = dispatcher.messages(reliable, { limit: 1000 });
      victim.flood(reliable, 3000);
      for (let i = 0; i < 150; i++) await quick.next();
      return [quick, slow];
    });
    expectBounded(held);
  });

  it.each(["drop-oldest", "drop-newest", "close"] as const)(
    "with what an iterator that would %s holds of an unreliable channel",
    async (overflow) => {
      const { held } = await heldBy(isServer, (victim) => {
        // Once the iterator has ended, the channel has a reader still.
        victim.dispatcher.receive(unreliable, () => {});
        const reader = victim.dispatcher.messages(unreliable, { overflow });
        victim.flood(unreliable, 30_000);
        return reader;
      });
      expectBounded(held);
    },
  );
});

describe("a peer that leaves and joins again makes a server's thread hold its credit and that of one that has left", () => {
  it.each([0, 3000])(
    "with messages of %i bytes that an iterator is not asked for",
    async (bytes) => {
      const { held } = await heldBy(true, (victim) => {
        const reader = victim.dispatcher.messages(reliable, { limit: 100_000 });
        const dropped = floodAgainAndAgain(victim, bytes);
        // What came at the last two times is there.
        expect(dropped).toBe((victim.offered / 5) * 3);
        return reader;
      });
      expect(held).toBeGreaterThan(0.8);
      expect(held).toBeLessThan(2 * most);
    },
  );
});

describe("besides, a peer makes it hold at most 1.25 times a channel's queue", () => {
  it.each([true, false])(
    "of an unreliable channel without a reader (server: %s)",
    async (isServer) => {
      const { held, victim } = await heldBy(isServer, (one) => one.flood(unreliable, 30_000));
      expect(held).toBeGreaterThan(0.4);
      expect(held).toBeLessThan(most);
      // It holds up no other channel.
      expect(victim.credit).toBe(budgetBytes);
    },
  );

  it.each([true, false])(
    "of a reliable-sequenced channel without a reader (server: %s)",
    async (isServer) => {
      const { held, victim } = await heldBy(isServer, (one) => one.flood(sequenced, 400_000));
      expect(held).toBeGreaterThan(0.4);
      expect(held).toBeLessThan(most);
      expect(victim.credit).toBe(budgetBytes);
    },
  );
});

it("nothing is held any more once it has been read", async () => {
  const { held } = await heldBy(true, async (victim) => {
    victim.flood(reliable, 100);
    victim.dispatcher.receive(reliable, () => {});
    await Promise.resolve();
    expect(victim.credit).toBe(budgetBytes);
    return victim;
  });
  expect(held).toBeLessThan(0.1);
});

it.each([0, 2, 7])(
  "held messages come back as they were, beside each other, with %i fields of the user's",
  (fields) => {
    const random = new SeededRandom(7 + fields);
    const below = (n: number): number => Math.floor(random.next() * n);
    const held = new HeldMessages<object>(fields, (bytes) => bytes);
    const origins = Array.from({ length: 5 }, () => ({}));
    const expected = new Map<number, { origin: object; bytes: number[]; user: number[] }>();
    const check = (handle: number): void => {
      const { origin, bytes, user } = expected.get(handle)!;
      expect(held.origin(handle)).toBe(origin);
      expect(held.length(handle)).toBe(bytes.length);
      held.show(handle, channels[0]!, (shown) => {
        expect(Array.from(shown.bytes.subarray(shown.start, shown.end))).toEqual(bytes);
        expect(Array.from(shown.user)).toEqual(user);
      });
    };
    for (let step = 0; step < 3000; step++) {
      const handles = [...expected.keys()];
      if (handles.length === 0 || random.next() < 0.6 - handles.length / 200) {
        const received = arrived(0, below(4) === 0 ? below(300) : below(20));
        for (let i = 0; i < received.end; i++) received.bytes[i] = below(256);
        received.user = Float64Array.from({ length: fields }, () => random.next());
        const origin = origins[below(5)]!;
        const handle = held.put(origin, received);
        expect(expected.has(handle)).toBe(false);
        expected.set(handle, {
          origin,
          bytes: Array.from(received.bytes),
          user: Array.from(received.user),
        });
        held.setReaders(handle, 3);
        held.mark(handle, Mark.released);
        expect([held.settle(handle), held.settle(handle)]).toEqual([2, 1]);
        expect(held.isMarked(handle, Mark.released)).toBe(true);
        expect(held.isMarked(handle, Mark.malformed)).toBe(false);
      } else {
        const handle = handles[below(handles.length)]!;
        check(handle);
        held.drop(handle);
        expected.delete(handle);
      }
    }
    for (const handle of expected.keys()) check(handle);
  },
);
