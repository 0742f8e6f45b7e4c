/**
 * Sessions of neighbouring versions (test/specs/versions) in virtual time: whatever each sends of what its spec allows,
 * over a link that loses and reorders, the other reads all members that both have, and its own defaults for the rest.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NegotiatedVersion, negotiatedVersion } from "#src/negotiated-version.js";
import type { Protocol, Role } from "#src/protocol.js";
import type { ReceivedMessage } from "#src/received-message.js";
import { Session, type SessionSink } from "#src/session/session.js";
import { Pair, SeededRandom } from "#src/testing/index.js";
import { Reader } from "#src/wire/reader.js";
import { Writer } from "#src/wire/writer.js";
import { IndependentParser } from "../support/independent-parser.ts";
import { specUrl } from "../support/specs.ts";

type Testing = typeof import("../tmp/specs/fleet-4/generated/testing.ts");
type Message = Record<string, unknown>;
const load = async (name: string, file: string) => await import(specUrl(name, file).href);
const protocolsOf = async (name: string): Promise<Readonly<Record<Role, Protocol>>> => ({
  client: (await load(name, "generated/client-protocol.js")).protocol,
  server: (await load(name, "generated/server-protocol.js")).protocol,
});
const fleet3 = await protocolsOf("fleet-3");
const fleet4 = await protocolsOf("fleet-4");
const testing3 = (await load("fleet-3", "generated/testing.js")) as Testing;
const testing4 = (await load("fleet-4", "generated/testing.js")) as Testing;

class Inbox implements SessionSink {
  readonly messages: Map<string, Message[]> = new Map();
  readonly #reader: Reader = new Reader();

  constructor(negotiated: NegotiatedVersion) {
    this.#reader.compat = negotiated.compat;
  }

  deliver({ channel, bytes, view, start, end }: ReceivedMessage): boolean {
    const message = channel.decoder!.decode(this.#reader.reset(bytes, view, start, end));
    const list = this.messages.get(channel.name) ?? [];
    list.push(message as Message);
    this.messages.set(channel.name, list);
    return true;
  }
}

function side(
  protocols: Readonly<Record<Role, Protocol>>,
  role: Role,
  seed: number,
  tag = 0,
): { session: Session; inbox: Inbox } {
  const protocol = protocols[role];
  const negotiated = negotiatedVersion(protocol, fleet3.client.hash, true)!;
  const random = new SeededRandom(seed);
  const inbox = new Inbox(negotiated);
  const options = {
    protocol,
    negotiated,
    tag,
    role,
    nowMs: 0,
    random: () => random.next(),
    sink: inbox,
  };
  return { session: new Session(options), inbox };
}

/** What a reader of version 3 makes of a message of either, and one of version 4 of a message of 3: by hand. */
const asVersion3 = {
  pose: ({ unit, x, y, armed }: Message): Message => ({ unit, x, y, armed }),
  order: (order: Message): Message => order,
  track: ({ unit, points }: Message): Message => ({
    unit,
    points: (points as Message[]).map(({ x, y }) => ({ x, y })),
  }),
};
const speed = testing4.decode.track(
  testing4.encode.track({ unit: 0, points: [{ x: 0, y: 0, speed: 2 }] }),
).points[0]!.speed;
const asVersion4 = {
  pose: (pose: Message): Message => ({ ...pose, shield: 100, stance: "stand", leader: 7 }),
  order: (order: Message): Message => order,
  track: ({ unit, points }: Message): Message => ({
    unit,
    points: (points as Message[]).map((point) => ({ ...point, speed })),
  }),
};

/** As the wire holds it: quantised. */
function rounded(testing: Testing, name: "pose" | "order" | "track", message: unknown): Message {
  return testing.decode[name](testing.encode[name](message as never)) as unknown as Message;
}

const parserOf = (version: number): IndependentParser => {
  const url = new URL(`../specs/versions/fleet-${version}.yaml`, import.meta.url);
  return new IndependentParser(readFileSync(url, "utf8"), { compat: true });
};
const parser3 = parserOf(3);
const parser4 = parserOf(4);
const names = ["pose", "order", "track"] as const;
const sent = (testing: Testing) =>
  fc.array(
    fc.oneof(
      ...names.map((name) => {
        const arbitrary = testing.arbitrary[name](fc as never) as unknown as fc.Arbitrary<unknown>;
        return arbitrary.map((message) => ({ name, message: rounded(testing, name, message) }));
      }),
    ),
    { maxLength: 20 },
  );

