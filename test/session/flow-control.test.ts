/**
 * Flow control channel by channel: one whose reader stands still holds back itself and nothing else, for as long as it
 * likes, within memory that is bounded; what it was told and did not hear of is asked for.
 */
import { describe, expect, it } from "vitest";
import { BudgetShares } from "#src/budget-shares.js";
import { POOL_SHARE } from "#src/limits.js";
import { sameVersion } from "#src/negotiated-version.js";
import type { Protocol } from "#src/protocol.js";
import { FlowChannels } from "#src/session/flow-channels.js";
import type { Session } from "#src/session/session.js";
import { SeededRandom } from "#src/testing/index.js";
import { DatagramHeader, FrameHeader } from "#src/wire/header.js";
import { Reader } from "#src/wire/reader.js";
import { Writer } from "#src/wire/writer.js";
import { give } from "../support/forge.js";
import { channelIndex, handProtocol } from "../support/hand-protocol.js";
import { sealing } from "../support/sealing.ts";
import { broken, type Joined, joined, numberedPayload, side } from "../support/session-pair.js";

const protocol = handProtocol({
  limits: { receiveBudgetBytes: 65_536 },
  channels: [
    { name: "chat", delivery: "reliable-ordered", queueBytes: 8192 },
    { name: "event", delivery: "reliable", queueBytes: 8192 },
    { name: "trade", delivery: "reliable-ordered", queueBytes: 8192 },
    { name: "map", delivery: "reliable-ordered", fragment: true, maxBytes: 20_000, priority: 1 },
    { name: "state", delivery: "unreliable" },
  ],
});
const flow = new FlowChannels(protocol, "client", true, sameVersion(protocol));

/** What a session holds of the messages that count; no user may look there. */
function heldBytes(session: Session): number {
  return (session as unknown as { receiveLimit: { heldBytes: number } }).receiveLimit.heldBytes;
}

/** Sends as much as is taken on these channels, for so long. */
function flood({ client, pair }: Joined, channels: readonly string[], ms: number): void {
  const random = new SeededRandom(7);
  for (let at = 0; at < ms; at += 10) {
    for (const name of channels) {
      const sent = client.sent.get(name)?.length ?? 0;
      for (let i = sent; client.send(name, numberedPayload(i, 700, random)); i++);
    }
    pair.run(10);
  }
}

