/** `stardust decode`: every byte of a datagram by name, and what is wrong at its byte; never a stack trace. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DatagramHeader, FrameHeader, MalformedError, Reader, Violation } from "stardust-udp/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CaptureError, datagramsOf, parseHex } from "#cli/captures.js";
import { runDecode } from "#cli/decode.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import { DatagramReader } from "#codegen/interpret/read-datagram.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpecFile } from "#codegen/spec/load.js";
import { SeededRandom } from "#src/testing/random.js";
import { mutated } from "../support/mutate.ts";
import { pcapOf } from "../support/pcap.ts";
import { decode, plainSpec, protocol } from "../support/plain-arena.ts";
import { fromHex, readVectors, type Vectors } from "../support/revive.ts";
import type { SealingVectors } from "../support/sealing-vectors.ts";
import { specSource, specUrl } from "../support/specs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const spec = fileURLToPath(plainSpec);
let vectors: Vectors;
let folder: string;

beforeAll(() => {
  vectors = readVectors(readFileSync(specSource("arena-plain", "generated/vectors.json"), "utf8"));
  mkdirSync(join(root, "test/tmp"), { recursive: true });
  folder = mkdtempSync(join(root, "test/tmp/decode-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Said {
  code: number;
  out: string;
  err: string;
}

async function run(
  input: string | undefined,
  flags: Record<string, string | boolean> = {},
): Promise<Said> {
  const said = { out: "", err: "" };
  const code = await runDecode({
    positionals: input === undefined ? [] : [input],
    flags: { spec, ...flags },
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    closed: () => false,
    colour: false,
  });
  return { code, ...said };
}

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const input = "000001 20 1f83d9ab 0007 80ff40 c0 00000005";

describe("decode", () => {
  it("names every field, with its byte, its bits and its value", async () => {
    const { code, out } = await run(input);
    expect(code).toBe(0);
    expect(out).toBe(`18 bytes, regular, from the client
0000  00 00 01                 channel: 1 (input, id 0)
0003  0.......                 ack: 0
0003  .0......                 ackNow: 0
0003  ..1.....                 frames: 1
0003  ...0....                 slice: 0
0003  ....0...                 more: 0
0003  .....0..                 wide: 0
0003  ......0.                 keyPhase: 0
0003  .......0                 limit: 0
0004  1f 83 d9 ab              sessionTag: 528734635
0008  00 07                    packetNumber: 7
000a                           frame 0
000a                             input
000a  80                           moveX: 0.0039215686274509665 (step 128 of 255)
000b  ff                           moveY: 1 (step 255 of 255)
000c  40                           heading: 1.5769563123901706 rad (step 64 of 255)
000d  1.......                     fire: true
000d  .1......                     use: true
000d  ..000000                     padding: 0
000e  00 00 00 05                  sequence: 5
`);
  });

  it("shows what is wrong at its byte, and what was not read", async () => {
    const { code, out } = await run(input.replace("c0", "c4"));
    expect(code).toBe(1);
    expect(out).toContain(
      "000d  ^^                       frame 0.input: padding bits are not zero\n",
    );
    expect(out).toContain("000e  00 00 00 05              not read\n");
    const cut = await run(input.slice(0, -2));
    expect(cut.out).toContain("a payload of 7 bytes, always 8");
    const unknown = await run("ffffff 20 1f83d9ab 0007");
    expect(unknown.out).toContain(
      "0000  ^^                       channel: wire id 16777215 is no channel",
    );
  });

  it("shows of a sealed datagram what anybody can read, and names the rest", async () => {
    const of = { spec: `${root}test/specs/modes-sealed.yaml` };
    const kept = readFileSync(`${root}docs/sealing-vectors.json`, "utf8");
    const { ciphers } = JSON.parse(kept) as SealingVectors;
    const [, second] = ciphers["aes-256-gcm"];
    const { datagram } = second!.datagrams.find((row) => row.case === "a message")!;
    const { code, out } = await run(datagram, of);
    expect(code).toBe(0);
    expect(out).toContain("channel: 1 (unreliable, id 0)");
    expect(out).toContain("keyPhase: 1");
    expect(out).toMatch(/packetNumber: 5\n0006 {2}.{24} sealed\n000e {2}.{24} tag\n$/);
    const cut = await run(datagram.slice(0, 40), of);
    expect(cut.code).toBe(1);
    expect(cut.out).toContain("14 bytes behind the clear part, and a tag has 16");
    expect((await run(datagram)).code).toBe(1);
  });

  it("says of a receive limit which channel's it is, and how much of that was handed on", async () => {
    // The example of docs/wire.md; a client says it of event, map and whatever else only servers send on.
    const limit = "000001 81 1f83d9ab 0003 0000 00 00 808008";
    const server = await run(limit, { from: "server", json: true });
    expect(server.code).toBe(0);
    expect(JSON.parse(server.out)).toMatchObject([
      { limit: { channel: "chat", handedOnBytes: 65_536 } },
    ]);
    const text = (await run(limit, { from: "server" })).out;
    expect(text).toContain("receiveLimit: 131072 (chat, 65536 bytes handed on)\n");
    expect(text).toContain("channel: 1 (no frames)\n");
    const either = (await run(limit)).out;
    expect(either).toMatch(
      /\(from the client: \w+, \d+ bytes handed on; from the server: chat, 65536 /,
    );
    const compat = (await run(limit, { from: "server", compat: true })).out;
    expect(compat).toContain("receiveLimit: 131072\n");
    const asks = await run("000003 40 1f83d9ab 0008", { from: "client" });
    expect(asks.out).toContain("channel: 3 (asks for the limit of chat)\n");
    const none = await run("000001 40 1f83d9ab 0008", { from: "client" });
    expect(none.out).toContain("channel: 1 (no frames)\n");
  });

  it("refuses a limit where no channel has one", async () => {
    const folderSpec = write(
      "one-way.yaml",
      "stardust: 1\nprotocol: { name: oneway }\nsecurity: plain\nchannels:\n  pose: { id: 0, delivery: unreliable, direction: both, message: { n: u8 } }\n  say: { id: 1, delivery: reliable, direction: client-to-server, message: { n: u8 } }\n",
    );
    const told = { spec: folderSpec, from: "client" };
    const zero = await run("000001 81 1f83d9ab 0003 0000 00 00 00", told);
    expect(zero).toMatchObject({ code: 0, out: expect.stringContaining("(no channel has one)") });
    const wrong = await run("000001 81 1f83d9ab 0003 0000 00 00 05", told);
    expect(wrong).toMatchObject({
      code: 1,
      out: expect.stringContaining("5, but no channel has a limit"),
    });
    const good = await run("000001 81 1f83d9ab 0003 0000 00 00 05", { ...told, from: "server" });
    expect(good).toMatchObject({
      code: 0,
      out: expect.stringContaining("(say, 5 bytes handed on)"),
    });
  });

  it("checks directions where it knows who sent it", async () => {
    expect((await run(input, { from: "client" })).code).toBe(0);
    const wrong = await run(input, { from: "server" });
    expect(wrong.code).toBe(1);
    expect(wrong.out).toContain("channel input is client-to-server, but the server sent it");
  });

  it("takes zero messages apart, and holds them against their schemas", async () => {
    const close = vectors.zero.find((v) => v.msg === "close")!;
    const good = await run(close.hex);
    expect(good.code).toBe(0);
    expect(good.out).toMatch(/^\w+ bytes, zero message close/);
    expect(good.out).toMatch(/[0-9a-f]{4} {2}22 .* code: "s"/);
    const wrong = Buffer.from(close.hex, "hex")
      .toString("latin1")
      .replace('"code":"s"', '"code":7  ');
    const bad = await run(Buffer.from(wrong, "latin1").toString("hex"));
    expect(bad.code).toBe(1);
    expect(bad.out).toContain("sys.code: is no string");
    const twice = '\0\0\0{"v":1,"cid":"AAAAAAAAAAAAAAAAAAAAAA","msg":"gone","msg":"gone"}';
    expect((await run(Buffer.from(twice).toString("hex"))).out).toContain(
      'the name "msg" stands twice',
    );
  });

  it("holds MAC and sequence of a zero message against what its kind has", async () => {
    const mac = ',"mac":"AAAAAAAAAAAAAAAAAAAAAA"';
    const zero = (msg: string, seq: number, ack: number, sys: string, end: string): string => {
      const head = `{"v":1,"cid":"AAAAAAAAAAAAAAAAAAAAAA","msg":"${msg}","seq":${seq},"ack":${ack}`;
      return Buffer.from(`\0\0\0${head},"sys":${sys},"body":{}${end}}`).toString("hex");
    };
    const nonce = '{"nonce":"AAAAAAAAAAAAAAAAAAAAAA"}';
    expect((await run(zero("attached", 2, 2, nonce, mac))).code).toBe(0);
    const wrong: [hex: string, problem: string][] = [
      [zero("attached", 2, 2, nonce, ""), "mac: is missing: every attached carries one"],
      [zero("gone", 0, 0, "{}", mac), "mac: gone carries none"],
      [zero("attached", 9, 2, nonce, mac), "seq: is 9, and that of attached is 2"],
      [zero("attached", 2, 1, nonce, mac), "ack: is 1, and that of attached is 2"],
      [zero("attached", 2, 2, nonce, mac.replace(/A"$/, 'B"')), "mac: is not 22 characters"],
    ];
    for (const [hex, problem] of wrong) {
      const { code, out } = await run(hex);
      expect([code, out]).toEqual([1, expect.stringContaining(problem)]);
    }
    const join = vectors.zero.find((v) => v.msg === "join")!;
    const second = Buffer.from(join.hex, "hex").toString("latin1").replace('"seq":0', '"seq":1');
    expect((await run(Buffer.from(second, "latin1").toString("hex"))).out).toContain(
      "seq: is 1, and that of join is 0",
    );
  });

  it("prints JSON that says the same", async () => {
    const { code, out } = await run(input, { json: true });
    expect(code).toBe(0);
    const [row] = JSON.parse(out);
    expect(row).toMatchObject({
      kind: "regular",
      bytes: 18,
      sessionTag: 0x1f83d9ab,
      packetNumber: 7,
      hex: input.replaceAll(" ", ""),
    });
    expect(row.frames[0]).toMatchObject({ channel: "input", message: { sequence: 5, fire: true } });
    expect(row.parts[0]).toEqual({
      name: "channel",
      at: 0,
      bytes: 3,
      value: 1,
      text: "input, id 0",
    });
    const bad = JSON.parse((await run("00", { json: true })).out)[0];
    expect(bad.problem).toEqual({ at: 0, path: "channel", problem: "3 bytes expected, 1 left" });
  });

  it("reads files of lines and captures, in which it sees who is who", async () => {
    const lines = vectors.datagrams.map((v, i) => `${v.hex.toUpperCase()} # ${i}`).join("\r\n");
    const text = await run(write("lines.txt", `# a comment\n\n${lines}\n`));
    expect(text.code).toBe(0);
    expect(text.out.match(/^line \d+: /gm)?.length).toBe(vectors.datagrams.length);
    const sided = await run(write("sided.txt", `server ${input}\nclient 0x00:00:01\n`));
    expect(sided.code).toBe(1);
    expect(sided.out).toContain("line 1: 18 bytes, regular, from the server");
    const join = fromHex(vectors.zero[0]!.hex);
    const packets = [join, fromHex(input.replaceAll(" ", ""))];
    const ports = { sourcePort: 40_000, destinationPort: 5_000 };
    const capture = pcapOf(packets.map((bytes) => ({ bytes, ...ports })));
    const seen = await run(write("good.pcap", capture));
    expect(seen.code).toBe(0);
    expect(seen.out).toContain(
      "packet 2: 18 bytes, regular, from the client, 10.0.0.2:40000 to 10.0.0.1:5000",
    );
    const back = pcapOf([
      { bytes: join, ...ports },
      { bytes: packets[1]!, sourcePort: 5_000, destinationPort: 40_000 },
    ]);
    expect((await run(write("back.pcap", back))).out).toContain("but the server sent it");
  });

  it("puts the slices of one input together", async () => {
    const reader = resolveSpec(loadSpecFile(spec))!;
    const { sliceBytes } = reader.limits;
    const message = Buffer.concat([
      fromHex("0170 0002 0003".replaceAll(" ", "")),
      fromHex("fa08"),
      Buffer.alloc(1146, 7),
    ]);
    const slice = (i: number): string => {
      const part = message.subarray(i * sliceBytes, (i + 1) * sliceBytes);
      return `000006301f83d9ab000${i}0000${i === 0 ? "00" : "01"}02${part.toString("hex")}`;
    };
    const { code, out } = await run(write("slices.txt", `${slice(1)}\n${slice(0)}\n`));
    expect(out).toContain(
      'message 0 of map is complete, 1154 bytes: {"name":"p","width":2,"height":3',
    );
    expect(code).toBe(0);
  });

  it("names what maps, unions and recursive types hold", async () => {
    const chat = join(root, "test/specs/codec/chat.yaml");
    const model = resolveSpec(loadSpecFile(chat))!;
    const of = (channel: string, title: string): string => {
      const own = readVectors(emitVectors(model));
      const alone = own.datagrams.find((v) => v.case === `${channel}: alone`)!;
      const head = alone.hex.slice(0, alone.hex.length - alone.frames[0]!.payload.length);
      return (
        head + own.messages.find((v) => v.channel === channel && v.case.startsWith(title))!.hex
      );
    };
    const deep = await run(of("bot", "edges, round 1 "), { spec: chat });
    expect(deep.code).toBe(0);
    expect(deep.out).toMatch(/ {2}04 +kind: "list" \(4\)\n/);
    const maps = await run(of("presence", "minimum"), { spec: chat, json: true });
    expect(JSON.parse(maps.out)[0].frames[0].message.online).toEqual({ $map: [] });
    const entry = await run(of("presence", "typical"), { spec: chat });
    expect(entry.out).toMatch(/\[0\]\n.*key: 72623859790382856\n.*value: true/);
  });

  it("exits 2 for what is no input, and says why", async () => {
    for (const [what, says] of [
      [undefined, "needs hexadecimal"],
      ["nothing.pcap", "neither"],
      ["abc", "neither"],
      [write("bad.txt", "00 01\nxyz\n"), "line 2"],
    ] as const) {
      const { code, err } = await run(what);
      expect([code, err], String(what)).toEqual([2, expect.stringContaining(says)]);
    }
  });

  it("runs from the command line, from standard input too", () => {
    const command = [join(root, "dist/cli/main.js"), "decode", "-", "--spec", spec];
    const good = spawnSync(process.execPath, command, { input: `${input}\n`, encoding: "utf8" });
    expect([good.status, good.stderr]).toEqual([0, ""]);
    const bad = spawnSync(process.execPath, [...command, "--from", "sever"], {
      input,
      encoding: "utf8",
    });
    expect(bad.status).toBe(2);
    expect(bad.stderr).toContain('did you mean "server"?');
  });
});

describe("whatever the bytes are", () => {
  it("the command comes back with 0 or 1", async () => {
    const random = new SeededRandom(11);
    const good = [...vectors.zero, ...vectors.datagrams].map((v) => fromHex(v.hex));
    const lines = Array.from({ length: 2000 }, (_, i) => mutated(good[i % good.length]!, random))
      .filter((bytes) => bytes.length > 0)
      .map((bytes) => Buffer.from(bytes).toString("hex"));
    const path = write("mutated.txt", lines.join("\n"));
    for (const json of [false, true]) {
      const { code, out } = await run(path, json ? { json } : {});
      expect(code).toBe(1);
      if (json) expect(JSON.parse(out).length).toBe(lines.length);
    }
  });

  it("a file is read or refused by name", () => {
    const random = new SeededRandom(12);
    const capture = pcapOf([{ bytes: fromHex("00000001"), sourcePort: 1, destinationPort: 2 }]);
    for (let i = 0; i < 2000; i++) {
      try {
        const path = write("mutated.pcap", mutated(capture, random));
        for (const _ of datagramsOf(path, { skipped: 0 }));
      } catch (error) {
        expect(error).toBeInstanceOf(CaptureError);
      }
    }
    // Characters that end a line to a regular expression, and not to a text editor.
    for (const text of ["g\u2028", "client 00\u2029g"]) {
      const path = write("odd.txt", new TextEncoder().encode(text));
      expect(() => [...datagramsOf(path, { skipped: 0 })]).toThrow(CaptureError);
    }
    for (const text of ["", "0", "0g", "é", "0x"]) expect(parseHex(text)).toBeUndefined();
  });

  it("it refuses exactly what the generated code refuses, and reads the same messages", () => {
    const random = new SeededRandom(13);
    const reader = new DatagramReader(resolveSpec(loadSpecFile(spec))!);
    const good = vectors.datagrams.map((v) => fromHex(v.hex));
    for (const { channel, hex } of vectors.messages) {
      const alone = vectors.datagrams.find((v) => v.case === `${channel}: alone`)!;
      const head = alone.hex.slice(0, alone.hex.length - alone.frames[0]!.payload.length);
      good.push(fromHex(head + hex));
    }
    let refused = 0;
    for (let i = 0; i < 20_000; i++) {
      const bytes = mutated(good[i % good.length]!, random).slice(0, 1200);
      const reading = reader.read(bytes);
      if (reading.kind === "zero") continue;
      const hex = Buffer.from(bytes).toString("hex");
      const generated = readGenerated(bytes);
      if (generated === undefined) refused++;
      expect(reading.problem !== undefined, `${hex}: ${JSON.stringify(reading.problem)}`).toBe(
        generated === undefined,
      );
      if (generated !== undefined)
        expect(
          reading.frames.map((f) => f.message),
          hex,
        ).toEqual(generated);
    }
    expect(refused).toBeGreaterThan(4000);
  });
});

/** Messages (undefined for slices) as the generated code reads them; undefined for what it refuses. */
function readGenerated(bytes: Uint8Array): unknown[] | undefined {
  const h = new DatagramHeader(0);
  const f = new FrameHeader();
  const r = Reader.of(bytes);
  if (protocol.header.readClear(h, f, r) !== Violation.none) return undefined;
  if (protocol.header.readSealed(h, r) !== Violation.none) return undefined;
  const messages: unknown[] = [];
  for (let isFirst = true; h.frames; isFirst = false) {
    if (protocol.header.readFrame(f, isFirst, r) !== Violation.none) return undefined;
    const name = protocol.channels[f.channel]!.name as keyof typeof decode;
    const payload = bytes.subarray(f.payloadStart, f.payloadStart + f.payloadBytes);
    try {
      messages.push(f.slice ? undefined : decode[name](payload));
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedError);
      return undefined;
    }
    if (!f.more) break;
  }
  return messages;
}

