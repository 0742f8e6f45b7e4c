/**
 * Specs of real and odd shapes: each generates, compiles under the strict flags, and its codecs write and read the bytes
 * that a slow interpreter of the YAML writes and reads, which knows nothing of the generator.
 */

import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { encodeOnce, InvalidMessageError, MalformedError, Reader, Writer } from "stardust-udp/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ByteCursor, Problem } from "#codegen/bytes/cursor.js";
import { readMessage } from "#codegen/interpret/read-message.js";
import { Lookup } from "#codegen/model/lookup.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { bothSides, codecOf } from "#fuzz/both-sides.js";
import { CaptureError, Cursor } from "../support/independent/bytes.ts";
import { Messages, type Type } from "../support/independent/messages.ts";
import { fromHex, readVectors } from "../support/revive.ts";
import { type Generated, generate, typeProblems, typeScriptOf } from "./support/generate.ts";

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;

const folder = new URL("../specs/codec/", import.meta.url);
const specs = new Map<string, string>([
  ...readdirSync(folder).map((file): [string, string] => [
    file.replace(".yaml", ""),
    readFileSync(new URL(file, folder), "utf8"),
  ]),
  ["telemetry", readFileSync(new URL("../large/telemetry.yaml", folder), "utf8")],
]);

interface Channel {
  readonly name: string;
  readonly codec: Any;
  readonly type: Type;
}

interface Subject {
  readonly model: Model;
  readonly generated: Generated;
  readonly testing: Any;
  readonly channels: readonly Channel[];
  readonly slow: Messages;
  readonly slowCompat: Messages;
}

const subjects = new Map<string, Subject>();

function modelOf(text: string): Model {
  const loaded = loadSpec(text, "spec.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list, null, 1));
  return model;
}

beforeAll(async () => {
  for (const [name, text] of specs) {
    const model = modelOf(text);
    const generated = await generate(`codec-${name}`, model);
    const testing = await generated.load("testing");
    const protocol = bothSides(
      (await generated.load("client-protocol")).protocol,
      (await generated.load("server-protocol")).protocol,
    );
    const yaml = parse(text, { mapAsMap: true }) as Map<string, Any>;
    const parts = [yaml.get("types") ?? new Map(), yaml.get("limits") ?? new Map()] as const;
    const slow = new Messages(...parts);
    const slowCompat = new Messages(...parts, { compat: true });
    const channels = protocol.channels.map((definition) => {
      const { name: channel } = definition;
      const given = yaml.get("channels").get(channel);
      const type = slow.resolveMessage(given.get("message"), given.get("extensible") === true);
      return { name: channel, codec: codecOf(definition), type };
    });
    subjects.set(name, { model, generated, testing, channels, slow, slowCompat });
  }
}, 120_000);

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** What `write` makes of a message where there is room for the largest; nothing else may be touched. */
function writeWithin(codec: Any, message: unknown): Uint8Array {
  const memory = new Uint8Array(codec.maxBytes + 32).fill(0x77);
  try {
    return memory.slice(5, codec.write(message, new Writer(memory), 5));
  } finally {
    expect(memory.subarray(0, 5).every((byte) => byte === 0x77)).toBe(true);
    expect(memory.subarray(5 + codec.maxBytes).every((byte) => byte === 0x77)).toBe(true);
  }
}

/** Replaces what lies at the end of a way through objects, lists and maps; each step says which of its members. */
function spoil(target: Any, [step, ...way]: number[], value: unknown): void {
  if (typeof target !== "object" || target === null || ArrayBuffer.isView(target)) return;
  const keys = target instanceof Map ? [...target.keys()] : Object.keys(target);
  if (keys.length === 0) return;
  const key = keys[step! % keys.length];
  const inner = target instanceof Map ? target.get(key) : target[key];
  const deeper = way.length > 0 && typeof inner === "object" && inner !== null;
  if (deeper && !ArrayBuffer.isView(inner)) spoil(inner, way, value);
  else if (target instanceof Map) target.set(key, value);
  else Object.defineProperty(target, key, { value, enumerable: true });
}

/** What a decoder makes of bytes: the value, or that they are refused. */
function outcome(read: () => unknown): { value?: unknown } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof MalformedError || error instanceof CaptureError) return {};
    throw error;
  }
}

