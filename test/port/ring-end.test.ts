/** Both ends of a port's rings in one thread: what finds no room is told of some, and hints are never lost. */
import { expect, test, vi } from "vitest";
import { createPortMemory } from "#src/port/memory.js";
import { ToApplication } from "#src/port/records-to-application.js";
import { ToWorker } from "#src/port/records-to-worker.js";
import { RingEnd } from "#src/port/ring-end.js";
import { handProtocol } from "../support/hand-protocol.ts";

const RECORD_BYTES = 10_000;

function ends() {
  const memory = createPortMemory(handProtocol(), 4);
  const application = new RingEnd(memory, "application");
  const worker = new RingEnd(structuredClone(memory), "worker");
  /** Everything that the worker has written, as the application sees it: kind and first word. */
  const drain = (): number[][] => {
    const seen: number[][] = [];
    const take = (kind: number, _bytes: Uint8Array, view: DataView, start: number, end: number) => {
      seen.push(end - start < 4 ? [kind] : [kind, view.getUint32(start)]);
      return true;
    };
    while (application.drain(take));
    return seen;
  };
  /** Messages to the application until there is no room for one. */
  const fill = (): number => {
    for (let sent = 0; ; sent++) {
      const w = worker.reserve(ToApplication.message, RECORD_BYTES);
      if (w === undefined) return sent;
      w.u32(sent);
      w.at += RECORD_BYTES - 4;
      worker.commit();
    }
  };
  /** What the application has told the worker. */
  const heard = (): number[] => {
    const told: number[] = [];
    worker.drain((kind) => {
      told.push(kind);
      return true;
    });
    return told;
  };
  return { application, worker, drain, fill, heard };
}

test("a writer that found no room is told once there is some, and not before", () => {
  const { application, drain, fill, heard } = ends();
  expect(fill()).toBeGreaterThan(10);
  expect(heard()).toEqual([]);
  drain();
  expect(heard()).toEqual([ToWorker.ringDrained]);
  drain();
  expect(heard()).toEqual([]);
  application.close();
});

test("a hint that finds no room stays pending, is sent later, and once for each peer", () => {
  const { worker, drain, fill } = ends();
  const sent = fill();
  // What little is left behind the last message takes hints; then none.
  for (let i = 0; i < 10_000; i++) worker.hintCredit(1);
  for (const peer of [2, 3, 2]) worker.hintCredit(peer);
  const before = drain();
  expect(before.slice(0, sent).map(([kind]) => kind)).toEqual(
    new Array(sent).fill(ToApplication.message),
  );
  expect(before.slice(sent).every(([, peer]) => peer === 1)).toBe(true);
  worker.ringNow();
  expect(drain()).toEqual([1, 2, 3].map((peer) => [ToApplication.drained, peer]));
  worker.ringNow();
  expect(drain()).toEqual([]);
});

test("hints leave the room that is kept for what must never be refused", () => {
  const { worker, fill } = ends();
  fill();
  for (let i = 0; i < 10_000; i++) worker.hintCredit(1);
  for (let i = 0; i < 12; i++) {
    worker.reserveUrgent(ToApplication.leave, 272).take(272);
    worker.commit();
  }
});

test("a record that is begun while another is being written is an error, and the first is not lost", () => {
  const { worker, drain } = ends();
  const w = worker.reserve(ToApplication.drained, 4)!;
  expect(() => worker.hintCredit(1)).toThrow("while another is being written");
  w.u32(7);
  worker.commit();
  expect(drain()).toEqual([[ToApplication.drained, 7]]);
});

test("wakes the other thread for what it has written, once, and never for nothing", async () => {
  const memory = createPortMemory(handProtocol(), 4);
  const application = new RingEnd(memory, "application");
  const worker = new RingEnd(structuredClone(memory), "worker");
  const bell = new Int32Array(memory.applicationBell.shared);
  const isAsleep = () => Atomics.load(bell, 0) === 1;
  let wakes = 0;
  let seen = 0;
  const hasSeen = (count: number) =>
    vi.waitFor(() => {
      expect([seen, isAsleep()]).toEqual([count, true]);
    });
  application.wait(() => {
    wakes++;
    return application.drain(() => {
      seen++;
      return true;
    });
  });
  expect(isAsleep()).toBe(true);
  worker.ringNow();
  expect(isAsleep()).toBe(true);
  for (const count of [1, 2]) {
    worker.reserve(ToApplication.message, 8)!.at += 8;
    worker.commit();
    worker.ringNow();
    expect(isAsleep()).toBe(false);
    worker.ringNow();
    await hasSeen(count);
    worker.ringNow();
    expect(isAsleep()).toBe(true);
  }
  expect(wakes).toBe(2);
  application.close();
  worker.close();
});
