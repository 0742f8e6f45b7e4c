/**
 * 200 random legal layouts. Each generates and runs; its bytes equal those of an interpreter that knows only
 * docs/wire.md, in both directions and for mutated bytes; and sessions keep every promise on it over a lossy link, with
 * numbers that come round. `STARDUST_SEED` picks other layouts; `layout 7` is the one of seed STARDUST_SEED + 7.
 */
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { age } from "#simulate/inside.js";
import { sameVersion } from "#src/negotiated-version.js";
import { SeededRandom } from "#src/testing/index.js";
import { typeProblems } from "../codegen/support/generate.ts";
import { CaptureError } from "../support/independent/bytes.ts";
import type {
  Layout,
  LayoutLists,
  PlainDatagram,
  PlainFrame,
} from "../support/independent/layout.ts";
import { decodeWith, encodeWith, type LayoutWorld, layoutWorld } from "../support/layout-world.ts";
import { layoutText, randomLayout } from "../support/random-layout.ts";
import { broken, joined, numberedPayload } from "../support/session-pair.ts";

const LAYOUTS = 200;
const DATAGRAMS = 30;
const MUTATIONS = 10;
const base = Number(process.env["STARDUST_SEED"] ?? 1000);
const files: string[] = [];

beforeAll(() => rmSync(resolve("test/tmp/layouts"), { recursive: true, force: true }));

/** As `toEqual`, which takes most of the time where nothing differs. */
function same(got: unknown, wanted: unknown, what = ""): void {
  if (!isDeepStrictEqual(got, wanted)) expect(got, what).toEqual(wanted);
}

