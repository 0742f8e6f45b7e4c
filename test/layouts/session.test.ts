/**
 * What sessions owe to particular layouts: packet numbers that cannot get wide never become ambiguous, acks as a bit
 * field lose information but no messages, and fields of the user's own arrive as they were set.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { age } from "#simulate/inside.js";
import { checkUserField } from "#src/endpoint.js";
import { MAX_ACK_RANGES } from "#src/limits.js";
import { FixedController } from "#src/session/congestion/fixed.js";
import type { DropReason } from "#src/session/drop-reason.js";
import type { Session } from "#src/session/session.js";
import { SeededRandom } from "#src/testing/index.js";
import { AckBlock, ackWord, readAckWords } from "#src/wire/header.js";
import { Writer } from "#src/wire/writer.js";
import type { LayoutField, LayoutLists } from "../support/independent/layout.ts";
import { layoutWorld } from "../support/layout-world.ts";
import { broken, joined, numberedPayload, type Side } from "../support/session-pair.ts";

const standard = parse(
  readFileSync(new URL("../../codegen/model/header.yaml", import.meta.url), "utf8"),
) as LayoutLists;

/** The default layout with some fields changed, dropped or added. */
function layout(
  change: (field: LayoutField) => LayoutField | undefined,
  more: readonly LayoutField[] = [],
): LayoutLists {
  const each = (list: readonly LayoutField[]) => list.flatMap((field) => change(field) ?? []);
  const { clear, sealed, frame } = standard;
  return { clear: each(clear), sealed: [...each(sealed), ...more], frame: each(frame) };
}

const narrow = layout((field) => {
  if (field.role === "packet-number-high") return undefined;
  return field.role === "wide" ? { ...field, role: "reserved" } : field;
});

function ackField(type: string): LayoutLists {
  return layout((field) =>
    field.role === "ack-ranges" ? { ...field, type, role: "ack-bits" } : field,
  );
}

interface Numbers {
  readonly sent: { next: number; base: number; largestAcknowledged: number };
  readonly duplicates: { largest: number };
}

const numbersOf = (side: Side): Numbers => side.session as unknown as Numbers;

describe("a layout whose packet numbers have 16 bits and no wide form", async () => {
  const { protocol } = await layoutWorld("narrow", narrow);

  it("stops sending data while 2^14 numbers are unacknowledged, and goes on when they are", () => {
    for (const dead of ["linkFromA", "linkFromB"] as const) {
      const congestion = () => new FixedController();
      const link = { delayMs: 5 };
      const world = joined({ protocol, seed: 3, link, client: { congestion } });
      const { client, server, pair } = world;
      pair.run(100);
      pair[dead].options = { loss: 1 };
      const { sent } = numbersOf(client);
      // So much was used up by acks, which nobody acknowledges.
      sent.next += 12_000;
      sent.base = sent.next;
      numbersOf(server).duplicates.largest = sent.next - 1;
      let index = 0;
      for (let i = 0; i < 8000; i++) {
        if (client.send("input", numberedPayload(index, 8))) index++;
        pair.run(3);
      }
      const open = sent.next - sent.largestAcknowledged;
      expect(open).toBeGreaterThanOrEqual(2 ** 14);
      expect(open).toBeLessThan(2 ** 14 + 50);
      pair[dead].options = { delayMs: 5 };
      pair.run(10_000);
      expect(sent.next - sent.largestAcknowledged).toBeLessThan(2 ** 12);
      expect(numbersOf(server).duplicates.largest).toBe(sent.next - 1);
      const before = server.inbox.of("input").length;
      for (let i = 0; i < 100; i++) client.send("input", numberedPayload(index + i, 8));
      client.send("chat", numberedPayload(0, 20));
      pair.run(1000);
      expect(server.inbox.of("input").length).toBeGreaterThanOrEqual(before + 100);
      expect(broken(protocol, "input", client, server)).toBe("");
      expect(broken(protocol, "chat", client, server)).toBe("");
    }
  });

  it("asks for an ack before pure acks have used the numbers up", () => {
    const world = joined({ protocol, seed: 4, link: { delayMs: 5 } });
    const { client, server, pair } = world;
    const { sent } = numbersOf(client);
    // The client has sent nothing but acks so far, and nobody acknowledges those.
    sent.next = 8000;
    sent.base = 8000;
    numbersOf(server).duplicates.largest = 7999;
    for (let i = 0; i < 8000; i++) {
      server.send("input", numberedPayload(i, 8));
      pair.run(5);
    }
    expect(sent.largestAcknowledged).toBeGreaterThan(8000);
    expect(server.session.counters.datagramsReceived).toBeGreaterThan(200);
    expect(client.session.counters.messagesReceived).toBe(8000);
  });

  it("falls silent rather than write a number that could be taken for another", () => {
    const world = joined({ protocol, seed: 5, link: { delayMs: 5 }, fromClient: { loss: 1 } });
    const { client, server, pair } = world;
    const { sent } = numbersOf(client);
    sent.next = 2 ** 15 - 11;
    sent.base = sent.next;
    for (let i = 0; i < 2000; i++) {
      server.send("chat", numberedPayload(i, 8));
      pair.run(20);
    }
    client.send("chat", numberedPayload(0, 8));
    pair.run(60_000);
    expect(sent.next - sent.largestAcknowledged).toBe(2 ** 15);
    expect(client.session.pollDeadline()).toBeGreaterThan(pair.time.nowMs);
  });

  it("lets its numbers come round several times", () => {
    const world = joined({ protocol, seed: 6, link: { delayMs: 2, loss: 0.02, jitterMs: 3 } });
    const { client, server, pair } = world;
    age(protocol, client.session, server.session, 2 ** 16 - 3000, 2 ** 16 - 1000);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 1500; i++) {
        client.send("event", numberedPayload(client.sent.get("event")?.length ?? 0, 8));
        pair.run(4);
      }
      expect(pair.runUntil(() => !client.session.unacknowledged, 10_000)).toBe(true);
      age(
        protocol,
        client.session,
        server.session,
        (round + 2) * 2 ** 16 - 700,
        (round + 2) * 2 ** 16 - 700,
      );
    }
    expect(broken(protocol, "event", client, server)).toBe("");
  });
});

