/** Native sockets on a real network (loopback), beside those of `node:dgram`: what one sends the other receives, from the same addresses. */
import { networkInterfaces } from "node:os";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { PortBindError } from "#src/errors.js";
import { nativeThread } from "#src/udp/native-binding.js";
import { openNativeSocket } from "#src/udp/native-socket.js";
import { openSocket } from "#src/udp/open-socket.js";
import type { DatagramSocket, SocketKind } from "#src/udp/socket.js";
import { until } from "../support/arena.ts";
import { skipWithoutNative } from "../support/native-sockets.ts";

type Kind = Exclude<SocketKind, "auto">;

const open: DatagramSocket[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
});

function closing<S extends DatagramSocket>(socket: S): S {
  open.push(socket);
  return socket;
}

async function socketOf(
  kind: Kind,
  host = "127.0.0.1",
  more: { port?: number; bufferBytes?: number; ipv6Only?: boolean } = {},
): Promise<DatagramSocket> {
  return closing(await openSocket({ host, port: 0, warn: false, kind, ...more }));
}

/** All that comes to a socket, as `from` has it: bytes in hex, behind where they come from. */
function received(socket: DatagramSocket): string[] {
  const texts: string[] = [];
  socket.listen((bytes, address, port) =>
    texts.push(`${address} ${port} ${Buffer.from(bytes).toString("hex")}`),
  );
  return texts;
}

function from(socket: DatagramSocket, bytes: Uint8Array, address = socket.address): string {
  return `${address} ${socket.port} ${Buffer.from(bytes).toString("hex")}`;
}

/** Different for each number, at every place. */
function datagram(length: number, number: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => number * 31 + i * 7 + (i >> 8));
}

const ways = [
  ["native", "native"],
  ["native", "node"],
  ["node", "native"],
] as const;

