/**
 * Golden vectors: three who have never met agree on every byte. The generated code (through the runtime), the
 * interpreter of the model that wrote the vectors, and the independent parser, which knows only the documents.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import {
  type AckBlock,
  DatagramHeader,
  FrameHeader,
  MalformedError,
  Reader,
  Violation,
  Writer,
} from "stardust-udp/wire";
import { beforeAll, describe, expect, it, test } from "vitest";
import { ByteCursor, Problem } from "#codegen/bytes/cursor.js";
import { deflateFixed } from "#codegen/bytes/deflate.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import { readPayload } from "#codegen/interpret/compression.js";
import { DatagramReader } from "#codegen/interpret/read-datagram.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec, loadSpecFile } from "#codegen/spec/load.js";
import { bothSides } from "#fuzz/both-sides.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { emptied } from "#src/wire/json.js";
import { buildDatagram, checkMac, openFrame, parseFrame } from "#src/zero/envelope.js";
import { plainKeys } from "#src/zero/keys.js";
import { sysChecks, type Unchecked } from "#src/zero/own-checks.js";
import type { MessageName } from "#src/zero/own-messages.js";
import { IndependentParser } from "../support/independent-parser.ts";
import { fromHex, readVectors, toHex, type Vectors } from "../support/revive.ts";
import { specUrl } from "../support/specs.ts";
import { generate } from "./support/generate.ts";
import { kindsModel } from "./support/kinds.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;

interface Subject {
  model: Model;
  vectors: Vectors;
  testing: Any;
  protocol: Any;
  /** Path of the spec; models made by hand have none. */
  spec?: string;
}
const subjects: Record<string, Subject> = {};

function modelOf(spec: string): Model {
  return resolveSpec(loadSpecFile(spec))!;
}

beforeAll(async () => {
  const kinds = await generate("vectors", kindsModel());
  subjects["kinds"] = {
    model: kindsModel(),
    vectors: readVectors(kinds.files.get("vectors.json")!),
    testing: await kinds.load("testing"),
    protocol: await sidesOf(kinds.load),
  };
  for (const type of ["u32", "u64"]) {
    const model = resolveSpec(loadSpec(ackFieldSpec(type), "protocol.yaml"))!;
    const field = await generate(`vectors-${type}`, model);
    subjects[`acks as ${type}`] = {
      model,
      vectors: readVectors(field.files.get("vectors.json")!),
      testing: await field.load("testing"),
      protocol: await sidesOf(field.load),
    };
  }
  for (const [name, spec, generated] of [
    ["arena", `${root}test/specs/arena-plain.yaml`, specUrl("arena-plain", "generated/")],
    ["robot", `${root}test/specs/robot.yaml`, specUrl("robot", "generated/")],
    ["packed", `${root}test/specs/packed.yaml`, specUrl("packed", "generated/")],
    ["fleet", `${root}test/specs/versions/fleet-4.yaml`, specUrl("fleet-4", "generated/")],
  ] as const) {
    const model = modelOf(spec);
    subjects[name] = {
      model,
      spec,
      vectors: readVectors(emitVectors(model)),
      testing: await import(new URL("testing.js", generated).href),
      protocol: await sidesOf((file) => import(new URL(`${file}.js`, generated).href)),
    };
  }
});

async function sidesOf(load: (file: string) => Promise<Any>): Promise<Any> {
  const [client, server] = [await load("client-protocol"), await load("server-protocol")];
  return bothSides(client.protocol, server.protocol);
}

/** The robot's spec, whose acks are one field of bits. */
function ackFieldSpec(type: string): string {
  const text = readFileSync(`${root}test/specs/robot.yaml`, "utf8");
  const changed = text.replace(
    /type: ack-ranges, role: ack-ranges/,
    `type: ${type}, role: ack-bits`,
  );
  if (changed === text) throw new Error("the robot has no ack ranges");
  return changed;
}

/** What decoders make of a value: absent members are there and undefined. */
function without(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(without);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, without(member)]));
}