describe("decode between versions", () => {
  const fleet = (version: number) => join(root, `test/specs/versions/fleet-${version}.yaml`);
  const order = "000002 28 1f83d9ab 0006 0000 03 800001 90 400002";

  it("reads a length before every frame but the last, where it is told that the sides differ", async () => {
    const both = await run(order, { spec: fleet(3), compat: true });
    expect(both.code).toBe(0);
    expect(both.out).toContain('kind: "fire"');
    expect(both.out).toContain('kind: "hold"');
    expect((await run(order, { spec: fleet(3) })).code).toBe(1);
  });

  it("names what a later version added, and leaves out what an earlier one has not", async () => {
    const testing = await import(specUrl("fleet-4", "generated/testing.js").href);
    const pose = { unit: 1, x: 0, y: 0, armed: true, shield: 9, stance: "prone", leader: 5 };
    const hex = Buffer.from(testing.encode.pose(pose)).toString("hex");
    const newer = await run(`000001 20 1f83d9ab 0007 ${hex}`, { spec: fleet(3), compat: true });
    expect(newer.out).toMatch(/^.{4} {2}\d\d .* {4}of a later version/m);
    expect(newer.code).toBe(0);
    const before = await import(specUrl("fleet-3", "generated/testing.js").href);
    const short = Buffer.from(before.encode.pose({ unit: 1, x: 0, y: 0, armed: true }));
    const shortHex = `000001 20 1f83d9ab 0007 ${short.toString("hex")}`;
    const older = await run(shortHex, { spec: fleet(4), compat: true });
    expect(older.out).toContain("unit: 1");
    expect(older.out).not.toContain("shield");
    expect(older.code).toBe(0);
    expect((await run(`000001 20 1f83d9ab 0007 ${hex}`, { spec: fleet(3) })).code).toBe(1);
  });

  it("learns it from the accept of a capture", async () => {
    const accept = (sys: object) =>
      `\0\0\0${JSON.stringify({ v: 1, cid: "A".repeat(22), msg: "accept", seq: 1, ack: 1, sys, body: {} })}`;
    const sys = {
      port: 1,
      ports: [[1, 1]],
      ticket: "A".repeat(43),
      hash: "0".repeat(32),
      peer: 1,
      tag: 7,
    };
    const packet = (bytes: Uint8Array) => ({ sourcePort: 7000, destinationPort: 40_000, bytes });
    const regular = Uint8Array.from(Buffer.from(order.replaceAll(" ", ""), "hex"));
    for (const [compat, code] of [
      [true, 0],
      [false, 1],
    ] as const) {
      const text = accept(compat ? { ...sys, compat } : sys);
      const capture = pcapOf([packet(new TextEncoder().encode(text)), packet(regular)]);
      const said = await run(write(`compat-${compat}.pcap`, capture), { spec: fleet(3) });
      expect(said.code, said.out).toBe(code);
    }
  });
});

