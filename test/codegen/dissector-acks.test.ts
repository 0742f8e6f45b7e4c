/**
 * The dissector of layouts that acknowledge in one field of bits (`ack-bits`): what tshark shows of every golden datagram,
 * and of any pattern of bits, is what the independent parser reads.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Part } from "#codegen/bytes/cursor.js";
import { emitDissector } from "#codegen/emit/dissector.js";
import { emitVectors } from "#codegen/emit/vectors.js";
import { DatagramReader } from "#codegen/interpret/read-datagram.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { SeededRandom } from "#src/testing/random.js";
import { IndependentParser, type Side } from "../support/independent-parser.ts";
import { pcapOf } from "../support/pcap.ts";
import { fromHex, readVectors, toHex, type Vectors } from "../support/revive.ts";
import { dissect, type Field, skipWithoutTshark } from "../support/tshark.ts";
import { all, compareRegular } from "./support/shown.ts";

const PATTERNS = 120;
const robot = readFileSync(new URL("../specs/robot.yaml", import.meta.url), "utf8");

interface Subject {
  readonly spec: string;
  readonly model: Model;
  readonly vectors: Vectors;
}

function subjectOf(type: string): Subject {
  const spec = robot.replace(/type: ack-ranges, role: ack-ranges/, `type: ${type}, role: ack-bits`);
  const model = resolveSpec(loadSpec(spec, "protocol.yaml"))!;
  return { spec, model, vectors: readVectors(emitVectors(model)) };
}

/** What tshark shows of each datagram, one a packet. */
function shown({ model }: Subject, datagrams: readonly Uint8Array[]): Field[] {
  const packets = datagrams.map((bytes) => ({ bytes, sourcePort: 40_000, destinationPort: 5_000 }));
  const preferences = { "stardust_robot.ports": "5000" };
  const dissected = dissect(emitDissector(model), pcapOf(packets), { preferences });
  expect(dissected.stderr).not.toContain("Lua");
  expect(dissected.packets.length).toBe(datagrams.length);
  return dissected.packets.map(
    ({ protocols }) => protocols.find((p) => p.name === "stardust_robot")!,
  );
}

/** Where the field of bits lies in a datagram. */
function fieldOf(parts: readonly Part[]): Part | undefined {
  for (const part of parts) {
    if (part.name === "ackRanges") return part;
    const inside = fieldOf(part.parts ?? []);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function senderOf({ model }: Subject, { frames }: Vectors["datagrams"][number]): Side {
  const names = frames.map((frame) => frame.channel);
  const used = model.channels.filter((channel) => names.includes(channel.name));
  return used.some((channel) => channel.direction === "server-to-client") ? "server" : "client";
}

// Without tshark there is nothing to ask; where CI is set that fails instead.
describe.skipIf(skipWithoutTshark).each(["u32", "u64"])("acks as %s, in Wireshark", (type) => {
  const subject = subjectOf(type);
  const { spec, model, vectors } = subject;
  const width = Number(type.slice(1)) / 8;

  it("are shown in every golden datagram as the independent parser reads them", () => {
    const fields = shown(
      subject,
      vectors.datagrams.map(({ hex }) => fromHex(hex)),
    );
    let acks = 0;
    vectors.datagrams.forEach((vector, i) => {
      const parsed = new IndependentParser(spec).parse(
        fromHex(vector.hex),
        senderOf(subject, vector),
      );
      if (parsed.kind === "zero") throw new Error("not regular");
      if (parsed.ack !== undefined) acks++;
      compareRegular(fields[i]!, parsed, vector.case);
    });
    expect(acks).toBeGreaterThan(4);
  });

  it("are shown whatever the bits are, the field itself to the last bit", () => {
    const random = new SeededRandom(11);
    const byte = (): number => random.below(256);
    const good = fromHex(vectors.datagrams.find((v) => v.case === "one packet acknowledged")!.hex);
    const { at, bytes } = fieldOf(new DatagramReader(model).read(good).parts)!;
    expect(bytes).toBe(width);
    const datagrams = Array.from({ length: PATTERNS }, (_, i) => {
      const datagram = good.slice();
      for (let k = 0; k < width; k++) {
        // Also all, nothing, and fields with few bits.
        const few = i % 3 === 0 ? byte() : 255;
        datagram[at + k] = i === 0 ? 0 : i === 1 ? 255 : byte() & few;
      }
      return datagram;
    });
    const fields = shown(subject, datagrams);
    const parser = new IndependentParser(spec);
    datagrams.forEach((datagram, i) => {
      const what = toHex(datagram.subarray(at, at + width));
      const parsed = parser.parse(datagram, "client");
      if (parsed.kind === "zero") throw new Error("not regular");
      compareRegular(fields[i]!, parsed, what);
      const field = all(fields[i]!).find((f) => f.name === "stardust_robot.header.ackRanges")!;
      expect(BigInt(field.show)).toBe(BigInt(`0x${what}`));
      expect([field.at, field.size]).toEqual([at, width]);
    });
  });
});