describe.each(["arena", "robot", "packed", "fleet", "kinds", "acks as u32", "acks as u64"])(
  "the vectors of %s",
  (name) => {
    it("have every channel and every zero message", () => {
      const { model, vectors } = subjects[name]!;
      for (const channel of model.channels) {
        const { members } = model.structs.find((s) => s.name === channel.message)!;
        const cases = vectors.messages.filter((v) => v.channel === channel.name);
        expect(cases.length, channel.name).toBeGreaterThanOrEqual(members.length === 0 ? 1 : 2);
        const alone = vectors.datagrams.filter((v) => v.case === `${channel.name}: alone`);
        expect(alone.length, channel.name).toBe(1);
      }
      for (const { name: msg } of model.zero.messages) {
        expect(vectors.zero.filter((v) => v.msg === msg).length).toBeGreaterThanOrEqual(2);
      }
      expect(vectors.datagrams.length).toBeGreaterThan(10);
    });

    it("are what the generated code encodes, decodes, and refuses", () => {
      const { model, vectors, testing } = subjects[name]!;
      const packed = new Set(model.channels.filter((c) => c.compress).map((c) => c.name));
      for (const { channel, case: title, value, hex } of vectors.messages) {
        const bytes = testing.encode[channel](value);
        // What this machine's zlib makes of it is no golden bytes: only that it is no longer, and comes back.
        if (!packed.has(channel)) expect(toHex(bytes), `${channel}, ${title}`).toBe(hex);
        else {
          expect(bytes.length).toBeLessThanOrEqual(hex.length / 2);
          expect(without(testing.decode[channel](bytes)), title).toStrictEqual(without(value));
        }
        expect(without(testing.decode[channel](fromHex(hex))), title).toStrictEqual(without(value));
      }
      for (const { channel, case: title, hex } of vectors.refused) {
        if (channel === undefined) continue;
        expect(() => testing.decode[channel](fromHex(hex)), title).toThrow(MalformedError);
      }
    });

    it("notice a byte that is flipped, in whatever place", () => {
      const { vectors, testing } = subjects[name]!;
      for (const { channel, value, hex, case: title } of vectors.messages.slice(0, 150)) {
        const good = fromHex(hex);
        for (let i = 0; i < Math.min(good.length, 64); i++) {
          const bad = good.slice();
          bad[i]! ^= 0x41;
          let decoded: unknown;
          try {
            decoded = without(testing.decode[channel](bad));
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedError);
            continue;
          }
          expect(decoded, `${channel}, ${title}, byte ${i}`).not.toEqual(without(value));
        }
      }
    });

    it("have the headers that the generated code writes and reads", () => {
      const { vectors, protocol } = subjects[name]!;
      for (const vector of vectors.datagrams) {
        const bytes = fromHex(vector.hex);
        expect(toHex(writeGenerated(protocol, vector)), vector.case).toBe(vector.hex);
        expect(readGenerated(protocol, bytes), vector.case).toEqual(
          vector.frames.map(({ channel, number, payload }) => ({ channel, number, payload })),
        );
      }
      for (const { channel, case: title, hex } of vectors.refused) {
        if (channel !== undefined) continue;
        expect(readGenerated(protocol, fromHex(hex)), title).toBeUndefined();
      }
    });

    it("are what the generated code makes of peers of other versions", () => {
      const { vectors, protocol } = subjects[name]!;
      for (const { channel, case: title, value, hex } of vectors.compatMessages) {
        const { decoder } = protocol.channels.find((c: Any) => c.name === channel);
        const r = Reader.of(fromHex(hex));
        expect(() => decoder.decode(r), title).toThrow(MalformedError);
        const other = Reader.of(fromHex(hex));
        other.compat = true;
        // What the other side does not know gets its default.
        expect(decoder.decode(other), `${channel}, ${title}`).toMatchObject(
          without(value) as object,
        );
      }
      for (const vector of vectors.compatDatagrams) {
        expect(toHex(writeGenerated(protocol, vector, true)), vector.case).toBe(vector.hex);
        expect(readGenerated(protocol, fromHex(vector.hex), true), vector.case).toEqual(
          vector.frames.map(({ channel, number, payload }) => ({ channel, number, payload })),
        );
      }
    });

    it("are what the runtime builds and opens as zero messages", () => {
      const { vectors, testing } = subjects[name]!;
      const keys = plainKeys(nodeCrypto, fromHex(vectors.keys.ticket));
      expect(toHex(keys.client)).toBe(vectors.keys.client);
      expect(toHex(keys.server)).toBe(vectors.keys.server);
      for (const vector of vectors.zero) {
        const { cid, msg, seq, ack, sys, body, padBytes, from, mac } = vector;
        const bytes = fromHex(vector.hex);
        const options = { padBytes, ...(mac ? { key: keys[from] } : {}) };
        const message = { cid, msg: msg as MessageName, seq, ack, sys, body };
        const built = buildDatagram(nodeCrypto, message, options);
        expect(toHex(built), vector.case).toBe(vector.hex);
        const frame = openFrame(bytes, bytes.length);
        if (typeof frame === "string") throw new Error(`${vector.case}: ${frame}`);
        if (mac) expect(checkMac(nodeCrypto, frame, keys[from])).toBe(true);
        expect(parseFrame(frame), vector.case).toEqual({ msg, seq, ack, sys, body });
        expect(sysChecks[msg as MessageName](sys as Unchecked), vector.case).toBe(true);
        const validate = testing.validateZero[msg]?.body ?? emptied;
        expect(validate(structuredClone(body)), vector.case).toBeNull();
      }
    });

    it("are read by the interpreter, which covers every bit once", () => {
      const { model, vectors } = subjects[name]!;
      const reader = new DatagramReader(model);
      for (const { hex, case: title } of vectors.datagrams) {
        const bytes = fromHex(hex);
        const reading = reader.read(bytes);
        expect(reading.problem, title).toBeUndefined();
        expect(coverage(reading.parts, bytes.length), title).toBe("1".repeat(bytes.length * 8));
      }
    });
  },
);

