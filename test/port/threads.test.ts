/** Rings and doorbells between real threads: nothing lost, nobody left asleep, ends that vanish. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { createDoorbell, Doorbell } from "#src/port/doorbell.js";
import { createRing, Drained, RingReader, RingWriter } from "#src/port/ring.js";
import { exchange, type Report } from "./support/exchange.mjs";

function start(file: string, workerData: unknown): Worker {
  return new Worker(new URL(`./support/${file}`, import.meta.url), { workerData });
}

function memories(): {
  there: ReturnType<typeof createRing>;
  back: ReturnType<typeof createRing>;
  bell: ReturnType<typeof createDoorbell>;
  otherBell: ReturnType<typeof createDoorbell>;
} {
  return {
    there: createRing(1 << 16),
    back: createRing(1 << 16),
    bell: createDoorbell(),
    otherBell: createDoorbell(),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for something to become true, for 20 seconds at most. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("waited 20 seconds for nothing");
    await turn();
  }
}

describe("two threads", () => {
  test("pass 300,000 records each way, whole and in order, and none stays asleep", async () => {
    const { there, back, bell, otherBell } = memories();
    const count = 300_000;
    const worker = start("ring-worker.mjs", {
      out: back,
      in: there,
      bell: otherBell,
      otherBell: bell,
      count,
      seed: 2,
      otherSeed: 1,
    });
    const reported = once(worker, "message");
    const exited = once(worker, "exit");
    const mine = await exchange({
      out: there,
      in: back,
      bell,
      otherBell,
      count,
      seed: 1,
      otherSeed: 2,
    });
    const [theirs] = (await reported) as [Report];
    await exited;
    for (const report of [mine, theirs]) {
      expect(report.received).toBe(count);
      expect(report.wrong).toBe(0);
    }
    expect(mine.checksum).not.toBe(theirs.checksum);
  });

  test("wake each other record by record, a thousand times, with no other traffic to help", async () => {
    const { there, back, bell, otherBell } = memories();
    const worker = start("idle-worker.mjs", {
      in: there,
      out: back,
      bell: otherBell,
      otherBell: bell,
      keepAlive: true,
    });
    await once(worker, "message");
    const writer = new RingWriter(there);
    const reader = new RingReader(back);
    const own = new Doorbell(bell);
    const other = new Doorbell(otherBell);
    let echoed = 0;
    await new Promise<void>((resolve) => {
      const next = (): void => {
        if (echoed === 1000) {
          resolve();
          return;
        }
        writer.write(1, new Uint8Array([echoed & 0xff]));
        if (echoed % 2 === 0) other.ring();
        else other.ringNow();
      };
      own.wait(
        () => !reader.isEmpty,
        () => {
          const before = echoed;
          const result = reader.drain(1024, (_kind, bytes, _view, at) => {
            expect(bytes[at]).toBe(echoed & 0xff);
            echoed++;
            return true;
          });
          // A side may be woken for what it has seen already.
          if (echoed > before) next();
          return result === Drained.more;
        },
      );
      next();
    });
    own.close();
    await worker.terminate();
    expect(echoed).toBe(1000);
  });

  test("survive it 50 times when one is terminated while both wait", async () => {
    for (let i = 0; i < 50; i++) {
      const { there, back, bell, otherBell } = memories();
      const worker = start("idle-worker.mjs", {
        in: there,
        out: back,
        bell: otherBell,
        otherBell: bell,
        keepAlive: true,
      });
      const own = new Doorbell(bell);
      const other = new Doorbell(otherBell);
      const writer = new RingWriter(there);
      own.wait(
        () => false,
        () => false,
      );
      await once(worker, "message");
      if (i % 2 === 0) {
        writer.write(1, new Uint8Array(10));
        other.ringNow();
      }
      await worker.terminate();
      // What is rung for a thread that is gone does no harm.
      writer.write(1, new Uint8Array(10));
      other.ringNow();
      own.close();
      own.close();
      other.close();
    }
  });

  test("end by themselves: a wait keeps no thread alive", async () => {
    const { there, back, bell, otherBell } = memories();
    const worker = start("idle-worker.mjs", {
      in: there,
      out: back,
      bell: otherBell,
      otherBell: bell,
      keepAlive: false,
    });
    const [code] = await once(worker, "exit");
    expect(code).toBe(0);
  });
});

describe("a doorbell", () => {
  test("wakes a reader that stopped only when it resumes, and its record is still there", async () => {
    const memory = createRing(256);
    const writer = new RingWriter(memory);
    const reader = new RingReader(memory);
    const bell = new Doorbell(createDoorbell());
    let blocked = true;
    let turns = 0;
    const seen: number[] = [];
    bell.wait(
      () => !blocked && !reader.isEmpty,
      () => {
        turns++;
        const result = reader.drain(10, (kind) => {
          if (blocked) return false;
          seen.push(kind);
          return true;
        });
        return result === Drained.more;
      },
    );
    for (let kind = 0; kind < 25; kind++) writer.write(kind, new Uint8Array(0));
    for (let i = 0; i < 5; i++) {
      bell.ringNow();
      await turn();
    }
    expect(seen).toEqual([]);
    expect(turns).toBeLessThanOrEqual(5);
    blocked = false;
    bell.resume();
    await until(() => seen.length === 25);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    // Resuming while asleep leaves one wait, not two: a ring then means one turn.
    bell.resume();
    await turn();
    await turn();
    turns = 0;
    bell.ringNow();
    await turn();
    await turn();
    expect(turns).toBe(1);
    bell.close();
  });

  test("lets timers run while there is always more to do", async () => {
    const bell = new Doorbell(createDoorbell());
    let turns = 0;
    bell.wait(
      () => true,
      () => {
        turns++;
        return true;
      },
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    bell.close();
    const then = turns;
    expect(then).toBeGreaterThan(0);
    await turn();
    await turn();
    expect(turns).toBe(then);
  });

  test("is rung in time by a side that closes in the same turn", async () => {
    const memory = createDoorbell();
    const sleeper = new Doorbell(memory);
    const ringer = new Doorbell(memory);
    let work = false;
    let turns = 0;
    sleeper.wait(
      () => work,
      () => {
        turns++;
        work = false;
        return false;
      },
    );
    work = true;
    ringer.ring();
    ringer.close();
    await until(() => turns === 1);
    sleeper.close();
  });

  test("cannot be waited on twice", () => {
    const bell = new Doorbell(createDoorbell());
    bell.wait(
      () => false,
      () => false,
    );
    expect(() =>
      bell.wait(
        () => false,
        () => false,
      ),
    ).toThrow("waited on already");
    bell.close();
  });
});