/** Like toEqual, and also of properties called `__proto__`. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [k, plain(v)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const own = Object.keys(value).map((k) => {
    return [`.${k}`, plain(Object.getOwnPropertyDescriptor(value, k)!.value)] as const;
  });
  return Object.fromEntries(own.filter(([, v]) => v !== undefined));
}

function same(a: unknown, b: unknown): void {
  expect(plain(a)).toEqual(plain(b));
}

test("all of them compile under the strictest flags", () => {
  const all = [...subjects.values()].map((s) => s.generated);
  expect(typeProblems(typeScriptOf(all))).toEqual([]);
}, 120_000);

test("telemetry has hundreds of message types", () => {
  expect(subjects.get("telemetry")!.channels.length).toBe(300);
});

test("nothing of a hostile spec runs", () => {
  expect((globalThis as { pwned?: unknown }).pwned).toBeUndefined();
});

describe.each([...specs.keys()])("any message of %s", (name) => {
  const runs = name === "telemetry" ? 3 : 60;

  test("is the bytes that the interpreter writes, and comes back from both", () => {
    const { channels, testing, slow } = subjects.get(name)!;
    for (const { name: channel, codec, type } of channels) {
      const target = testing.example[channel]();
      same(testing.decode[channel](testing.encode[channel](target)), target);
      fc.assert(
        fc.property(testing.arbitrary[channel](fc) as fc.Arbitrary<Any>, (message) => {
          const bytes: Uint8Array = testing.encode[channel](message);
          expect(hexOf(bytes)).toBe(hexOf(slow.encode(type, message)));
          if (codec.inPlace) expect(hexOf(writeWithin(codec, message))).toBe(hexOf(bytes));
          expect(bytes.length).toBeLessThanOrEqual(codec.maxBytes);
          if (codec.fixedBytes >= 0) expect(bytes.length).toBe(codec.fixedBytes);
          const back = testing.decode[channel](bytes);
          same(back, message);
          same(slow.decode(type, new Cursor(bytes), channel), message);
        }),
        { numRuns: runs },
      );
    }
  });

  test("changed at random is refused by both, or the same message to both", () => {
    const { channels, testing, slow, slowCompat } = subjects.get(name)!;
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
    for (const { name: channel, codec, type } of channels) {
      const any = testing.arbitrary[channel](fc) as fc.Arbitrary<Any>;
      fc.assert(
        fc.property(any, edits, fc.nat(), fc.boolean(), (message, changes, cut, compat) => {
          const good: Uint8Array = testing.encode[channel](message);
          const bytes = good.slice(0, cut % 3 === 0 ? cut % (good.length + 1) : good.length);
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          const reader = Reader.of(bytes);
          reader.compat = compat;
          const fast = outcome(() => codec.decode(reader));
          const judge = compat ? slowCompat : slow;
          same(
            fast,
            outcome(() => judge.decode(type, new Cursor(bytes), channel)),
          );
          if (compat || !("value" in fast)) return;
          // One way to write each thing: what was accepted is what the encoder writes.
          expect(hexOf(testing.encode[channel](fast.value))).toBe(hexOf(bytes));
        }),
        { numRuns: runs },
      );
    }
  });

  test("is in the vectors, which all three read and write alike", () => {
    const { channels, testing, generated, slow } = subjects.get(name)!;
    const vectors = readVectors(generated.files.get("vectors.json")!);
    for (const { name: channel, type } of channels) {
      const own = vectors.messages.filter((v) => v.channel === channel);
      expect(own.length, channel).toBeGreaterThan(0);
      for (const { value, hex, case: title } of own) {
        const what = `${channel}, ${title}`;
        expect(hexOf(testing.encode[channel](value)), what).toBe(hex);
        expect(hexOf(slow.encode(type, value)), what).toBe(hex);
        same(testing.decode[channel](fromHex(hex)), value);
        same(slow.decode(type, new Cursor(fromHex(hex)), channel), value);
      }
    }
  });

  test("is refused by all three where the vectors say so", () => {
    const { model, channels, testing, generated, slow } = subjects.get(name)!;
    const lookup = Lookup.of(model);
    const { refused } = readVectors(generated.files.get("vectors.json")!);
    for (const { channel, hex, case: title } of refused) {
      if (channel === undefined) continue;
      const what = `${channel}, ${title}`;
      const bytes = fromHex(hex);
      const { type } = channels.find((one) => one.name === channel)!;
      const { message } = model.channels.find((one) => one.name === channel)!;
      expect(() => testing.decode[channel](bytes), what).toThrow(MalformedError);
      expect(() => slow.decode(type, new Cursor(bytes), channel), what).toThrow(CaptureError);
      expect(() => readMessage(lookup, message, new ByteCursor(bytes)), what).toThrow(Problem);
    }
  });

  test("changed at random is refused by the model's interpreter too, or the same to it", () => {
    const { model, channels, testing, generated } = subjects.get(name)!;
    const lookup = Lookup.of(model);
    const vectors = readVectors(generated.files.get("vectors.json")!);
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
    for (const { name: channel } of channels) {
      const { message } = model.channels.find((one) => one.name === channel)!;
      const all = vectors.messages.filter((v) => v.channel === channel);
      fc.assert(
        fc.property(fc.constantFrom(...all), edits, fc.nat(), ({ hex }, changes, cut) => {
          const good = fromHex(hex);
          const bytes = good.slice(0, cut % 3 === 0 ? cut % (good.length + 1) : good.length);
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          const read = () => {
            try {
              return readMessage(lookup, message, new ByteCursor(bytes));
            } catch (error) {
              if (error instanceof Problem) throw new CaptureError(error.message);
              throw error;
            }
          };
          same(
            outcome(read),
            outcome(() => testing.decode[channel](bytes)),
          );
        }),
        { numRuns: runs * 5 },
      );
    }
  });

  test("with one thing wrong anywhere is refused where it goes as beside it: the same path, the same words", () => {
    const { channels, testing } = subjects.get(name)!;
    const wrong = fc.constantFrom(
      -1,
      0.5,
      2 ** 53,
      Number.NaN,
      1e300,
      null,
      undefined,
      10n,
      true,
      "\ud800",
      "x".repeat(99),
      "x",
    );
    for (const { name: channel, codec } of channels) {
      if (!codec.inPlace) continue;
      const any = testing.arbitrary[channel](fc) as fc.Arbitrary<Any>;
      fc.assert(
        fc.property(
          any,
          wrong,
          fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
          (message, value, way) => {
            spoil(message, way, value);
            const refusal = (act: () => unknown) => {
              try {
                act();
                return "accepted";
              } catch (error) {
                expect(error).toBeInstanceOf(InvalidMessageError);
                return (error as Error).message;
              }
            };
            expect(refusal(() => writeWithin(codec, message))).toBe(
              refusal(() => encodeOnce(codec, message)),
            );
          },
        ),
        { numRuns: runs * 2 },
      );
    }
  });

  test("of hostile values is refused with the one error", () => {
    const { channels, testing } = subjects.get(name)!;
    const hostile = fc.anything({ withBigInt: true, withMap: true, withTypedArray: true });
    for (const { name: channel, codec } of channels) {
      const keys = Object.keys(testing.example[channel]());
      fc.assert(
        fc.property(hostile, fc.nat(), (value, which) => {
          const message = testing.example[channel]();
          const key = keys[which % Math.max(1, keys.length)];
          if (key !== undefined) Object.defineProperty(message, key, { value, enumerable: true });
          if (testing.validate[channel](message) === null) testing.encode[channel](message);
          else {
            expect(() => encodeOnce(codec, message)).toThrow(InvalidMessageError);
            if (!codec.inPlace) return;
            expect(() => writeWithin(codec, message)).toThrow(InvalidMessageError);
          }
        }),
        { numRuns: runs },
      );
    }
  });
});