/** How often each bit is in a leaf. */
function coverage(parts: Any, bytes: number): string {
  const counts = new Array<number>(bytes * 8).fill(0);
  const visit = (part: Any): void => {
    if (part.parts !== undefined) {
      part.parts.forEach(visit);
      return;
    }
    const from = part.at * 8 + (part.bits?.offset ?? 0);
    for (let bit = 0; bit < (part.bits?.width ?? part.bytes * 8); bit++) counts[from + bit]!++;
  };
  parts.forEach(visit);
  return counts.join("");
}

function writeGenerated(
  protocol: Any,
  vector: Vectors["datagrams"][number],
  compat = false,
): Uint8Array {
  const { header } = protocol;
  const h = new DatagramHeader(header.userFields.length);
  h.ack = vector.ack !== undefined;
  h.ackNow = vector.ackNow;
  h.frames = vector.frames.length > 0;
  h.wide = vector.wide;
  h.limit = vector.receiveLimit !== undefined;
  h.receiveLimit = vector.receiveLimit ?? 0;
  h.clock = vector.clock ?? 0;
  h.sessionTag = vector.sessionTag ?? 0;
  h.packetNumber = vector.packetNumber;
  vector.user.forEach(({ value }, i) => {
    h.user[i] = value;
  });
  if (vector.ack !== undefined) fillAcks(h.acks, vector.ack);
  const frames = vector.frames.map((frame, i) => {
    const f = new FrameHeader();
    f.channel = protocol.channels.findIndex((c: Any) => c.name === frame.channel);
    f.number = frame.number ?? 0;
    f.slice = frame.slice !== undefined;
    f.sliceIndex = frame.slice?.index ?? 0;
    f.sliceCount = frame.slice?.count ?? 0;
    f.more = i < vector.frames.length - 1;
    f.compat = compat;
    f.payloadBytes = frame.payload.length / 2;
    return f;
  });
  const w = new Writer(new Uint8Array(1500));
  header.writeClear(h, frames[0], w);
  header.writeSealed(h, w);
  expect(w.at).toBe(header.size(h));
  frames.forEach((frame, i) => {
    const before = w.at;
    header.writeFrame(frame, frames[i - 1], w);
    expect(w.at - before).toBe(header.frameSize(frame, frames[i - 1]));
    w.raw(fromHex(vector.frames[i]!.payload));
  });
  w.raw(new Uint8Array(vector.padding ?? 0));
  return w.bytes.slice(0, w.at);
}