// Native sockets are there only where a C compiler is.
describe.skipIf(skipWithoutNative)("native sockets", () => {
  describe.each(ways)("from %s to %s", (sending, receiving) => {
    it.each(["127.0.0.1", "::1"])("datagrams of 0 to 65,507 bytes, over %s", async (host) => {
      const sender = await socketOf(sending, host);
      const target = await socketOf(receiving, host);
      const texts = received(target);
      const memory = new Uint8Array(65_507);
      for (const length of [1, 0, 60, 1200, 1472, 1473, 9000, 40_000, 65_507, 0, 2]) {
        const bytes = datagram(length, length);
        memory.set(bytes);
        sender.send(memory.subarray(0, length), target.port, host);
        memory.fill(0xff);
        const count = texts.length + 1;
        await until(() => texts.length === count);
        expect(texts.at(-1) === from(sender, bytes)).toBe(true);
      }
      // What no system takes is lost, and nothing else is.
      sender.send(new Uint8Array(65_528), target.port, host);
      sender.send(new Uint8Array(200_000), target.port, host);
      for (const port of [0, -1, 65_536, 1.5, Number.NaN])
        sender.send(Uint8Array.of(1), port, host);
      sender.send(Uint8Array.of(9), target.port, host);
      await until(() => texts.length === 12);
      expect(texts[11]).toBe(from(sender, Uint8Array.of(9)));
    });

    it("a burst of 10,000 in its order", async () => {
      const sender = await socketOf(sending);
      const target = await socketOf(receiving);
      const texts = received(target);
      const sent: string[] = [];
      // As many in one turn as fit a small receive buffer, whatever each takes of it.
      while (sent.length < 10_000) {
        for (let i = 0; i < 200; i++) {
          const bytes = datagram(1 + ((sent.length * 7) % 90), sent.length);
          sent.push(from(sender, bytes));
          sender.send(bytes, target.port, target.address);
        }
        await until(() => texts.length === sent.length);
      }
      expect(texts).toEqual(sent);
    });

    it.each([
      ["equal ones", [...Array<number>(70).fill(500)]],
      ["equal ones, the last shorter", [300, 300, 300, 100]],
      ["a shorter one between", [300, 300, 100, 300, 300, 7, 7, 300]],
      ["longer ones behind", [100, 100, 200, 200, 300, 100]],
      ["more than 64 KiB in all", [...Array<number>(100).fill(1200), 5]],
      ["empty ones between", [20, 20, 0, 20, 20, 0, 0, 1]],
      ["of one byte", [...Array<number>(200).fill(1)]],
      ["large ones", [30_000, 30_000, 30_000, 4]],
    ])("runs of one length: %s", async (_what, lengths) => {
      const sender = await socketOf(sending);
      const targets = [await socketOf(receiving), await socketOf(receiving)];
      const texts = targets.map(received);
      const sent: string[][] = [[], []];
      for (const [i, length] of [...lengths, ...lengths, ...lengths].entries()) {
        // First to one, then to the other, then by turns.
        const to = i < 2 * lengths.length ? Math.floor(i / lengths.length) : i % 2;
        const bytes = datagram(length, i);
        sender.send(bytes, targets[to]!.port, targets[to]!.address);
        sent[to]!.push(from(sender, bytes));
        // Not more at once than a small receive buffer takes.
        if (i % 40 === 39 || length > 10_000)
          await until(() => texts.every((t, n) => t.length === sent[n]!.length));
      }
      await until(() => texts.every((t, n) => t.length === sent[n]!.length));
      expect(texts).toEqual(sent);
    });
  });

  it("tell the addresses of both families as node:dgram does, where they are bound to ::", async () => {
    const told: string[][] = [];
    for (const kind of ["node", "native"] as const) {
      const target = await socketOf(kind, "::");
      expect(target.address).toBe("::");
      const texts: string[] = [];
      target.listen((bytes, address, port) => {
        texts.push(address);
        target.send(bytes, port, address);
      });
      for (const host of ["127.0.0.1", "::1"]) {
        const client = await socketOf(kind === "node" ? "native" : "node", host);
        const answers = received(client);
        client.send(Uint8Array.of(1, 2), target.port, host);
        await until(() => answers.length === 1);
        expect(answers).toEqual([from(target, Uint8Array.of(1, 2), host)]);
      }
      told.push(texts);
    }
    expect(told).toEqual([
      ["::ffff:127.0.0.1", "::1"],
      ["::ffff:127.0.0.1", "::1"],
    ]);
  });

  it("send nothing to what is no address of their family", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const [sender, target] = [await socketOf("native", host), await socketOf("native", host)];
      const texts = received(target);
      const other = host === "::1" ? "127.0.0.1" : "::1";
      const wrong = ["", "nowhere", `${host}.1`, `${host}\0`, ` ${host}`, other, "fe80::1%nowhere"];
      for (const address of [...wrong, "x".repeat(1000)])
        sender.send(Uint8Array.of(1), target.port, address);
      sender.send(Uint8Array.of(9), target.port, host);
      await until(() => texts.length > 0);
      expect(texts).toEqual([from(sender, Uint8Array.of(9))]);
    }
  });

  it("leave IPv4 to others where ipv6Only says so", async () => {
    const six = await socketOf("native", "::", { ipv6Only: true });
    const four = await socketOf("native", "0.0.0.0", { port: six.port });
    const texts = received(four);
    const client = await socketOf("native");
    client.send(Uint8Array.of(5), six.port, "127.0.0.1");
    await until(() => texts.length === 1);
    expect(texts).toEqual([from(client, Uint8Array.of(5))]);
  });

  const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    addresses!
      .filter(({ address }) => address.startsWith("fe80:"))
      .map(({ address }) => `${address}%${name}`),
  )[0];
  // A machine may have no interface of that kind.
  it.skipIf(linkLocal === undefined)("tell link-local addresses with their scope", async () => {
    const told: string[][] = [];
    for (const kind of ["node", "native"] as const) {
      const [target, client] = [await socketOf(kind, linkLocal), await socketOf(kind, linkLocal)];
      const texts: string[] = [target.address];
      target.listen((_bytes, address) => texts.push(address));
      client.send(Uint8Array.of(1), target.port, linkLocal!);
      await until(() => texts.length === 2);
      told.push(texts);
    }
    expect(told[0]![1]).toBe(linkLocal);
    expect(told[1]).toEqual(told[0]);
  });

  it("go on where nobody listens at a port", async () => {
    const gone = await socketOf("native");
    const port = gone.port;
    await gone.close();
    const sender = await socketOf("native");
    const target = await socketOf("native");
    const texts = received(target);
    for (let i = 0; i < 20; i++) {
      for (let n = 0; n < 5; n++) sender.send(Uint8Array.of(n), port, "127.0.0.1");
      sender.send(Uint8Array.of(i), target.port, "127.0.0.1");
      await until(() => texts.length === i + 1);
    }
  });

  it.each(["node", "native"] as const)(
    "cannot take a port or address that they may not have: %s",
    async (kind) => {
      const taken = await socketOf("node");
      for (const [port, host, code] of [
        [taken.port, "127.0.0.1", "EADDRINUSE"],
        [0, "198.51.100.1", "EADDRNOTAVAIL"],
      ] as const) {
        const error: PortBindError = await openSocket({ host, port, warn: false, kind }).catch(
          (thrown) => thrown,
        );
        expect(error).toBeInstanceOf(PortBindError);
        expect(error).toMatchObject({ host, port, cause: { code, syscall: "bind" } });
        expect((error.cause as NodeJS.ErrnoException).errno).toBeLessThan(0);
      }
    },
  );

  it("tell how much of their buffers was granted", async () => {
    const thread = nativeThread()!;
    const bind = { host: "127.0.0.1", port: 0, ipv6Only: false };
    const { socket, grantedBytes } = await openNativeSocket(thread, { ...bind, bufferBytes: 8192 });
    closing(socket);
    // Linux counts its own bookkeeping in.
    expect(grantedBytes).toBe(16_384);
  });

  it("hand out nothing more once they are closed, even by the listener, and their port is free", async () => {
    const sender = await socketOf("native");
    for (let round = 0; round < 20; round++) {
      const target = await socketOf("native");
      let count = 0;
      target.listen(() => {
        count++;
        void target.close();
      });
      for (let i = 0; i < 50; i++) sender.send(datagram(1 + (i % 3), i), target.port, "127.0.0.1");
      await until(() => count > 0);
      const again = await socketOf("native", "127.0.0.1", { port: target.port });
      const texts = received(again);
      sender.send(Uint8Array.of(round), again.port, "127.0.0.1");
      await until(() => texts.length === 1);
      expect(count).toBe(1);
      target.send(Uint8Array.of(1), again.port, "127.0.0.1");
      await target.close();
      target.unref?.();
    }
  });

  it("have one listener: a second takes its place, in the midst of what was read as well", async () => {
    const sender = await socketOf("native");
    const target = await socketOf("native");
    const heard: string[] = [];
    target.listen((bytes) => {
      heard.push(`first ${bytes[0]}`);
      if (bytes[0] === 3) target.listen((later) => heard.push(`second ${later[0]}`));
    });
    for (let i = 0; i < 6; i++) sender.send(Uint8Array.of(i), target.port, "127.0.0.1");
    await until(() => heard.length === 6);
    expect(heard).toEqual(["first 0", "first 1", "first 2", "first 3", "second 4", "second 5"]);
  });

  it("may be closed, and others opened, while one of them hands out", async () => {
    const [sender, target, other] = [
      await socketOf("native"),
      await socketOf("native"),
      await socketOf("native"),
    ];
    const opened: Promise<DatagramSocket>[] = [];
    const texts: string[] = [];
    target.listen((bytes) => {
      void other.close();
      opened.push(socketOf("native"));
      texts.push(Buffer.from(bytes).toString("hex"));
    });
    received(other);
    for (let i = 0; i < 10; i++) {
      sender.send(Uint8Array.of(i), other.port, "127.0.0.1");
      sender.send(Uint8Array.of(i), target.port, "127.0.0.1");
    }
    await until(() => texts.length === 10);
    for (const socket of await Promise.all(opened)) {
      const heard = received(socket);
      sender.send(Uint8Array.of(1), socket.port, "127.0.0.1");
      await until(() => heard.length === 1);
    }
  });

  it("send what a closing one was given in its turn", async () => {
    const target = await socketOf("native");
    const texts = received(target);
    const sender = await socketOf("native");
    for (let i = 0; i < 3; i++) sender.send(Uint8Array.of(i), target.port, "127.0.0.1");
    await sender.close();
    await until(() => texts.length === 3);
  });

  it("work with the smallest buffers: what has no room is lost, never thrown", async () => {
    const small = { bufferBytes: 1 };
    const sender = await socketOf("native", "127.0.0.1", small);
    const target = await socketOf("native", "127.0.0.1", small);
    const texts = received(target);
    for (let i = 0; i < 1000; i++) sender.send(new Uint8Array(60_000), target.port, "127.0.0.1");
    for (let i = 0; i < 1000; i++) sender.send(new Uint8Array(1200), target.port, "127.0.0.1");
    const last = from(sender, Uint8Array.of(1, 2, 3));
    await until(() => {
      sender.send(Uint8Array.of(1, 2, 3), target.port, "127.0.0.1");
      return texts.includes(last);
    });
  });

  it("keep what the system does not take just now, up to a bound, in its order", async () => {
    const thread = nativeThread()!;
    const { binding } = thread;
    // The kernel of loopback always takes all: one that takes so many and is full then stands in for it.
    let room = 3;
    const full: typeof binding = {
      ...binding,
      send(socket, bytes, fields, first, end) {
        const to = Math.min(end, first + room);
        room -= to - first;
        return binding.send(socket, bytes, fields, first, to);
      },
      watchWrites() {
        blocked++;
        watched = () => binding.watchWrites(handle!);
      },
      open(...args) {
        handle = binding.open(...args);
        return handle;
      },
    };
    let blocked = 0;
    let watched: (() => void) | undefined;
    let handle: ReturnType<typeof binding.open> | undefined;
    const opened = await openNativeSocket(
      { ...thread, binding: full },
      { host: "127.0.0.1", port: 0, bufferBytes: 1 << 20, ipv6Only: false },
    );
    const sender = closing(opened.socket);
    const target = await socketOf("node");
    const texts = received(target);
    const sent: string[] = [];
    const send = (length: number) => {
      const bytes = datagram(length, sent.length);
      sent.push(from(sender, bytes));
      sender.send(bytes, target.port, target.address);
    };
    for (let i = 0; i < 10; i++) send(5);
    await until(() => blocked === 1 && texts.length === 3);
    // More waits behind them, and is not tried.
    for (let i = 0; i < 20; i++) send(i);
    room = 7;
    watched!();
    await until(() => blocked === 2 && texts.length === 10);
    room = 1000;
    watched!();
    await until(() => texts.length === 30);
    expect(texts).toEqual(sent);

    // As many as wait at most stay, the newest are lost; afterwards everything is as before.
    for (const [length, kept] of [
      [10, 128],
      [60_000, 2],
    ] as const) {
      texts.splice(0);
      sent.splice(0);
      room = 0;
      for (let i = 0; i < 300; i++) send(length);
      await until(() => blocked === (length === 10 ? 3 : 4));
      room = 1000;
      watched!();
      await until(() => texts.length === kept);
      send(1);
      await until(() => texts.length === kept + 1);
      expect(texts).toEqual([...sent.slice(0, kept), sent.at(-1)]);
    }
  });

  it("read into memory that they keep, whatever becomes of the arrays that show it", async () => {
    const thread = nativeThread()!;
    const { bytes, fields } = thread.binding.area();
    expect([bytes === thread.bytes, fields === thread.fields]).toEqual([true, true]);
    // To a worker it goes as a copy or not at all, as Node's own do.
    try {
      structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
    } catch {}
    expect(bytes.byteLength).toBeGreaterThan(1_000_000);
    const [sender, target] = [await socketOf("native"), await socketOf("native")];
    const texts = received(target);
    sender.send(Uint8Array.of(1), target.port, "127.0.0.1");
    await until(() => texts.length === 1);
    expect(texts).toEqual([from(sender, Uint8Array.of(1))]);
  });

  it("make no new views of what has come to the same places as the last time", async () => {
    const sender = await socketOf("native");
    const target = await socketOf("native");
    const shown: Uint8Array[] = [];
    target.listen((bytes) => shown.push(bytes));
    const burst = 20;
    for (let round = 1; round <= 2; round++) {
      for (let i = 0; i < burst; i++) {
        sender.send(datagram(500, i), target.port, target.address);
      }
      await until(() => shown.length === round * burst);
    }
    const [first, second] = [shown.slice(0, burst), shown.slice(burst)];
    expect(second.map((bytes) => first.indexOf(bytes))).toEqual(first.map((_, i) => i));
  });

  it("carry any sequence of sends as node:dgram does", { timeout: 120_000 }, async () => {
    const senders = {
      native: [await socketOf("native"), await socketOf("native")],
      node: [await socketOf("node"), await socketOf("node")],
    };
    const targets = {
      native: [await socketOf("native"), await socketOf("native"), await socketOf("native")],
      node: [await socketOf("node"), await socketOf("node"), await socketOf("node")],
    };
    const texts = {
      native: targets.native.map(received),
      node: targets.node.map(received),
    };
    const length = fc.oneof(
      fc.constantFrom(0, 1, 100, 1200),
      fc.integer({ min: 0, max: 1500 }),
      fc.integer({ min: 0, max: 3 }),
    );
    const run = fc.record({
      sender: fc.nat(1),
      target: fc.nat(2),
      length,
      count: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 30 })),
    });
    // Of one turn, then of the next: as much as fits the receive buffers.
    const turns = fc.array(fc.array(run, { minLength: 1, maxLength: 6 }), { maxLength: 4 });
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ways), turns, async ([sending, receiving], all) => {
        for (const list of texts[receiving]) list.splice(0);
        const wanted: string[][] = [[], [], []];
        for (const turn of all) {
          for (const { sender, target, length, count } of turn) {
            const socket = senders[sending][sender]!;
            for (let i = 0; i < count; i++) {
              const bytes = datagram(length, number++);
              wanted[target]!.push(from(socket, bytes));
              socket.send(bytes, targets[receiving][target]!.port, "127.0.0.1");
            }
          }
          const count = wanted.map((list) => list.length).join();
          await until(() => texts[receiving].map((list) => list.length).join() === count);
        }
        // Of two senders nobody promises who is first.
        for (const [target, list] of texts[receiving].entries()) {
          for (const { port } of senders[sending]) {
            const of = (all: string[]) => all.filter((text) => text.includes(` ${port} `));
            expect(of(list)).toEqual(of(wanted[target]!));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