describe("a channel whose reader stands still", () => {
  it.each([0, 0.1])("holds back itself alone, and goes on where it is read, %d lost", (loss) => {
    const world = joined({ seed: 5, protocol, link: { delayMs: 10, loss } });
    const { client, server, pair } = world;
    server.inbox.stopped.add("chat");
    flood(world, ["chat", "event", "trade"], 20_000);
    // What the others have carried is many times the budget.
    for (const name of ["event", "trade"]) {
      expect(server.inbox.of(name).length * 764).toBeGreaterThan(5 * 65_536);
    }
    expect(server.inbox.of("chat")).toHaveLength(0);
    expect(client.session.failure ?? server.session.failure).toBe(undefined);
    expect(heldBytes(server.session)).toBeLessThanOrEqual(flow.shares.totalBytes);
    server.inbox.stopped.clear();
    server.session.pump();
    flood(world, ["chat", "event", "trade"], 5000);
    expect(pair.runUntil(() => !client.session.unacknowledged, 60_000)).toBe(true);
    for (const name of ["chat", "event", "trade"]) {
      expect(broken(protocol, name, client, server)).toBe("");
    }
    expect(server.session.counters.receiveLimit).toBe(0);
    expect(heldBytes(server.session)).toBe(0);
  });

  it("leaves the last of many its own part, and room for its largest message", () => {
    const world = joined({ seed: 6, protocol, link: { delayMs: 10 } });
    const { client, server, pair } = world;
    for (const name of ["chat", "event", "trade"]) server.inbox.stopped.add(name);
    flood(world, ["chat", "event", "trade"], 5000);
    for (let i = 0; i < 10; i++) expect(client.send("map", numberedPayload(i, 20_000))).toBe(true);
    expect(pair.runUntil(() => server.inbox.of("map").length === 10, 20_000)).toBe(true);
    expect(heldBytes(server.session)).toBeLessThanOrEqual(flow.shares.totalBytes);
    expect(server.session.counters.receiveLimit).toBe(0);
  });

  it("says false to its sender, and drained when it is read, beside others that are not full", () => {
    const world = joined({ seed: 8, protocol, link: { delayMs: 10 } });
    const { client, server, pair } = world;
    server.inbox.stopped.add("chat");
    flood(world, ["chat"], 2000);
    expect(client.send("chat", numberedPayload(0, 700))).toBe(false);
    expect(client.send("event", numberedPayload(0, 700))).toBe(true);
    client.inbox.drainedChannels.length = 0;
    pair.run(1000);
    expect(client.inbox.drainedChannels).toEqual([]);
    server.inbox.stopped.clear();
    server.session.pump();
    pair.run(1000);
    expect(client.inbox.drainedChannels).toEqual(["chat"]);
  });

  it("costs a question now and then, and its sender hears of all that is read while the answers are lost", () => {
    const world = joined({ seed: 9, protocol, link: { delayMs: 10 } });
    const { client, server, pair } = world;
    server.inbox.stopped.add("chat");
    flood(world, ["chat"], 2000);
    const before = client.session.counters.datagramsSent;
    pair.run(60_000);
    expect(client.session.counters.datagramsSent - before).toBeLessThan(30);
    // All that says so is lost, while other channels go on and never stop being acknowledged.
    pair.linkFromB.options = { delayMs: 10, loss: 1 };
    server.inbox.stopped.clear();
    server.session.pump();
    pair.run(100);
    pair.linkFromB.options = { delayMs: 10 };
    flood(world, ["event"], 8000);
    expect(pair.runUntil(() => !client.session.unacknowledged, 10_000)).toBe(true);
    expect(broken(protocol, "chat", client, server)).toBe("");
  });
});