describe("a join with secret members", () => {
  const lobby = fileURLToPath(specSource("lobby", "generated/vectors.json"));
  const reader = new DatagramReader(
    resolveSpec(loadSpecFile(join(root, "test/specs/lobby.yaml")))!,
  );
  const joinOf = (which: string): string => {
    const { zero } = JSON.parse(readFileSync(lobby, "utf8")) as {
      zero: { case: string; hex: string }[];
    };
    const found = zero.find((one) => one.case === `join from the client: ${which}`)!;
    return Buffer.from(found.hex, "hex").toString("latin1");
  };
  const problemOf = (text: string): string | undefined => {
    const { problem } = reader.read(Buffer.from(text, "latin1"), { from: "client" });
    return problem && `${problem.path}: ${problem.problem}`;
  };

  it("is read as far as it is readable, and what is wrong with it is told", () => {
    const [first, second] = [joinOf("what is required"), joinOf("all members")];
    expect([problemOf(first), problemOf(second)]).toEqual([undefined, undefined]);
    expect(second).not.toContain("password");
    for (const [text, says] of [
      [second.replace(/,"secret":"[^"]*"/, ""), "secret: is missing: a join has secret members"],
      [
        second.replace('"body":{', '"body":{"pin":1,').replace("........", ""),
        "body.pin: is secret, and stands where all can read it",
      ],
      [second.replace(/"secret":"./, '"secret":"='), "secret: is not base64url"],
      [
        second.replace(/}$/, ',"later":1}').replace("..........", ""),
        "secret: is not at its offset",
      ],
      [
        first.replace(/}$/, ',"secret":"AAAA"}').replace(".".repeat(16), ""),
        "secret: has no place here",
      ],
    ] as const) {
      expect(problemOf(text)).toBe(says);
    }
  });
});