describe("sessions of versions 3 and 4", () => {
  it.each(["client", "server"] as const)("understand each other, the newer as the %s", (newer) => {
    fc.assert(
      fc.property(sent(testing3), sent(testing4), fc.nat(), (from3, from4, seed) => {
        const four = side(fleet4, newer, seed + 1);
        const three = side(fleet3, newer === "client" ? "server" : "client", seed + 2);
        const link = { delayMs: 10, jitterMs: 8, loss: 0.1, duplication: 0.05 };
        const older = newer === "client" ? "server" : "client";
        const tap = (from: "a" | "b", bytes: Uint8Array): void => {
          // Whoever knows only docs/wire.md and the reader's spec can read it too.
          if (from === "a") parser3.parse(bytes, newer);
          else parser4.parse(bytes, older);
        };
        const pair = new Pair({ a: four.session, b: three.session, link, seed, tap });
        const index = (protocol: Protocol, name: string) =>
          protocol.channels.find((channel) => channel.name === name)!.index;
        for (let i = 0; i < Math.max(from3.length, from4.length); i++) {
          const a = from4[i];
          const b = from3[i];
          if (a) four.session.sendMessage(index(fleet4.client, a.name), a.message);
          if (b) three.session.sendMessage(index(fleet3.client, b.name), b.message);
          if (i % 3 === 2) pair.run(5);
        }
        const done = () => !four.session.unacknowledged && !three.session.unacknowledged;
        pair.runUntil(done, 60_000);
        pair.run(200);
        const hold = (
          name: (typeof names)[number],
          list: readonly { name: string; message: Message }[],
          as: (message: Message) => Message,
          inbox: Inbox,
        ) => {
          const wanted = list.filter((one) => one.name === name).map(({ message }) => as(message));
          const got = inbox.messages.get(name) ?? [];
          if (name === "order") expect(got).toEqual(wanted);
          else if (name === "track") {
            const key = (message: Message) => JSON.stringify(message);
            const clean = (all: Message[]) => all.map(key).sort();
            expect(clean(got)).toEqual(clean(wanted));
          } else for (const pose of got) expect(wanted).toContainEqual(pose);
        };
        for (const name of names) {
          hold(name, from4, asVersion3[name], three.inbox);
          hold(name, from3, asVersion4[name], four.inbox);
        }
        for (const { session } of [three, four]) {
          const { payloadSize, sliceBounds, truncated, unknownChannel, flags } = session.counters;
          expect([payloadSize, sliceBounds, truncated, unknownChannel, flags]).toEqual([
            0, 0, 0, 0, 0,
          ]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("write what docs/wire.md shows", () => {
    const page = readFileSync(new URL("../../docs/wire.md", import.meta.url), "utf8");
    const shown = /00 00 02 28 1f 83 d9 ab 00 06[^`]*/.exec(page)![0];
    const hex = shown.replace(/#.*/g, "").replace(/\s+/g, "");
    const { session } = side(fleet4, "client", 1, 0x1f83d9ab);
    const w = new Writer(new Uint8Array(1200));
    // The page shows packet 6.
    for (let i = 0; i < 6; i++) {
      session.ping();
      w.at = 0;
      session.pollTransmit(w, 0);
    }
    session.sendMessage(1, { unit: 1, kind: "fire" });
    session.sendMessage(1, { unit: 2, kind: "hold" });
    w.at = 0;
    const bytes = session.pollTransmit(w, 0);
    expect(Buffer.from(w.bytes.subarray(0, bytes)).toString("hex")).toBe(hex);
  });

  it("takes nothing on a channel that the other side says it lacks", () => {
    const liar = new Session({
      protocol: fleet4.client,
      role: "client",
      nowMs: 0,
      random: () => 0.5,
      sink: { deliver: () => true },
    });
    const { session, inbox } = side(fleet4, "server", 1);
    liar.sendMessage(3, { mood: 1 });
    const w = new Writer(new Uint8Array(1200));
    const bytes = liar.pollTransmit(w, 0);
    session.handleDatagram(w.bytes, w.view, bytes, 0);
    expect(session.counters.unknownChannel).toBe(1);
    expect(inbox.messages.size).toBe(0);
  });

  it("refuses to send on a channel that the other side lacks", () => {
    const { session } = side(fleet4, "server", 1);
    expect(() => session.sendMessage(3, { mood: 1 })).toThrow("has no channel emote");
  });
});