describe("the limit of a channel", () => {
  /** Datagrams of one side, as they were written. */
  function read(session: Session, of: Protocol, nowMs: number): [DatagramHeader, FrameHeader][] {
    const all: [DatagramHeader, FrameHeader][] = [];
    for (;;) {
      const w = new Writer(new Uint8Array(1500));
      const length = session.pollTransmit(w, nowMs);
      if (length === 0) return all;
      const pair = [new DatagramHeader(0), new FrameHeader()] as const;
      const r = new Reader().reset(w.bytes, w.view, 0, length);
      of.header.readClear(...pair, r);
      of.header.readSealed(pair[0], r);
      all.push([...pair]);
    }
  }

  it("is not said while little was handed on, and of the channel that has moved", () => {
    const server = side(protocol, "server", 1);
    const limits: number[] = [];
    let number = 0;
    const take = (name: string, message: number): void => {
      const client = side(protocol, "client", 2);
      client.send(name, numberedPayload(message, 700));
      const w = new Writer(new Uint8Array(1500));
      const h = Object.assign(new DatagramHeader(0), { packetNumber: number++, frames: true });
      const frame = Object.assign(new FrameHeader(), {
        channel: channelIndex(protocol, name),
        number: message,
        payloadBytes: 700,
      });
      protocol.header.writeClear(h, frame, w);
      protocol.header.writeFrame(frame, undefined, w);
      w.raw(numberedPayload(message, 700));
      give(server, w.bytes.slice(0, w.at), number);
      for (const [out] of read(server.session, protocol, number)) {
        if (out.limit) limits.push(out.receiveLimit);
      }
    };
    const own = flow.shares.own(flow.placeOf(channelIndex(protocol, "event")));
    let i = 0;
    for (; (i + 1) * 764 < own / 4; i++) take("event", i);
    expect(limits).toEqual([]);
    for (; (i + 1) * 764 < 2 * own; i++) take("event", i);
    const told = limits.map((limit) => [flow.indexes[flow.placeIn(limit)], flow.handedOnIn(limit)]);
    expect(told.length).toBeGreaterThan(1);
    for (const [index, bytes] of told) {
      expect(index).toBe(channelIndex(protocol, "event"));
      expect(bytes! % 764).toBe(0);
    }
  });

  it("is asked for by the name of its channel, which the answer speaks of", () => {
    const { client, server, pair } = joined({ seed: 10, protocol, link: { delayMs: 1 } });
    server.inbox.stopped.add("trade");
    for (let i = 0; client.send("trade", numberedPayload(i, 1000)); i++) pair.run(20);
    const asked: [DatagramHeader, FrameHeader][] = [];
    for (let ms = 0; asked.length === 0 && ms < 10_000; ms += 10) {
      const at = pair.time.nowMs + ms;
      client.session.handleTimeout(at);
      asked.push(...read(client.session, protocol, at).filter(([h]) => h.ackNow && !h.frames));
    }
    expect(asked[0]![1].channel).toBe(channelIndex(protocol, "trade"));
  });

  it("that says more than was sent ends a sealed session, and changes nothing in a plain one", () => {
    const secret = handProtocol({
      cipher: "aes-256-gcm",
      channels: [{ name: "chat", delivery: "reliable-ordered" }],
    });
    for (const of of [secret, protocol]) {
      const keys = of === secret ? { sealing: sealing() } : {};
      const { client, server, pair } = joined({
        seed: 11,
        protocol: of,
        link: { delayMs: 1 },
        client: keys,
        server: keys,
      });
      client.send("chat", numberedPayload(0, 8));
      pair.run(100);
      // A receiver that has counted more than it was sent.
      const { receiveLimit } = server.session as unknown as {
        receiveLimit: { flow: FlowChannels; askedFor(channel: number): void };
      };
      receiveLimit.flow.pass(0, 1e9);
      receiveLimit.askedFor(channelIndex(of, "chat"));
      client.send("chat", numberedPayload(1, 8));
      pair.run(200);
      expect(client.session.failure?.reason).toBe(of === secret ? "acknowledgedUnsent" : undefined);
    }
  });

  it("is refused where no channel of that direction has one", () => {
    const loose = handProtocol({ channels: [{ name: "state", delivery: "unreliable" }] });
    const client = side(loose, "client", 1);
    client.send("state", numberedPayload(0, 8));
    read(client.session, loose, 0);
    const h = Object.assign(new DatagramHeader(0), { ack: true, limit: true, receiveLimit: 5 });
    const w = new Writer(new Uint8Array(100));
    loose.header.writeClear(h, undefined, w);
    loose.header.writeSealed(h, w);
    expect(give(client, w.bytes.slice(0, w.at))).toBe("unknownChannel");
  });
});

describe("shares of a budget", () => {
  it("are its parts and its pool, and all of it for one alone", () => {
    const shares = new BudgetShares(1000, [10, 100, 10, 10]);
    expect([0, 1].map((place) => shares.own(place))).toEqual([62, 100]);
    expect(shares.poolBytes).toBe(750);
    expect(shares.totalBytes).toBe(750 + 3 * 62 + 100);
    const alone = new BudgetShares(1000, [10]);
    expect([alone.own(0), alone.poolBytes]).toEqual([1000, 0]);
  });

  it("leave each channel its part, whatever the others hold", () => {
    const shares = new BudgetShares(1000, [10, 10, 10, 10]);
    const held = [0, 0, 0, 0];
    const pooled = (not: number): number =>
      held.reduce((sum, bytes, i) => sum + (i === not ? 0 : shares.pooled(i, bytes)), 0);
    const fill = (place: number): void => {
      while (shares.isFair(place, held[place]! + 1, pooled(place))) held[place]!++;
    };
    for (let place = 0; place < 4; place++) {
      fill(place);
      expect(held[place]).toBeGreaterThanOrEqual(shares.own(place));
    }
    expect(held[0]).toBe(62 + Math.floor(750 * POOL_SHARE));
    expect(held.reduce((a, b) => a + b)).toBeLessThanOrEqual(shares.totalBytes);
  });
});