/** Bits of 1 for received numbers below the largest, as the page says it. */
function naive(runs: readonly number[], count: number): bigint {
  const all = runs.map((run, i) => (i % 2 === 0 ? "1" : "0").repeat(run)).join("");
  return BigInt(`0b0${all.slice(1).padEnd(count, "0").slice(0, count)}`);
}

describe("acks as a bit field", () => {
  it("say of each number below the largest whether it came, most significant bit first", () => {
    const random = new SeededRandom(7);
    const acks = new AckBlock();
    const back = new AckBlock();
    for (let n = 0; n < 3000; n++) {
      const most = n % 2 === 0 ? 2 : 40;
      acks.firstRun = random.integer(1, most);
      acks.pairs = random.integer(0, MAX_ACK_RANGES - 1);
      const runs = [acks.firstRun];
      for (let i = 0; i < acks.pairs; i++) {
        acks.gaps[i] = random.integer(1, most);
        acks.runs[i] = random.integer(1, most);
        runs.push(acks.gaps[i]!, acks.runs[i]!);
      }
      const words = [ackWord(acks, 0), ackWord(acks, 32)] as const;
      expect((BigInt(words[0]) << 32n) | BigInt(words[1])).toBe(naive(runs, 64));
      readAckWords(back, ...words);
      expect([ackWord(back, 0), ackWord(back, 32)]).toEqual(words);
    }
    readAckWords(back, 0x5555_5555, 0x5555_5555);
    expect([back.firstRun, back.pairs, back.gaps[31], back.runs[31]]).toEqual([1, 32, 1, 1]);
  });

  it.each(["u32", "u64"])("of %s carry everything over a bad link", async (type) => {
    const { protocol } = await layoutWorld(`ack-${type}`, ackField(type));
    const link = { delayMs: 25, loss: 0.1, duplication: 0.02 };
    const world = joined({ protocol, seed: 8, link });
    const { client, server, pair } = world;
    const random = new SeededRandom(9);
    for (let i = 0; i < 40; i++) {
      client.send("map", numberedPayload(client.sent.get("map")?.length ?? 0, 50_000, random));
      for (const [side, name] of [
        [client, "chat"],
        [server, "event"],
        [server, "state"],
        [client, "pose"],
      ] as const) {
        side.send(name, numberedPayload(i, 60, random));
      }
      pair.run(30);
    }
    const idle = () => !client.session.unacknowledged && !server.session.unacknowledged;
    expect(pair.runUntil(idle, 60_000)).toBe(true);
    for (const name of ["map", "chat", "pose"]) {
      expect(broken(protocol, name, client, server)).toBe("");
    }
    for (const name of ["event", "state"]) expect(broken(protocol, name, server, client)).toBe("");
    // Nearly all that is sent again was lost.
    const { datagramsSent, spuriousLosses } = client.session.counters;
    expect(spuriousLosses).toBeLessThan(datagramsSent / 50);
  });

  it("do not make losses of what the field has moved past: time does, and without a congestion signal", async () => {
    const { protocol } = await layoutWorld("ack-once", ackField("u32"));
    class Recorder extends FixedController {
      lost = 0;
      override onLost(): void {
        this.lost++;
      }
    }
    const controller = new Recorder({ windowBytes: 1e6, pacingBytesPerMs: 1e6 });
    const { client, server } = joined({
      protocol,
      seed: 10,
      client: { congestion: () => controller },
    });
    const w = new Writer(new Uint8Array(2000));
    const poll = (session: Session, nowMs: number): Uint8Array | undefined => {
      w.at = 0;
      const bytes = session.pollTransmit(w, nowMs);
      return bytes === 0 ? undefined : w.bytes.slice(0, bytes);
    };
    const give = (session: Session, bytes: Uint8Array, nowMs: number): DropReason | undefined =>
      session.handleDatagram(bytes, new DataView(bytes.buffer), bytes.length, nowMs);
    const inTheAir: Uint8Array[] = [];
    for (let i = 0; i < 60; i++) {
      client.send("event", numberedPayload(i, 400));
      for (let next = poll(client.session, i / 10); next; next = poll(client.session, i / 10)) {
        inTheAir.push(next);
      }
    }
    expect(inTheAir).toHaveLength(60);
    // All of them in one turn, so there is one ack: of the newest 33.
    for (const bytes of inTheAir) expect(give(server.session, bytes, 50)).toBe(undefined);
    expect(give(client.session, poll(server.session, 50)!, 100)).toBe(undefined);
    const { counters } = client.session;
    expect(counters.datagramsLost).toBe(0);
    // 9/8 of the round trip of some 90 ms after they left, they are given up and sent again: the first of them after the ack.
    expect(client.session.pollDeadline()).toBeGreaterThan(100);
    expect(client.session.pollDeadline()).toBeLessThan(115);
    expect(poll(client.session, 100)).toBeUndefined();
    client.session.handleTimeout(115);
    expect([counters.datagramsLost, counters.datagramsUnknown]).toEqual([27, 27]);
    expect(controller.lost).toBe(0);
    for (let next = poll(client.session, 115); next; next = poll(client.session, 115)) {
      give(server.session, next, 165);
    }
    give(client.session, poll(server.session, 165)!, 215);
    expect(client.session.unacknowledged).toBe(false);
    expect(server.session.counters.duplicateFrames).toBe(27);
    expect(server.inbox.of("event")).toHaveLength(60);
  });
});

