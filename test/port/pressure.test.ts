/** Rings of 4 KiB between real threads at their worst: full both ways, a reader that stands still, a writer that is killed. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { createDoorbell } from "#src/port/doorbell.js";
import { createRing, Drained, RingReader } from "#src/port/ring.js";
import { exchangePressed, type PressedReport } from "./support/pressed.mjs";
import { isRecord } from "./support/records.mjs";

function start(file: string, workerData: unknown): Worker {
  return new Worker(new URL(`./support/${file}`, import.meta.url), { workerData });
}

const SMALL = 4096;

describe("rings of 4 KiB", () => {
  test("full both ways at once, with a reader that stands still for two seconds, lose nothing and go on", async () => {
    const [there, back] = [createRing(SMALL), createRing(SMALL)];
    const [bell, otherBell] = [createDoorbell(), createDoorbell()];
    const full = new SharedArrayBuffer(8);
    const count = 3000;
    const common = { count, full };
    const worker = start("pressed-worker.mjs", {
      ...common,
      out: back,
      in: there,
      bell: otherBell,
      otherBell: bell,
      side: 1,
      pauseMs: 2000,
    });
    const reported = once(worker, "message");
    const mine = await exchangePressed({
      ...common,
      out: there,
      in: back,
      bell,
      otherBell,
      side: 0,
      pauseMs: 0,
    });
    const [theirs] = (await reported) as [PressedReport];
    expect([...new Int32Array(full)]).toEqual([1, 1]);
    for (const report of [mine, theirs]) {
      expect(report).toMatchObject({ received: count, wrong: 0 });
      expect(report.refused).toBeGreaterThan(0);
    }
  });

  const taken = (reader: RingReader, from: number, limit: number): number => {
    let number = from;
    reader.drain(limit, (kind, bytes, view, at, end) => {
      expect(isRecord(number, kind, bytes, view, at, end), `record ${number}`).toBe(true);
      number++;
      return true;
    });
    return number;
  };

  test("show whole records only, when the writer is killed in the middle of one of any size", async () => {
    for (const stopAfter of [0, 1, 3, 10, 24, 31]) {
      const ring = createRing(SMALL);
      const reader = new RingReader(ring);
      const worker = start("flood-worker.mjs", { ring, stopAfter });
      let read = 0;
      let isInTheMiddle = false;
      worker.on("message", (told) => {
        isInTheMiddle = told === "in the middle";
      });
      while (!isInTheMiddle) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        read = taken(reader, read, 4);
      }
      await worker.terminate();
      while (!reader.isEmpty) read = taken(reader, read, 1024);
      expect(read).toBe(stopAfter);
      expect(reader.drain(1, () => true)).toBe(Drained.empty);
    }
  });

  test("hold only whole records in order, whenever the writer is killed", async () => {
    for (let attempt = 1; attempt <= 12; attempt++) {
      const ring = createRing(SMALL);
      const reader = new RingReader(ring);
      const worker = start("flood-worker.mjs", { ring });
      await once(worker, "message");
      let read = 0;
      while (read < 50 * attempt) {
        read = taken(reader, read, 16);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const ended = worker.terminate();
      read = taken(reader, read, 16);
      await ended;
      while (!reader.isEmpty) read = taken(reader, read, 1024);
      expect(read).toBeGreaterThan(0);
    }
  });
});
