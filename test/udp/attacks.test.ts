/**
 * Attacks on the connection protocol of a pool that runs, by sockets that send what they like: each is judged by the bytes that
 * came back, and by what the server has before and after. More of each kind, in every state, is tried in virtual time (test/zero).
 */
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accepted, attach, challenged, newCid, Probe, secondJoin } from "#cli/conformance/probe.js";
import { writeZero } from "#codegen/interpret/write-datagram.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpecFile } from "#codegen/spec/load.js";
import { type Client, connect } from "#generated/client.js";
import { listen, type Server } from "#generated/server.js";
import { until } from "../support/arena.ts";
import { type Captured, tap } from "../support/tap.ts";

const spec = fileURLToPath(new URL("../../protocol.yaml", import.meta.url));
const model = resolveSpec(loadSpecFile(spec))!;

let server: Server;
/** A peer that is there all the time, and what it has sent and got. */
let victim: Client;
const captured: Captured[] = [];
/** Names of those whom the application was asked about. */
const asked: string[] = [];
const faults: unknown[] = [];
/** Lines that the server has sent back to the victim. */
const heard = new Set<string>();
/** An attacker at the port that clients dial, a second one at another address, and one at the port where everybody is. */
let probe: Probe;
let other: Probe;
let far: Probe;

beforeAll(async () => {
  server = await listen({
    ports: { count: 2 },
    authenticate: ({ name }) => {
      asked.push(name);
      return { accept: true, body: { motd: "hi" } };
    },
    place: ({ ports }) => ports[1]!.port,
    onFault: (error) => void faults.push(error),
  });
  const [port, chosen] = server.ports as [number, number];
  server.receive.chat((peer, chat) => void peer.send.chat(chat));
  victim = await connect({ port, join: { name: "ada" }, wrapSocket: tap(captured) });
  victim.receive.chat(({ text }) => void heard.add(text));
  const target = { host: "127.0.0.1", port, waitMs: 5000, model, join: { name: "eve" } };
  probe = await Probe.open(target);
  other = await Probe.open(target);
  far = await Probe.open({ ...target, port: chosen });
});