describe("fields of the user's own", async () => {
  const types = "u8 u16 u24 u32 i8 i16 i32 f32 f64".split(" ");
  const own: LayoutField[] = types.map((type) => ({ name: `my_${type}`, type }));
  const bits: LayoutField[] = [1, 3, 11, 32, 1].map((count, i) => ({ name: `b${i}`, bits: count }));
  const sealed = [...own, ...bits, { name: "later", type: "u16", when: ["b0"] }];
  const clear = own.map((field) => ({ ...field, name: `clear_${field.name}` }));
  const { protocol } = await layoutWorld("own", {
    ...layout((field) => field, sealed),
    clear: [...standard.clear, ...clear],
  });
  const fields = protocol.header.userFields;

  it("take exactly what their type holds", () => {
    fields.forEach(({ min, max, fraction }, i) => {
      for (const good of [min, max, 0]) expect(checkUserField(protocol, i, good)).toBe(good);
      const outside = fraction
        ? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
        : [min - 1, max + 1, 0.5];
      for (const bad of [...outside, Number.NaN]) {
        expect(() => checkUserField(protocol, i, bad), `${bad}`).toThrow(
          `header.${fields[i]!.name}`,
        );
      }
    });
    const ranges = Object.fromEntries(fields.map(({ name, min, max }) => [name, [min, max]]));
    expect(ranges["my_u24"]).toEqual([0, 2 ** 24 - 1]);
    expect(ranges["my_i16"]).toEqual([-32768, 32767]);
    expect(ranges["b0"]).toEqual([0, 1]);
    expect(ranges["b3"]).toEqual([0, 2 ** 32 - 1]);
    expect(ranges["my_f32"]![1]).toBe(Math.fround(3.4028234663852886e38));
  });

  it("stand in the order of the lists, those of `clear` first", () => {
    expect(fields.map(({ name }) => name)).toEqual([...clear, ...sealed].map(({ name }) => name));
  });

  it("arrive with each message as they were set last, on the edges too", () => {
    const world = joined({ protocol, seed: 11, link: { delayMs: 5 } });
    const { client, server, pair } = world;
    const rounds = [
      fields.map(({ min }) => min),
      fields.map(({ max }) => max),
      fields.map(({ fraction }) => (fraction ? 0.25 : 1)),
      fields.map(({ min, max }) => Math.max(min, Math.min(max, 0))),
    ];
    for (const values of rounds) {
      for (const [i, value] of values.entries()) client.session.setUserField(i, value);
      client.send("input", numberedPayload(client.sent.get("input")?.length ?? 0, 8));
      pair.run(50);
    }
    const at = fields.findIndex(({ name }) => name === "later");
    const b0 = fields.findIndex(({ name }) => name === "b0");
    // `later` is there only where b0 is set.
    const expected = rounds.map((values) =>
      values.map((value, i) => (i === at && values[b0] === 0 ? 0 : value)),
    );
    expect(server.inbox.users).toEqual(expected);
  });
});