function fillAcks(acks: AckBlock, ack: { largest: number; delay: number; runs: number[] }): void {
  acks.largest = ack.largest;
  acks.delay = ack.delay;
  acks.firstRun = ack.runs[0]!;
  acks.pairs = (ack.runs.length - 1) / 2;
  for (let i = 0; i < acks.pairs; i++) {
    acks.gaps[i] = ack.runs[1 + 2 * i]!;
    acks.runs[i] = ack.runs[2 + 2 * i]!;
  }
}

/** Undefined for what the generated header refuses. */
function readGenerated(protocol: Any, bytes: Uint8Array, compat = false): object[] | undefined {
  const { header } = protocol;
  const h = new DatagramHeader(header.userFields.length);
  const f = new FrameHeader();
  f.compat = compat;
  const r = Reader.of(bytes);
  if (header.readClear(h, f, r) !== Violation.none) return undefined;
  if (header.readSealed(h, r) !== Violation.none) return undefined;
  const frames: object[] = [];
  if (!h.frames) return frames;
  for (let isFirst = true; ; isFirst = false) {
    if (header.readFrame(f, isFirst, r) !== Violation.none) return undefined;
    const channel = protocol.channels[f.channel];
    const number = channel.numbered ? f.number : undefined;
    const payload = toHex(bytes.subarray(f.payloadStart, f.payloadStart + f.payloadBytes));
    frames.push({ channel: channel.name, number, payload });
    if (!f.more) return frames;
  }
}

describe.each(["arena", "robot", "packed", "fleet"])(
  "the independent parser and the vectors of %s",
  (name) => {
    it("agree on every datagram", () => {
      const { spec, vectors } = subjects[name]!;
      for (const vector of vectors.datagrams) {
        const both = vector.frames.map((frame) => frame.channel);
        const from = sideOf(subjects[name]!.model, both);
        const parsed = new IndependentParser(spec!).parse(fromHex(vector.hex), from);
        if (parsed.kind === "zero") throw new Error("not regular");
        expect(parsed.packetNumber, vector.case).toBe(vector.packetNumber);
        expect(parsed.ackNow).toBe(vector.ackNow);
        expect(parsed.receiveLimit).toBe(vector.receiveLimit);
        expect(parsed.clock).toBe(vector.clock);
        expect(parsed.user).toEqual(Object.fromEntries(vector.user.map((u) => [u.name, u.value])));
        if (vector.ack !== undefined) {
          const { largest, delay, runs } = vector.ack;
          expect(parsed.ack).toMatchObject({ largest, delay });
          const lengths = parsed.ack!.ranges.map(([low, high]) => high - low + 1);
          expect(lengths, vector.case).toEqual(runs.filter((_, i) => i % 2 === 0));
        } else expect(parsed.ack).toBeUndefined();
        expect(parsed.frames.map((f) => [f.channel, f.number, f.slice, toHex(f.payload)])).toEqual(
          vector.frames.map((f) => [f.channel, f.number, f.slice, f.payload]),
        );
      }
    });

    it("agree on every message", () => {
      const { spec, vectors, model } = subjects[name]!;
      const parser = new IndependentParser(spec!);
      const all = [...vectors.messages, ...(vectors.deflated ?? [])];
      for (const { channel, value, hex, case: title } of all) {
        const alone = vectors.datagrams.find((v) => v.case === `${channel}: alone`)!;
        const head = alone.hex.slice(0, alone.hex.length - alone.frames[0]!.payload.length);
        const bytes = fromHex(head + hex);
        if (bytes.length > model.limits.maxDatagramBytes) continue;
        const parsed = parser.parse(bytes, sideOf(model, [channel]));
        if (parsed.kind === "zero") throw new Error("not regular");
        expect(without(parsed.frames[0]!.message), title).toStrictEqual(without(value));
      }
    });

    it("agree on every datagram between peers of different versions", () => {
      const { spec, vectors, model } = subjects[name]!;
      const parser = new IndependentParser(spec!, { compat: true });
      for (const vector of vectors.compatDatagrams) {
        const from = sideOf(
          model,
          vector.frames.map((frame) => frame.channel),
        );
        const parsed = parser.parse(fromHex(vector.hex), from);
        if (parsed.kind === "zero") throw new Error("not regular");
        expect(parsed.frames.map((f) => [f.channel, f.number, f.slice, toHex(f.payload)])).toEqual(
          vector.frames.map((f) => [f.channel, f.number, f.slice, f.payload]),
        );
      }
    });

    it("agree on every message of another version", () => {
      const { spec, vectors, model } = subjects[name]!;
      const parser = new IndependentParser(spec!, { compat: true });
      for (const { channel, value, hex, case: title } of vectors.compatMessages) {
        const alone = vectors.datagrams.find((v) => v.case === `${channel}: alone`)!;
        const head = alone.hex.slice(0, alone.hex.length - alone.frames[0]!.payload.length);
        const parsed = parser.parse(fromHex(head + hex), sideOf(model, [channel]));
        if (parsed.kind === "zero") throw new Error("not regular");
        expect(parsed.frames[0]!.message, title).toMatchObject(without(value) as object);
      }
    });

    it("agree on every zero message", () => {
      const { spec, vectors } = subjects[name]!;
      for (const { from, hex, case: title, sys, body } of vectors.zero) {
        const parsed = new IndependentParser(spec!).parse(fromHex(hex), from);
        if (parsed.kind !== "zero") throw new Error("not zero");
        expect(parsed.envelope, title).toMatchObject({ sys, body });
      }
    });
  },
);

