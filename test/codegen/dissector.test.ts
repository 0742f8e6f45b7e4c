/**
 * The dissector as tshark runs it, on real traffic and on what traffic can become. What it says of a datagram is held
 * against the independent parser, which knows only the documents.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { emitDissector } from "#codegen/emit/dissector.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import { DatagramReader } from "#codegen/interpret/read-datagram.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpecFile } from "#codegen/spec/load.js";
import { SeededRandom } from "#src/testing/random.js";
import { arenaClient, arenaServer, closing, pattern, until } from "../support/arena.ts";
import { IndependentParser } from "../support/independent-parser.ts";
import { mutated } from "../support/mutate.ts";
import { pcapOf } from "../support/pcap.ts";
import { plainClient, plainServer } from "../support/plain-arena.ts";
import { fromHex, readVectors } from "../support/revive.ts";
import type { SealingVectors } from "../support/sealing-vectors.ts";
import { specUrl } from "../support/specs.ts";
import { type Captured, tap } from "../support/tap.ts";
import { dissect, type Field, hasTshark, run, skipWithoutTshark } from "../support/tshark.ts";
import { kindsModel } from "./support/kinds.ts";
import { all, compare, compareRegular, objectOf } from "./support/shown.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const CLIENT_PORT = 40_000;
const SERVER_PORT = 5_000;

// Without tshark there is nothing to ask; where CI is set that fails instead.
it.skipIf(skipWithoutTshark)("tshark is here", () => expect(hasTshark).toBe(true));

// Without tshark there is nothing to ask; where CI is set that fails instead.
it.skipIf(skipWithoutTshark)(
  "shows of sealed datagrams what anybody can read, and names the rest",
  () => {
    const model = modelOf("test/specs/modes-sealed.yaml");
    const kept = readFileSync(`${root}docs/sealing-vectors.json`, "utf8");
    const { ciphers } = JSON.parse(kept) as SealingVectors;
    const [, second] = ciphers["aes-256-gcm"];
    const { datagram } = second!.datagrams.find((row) => row.case === "a message")!;
    const cut = datagram.slice(0, 40);
    const preferences = { "stardust_modes_sealed.ports": String(SERVER_PORT) };
    const pcap = asPcap([datagram, cut].map((hex) => ({ from: "client", bytes: fromHex(hex) })));
    const { packets, stderr } = dissect(emitDissector(model), pcap, { preferences });
    expect(stderr).not.toContain("Lua");
    const text = packets.map((packet) => JSON.stringify(packet));
    expect(text[0]).toContain("seal_tag");
    expect(text[0]).toContain("ciphertext");
    expect(text[0]).not.toContain("expert");
    expect(text[1]).toContain("14 bytes behind the clear part, and a tag has 16");
  },
);

function modelOf(spec: string): Model {
  return resolveSpec(loadSpecFile(`${root}${spec}`))!;
}

interface Seen {
  readonly from: "client" | "server";
  readonly bytes: Uint8Array;
}

function asPcap(datagrams: readonly Seen[]): Uint8Array {
  return pcapOf(
    datagrams.map(({ from, bytes }) => ({
      bytes,
      sourcePort: from === "client" ? CLIENT_PORT : SERVER_PORT,
      destinationPort: from === "client" ? SERVER_PORT : CLIENT_PORT,
    })),
  );
}

async function arenaTraffic(): Promise<Seen[]> {
  const captured: Captured[] = [];
  const server = await plainServer({ ports: { count: 1 } });
  server.on("join", (peer) => {
    peer.send.map({ name: "pit €", width: 50, height: 60, tiles: pattern(3_000) });
  });
  let lines = 0;
  server.receive.chat((peer, chat) => {
    lines++;
    server.broadcast.chat({ from: peer.id, text: chat.text });
    peer.send.event({ sequence: lines, kind: "death", subject: 1, object: 2, amount: -3 });
    peer.send.event({ sequence: lines, kind: "spawn", subject: 65_535, amount: 7 });
    const at = { x: -511.5, y: 3.25 };
    peer.send.snapshot({
      tick: lines,
      lastInput: 4_294_967_295,
      entities: [
        { id: 3, kind: "player", at, heading: 1, health: 100, weapon: "staff" },
        { id: 4, kind: "potion", at, heading: 0, health: 0 },
      ],
    });
  });
  const client = await plainClient(server, { wrapSocket: tap(captured) });
  let heard = 0;
  client.receive.chat(() => heard++);
  for (let i = 0; i < 40; i++) {
    client.send.chat({ from: 0, text: `line ${i} <&"${"é".repeat(i)}` });
    client.send.input({ sequence: i, moveX: 0.5, moveY: -1, heading: 3, fire: true, use: false });
  }
  await until(() => heard === 40);
  await client.close({ code: "done", reason: "tested" });
  return captured;
}

async function robotTraffic(): Promise<Seen[]> {
  const { listen } = (await import(
    specUrl("robot", "generated/server.js").href
  )) as typeof import("../tmp/specs/robot/generated/server.ts");
  const { connect } = (await import(
    specUrl("robot", "generated/client.js").href
  )) as typeof import("../tmp/specs/robot/generated/client.ts");
  const captured: Captured[] = [];
  const server = closing(await listen({ ports: { count: 1 } }));
  const client = closing(await connect({ port: server.ports[0]!, wrapSocket: tap(captured) }));
  await until(() => server.peers.has(client.id));
  let reports = 0;
  server.receive.report(() => reports++);
  let commands = 0;
  client.receive.command(() => commands++);
  for (let i = 0; i < 20; i++) {
    client.header.tick = 0xfffffff0 - i;
    client.send.joints({
      joints: [
        { angle: -3.2 + i / 4, torque: -i / 3 },
        { angle: 3.2, torque: 1e9 },
      ],
    });
    client.send.report({ code: i, ...(i % 2 === 0 ? { text: "hi" } : {}) });
    client.flush();
    server.peers.get(client.id)!.send.command({ name: "go", value: -2.5 * i });
  }
  await until(() => reports === 20 && commands === 20);
  await client.close();
  return captured;
}

const traffic: Record<string, { spec: string; model: Model; lua: string; seen: Seen[] }> = {};

beforeAll(async () => {
  if (skipWithoutTshark) return;
  for (const [name, spec, record] of [
    ["arena_plain", "test/specs/arena-plain.yaml", arenaTraffic],
    ["robot", "test/specs/robot.yaml", robotTraffic],
  ] as const) {
    const model = modelOf(spec);
    traffic[name] = { spec, model, lua: emitDissector(model), seen: await record() };
  }
});

// Without tshark there is nothing to ask; where CI is set that fails instead.
describe.skipIf(skipWithoutTshark).each(["arena_plain", "robot"])("the dissector of %s", (name) => {
  const preferences = { [`stardust_${name}.ports`]: String(SERVER_PORT) };

  it("says of real traffic what the independent parser says, datagram by datagram", () => {
    const { spec, lua, seen } = traffic[name]!;
    const { packets, stderr } = dissect(lua, asPcap(seen));
    expect(stderr).not.toContain("Lua");
    expect(packets.length).toBe(seen.length);
    const parser = new IndependentParser(`${root}${spec}`);
    const counts = { zero: 0, frames: 0, slices: 0 };
    seen.forEach(({ from, bytes }, i) => {
      const parsed = parser.parse(bytes, from);
      const shown = packets[i]!.protocols.find((p) => p.name === `stardust_${name}`)!;
      expect(shown, `datagram ${i}`).toBeDefined();
      const fields = all(shown);
      expect(fields.filter((f) => f.name.startsWith("_ws.expert"))).toEqual([]);
      const values = (end: string): Field[] =>
        fields.filter((f) => f.name === `stardust_${name}.${end}`);
      if (parsed.kind === "zero") {
        counts.zero++;
        expect(values("msg").map((f) => f.show)).toEqual([parsed.message]);
        expect(values("cid")[0]!.show).toBe(parsed.envelope["cid"]);
        expect(values("mac").map((f) => f.show)).toEqual(
          parsed.envelope["mac"] === undefined ? [] : [parsed.envelope["mac"]],
        );
        const json = all(packets[i]!.protocols.find((p) => p.name === "json") ?? shown);
        expect(json.some((f) => f.name === "json.key" && f.show === "sys")).toBe(true);
        return;
      }
      counts.frames += parsed.frames.length;
      counts.slices += parsed.frames.filter((frame) => frame.slice !== undefined).length;
      compareRegular(shown, parsed, `datagram ${i}`);
    });
    if (name === "arena_plain") {
      // The channels of both ends are known from the zero messages before; the example of docs/wire.md.
      const bytes = fromHex("000001811f83d9ab0003000000 00808008".replace(" ", ""));
      const joined = seen.slice(0, 4);
      const limit = dissect(lua, asPcap([...joined, { from: "server", bytes }])).packets.at(-1)!;
      expect(JSON.stringify(limit)).toContain("(chat, 65536 bytes handed on)");
    }
    expect(counts.zero).toBeGreaterThan(6);
    expect(counts.frames).toBeGreaterThan(50);
    if (name === "arena_plain") expect(counts.slices).toBeGreaterThan(1);
  });

  it("survives what becomes of it, and refuses exactly what the interpreter of the model refuses", () => {
    const { lua, seen, model } = traffic[name]!;
    const random = new SeededRandom(7);
    const bad: Seen[] = Array.from({ length: 1500 }, (_, i) => {
      const { from, bytes } = seen[i % seen.length]!;
      return { from, bytes: mutated(bytes, random).slice(0, 1400) };
    });
    const { packets, stderr } = dissect(lua, asPcap(bad), { preferences });
    expect(stderr).not.toContain("Lua");
    expect(packets.length).toBe(bad.length);
    const reader = new DatagramReader(model);
    let refused = 0;
    packets.forEach(({ protocols }, i) => {
      if (bad[i]!.bytes.length === 0) return;
      const hex = Buffer.from(bad[i]!.bytes).toString("hex");
      const shown = protocols.find((p) => p.name === `stardust_${name}`);
      expect(shown, hex).toBeDefined();
      const names = all(shown!).map((f) => f.name);
      expect(names, hex).not.toContain(`stardust_${name}.internal`);
      const { kind, problem } = reader.read(bad[i]!.bytes);
      if (kind === "zero") return;
      if (problem !== undefined) refused++;
      const malformed = names.includes(`stardust_${name}.malformed`);
      expect(malformed, `${hex}: ${JSON.stringify(problem)}`).toBe(problem !== undefined);
    });
    expect(refused).toBeGreaterThan(250);
    expect(refused).toBeLessThan(bad.length);
  });

  it("recognises its traffic on any port, and leaves other people's alone", () => {
    const { lua, seen } = traffic[name]!;
    const strange: Seen[] = ["00000001", "ff".repeat(40), "000000", "0000007b7d", "474554202f"].map(
      (hex) => ({ from: "client", bytes: fromHex(hex) }),
    );
    const { packets } = dissect(lua, asPcap([...strange, ...seen.slice(0, 30)]));
    packets.forEach(({ protocols }, i) => {
      const ours = protocols.some((p) => p.name === `stardust_${name}`);
      expect(ours, `packet ${i}`).toBe(i >= strange.length);
    });
  });
});

// Without tshark there is nothing to ask; where CI is set that fails instead.
it.skipIf(skipWithoutTshark)(
  "every kind of type is shown with the value of its golden vector",
  () => {
    const model = kindsModel();
    const vectors = readVectors(emitVectors(model));
    const seen = vectors.messages.map(({ channel, hex }): Seen => {
      const alone = vectors.datagrams.find((v) => v.case === `${channel}: alone`)!;
      const head = alone.hex.slice(0, alone.hex.length - alone.frames[0]!.payload.length);
      return { from: "client", bytes: fromHex(head + hex) };
    });
    const preferences = { "stardust_test.ports": String(SERVER_PORT) };
    const { packets, stderr } = dissect(emitDissector(model), asPcap(seen), { preferences });
    expect(stderr).not.toContain("Lua");
    packets.forEach(({ protocols }, i) => {
      const shown = protocols.find((p) => p.name === "stardust_test")!;
      const frame = shown.fields.find((f) => f.name === "stardust_test.frame")!;
      const vector = vectors.messages[i]!;
      if (vector.channel === "names") return; // Names that are no words are others in filters.
      compare(objectOf(frame.fields), vector.value, `${vector.channel}, ${vector.case}`);
    });
  },
);

// Without tshark there is nothing to ask; where CI is set that fails instead.
it.skipIf(skipWithoutTshark)(
  "the dissector that is checked in is the arena's, and reads zero messages and the clear part of the rest",
  async () => {
    const text = readFileSync(`${root}generated/dissector.lua`, "utf8");
    expect(text.endsWith(emitDissector(modelOf("protocol.yaml")))).toBe(true);
    const seen: Captured[] = [];
    const server = await arenaServer({ ports: { count: 1 } });
    server.receive.chat((peer, chat) => peer.send.chat(chat));
    const client = await arenaClient(server, { wrapSocket: tap(seen) });
    client.send.chat({ from: 0, text: "nobody reads this" });
    expect((await client.messages.chat().next()).value).toMatchObject({ from: 0 });
    await client.close();
    const { packets } = dissect(text, asPcap(seen));
    const isZero = seen.map(({ bytes }) => bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0);
    expect(packets.length).toBe(seen.length);
    packets.forEach(({ protocols }, i) => {
      const shown = protocols.find(({ name }) => name === "stardust_arena")!;
      const names = new Set(all(shown).map(({ name }) => name));
      expect(names.has("stardust_arena.msg")).toBe(isZero[i]);
      expect(names.has("stardust_arena.seal_tag")).toBe(!isZero[i]);
      expect([...names].filter((name) => name.startsWith("_ws.expert"))).toEqual([]);
    });
    expect(isZero).toContain(false);
    const { stdout } = run(text, asPcap(seen.slice(0, 1)), []);
    expect(stdout).toMatch(/ARENA \d+ zero join/);
  },
);
