/** Where messages wait, held against a Map of copies: whatever is put, found and dropped, in whatever order. */
import { describe, expect, it } from "vitest";
import type { ChannelDefinition } from "#src/protocol.js";
import { ReceivedMessage } from "#src/received-message.js";
import {
  MESSAGE_CELL_BYTES,
  MessageStore,
  NONE,
  returnScratch,
} from "#src/session/message-store.js";
import { BlockPool, Slab } from "#src/session/slab.js";
import { SeededRandom } from "#src/testing/index.js";

const channel = { index: 0 } as ChannelDefinition;
const message = new ReceivedMessage();

function shown(store: MessageStore, stored: number): { payload: number[]; user: number[] } {
  const scratch = store.show(stored, channel, message);
  const payload = [...message.bytes.subarray(message.start, message.end)];
  const user = [...message.user];
  returnScratch(scratch);
  return { payload, user };
}

describe("stored messages", () => {
  it.each([0, 1, 5, 9])("come back as they were, with %i header fields of the user's", (fields) => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const pool = new BlockPool(MESSAGE_CELL_BYTES);
      const store = new MessageStore(pool, fields, () => random.next());
      const kept = new Map<string, { stored: number; payload: number[]; user: number[] }>();
      for (let step = 0; step < 400; step++) {
        const where = `seed ${seed}, step ${step}`;
        const [inChannel, number] = [random.below(3), random.below(200)];
        const name = `${inChannel} ${number}`;
        const known = kept.get(name);
        expect(store.find(inChannel, number), where).toBe(known?.stored ?? NONE);
        if (known !== undefined) {
          const { payload, user } = known;
          expect(store.length(known.stored), where).toBe(payload.length);
          expect(shown(store, known.stored), where).toEqual({ payload, user });
          store.unindex(known.stored);
          store.drop(known.stored);
          kept.delete(name);
          continue;
        }
        const bytes = Uint8Array.from({ length: random.below(300) }, () => random.below(256));
        const start = random.below(bytes.length + 1);
        const end = start + random.below(bytes.length + 1 - start);
        const user = Float64Array.from({ length: fields }, () => random.next());
        const stored = store.put(inChannel, number, bytes, start, end, user);
        store.index(stored);
        kept.set(name, { stored, payload: [...bytes.subarray(start, end)], user: [...user] });
      }
      for (const { stored } of kept.values()) {
        store.unindex(stored);
        store.drop(stored);
      }
      expect(store.heldBytes, `seed ${seed}`).toBe(0);
    }
  });

  it("form queues", () => {
    const store = new MessageStore(new BlockPool(MESSAGE_CELL_BYTES), 0, () => 0.5);
    const none = new Float64Array(0);
    const put = (byte: number) => store.put(0, 0, Uint8Array.of(byte), 0, 1, none);
    const [first, second] = [put(1), put(2)];
    expect(store.queued(first)).toBe(NONE);
    store.setQueued(first, second);
    expect(shown(store, store.queued(first)).payload).toEqual([2]);
  });

  it("can be shown while another is: a sink may feed another session", () => {
    const store = new MessageStore(new BlockPool(MESSAGE_CELL_BYTES), 0, () => 0.5);
    const none = new Float64Array(0);
    const stored = store.put(0, 0, Uint8Array.of(1, 2, 3), 0, 3, none);
    const other = store.put(0, 1, Uint8Array.of(4, 5, 6), 0, 3, none);
    const outer = new ReceivedMessage();
    const scratch = store.show(stored, channel, outer);
    expect(shown(store, other).payload).toEqual([4, 5, 6]);
    expect([...outer.bytes.subarray(outer.start, outer.end)]).toEqual([1, 2, 3]);
    returnScratch(scratch);
  });
});

describe("a slab", () => {
  it("never gives a cell to two, and lets go of blocks that are empty", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new SeededRandom(seed);
      const pool = new BlockPool(1000);
      const slab = new Slab(pool);
      const taken = new Map<number, number>();
      for (let step = 0; step < 2000; step++) {
        // It fills, then empties, again and again.
        const isFilling = step % 400 < 220;
        if (isFilling || taken.size === 0) {
          const cell = slab.take();
          expect(taken.has(cell), `seed ${seed}, step ${step}`).toBe(false);
          taken.set(cell, step);
          slab.view(cell).setFloat64(slab.at(cell) + 992, step);
        } else {
          const cell = random.pick([...taken.keys()]);
          expect(slab.view(cell).getFloat64(slab.at(cell) + 992)).toBe(taken.get(cell));
          taken.delete(cell);
          slab.give(cell);
        }
        expect(slab.used).toBe(taken.size);
      }
      for (const cell of taken.keys()) slab.give(cell);
      expect(slab.used).toBe(0);
      expect(slab.blocksHeld).toBe(0);
    }
  });
});