function sideOf(model: Model, channels: readonly string[]): "client" | "server" {
  const used = model.channels.filter((channel) => channels.includes(channel.name));
  return used.some((channel) => channel.direction === "server-to-client") ? "server" : "client";
}

describe("the vectors of channels with compress", () => {
  it("have messages that are deflated, which everybody reads", () => {
    const { model, vectors, testing } = subjects["packed"]!;
    const deflated = vectors.deflated!;
    expect(new Set(deflated.map(({ channel }) => channel))).toEqual(new Set(["cells", "profile"]));
    for (const { channel, case: title, value, hex } of deflated) {
      const bytes = fromHex(hex);
      expect(bytes[0]).toBe(1);
      expect(without(testing.decode[channel](bytes)), title).toStrictEqual(without(value));
      const definition = model.channels.find((c) => c.name === channel)!;
      const read = readPayload(model, definition, new ByteCursor(bytes));
      expect(without(read.message), title).toStrictEqual(without(value));
    }
  });

  it("have what is refused of the form and of the stream, and everybody refuses it", () => {
    const { model, spec, vectors } = subjects["packed"]!;
    const cases = vectors.refused.filter(({ channel }) => channel === "cells");
    expect(cases.map((c) => c.case)).toEqual(
      expect.arrayContaining([
        "nothing, not even the form",
        "neither stored nor deflated",
        "deflated, without a stream",
        "inflates to one byte too many",
        "a stream that is cut off",
        "a byte behind the stream",
      ]),
    );
    const all = vectors.refused.map((c) => c.case);
    expect(all).toContain("deflated, and no shorter for it");
    const parser = new IndependentParser(spec!);
    for (const { channel, hex, case: title } of vectors.refused) {
      const definition = model.channels.find(({ name }) => name === channel);
      if (definition === undefined) continue;
      const source = new ByteCursor(fromHex(hex));
      expect(() => readPayload(model, definition, source), title).toThrow(Problem);
      const alone = vectors.datagrams.find((v) => v.case === `${channel}: alone`)!;
      const head = alone.hex.slice(0, alone.hex.length - alone.frames[0]!.payload.length);
      const bytes = fromHex(head + hex);
      if (bytes.length > model.limits.maxDatagramBytes) continue;
      expect(() => parser.parse(bytes, "client"), title).toThrow();
    }
  });

  it("inflate, as bytes of a deflater that is not zlib, to what went in", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 200 }), fc.uint8Array(), (few, any) => {
        for (const bytes of [Uint8Array.from(few), any]) {
          expect(new Uint8Array(inflateRawSync(deflateFixed(bytes)))).toEqual(bytes);
        }
      }),
      { seed: 7 },
    );
  });
});

test("the vectors of the arena that are checked in are these", () => {
  const text = readFileSync(`${root}generated/vectors.json`, "utf8");
  expect(text).toBe(emitVectors(modelOf(`${root}protocol.yaml`)));
});