function sameBytes(got: Uint8Array, wanted: Uint8Array): void {
  if (Buffer.compare(got, wanted) !== 0) expect(hex(got)).toBe(hex(wanted));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function userValue(random: SeededRandom, type: string | undefined, bits: number): number {
  const edge = random.integer(0, 3);
  if (type === "f32" || type === "f64") {
    const value = [0, -1.5, 3e38, 1 / 3][edge]!;
    return type === "f32" ? Math.fround(value) : value * 1e10;
  }
  const width = type === undefined ? bits : Number(type.slice(1));
  const low = type?.startsWith("i") === true ? -(2 ** (width - 1)) : 0;
  const high = low + 2 ** width - 1;
  return edge === 0 ? low : edge === 1 ? high : random.integer(low, high);
}

/** A value for each field of the user's own that is there; 0 for one whose condition does not hold. */
function userValues(random: SeededRandom, lists: LayoutLists, d: PlainDatagram): void {
  const once = [...lists.clear, ...lists.sealed];
  const set: Record<string, boolean> = {
    ack: d.acks !== undefined,
    "ack-now": d.ackNow,
    frames: d.frames.length > 0,
    wide: d.wide,
    limit: d.limit !== undefined,
    "key-phase": false,
  };
  for (const field of once) {
    if (field.role !== undefined) continue;
    const there = (field.when ?? []).every((name) => {
      const flag = once.find((f) => f.name === name)!;
      return flag.role === undefined ? d.user[name] === 1 : set[flag.role]!;
    });
    d.user[field.name] = there ? userValue(random, field.type, field.bits ?? 0) : 0;
  }
}

function randomFrame(
  random: SeededRandom,
  world: LayoutWorld,
  before: PlainFrame | undefined,
  compat: boolean,
): PlainFrame {
  const again = before !== undefined && random.chance(0.6);
  const channel =
    world.channels.find(({ id }) => again && id === before.channel) ??
    world.channels[random.integer(0, world.channels.length - 1)]!;
  const { id, numbered, fragment } = channel;
  // The other side's version may be larger where it may grow, and of any size.
  const grown = Math.min(2 * channel.maxBytes, channel.compatMaxBytes);
  const maxBytes = compat ? grown : channel.maxBytes;
  const fixedBytes = compat ? -1 : channel.fixedBytes;
  const { sliceBytes } = world.model.limits;
  const step = random.integer(0, 2);
  const start = 2 ** (random.chance(0.5) ? 16 : 32) - random.integer(0, 3);
  const number = numbered ? (again ? before.number! + step : start) : undefined;
  const count = Math.ceil(maxBytes / sliceBytes);
  if (fragment && count > 1 && random.chance(0.4)) {
    const index = random.integer(0, count - 1);
    const room = Math.min(sliceBytes, maxBytes - index * sliceBytes);
    const bytes = index < count - 1 ? sliceBytes : random.integer(1, room);
    return { channel: id, number, slice: { index, count }, payload: new Uint8Array(bytes) };
  }
  const most = Math.min(maxBytes, random.chance(0.9) ? 20 : 300);
  const bytes = fixedBytes >= 0 ? fixedBytes : random.integer(0, most);
  return { channel: id, number, slice: undefined, payload: random.fill(new Uint8Array(bytes)) };
}

function randomRuns(random: SeededRandom, ackFieldBits: number | undefined): number[] {
  const most = random.chance(0.5) ? 3 : 200;
  const runs = [random.integer(1, most)];
  const pairs = random.chance(0.5) ? random.integer(0, 31) : 0;
  for (let i = 0; i < 2 * pairs; i++) runs.push(random.integer(1, most));
  if (ackFieldBits === undefined) return runs;
  // What a field cannot say is not compared: cut to its length, and to end with a run.
  const out: number[] = [];
  let left = ackFieldBits + 1;
  for (const run of runs) {
    if (left > 0) out.push(Math.min(run, left));
    left -= run;
  }
  return out.length % 2 === 0 ? out.slice(0, -1) : out;
}

function randomDatagram(
  random: SeededRandom,
  world: LayoutWorld,
  lists: LayoutLists,
  compat: boolean,
) {
  const { header } = world.protocol;
  const frames: PlainFrame[] = [];
  for (let n = random.integer(0, 4); n > 0; n--) {
    frames.push(randomFrame(random, world, frames.at(-1), compat));
  }
  const ack = random.chance(0.5);
  const runs = randomRuns(random, header.ackFieldBits);
  const packetNumber = random.integer(0, 2 ** random.integer(1, 50));
  const largest = random.integer(0, 2 ** random.integer(1, 50));
  const ackNow = (frames.length === 0 && !ack) || random.chance(0.3);
  const padded = ackNow && frames.length === 0 && random.chance(0.3);
  const d: PlainDatagram = {
    padding: padded ? random.integer(1, 1400) : undefined,
    tag: header.hasSessionTag ? random.integer(0, 2 ** 32 - 1) : 0,
    packetNumber,
    wide: header.widePacketNumberBits > header.packetNumberBits && random.chance(0.5),
    ackNow,
    acks: ack ? { largest, delay: random.integer(0, 255), runs } : undefined,
    limit: ack && random.chance(0.4) ? random.integer(0, 2 ** random.integer(1, 52)) : undefined,
    user: {},
    frames,
  };
  if (d.limit !== undefined && header.hasClock === true) {
    d.clock = random.integer(0, 2 ** random.integer(1, 52));
  }
  userValues(random, lists, d);
  return d;
}

/** As much of the numbers as the layout holds. */
function truncated(world: LayoutWorld, d: PlainDatagram): PlainDatagram {
  const { header } = world.protocol;
  const bits = d.wide ? header.widePacketNumberBits : header.packetNumberBits;
  const numbers = 2 ** header.messageNumberBits;
  return {
    ...d,
    packetNumber: d.packetNumber % 2 ** bits,
    acks: d.acks && { ...d.acks, largest: d.acks.largest % 2 ** header.ackBits },
    frames: d.frames.map((f) => ({
      ...f,
      number: f.number === undefined ? undefined : f.number % numbers,
    })),
  };
}

function verdict(independent: Layout, bytes: Uint8Array): PlainDatagram | undefined {
  try {
    return independent.decode(bytes);
  } catch (error) {
    if (error instanceof CaptureError) return undefined;
    throw error;
  }
}

/** Mutations near the front, where headers are, more often than not. */
function mutated(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const out = random.chance(0.2) ? bytes.slice(0, random.integer(0, bytes.length)) : bytes.slice();
  if (random.chance(0.1)) return Uint8Array.from([...out, ...random.fill(new Uint8Array(2))]);
  for (let n = random.integer(1, 3); n > 0 && out.length > 0; n--) {
    const at = random.integer(0, Math.min(out.length, random.chance(0.8) ? 40 : 9999) - 1);
    out[at] = random.chance(0.5) ? out[at]! ^ (1 << random.integer(0, 7)) : random.integer(0, 255);
  }
  return out;
}

function equalBytes(random: SeededRandom, world: LayoutWorld, lists: LayoutLists): void {
  expect(world.model.limits.sliceBytes).toBe(world.independent.sliceBytes);
  for (let i = 0; i < DATAGRAMS; i++) {
    const compat = random.chance(0.3);
    const independent = compat ? world.compat : world.independent;
    const datagram = randomDatagram(random, world, lists, compat);
    const bytes = encodeWith(world, datagram, compat);
    sameBytes(bytes, independent.encode(datagram));
    same(decodeWith(world, bytes, compat), truncated(world, datagram));
    same(independent.decode(bytes), truncated(world, datagram));
    for (let m = 0; m < MUTATIONS; m++) {
      const other = mutated(random, bytes);
      const expected = verdict(independent, other);
      same(decodeWith(world, other, compat), expected, hex(other));
      // One way to write each thing: what is accepted is what would be written.
      if (expected) sameBytes(independent.encode(expected), other);
    }
  }
}

/** All deliveries, slices, acks and fields of the user's own over a lossy link, with numbers about to come round. */
function sessionsKeepPromises(random: SeededRandom, world: LayoutWorld, lists: LayoutLists): void {
  const { protocol } = world;
  const compat = random.chance(0.3);
  const independent = compat ? world.compat : world.independent;
  const negotiated = { ...sameVersion(protocol), compat };
  const tag = random.integer(0, 2 ** 32 - 1);
  const seen = { client: new Set<string>(), server: new Set<string>() };
  const current = { client: new Map<string, number>(), server: new Map<string, number>() };
  const play = joined({
    protocol,
    client: { negotiated, tag },
    server: { negotiated, tag },
    seed: random.integer(1, 1e6),
    link: { delayMs: random.integer(0, 30), jitterMs: 6, loss: 0.08, duplication: 0.03 },
    tap: (from, bytes) => {
      const role = from === "a" ? "client" : "server";
      const datagram = independent.decode(bytes);
      same(datagram.tag, protocol.header.hasSessionTag ? tag : 0);
      sameBytes(independent.encode(datagram), bytes);
      for (const [name, value] of Object.entries(datagram.user)) {
        if (value !== 0) same(value, current[role].get(name));
      }
      seen[role].add(JSON.stringify(Object.values(datagram.user)));
    },
  });
  const corner = (...bits: number[]) =>
    2 ** bits[random.integer(0, bits.length - 1)]! - random.integer(0, 40);
  age(
    protocol,
    play.client.session,
    play.server.session,
    corner(16, 17, 24, 32),
    corner(15, 16, 32),
  );
  const sides = { client: play.client, server: play.server };
  const once = [...lists.clear, ...lists.sealed];
  for (let tick = 0; tick < 10; tick++) {
    for (const role of ["client", "server"] as const) {
      const side = sides[role];
      protocol.header.userFields.forEach(({ name }, i) => {
        const field = once.find((f) => f.name === name)!;
        const value = userValue(random, field.type, field.bits ?? 0);
        side.session.setUserField(i, value);
        current[role].set(name, value);
      });
      for (const { name, fixedBytes, maxBytes, direction } of protocol.channels) {
        if (role === "server" && direction === "client-to-server") continue;
        for (let n = random.integer(0, 2); n > 0; n--) {
          const most = name === "map" ? 9000 : Math.min(maxBytes, 80);
          const size = fixedBytes >= 0 ? fixedBytes : random.integer(4, most);
          side.send(name, numberedPayload(side.sent.get(name)?.length ?? 0, size, random));
        }
      }
    }
    play.pair.run(16);
  }
  const { client, server, pair } = play;
  pair.runUntil(() => !client.session.unacknowledged && !server.session.unacknowledged, 60_000);
  pair.run(200);
  for (const { name, direction } of protocol.channels) {
    expect(broken(protocol, name, client, server)).toBe("");
    if (direction === "both") expect(broken(protocol, name, server, client)).toBe("");
  }
  for (const [to, from] of [
    [client, "server"],
    [server, "client"],
  ] as const) {
    const strange = to.inbox.users.filter((user) => !seen[from].has(JSON.stringify(user)));
    expect(strange).toEqual([]);
    const { counters } = to.session;
    expect(counters.datagramsReceived).toBeGreaterThan(10);
    expect(counters.acksReceived).toBeGreaterThan(0);
    // Nothing of what the other side wrote was refused but what the link repeated, delayed or made look like a jump.
    const { truncated: cut, reservedBits, nonMinimal, flags, acknowledgedUnsent } = counters;
    const refused = [cut, reservedBits, nonMinimal, flags, acknowledgedUnsent];
    expect(refused).toEqual([0, 0, 0, 0, 0]);
    expect(counters.payloadSize + counters.sliceBounds + counters.unknownChannel).toBe(0);
    expect(counters.messageWindow + counters.sliceMismatch + counters.receiveLimit).toBe(0);
  }
}

describe("a random legal layout", () => {
  test.each(Array.from({ length: LAYOUTS }, (_, i) => i))("layout %i", async (i) => {
    const seed = base + i;
    const random = new SeededRandom(seed);
    const lists = randomLayout(random);
    try {
      const world = await layoutWorld(`layout${i}`, lists);
      if (i % 25 === 0) files.push(world.file);
      equalBytes(random, world, lists);
      sessionsKeepPromises(random, world, lists);
    } catch (error) {
      console.error(`seed ${seed}\n${layoutText(lists)}`);
      throw error;
    }
  });

  afterAll(() => {
    files.length = 0;
  });

  test("compiles under the strictest flags (a sample of them)", { timeout: 60_000 }, () => {
    expect(typeProblems(files)).toEqual([]);
  });
});
