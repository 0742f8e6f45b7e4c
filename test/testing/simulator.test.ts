import { describe, expect, it } from "vitest";
import {
  Bottleneck,
  type Endpoint,
  Pair,
  runTogether,
  SeededRandom,
  SimulatedLink,
  VirtualTime,
} from "#src/testing/index.js";
import type { LinkOptions } from "#src/testing/link.js";
import wrapSocket, { lossySocket } from "#src/testing/lossy-socket.js";
import { Rebinding } from "#src/testing/rebinding.js";
import type { DatagramListener, DatagramSocket } from "#src/udp/socket.js";

describe("virtual time", () => {
  it("does things in order of time, then of scheduling", () => {
    const time = new VirtualTime(10);
    const seen: string[] = [];
    time.at(30, () => seen.push("c"));
    time.at(20, () => seen.push("a"));
    time.at(20, () => seen.push("b"));
    time.at(5, () => seen.push("now"));
    time.after(100, () => seen.push("late"));
    time.runUntil(50);
    expect(seen).toEqual(["now", "a", "b", "c"]);
    expect(time.nowMs).toBe(50);
    expect(time.nextMs).toBe(110);
  });

  it("keeps thousands of things in order", () => {
    const time = new VirtualTime();
    const random = new SeededRandom(1);
    const seen: number[] = [];
    for (let i = 0; i < 5000; i++) {
      const at = random.integer(0, 300);
      time.at(at, () => seen.push(at));
    }
    while (time.step());
    expect(seen).toHaveLength(5000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});

describe("a simulated link", () => {
  function through(options: LinkOptions, count: number, seed = 1): { at: number; index: number }[] {
    const time = new VirtualTime();
    const got: { at: number; index: number }[] = [];
    const link = new SimulatedLink(time, new SeededRandom(seed), options, (datagram) => {
      got.push({ at: time.nowMs, index: new DataView(datagram.buffer).getUint32(0) });
    });
    const bytes = new Uint8Array(100);
    for (let i = 0; i < count; i++) {
      new DataView(bytes.buffer).setUint32(0, i);
      time.runUntil(i);
      link.send(bytes, 0, 100);
    }
    time.runUntil(1e6);
    return got;
  }

  it("does the same again for the same seed, and something else for another", () => {
    const options = { loss: 0.3, jitterMs: 20, duplication: 0.1 };
    expect(through(options, 200, 7)).toEqual(through(options, 200, 7));
    expect(through(options, 200, 7)).not.toEqual(through(options, 200, 8));
  });

  it("loses the share it was told, one by one or in bursts", () => {
    expect(through({ loss: 0.3 }, 10_000).length / 10_000).toBeCloseTo(0.7, 1);
    const bursts = through({ burstLoss: { toBad: 0.02, toGood: 0.2 } }, 10_000);
    expect(bursts.length / 10_000).toBeCloseTo(1 - 0.02 / 0.22, 1);
    let longest = 0;
    for (let i = 1; i < bursts.length; i++) {
      longest = Math.max(longest, bursts[i]!.index - bursts[i - 1]!.index);
    }
    expect(longest).toBeGreaterThan(8);
  });

  it("delays, and reorders where there is jitter", () => {
    expect(through({ delayMs: 30 }, 3)).toEqual([
      { at: 30, index: 0 },
      { at: 31, index: 1 },
      { at: 32, index: 2 },
    ]);
    const order = through({ jitterMs: 50 }, 100).map((d) => d.index);
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect(order).toHaveLength(100);
  });

  it("is as narrow as it was told, and drops what its queue has no room for", () => {
    const got = through({ rateBytesPerMs: 10, queueBytes: 500 }, 100);
    expect(got[1]!.at - got[0]!.at).toBe(10);
    expect(got.length).toBeGreaterThan(10);
    expect(got.length).toBeLessThan(20);
  });

  it("duplicates", () => {
    expect(through({ duplication: 0.5 }, 1000).length).toBeGreaterThan(1400);
  });

  it("delays without reordering where the order is kept, but for what is held back", () => {
    const order = through({ jitterMs: 50, inOrder: true }, 100).map((d) => d.index);
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i));
    const held = through({ reordering: 0.1, reorderMs: 5, inOrder: true }, 1000);
    const overtaken = held.filter(({ at, index }) => at === index + 5).length;
    expect(overtaken).toBeGreaterThan(60);
    expect(overtaken).toBeLessThan(140);
    expect(held).toHaveLength(1000);
    expect(held.filter(({ at, index }) => at !== index)).toHaveLength(overtaken);
  });

  it("is cut for a while, and in the end for good", () => {
    const cuts = [{ fromMs: 10, untilMs: 20 }, { fromMs: 90 }];
    const got = through({ cuts }, 100).map((d) => d.index);
    const expected = Array.from({ length: 100 }, (_, i) => i);
    expect(got).toEqual(expected.filter((i) => i < 10 || (i >= 20 && i < 90)));
  });

  it("swallows what is larger than its path carries, from when it is told", () => {
    const time = new VirtualTime();
    let got = 0;
    const fates: string[] = [];
    const link = new SimulatedLink(
      time,
      new SeededRandom(1),
      {},
      () => got++,
      (fate) => fates.push(fate),
    );
    const bytes = new Uint8Array(1200);
    link.send(bytes, 0, 1200);
    link.options = { maxBytes: 500 };
    link.send(bytes, 0, 1200);
    link.send(bytes, 0, 501);
    link.send(bytes, 0, 500);
    time.runUntil(1);
    expect(got).toBe(2);
    expect(fates).toEqual(["tooLarge", "tooLarge", "delivered", "delivered"]);
    expect(link).toMatchObject({ sent: 4, tooLarge: 2, dropped: 2, passed: 2 });
  });

  it("shares its narrow part with others", () => {
    const time = new VirtualTime();
    const bottleneck = new Bottleneck(100, 2000);
    const arrived: string[] = [];
    const links = ["a", "b"].map(
      (name) =>
        new SimulatedLink(time, new SeededRandom(1), { bottleneck }, () =>
          arrived.push(`${name} ${time.nowMs}`),
        ),
    );
    const bytes = new Uint8Array(1000);
    for (const link of links) link.send(bytes, 0, 1000);
    expect(bottleneck.waitMs(0)).toBe(20);
    for (const link of links) link.send(bytes, 0, 1000);
    time.runUntil(100);
    expect(arrived).toEqual(["a 10", "b 20"]);
    expect(links.map(({ overflowed }) => overflowed)).toEqual([1, 1]);
    expect(bottleneck.waitMs(15)).toBe(5);
  });

  it("says once of each datagram, and of each copy, what became of it", () => {
    const time = new VirtualTime();
    const fates = new Map<string, number>();
    const options = {
      loss: 0.1,
      duplication: 0.2,
      corruption: 0.1,
      rateBytesPerMs: 60,
      queueBytes: 1000,
      jitterMs: 5,
      cuts: [{ fromMs: 100, untilMs: 120 }],
    };
    const observer = (fate: string) => void fates.set(fate, (fates.get(fate) ?? 0) + 1);
    const link = new SimulatedLink(time, new SeededRandom(3), options, () => {}, observer);
    for (let i = 0; i < 1000; i++) {
      time.runUntil(i);
      link.send(new Uint8Array(100), 0, 100);
    }
    time.runUntil(1e6);
    for (const fate of ["lost", "cut", "overflowed", "corrupted", "delivered"] as const) {
      expect(fates.get(fate), fate).toBe(link[fate]);
      expect(link[fate], fate).toBeGreaterThan(0);
    }
    const told = [...fates.values()].reduce((sum, count) => sum + count, 0);
    expect(told).toBe(link.sent + link.duplicated);
    expect(link.passed + link.dropped).toBe(1000);
  });

  it("flips bits only where the checksum is off", () => {
    const time = new VirtualTime();
    const got: Uint8Array[] = [];
    const link = new SimulatedLink(
      time,
      new SeededRandom(1),
      { corruption: 1, checksum: false },
      (datagram) => got.push(datagram),
    );
    link.send(new Uint8Array(10), 0, 10);
    link.options = { corruption: 1 };
    link.send(new Uint8Array(10), 0, 10);
    time.runUntil(1);
    expect(got).toHaveLength(1);
    expect(got[0]!.some((byte) => byte !== 0)).toBe(true);
  });
});

describe("a pair", () => {
  it("joins any two endpoints", () => {
    class Clock implements Endpoint {
      heard: number[] = [];
      #nextMs: number;
      readonly #everyMs: number;
      constructor(everyMs: number) {
        this.#everyMs = everyMs;
        this.#nextMs = everyMs;
      }
      handleDatagram(bytes: Uint8Array, _view: DataView, _length: number, nowMs: number): void {
        this.heard.push(nowMs - bytes[0]!);
      }
      handleTimeout(): void {}
      pollTransmit(w: { u8(value: number): void }, nowMs: number): number {
        if (nowMs < this.#nextMs) return 0;
        this.#nextMs += this.#everyMs;
        w.u8(nowMs);
        return 1;
      }
      pollDeadline(): number {
        return this.#nextMs;
      }
    }
    const a = new Clock(10);
    const b = new Clock(25);
    const pair = new Pair({ a, b, seed: 1, link: { delayMs: 3 } });
    pair.run(60);
    expect(a.heard).toEqual([3, 3]);
    expect(b.heard).toEqual([3, 3, 3, 3, 3]);
    expect(pair.time.nowMs).toBe(60);
  });
});

describe("a pair with an endpoint that never serves its deadline", () => {
  it("says so, and does not hang", () => {
    const stuck: Endpoint = {
      handleDatagram: () => {},
      handleTimeout: () => {},
      pollTransmit: () => 0,
      pollDeadline: () => 5,
    };
    const pair = new Pair({ a: stuck, b: stuck, seed: 1 });
    expect(() => pair.run(10)).toThrow("time stands still at 5 ms");
  });
});

describe("a NAT that forgets", () => {
  it("shows each client one port, no two the same, until it forgets again", () => {
    const nat = new Rebinding([10, 20]);
    const clients = Array.from({ length: 500 }, (_, i) => 40_000 + i);
    const show = (nowMs: number) => clients.map((port) => nat.outside(port, "10.0.0.1", nowMs));
    expect(show(9)).toEqual(clients);
    const first = show(10);
    expect(new Set(first).size).toBe(500);
    expect(show(19)).toEqual(first);
    expect(first.map((port) => nat.inside(port, "10.0.0.1", 19))).toEqual(clients);
    expect(nat.inside(first[0]!, "10.0.0.1", 20)).toBeUndefined();
    const second = show(21);
    expect(second).not.toEqual(first);
    expect(second.map((port) => nat.inside(port, "10.0.0.1", 21))).toEqual(clients);
  });
});

describe("pairs that share the time", () => {
  it("are stepped together", () => {
    const time = new VirtualTime();
    const log: string[] = [];
    const once = (name: string, atMs: number): Endpoint => {
      let dueMs = atMs;
      return {
        handleDatagram: (_bytes, _view, _length, nowMs) => log.push(`${name} hears at ${nowMs}`),
        handleTimeout: () => {},
        pollTransmit: (w, nowMs) => {
          if (nowMs < dueMs) return 0;
          dueMs = Number.POSITIVE_INFINITY;
          w.u8(1);
          return 1;
        },
        pollDeadline: () => dueMs,
      };
    };
    const link = { delayMs: 4 };
    const never = Number.POSITIVE_INFINITY;
    const pairs = [
      new Pair({ a: once("a", 10), b: once("b", never), seed: 1, time, link }),
      new Pair({ a: once("c", 12), b: once("d", 15), seed: 1, time, link }),
    ];
    runTogether(pairs, 30);
    expect(log).toEqual(["b hears at 14", "d hears at 16", "c hears at 19"]);
    expect(time.nowMs).toBe(30);
  });
});

describe("a lossy socket", () => {
  function socket(): DatagramSocket & { sent: number[]; hear(byte: number): void } {
    let listener: DatagramListener = () => {};
    const sent: number[] = [];
    return {
      port: 7,
      address: "127.0.0.1",
      sent,
      send: (bytes) => void sent.push(bytes[0]!),
      listen: (l) => {
        listener = l;
      },
      hear: (byte) => listener(Uint8Array.of(byte), "127.0.0.1", 9),
      close: async () => {},
    };
  }

  it("drops both ways, counts both ways, and passes the rest", () => {
    const inner = socket();
    const lossy = lossySocket(inner, { loss: 0.25, seed: 3 });
    const heard: number[] = [];
    lossy.listen((bytes) => heard.push(bytes[0]!));
    for (let i = 0; i < 400; i++) {
      lossy.send(Uint8Array.of(i), 1, "127.0.0.1");
      inner.hear(i);
    }
    expect(lossy.outgoing.passed).toBe(inner.sent.length);
    expect(lossy.incoming.passed).toBe(heard.length);
    for (const count of [lossy.outgoing, lossy.incoming]) {
      expect(count.passed + count.dropped).toBe(400);
      expect(count.dropped).toBeGreaterThan(60);
      expect(count.dropped).toBeLessThan(140);
    }
    expect(lossy.port).toBe(7);
  });

  it("has the faults of a link, in one direction where that is asked for", () => {
    const inner = socket();
    const lossy = lossySocket(inner, {
      duplication: 1,
      outgoing: { cuts: [{ fromMs: 0 }] },
      incoming: { maxBytes: 0 },
    });
    let heard = 0;
    lossy.listen(() => heard++);
    lossy.send(Uint8Array.of(1), 1, "127.0.0.1");
    inner.hear(1);
    expect([inner.sent.length, heard]).toEqual([0, 0]);
    expect(lossy.outgoing).toMatchObject({ cut: 1, tooLarge: 0, dropped: 1 });
    expect(lossy.incoming).toMatchObject({ cut: 0, tooLarge: 1, dropped: 1 });

    const twice = lossySocket(inner, { duplication: 1, incoming: { duplication: 0 } });
    twice.listen(() => heard++);
    twice.send(Uint8Array.of(2), 1, "127.0.0.1");
    inner.hear(2);
    expect([inner.sent, heard]).toEqual([[2, 2], 1]);
  });

  it("gives clients other ports as a NAT does that forgets, and reaches them there alone", () => {
    const inner = socket();
    const to: number[] = [];
    inner.send = (_bytes, port) => void to.push(port);
    const from: number[] = [];
    const steady = lossySocket(inner);
    steady.listen((_bytes, _address, port) => from.push(port));
    inner.hear(1);
    steady.send(Uint8Array.of(1), 9, "127.0.0.1");
    expect([from, to]).toEqual([[9], [9]]);

    const moved = lossySocket(inner, { rebindsAtMs: [0] });
    moved.listen((_bytes, _address, port) => from.push(port));
    // Nothing has come from there yet.
    moved.send(Uint8Array.of(1), 9, "127.0.0.1");
    inner.hear(1);
    const shown = from[1]!;
    expect(shown).not.toBe(9);
    moved.send(Uint8Array.of(1), shown, "127.0.0.1");
    moved.send(Uint8Array.of(1), shown, "127.0.0.2");
    expect(to).toEqual([9, 9]);
  });

  it("delays a copy, and lets nothing through once closed", async () => {
    const inner = socket();
    const lossy = wrapSocket(inner, { delayMs: 1 });
    const bytes = Uint8Array.of(1);
    await new Promise<void>((resolve) => {
      const send = inner.send;
      inner.send = (datagram, port, address) => {
        send(datagram, port, address);
        resolve();
      };
      lossy.send(bytes, 1, "127.0.0.1");
      bytes[0] = 2;
      expect(inner.sent).toEqual([]);
    });
    expect(inner.sent).toEqual([1]);
    lossy.send(bytes, 1, "127.0.0.1");
    await lossy.close();
    lossy.send(bytes, 1, "127.0.0.1");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(inner.sent).toEqual([1]);
  });
});