afterAll(async () => {
  for (const one of [probe, other, far]) one.close();
  await victim[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  expect(faults).toEqual([]);
});

/** What the server has, and what each port has counted. */
async function state() {
  const { ports } = await server.stats();
  return {
    peers: [...server.peers.keys()],
    byPort: ports.map(({ peers }) => peers),
    asked: asked.length,
    counters: ports.map(({ counters }) => counters),
  };
}

/** Sends these from `from`, each to its port; every answer that came to that socket, of whatever connection id. */
async function answers(
  from: Probe,
  datagrams: readonly (readonly [bytes: Uint8Array, port?: number])[],
): Promise<{ msg: string | undefined; bytes: Uint8Array; cid: unknown }[]> {
  from.clear();
  for (const [bytes, port] of datagrams) from.send(bytes, port);
  // What was sent before was looked at before, on either port.
  expect(await far.isAlive()).toBe(true);
  expect(await from.isAlive()).toBe(true);
  const all = from.answers.map(({ reading, bytes }) => {
    return { msg: reading.zero, bytes, cid: reading.envelope?.["cid"] };
  });
  // The last is the challenge for `isAlive`.
  return all.slice(0, -1);
}

/** Whether the victim is heard, and hears. */
async function expectVictimThere(): Promise<void> {
  const text = randomBytes(8).toString("hex");
  victim.send.chat({ from: 0, text });
  await until(() => heard.has(text));
}

/** The attack changes nothing but counters: nobody is asked, no peer comes or goes, and the victim goes on. */
async function changesNothing(attack: () => Promise<void>): Promise<Record<string, number>[]> {
  const before = await state();
  await attack();
  const after = await state();
  expect({ ...after, counters: [] }).toEqual({ ...before, counters: [] });
  await expectVictimThere();
  return after.counters.map((counters, i) =>
    Object.fromEntries(
      Object.entries(counters)
        .map(([name, count]) => [name, count - (before.counters[i]![name] ?? 0)] as const)
        .filter(([name, count]) => name.startsWith("zero.dropped") && count !== 0),
    ),
  );
}

const jsonOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const mine = (msg: string): Captured =>
  captured.find(
    ({ bytes, from }) => from === "server" && jsonOf(bytes).includes(`"msg":"${msg}"`),
  )!;

it("who asks without a proof gets less than was sent, once each, and takes up nothing", async () => {
  await changesNothing(async () => {
    const cid = newCid();
    const sys = { port: server.ports[1], nonce: newCid(), counter: 1 };
    const key = randomBytes(32);
    const plain = { cid, seq: 0, ack: 0, body: {} };
    const piece = {
      hash: model.hash,
      version: 1,
      key: probe.keysOf(cid).key,
      piece: 1,
      data: "AA",
    };
    const requests: Uint8Array[] = [
      probe.join(newCid()),
      writeZero(probe.joinValues(newCid())),
      secondJoin(probe, newCid(), "c".repeat(30)),
      writeZero({ ...plain, msg: "attach", seq: 2, ack: 1, sys, key, padBytes: 196 }),
      writeZero({ ...plain, msg: "rebind", sys, key }),
      writeZero({ ...plain, msg: "join", sys: piece, padBytes: 1200 }),
    ];
    for (const request of requests) {
      for (const port of server.ports) {
        const got = await answers(probe, [[request, port]]);
        expect(got.length).toBeLessThanOrEqual(1);
        for (const { bytes } of got) expect(bytes.length).toBeLessThanOrEqual(request.length);
      }
    }
  });
});

it("who sends a cookie from another address than it was given to is nobody there", async () => {
  await changesNothing(async () => {
    const { cid, cookie } = await challenged(probe);
    const join = secondJoin(probe, cid, cookie);
    const got = await answers(other, [[join], [join, server.ports[1]!]]);
    expect(got.map(({ msg }) => msg)).toEqual(["gone", "gone"]);
  });
});

it("who attaches from elsewhere has nothing sent there but the answers, until it has answered", async () => {
  const from = await accepted(probe);
  const bytes = attach(probe, from);
  const got = await answers(other, [
    [bytes, from.port],
    [bytes, from.port],
  ]);
  expect(got.map(({ msg }) => msg)).toEqual(["attached", "attached"]);
  for (const { bytes: answer } of got) expect(answer.length).toBeLessThanOrEqual(bytes.length);
  // The application has a peer, and says a lot to it: nothing of that goes where nobody has asked for it.
  await until(() => server.peers.size === 2);
  for (let i = 0; i < 50; i++) server.broadcast.chat({ from: 0, text: `flood ${i}` });
  await expectVictimThere();
  expect(await answers(other, [])).toEqual([]);
  const close = { msg: "close", seq: 3, ack: 2, sys: { code: "bye" }, body: {} };
  other.send(writeZero({ ...close, cid: from.cid, key: from.keys.client }), from.port);
  await until(() => server.peers.size === 1);
});

it("who forges a close, an ack or a nonce for a connection that they can name is not heard", async () => {
  const cid = jsonOf(mine("accept").bytes).slice(17, 39);
  const [, dropped] = await changesNothing(async () => {
    const key = randomBytes(32);
    const of = { cid, body: {}, key };
    const port = server.ports[1]!;
    const got = await answers(probe, [
      [writeZero({ ...of, msg: "close", seq: 3, ack: 2, sys: { code: "bye" } }), port],
      [writeZero({ ...of, msg: "ack", seq: 0, ack: 99, sys: {} }), port],
      [writeZero({ ...of, msg: "ack", seq: 0, ack: 2, sys: { nonce: newCid() } }), port],
      [
        writeZero({
          ...of,
          msg: "rebind",
          seq: 0,
          ack: 2,
          sys: { port, nonce: newCid(), counter: 9 },
        }),
        port,
      ],
    ]);
    expect(got).toEqual([]);
  });
  expect(dropped).toEqual({ "zero.droppedMac": 4 });
});

it("who sends again what a client has sent, from elsewhere, takes nothing from it", async () => {
  const out = captured.filter(({ from }) => from === "client").map(({ bytes }) => bytes);
  const zero = out.filter((bytes) => bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0);
  const regular = out.filter((bytes) => !zero.includes(bytes));
  expect([zero.length > 3, regular.length > 3]).toEqual([true, true]);
  await changesNothing(async () => {
    const [port, chosen] = server.ports as [number, number];
    const joins = zero.filter((bytes) => jsonOf(bytes).includes('"msg":"join"'));
    const later = zero.filter((bytes) => !joins.includes(bytes));
    const got = await answers(probe, [
      ...joins.map((bytes) => [bytes, port] as const),
      ...[...later, ...regular].map((bytes) => [bytes, chosen] as const),
    ]);
    // Its id is known, at another address: gone; or not any more, and join 1 is as any. Its attach is answered where it came from, which proves nothing.
    for (const { msg } of got) expect(["gone", "attached", "challenge"]).toContain(msg);
    expect(got.map(({ msg }) => msg)).toContain("attached");
    for (const { bytes } of got) expect(bytes.length).toBeLessThanOrEqual(200);
  });
});

it("who sends bombs of JSON, names of prototypes and datagrams of any size gets nothing", async () => {
  const [dropped] = await changesNothing(async () => {
    const text = jsonOf(writeZero(probe.joinValues(newCid()))).slice(0, -1);
    const bombs = [
      `,"x":${"[".repeat(600)}${"]".repeat(600)}}`,
      `,"x":${'{"a":'.repeat(100)}1${"}".repeat(100)}}`,
      `,"x":{${Array.from({ length: 100 }, (_, i) => `"k${i}":0`).join(",")}}}`,
      `,"__proto__":{"polluted":1}}`,
      `,"x":{"constructor":{"prototype":{"polluted":1}}}}`,
      `,"\\u005f_proto__":{"polluted":1}}`,
      `,"x":1e${"9".repeat(400)}`,
      `,"x":"${"\\ud800".repeat(20)}"}`,
      `,"x":"${"x".repeat(50_000)}"}`,
    ].map((rest) => Buffer.from(text + rest, "latin1"));
    const got = await answers(
      probe,
      [...bombs, Buffer.alloc(65_000), Buffer.from([0, 0, 0]), Buffer.from("\0\0\0{}")].map(
        (bytes) => [bytes] as const,
      ),
    );
    expect(got).toEqual([]);
  });
  expect(Object.keys(dropped!).sort()).toEqual(
    "Forbidden Frame Length Scan Utf8".split(" ").map((reason) => `zero.dropped${reason}`),
  );
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

it("who asks for less security is refused, or not answered", async () => {
  await changesNothing(async () => {
    const { cid, cookie } = await challenged(probe);
    const values = probe.joinValues(cid);
    const { key: _, ...plain } = values.sys as Record<string, unknown>;
    const padded = { ...values, padBytes: 1200 };
    // Without a key; as the plain twin of this protocol; with a key that everybody has the secret of.
    const without = writeZero({ ...padded, sys: plain });
    const twin = writeZero({ ...padded, sys: { ...plain, hash: "0".repeat(32) } });
    const got = await answers(probe, [[without], [twin]]);
    expect(got.map(({ msg }) => msg)).toEqual(["reject"]);
    expect(jsonOf(got[0]!.bytes)).toContain('"reason":"protocol"');
    expect(cookie).not.toBe("");
  });
});

it("who has seen accept gets the proof of a loss from no port", async () => {
  const accept = jsonOf(mine("accept").bytes);
  const cid = accept.slice(17, 39);
  const [, reset] = /"reset":"([\w-]{22})"/.exec(accept)!;
  const dropped = await changesNothing(async () => {
    const asking = (port: number): Uint8Array =>
      writeZero({
        cid,
        msg: "rebind",
        seq: 0,
        ack: 2,
        sys: { port, nonce: newCid(), counter: 5, reset },
        body: {},
        key: randomBytes(32),
      });
    const pairs = server.ports.flatMap((to) =>
      server.ports.map((said) => [asking(said), to] as const),
    );
    const got = await answers(probe, pairs);
    expect(got.map(({ msg }) => msg)).toEqual(["gone", "gone"]);
    for (const { bytes } of got) expect(jsonOf(bytes)).not.toContain("proof");
  });
  // The port that has the peer takes them for the peer's, and finds no good MAC.
  expect(dropped[1]).toEqual({ "zero.droppedMac": 2 });
});
