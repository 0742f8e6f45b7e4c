/** Ends of a port's rings on real threads: writers that sleep until they are told of room, and ports beside one that is flooded. */
import { once } from "node:events";
import { setTimeout as after } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { MAX_DRAIN_RECORDS } from "#src/limits.js";
import { createPortMemory, type PortMemory } from "#src/port/memory.js";
import { ToApplication } from "#src/port/records-to-application.js";
import { createRing } from "#src/port/ring.js";
import { RingEnd } from "#src/port/ring-end.js";
import { handProtocol } from "../support/hand-protocol.ts";
import {
  type Fill,
  type PressedEnd,
  type PressedEndReport,
  pressEnd,
} from "./support/ring-end-pressed.mjs";

function start(workerData: PressedEnd | Fill): Worker {
  return new Worker(new URL("./support/ring-end-worker.mjs", import.meta.url), { workerData });
}

const SMALL = 4096;

describe("writers that sleep until they are told of room", () => {
  test.each([0, 2000])(
    "lose nothing with both rings full, and a reader that stands still for %d ms",
    async (pauseMs) => {
      const memory: PortMemory = {
        ...createPortMemory(handProtocol(), 4),
        toWorker: createRing(SMALL),
        toApplication: createRing(SMALL),
      };
      const common = { memory, count: 3000, full: new SharedArrayBuffer(8) };
      const worker = start({ ...common, side: "worker", pauseMs });
      const reported = once(worker, "message");
      const mine = await pressEnd({ ...common, side: "application", pauseMs: 0 });
      const [theirs] = (await reported) as [PressedEndReport];
      for (const report of [mine, theirs]) {
        expect(report).toMatchObject({ received: common.count, wrong: 0 });
        // Each time it was refused it slept, and each time somebody woke it.
        expect(report.refused).toBeGreaterThan(10);
        expect(report.told).toBeGreaterThanOrEqual(report.refused);
      }
    },
  );
});

describe("a port beside one that is flooded", () => {
  const FLOOD = 10_000;

  /**
   * How many records of the flooded port the application has taken when it takes the one of the other, which is published when
   * it has taken `begin` of them.
   */
  async function takenBefore(begin: number): Promise<number> {
    const filled = new SharedArrayBuffer(4);
    const goes = [0, 1].map(() => new SharedArrayBuffer(4));
    const memories = goes.map(() => createPortMemory(handProtocol(), 4));
    const workers = memories.map((memory, port) =>
      start({ memory, fill: port === 0 ? FLOOD : 1, filled, go: goes[port]! }),
    );
    const words = new Int32Array(filled);
    /** Lets a port publish, and stands still until it has. */
    const publish = (port: number): void => {
      const go = new Int32Array(goes[port]!);
      Atomics.store(go, 0, 1);
      Atomics.notify(go, 0);
      Atomics.wait(words, 0, port);
    };
    await Promise.all(workers.map((worker) => once(worker, "online")));
    publish(0);
    if (begin === 0) publish(1);
    let flooded = 0;
    let before: number | undefined;
    const take = [
      () => {
        flooded++;
        if (flooded === begin) publish(1);
      },
      () => {
        before = flooded;
      },
    ];
    const ends = memories.map((memory, port) => {
      const end = new RingEnd(memory, "application");
      end.wait(() =>
        end.drain((kind) => {
          if (kind === ToApplication.message) take[port]!();
          return true;
        }),
      );
      return end;
    });
    while (flooded < FLOOD || before === undefined) await after(1);
    for (const end of ends) end.close();
    await Promise.all(workers.map((worker) => worker.terminate()));
    return before;
  }

  test("has its message handled within one drain of the other", async () => {
    expect(await takenBefore(0)).toBeLessThanOrEqual(MAX_DRAIN_RECORDS);
  });

  test("waits for the drain under way and one more at most with one that comes meanwhile", async () => {
    expect((await takenBefore(1500)) - 1500).toBeLessThanOrEqual(2 * MAX_DRAIN_RECORDS);
  });
});
