import { describe, expect, it } from "vitest";
import {
  MAX_BURST_DATAGRAMS,
  MESSAGE_OVERHEAD_BYTES,
  MESSAGE_WINDOW,
  POOL_SHARE,
} from "#src/limits.js";
import { sameVersion } from "#src/negotiated-version.js";
import { FixedController } from "#src/session/congestion/fixed.js";
import { FlowChannels } from "#src/session/flow-channels.js";
import { Session } from "#src/session/session.js";
import { Pair, SeededRandom } from "#src/testing/index.js";
import { Writer } from "#src/wire/writer.js";
import { channelIndex, handProtocol } from "../support/hand-protocol.js";
import { broken, Inbox, indexOf, joined, numberedPayload, side } from "../support/session-pair.js";

const protocol = handProtocol();

/** The shares of what clients send, and a channel's place among them. */
function flowOf(name: string): { shares: FlowChannels["shares"]; placeOf: number } {
  const flow = new FlowChannels(protocol, "client", false, sameVersion(protocol));
  return { shares: flow.shares, placeOf: flow.placeOf(channelIndex(protocol, name)) };
}

/** What a session holds of the messages that count; no user may look there. */
function heldBytes(session: Session): number {
  return (session as unknown as { receiveLimit: { heldBytes: number } }).receiveLimit.heldBytes;
}

describe("flow control", () => {
  it("holds a sender back while the receiver has no room, and loses nothing", () => {
    for (const loss of [0, 0.2]) {
      const world = joined({ seed: 11, protocol, link: { delayMs: 10, loss } });
      world.server.inbox.accepting = false;
      let index = 0;
      const random = new SeededRandom(4);
      for (let round = 0; round < 600; round++) {
        while (world.client.send("chat", numberedPayload(index, 1000, random))) index++;
        world.pair.run(10);
      }
      const { shares, placeOf } = flowOf("chat");
      const most = shares.own(placeOf) + shares.poolBytes * POOL_SHARE;
      const queue = protocol.channels[channelIndex(protocol, "chat")]!.queueBytes;
      expect(index).toBe(Math.floor(queue / 1064) + Math.floor(most / 1064));
      // Blocked: what is sent now are probes, further and further apart.
      const before = world.client.session.counters.datagramsSent;
      world.pair.run(30_000);
      expect(world.client.session.counters.datagramsSent - before).toBeLessThan(
        loss === 0 ? 15 : 25,
      );
      world.server.inbox.accepting = true;
      world.server.session.pump();
      expect(world.pair.runUntil(() => !world.client.session.unacknowledged, 60_000)).toBe(true);
      expect(world.server.inbox.of("chat")).toHaveLength(index);
      expect(broken(protocol, "chat", world.client, world.server)).toBe("");
      expect(world.server.session.counters.receiveLimit).toBe(0);
    }
  });

  it.each(["map", "file"])("says how much of %s waits for room, slices and gaps too", (channel) => {
    const { server, client, pair } = joined({
      seed: 13,
      protocol,
      link: { delayMs: 10, loss: 0.2 },
    });
    server.inbox.accepting = false;
    const lengths = [10, 0, 3000, 1100, 50_000];
    for (const length of lengths) client.send(channel, new Uint8Array(length));
    pair.run(5000);
    const cost = lengths.reduce((sum, length) => sum + length + MESSAGE_OVERHEAD_BYTES, 0);
    expect(heldBytes(server.session)).toBe(cost);
    server.inbox.accepting = true;
    server.session.pump();
    expect(heldBytes(server.session)).toBe(0);
    expect(server.inbox.of(channel)).toHaveLength(lengths.length);
  });

  it("resumes when the update of the limit is lost", () => {
    const small = handProtocol({ limits: { receiveBudgetBytes: 5000 } });
    const world = joined({ seed: 12, protocol: small, link: { delayMs: 10 } });
    world.server.inbox.accepting = false;
    for (let i = 0; i < 20; i++) world.client.send("event", numberedPayload(i, 1000));
    world.pair.run(1000);
    world.pair.linkFromB.options = { loss: 1 };
    world.server.inbox.accepting = true;
    world.server.session.pump();
    world.pair.run(5000);
    expect(world.server.inbox.of("event").length).toBeLessThan(20);
    world.pair.linkFromB.options = { delayMs: 10 };
    expect(world.pair.runUntil(() => !world.client.session.unacknowledged, 10_000)).toBe(true);
    expect(world.server.inbox.of("event")).toHaveLength(20);
  });

  it("lets a message through that is as large as the whole budget", () => {
    const small = handProtocol({
      limits: { receiveBudgetBytes: 20_000 },
      channels: [
        { name: "map", delivery: "reliable-ordered", fragment: true, maxBytes: 20_000 },
        { name: "chat", delivery: "reliable-ordered" },
      ],
    });
    const world = joined({ seed: 13, protocol: small, link: { delayMs: 10, loss: 0.05 } });
    for (let i = 0; i < 10; i++) {
      world.client.send("map", numberedPayload(i, 20_000));
      for (let n = 0; n < 10; n++) world.client.send("chat", numberedPayload(i * 10 + n, 100));
    }
    expect(world.pair.runUntil(() => !world.client.session.unacknowledged, 60_000)).toBe(true);
    expect(broken(small, "map", world.client, world.server)).toBe("");
    expect(broken(small, "chat", world.client, world.server)).toBe("");
  });

  it("counts a message once whose slices come in one datagram", () => {
    const small = handProtocol({ limits: { receiveBudgetBytes: 3000 } });
    const world = joined({ seed: 36, protocol: small, link: { delayMs: 10 } });
    world.server.inbox.accepting = false;
    const { sliceBytes } = small.limits;
    world.client.send("map", numberedPayload(0, 1000));
    world.client.send("map", numberedPayload(1, sliceBytes + 1));
    world.pair.run(500);
    expect(world.client.session.unacknowledged).toBe(false);
    expect(world.server.session.counters.receiveLimit).toBe(0);
    world.server.inbox.accepting = true;
    world.server.session.pump();
    expect(broken(small, "map", world.client, world.server)).toBe("");
  });

  it("never numbers messages further ahead than the window", () => {
    const wide = handProtocol({ limits: { receiveBudgetBytes: 16_777_216 } });
    const client = { congestion: () => new FixedController() };
    const world = joined({ seed: 33, protocol: wide, fromServer: { loss: 1 }, client });
    for (let i = 0; i < 20_000; i++) world.client.send("event", numberedPayload(i, 4));
    world.pair.run(5000);
    expect(world.client.session.counters.messagesSent).toBe(MESSAGE_WINDOW);
    world.pair.linkFromB.options = {};
    expect(world.pair.runUntil(() => !world.client.session.unacknowledged, 20_000)).toBe(true);
    expect(world.server.inbox.of("event")).toHaveLength(20_000);
  });

  it("says false when the queue is full, and drained when there is room again", () => {
    const small = handProtocol({
      channels: [
        { name: "chat", delivery: "reliable-ordered", queueBytes: 10 * 164 },
        { name: "state", delivery: "unreliable", queueBytes: 10 * 164 },
      ],
    });
    const world = joined({ seed: 14, protocol: small, link: { delayMs: 10 } });
    for (const name of ["chat", "state"]) {
      for (let i = 0; i < 10; i++)
        expect(world.client.send(name, numberedPayload(i, 100))).toBe(true);
      expect(world.client.send(name, numberedPayload(10, 100))).toBe(false);
      const index = channelIndex(small, name);
      expect(world.client.session.queuedBytes(index)).toBe(10 * (100 + MESSAGE_OVERHEAD_BYTES));
    }
    expect(world.client.inbox.drainedChannels).toEqual([]);
    world.pair.run(100);
    expect(world.client.inbox.drainedChannels.sort()).toEqual(["chat", "state"]);
    expect(world.server.inbox.of("chat")).toHaveLength(10);
    expect(world.server.inbox.of("state")).toHaveLength(10);
  });
});

describe("order of sending", () => {
  const levels = handProtocol({
    channels: [
      { name: "bulk", delivery: "reliable", priority: 4 },
      { name: "urgent", delivery: "reliable", priority: 0 },
      { name: "light", delivery: "unreliable", priority: 2, weight: 1 },
      { name: "heavy", delivery: "unreliable", priority: 2, weight: 3 },
    ],
  });

  it("sends a lower level only when the levels above have nothing", () => {
    const world = joined({ seed: 15, protocol: levels, link: { rateBytesPerMs: 100 } });
    for (let i = 0; i < 30; i++) world.client.send("bulk", numberedPayload(i, 1000));
    for (let i = 0; i < 30; i++) world.client.send("light", numberedPayload(i, 1000));
    for (let i = 0; i < 30; i++) world.client.send("urgent", numberedPayload(i, 1000));
    world.pair.runUntil(() => world.server.inbox.of("urgent").length === 30, 10_000);
    expect(world.server.inbox.of("light")).toHaveLength(0);
    world.pair.runUntil(() => world.server.inbox.of("light").length === 30, 10_000);
    expect(world.server.inbox.of("bulk")).toHaveLength(0);
    world.pair.run(5000);
    expect(world.server.inbox.of("bulk")).toHaveLength(30);
  });

  it("shares a level by weight", () => {
    const inbox = new Inbox();
    const random = new SeededRandom(1);
    const session = new Session({
      protocol: levels,
      role: "client",
      nowMs: 0,
      random: () => random.next(),
      sink: inbox,
    });
    const server = side(levels, "server", 2);
    for (const size of [90, 1000]) {
      for (let i = 0; i < 400; i++) {
        for (const name of ["light", "heavy"]) {
          session.send(channelIndex(levels, name), numberedPayload(i, size), 0, size);
        }
      }
    }
    const w = new Writer(new Uint8Array(1200));
    for (let i = 0; i < 28; i++) {
      w.at = 0;
      const length = session.pollTransmit(w, 0);
      server.session.handleDatagram(w.bytes, w.view, length, 0);
    }
    const light = server.inbox.of("light").length;
    const heavy = server.inbox.of("heavy").length;
    expect(heavy / light).toBeGreaterThan(2.6);
    expect(heavy / light).toBeLessThan(3.4);
  });

  it("leaves a large message the limit that it waits for, whatever smaller ones of other channels take", () => {
    const starved = handProtocol({
      limits: { receiveBudgetBytes: 10_000 },
      channels: [
        { name: "large", delivery: "reliable", fragment: true, maxBytes: 9000, priority: 0 },
        { name: "small", delivery: "reliable", priority: 1 },
      ],
    });
    const world = joined({ seed: 16, protocol: starved, link: { delayMs: 10 } });
    for (let i = 0; i < 4000; i++) world.client.send("small", numberedPayload(i, 4));
    world.pair.run(25);
    world.client.send("large", numberedPayload(0, 9000));
    world.pair.runUntil(() => world.server.inbox.of("large").length === 1, 60_000);
    expect(world.server.inbox.of("small").length).toBeLessThan(800);
    world.pair.runUntil(() => !world.client.session.unacknowledged, 60_000);
    expect(world.server.inbox.of("small")).toHaveLength(4000);
  });

  it("packs the messages of one turn into few datagrams", () => {
    const world = joined({ seed: 17, protocol });
    for (let i = 0; i < 100; i++) world.client.send("event", numberedPayload(i, 32));
    world.pair.flush();
    expect(world.client.session.counters.datagramsSent).toBe(3);
    expect(world.client.session.counters.framesSent).toBe(100);
  });

  it("never sends more than a burst at one instant", () => {
    const world = joined({ seed: 18, protocol, link: { delayMs: 20 } });
    const perInstant = new Map<number, number>();
    const counted = new Pair({
      a: world.client.session,
      b: world.server.session,
      seed: 18,
      link: { delayMs: 20 },
      tap: (from, _datagram, nowMs) => {
        if (from === "a") perInstant.set(nowMs, (perInstant.get(nowMs) ?? 0) + 1);
      },
    });
    world.client.send("map", new Uint8Array(1_000_000));
    for (let i = 0; i < 900; i++) world.client.send("state", new Uint8Array(1000));
    expect(counted.runUntil(() => world.server.inbox.of("map").length === 1, 60_000)).toBe(true);
    expect(Math.max(...perInstant.values())).toBe(MAX_BURST_DATAGRAMS);
  });
});

describe("a game's own rate on a clean link", () => {
  it("is neither shed nor delayed by the controller", () => {
    const world = joined({ seed: 19, protocol, link: { delayMs: 25 } });
    const arrivals: number[] = [];
    for (let tick = 0; tick < 300; tick++) {
      for (let i = 0; i < 5; i++) {
        world.client.send("state", numberedPayload(tick * 5 + i, 1000));
        world.client.send("event", numberedPayload(tick * 5 + i, 200));
      }
      const before = world.server.inbox.of("state").length;
      world.pair.run(16);
      arrivals.push(world.server.inbox.of("state").length - before);
    }
    // Two ticks are in the air; every later one brings exactly what was sent two ticks before.
    expect(arrivals.slice(2).every((count) => count === 5)).toBe(true);
    expect(world.client.session.counters.messagesResent).toBe(0);
  });

  it("acknowledges unreliable data lazily", () => {
    const world = joined({ seed: 20, protocol, link: { delayMs: 5 } });
    for (let i = 0; i < 100; i++) {
      world.client.send("state", numberedPayload(i, 100));
      world.pair.run(4);
    }
    world.pair.run(500);
    const acks = world.server.session.counters.acksSent;
    expect(acks).toBeGreaterThanOrEqual(3);
    expect(acks).toBeLessThanOrEqual(4);
    expect(world.client.session.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("asks for an ack with one in two datagrams while much of its window is in flight", () => {
    const world = joined({ seed: 22, protocol, link: { delayMs: 25 } });
    for (let i = 0; i < 32; i++) {
      world.client.send("event", numberedPayload(i, 1100));
      world.pair.run(0.5);
    }
    world.pair.run(25);
    const { datagramsReceived, acksSent } = world.server.session.counters;
    expect(datagramsReceived).toBe(32);
    // From the ninth on; by itself a receiver acknowledges one in ten.
    expect(acksSent).toBeGreaterThanOrEqual(12);
  });

  it("asks for an ack while its queue is full, and has room again a round trip later", () => {
    const small = handProtocol({
      channels: [{ name: "event", delivery: "reliable-ordered", queueBytes: 3000 }],
    });
    const { client, pair } = joined({ seed: 23, protocol: small, link: { delayMs: 25 } });
    let next = 0;
    for (let round = 0; round < 10; round++) {
      while (client.send("event", numberedPayload(next, 900))) next++;
      const drained = client.inbox.drainedChannels.length;
      pair.run(51);
      expect(client.inbox.drainedChannels.length).toBeGreaterThan(drained);
    }
  });

  it("acknowledges ten reliable datagrams of one instant at once, and no fewer", () => {
    const world = joined({ seed: 21, protocol });
    for (let i = 0; i < 10; i++) {
      expect(world.server.session.counters.acksSent).toBe(0);
      world.client.send("event", numberedPayload(i, 100));
      world.pair.step(0);
      world.pair.step(0);
    }
    expect(world.server.session.counters.acksSent).toBe(1);
    expect(world.client.session.unacknowledged).toBe(false);
  });

  it("is silent when there is nothing to say", () => {
    const world = joined({ seed: 22, protocol, link: { delayMs: 5 } });
    world.client.send("chat", numberedPayload(0, 10));
    world.pair.run(1000);
    const sent = () =>
      world.client.session.counters.datagramsSent + world.server.session.counters.datagramsSent;
    const before = sent();
    world.pair.run(60_000);
    expect(sent()).toBe(before);
    world.client.session.ping();
    world.pair.run(100);
    expect(sent()).toBe(before + 2);
  });
});

describe("loss", () => {
  it("is repaired within about a round trip, without waiting for a timeout", () => {
    const world = joined({ seed: 23, protocol, link: { delayMs: 50 } });
    for (let i = 0; i < 20; i++) {
      world.client.send("chat", numberedPayload(i, 10));
      world.pair.run(16);
    }
    world.pair.linkFromA.options = { loss: 1 };
    world.client.send("chat", numberedPayload(20, 10));
    world.pair.flush();
    world.pair.linkFromA.options = { delayMs: 50 };
    const lostAtMs = world.pair.time.nowMs;
    for (let i = 21; i < 40; i++) {
      world.pair.run(16);
      world.client.send("chat", numberedPayload(i, 10));
    }
    world.pair.runUntil(() => world.server.inbox.of("chat").length >= 21, 1000);
    expect(world.pair.time.nowMs - lostAtMs).toBeLessThan(16 * 20);
    expect(world.client.session.counters.probesSent).toBe(0);
    expect(world.client.session.counters.datagramsLost).toBe(1);
    expect(world.client.session.counters.messagesResent).toBe(1);
  });

  it("is found out by three later datagrams, sooner than by time", () => {
    const world = joined({ seed: 32, protocol, link: { delayMs: 50 } });
    for (let i = 0; i < 5; i++) {
      world.client.send("event", numberedPayload(i, 10));
      world.pair.run(300);
    }
    for (let i = 5; i < 11; i++) world.client.send("event", numberedPayload(i, 1000));
    const lost = new Writer(new Uint8Array(1200));
    world.client.session.pollTransmit(lost, world.pair.time.nowMs);
    world.pair.run(101);
    expect(world.client.session.counters.messagesResent).toBe(1);
  });

  it("of everything makes the sender probe less and less, and send nothing else", () => {
    const world = joined({ seed: 24, protocol, link: { delayMs: 20 } });
    world.client.send("map", new Uint8Array(1_000_000));
    world.pair.run(200);
    world.pair.linkFromA.options = { loss: 1 };
    world.pair.run(1000);
    const before = world.client.session.counters.datagramsSent;
    world.pair.run(30_000);
    expect(world.client.session.counters.datagramsSent - before).toBeLessThan(15);
    world.pair.linkFromA.options = { delayMs: 20 };
    expect(world.pair.runUntil(() => !world.client.session.unacknowledged, 30_000)).toBe(true);
    expect(world.server.inbox.of("map")).toHaveLength(1);
  });

  it("of unreliable data is counted and not repaired", () => {
    const world = joined({ seed: 25, protocol, link: { delayMs: 10, loss: 0.2 } });
    for (let i = 0; i < 500; i++) {
      world.client.send("state", numberedPayload(i, 50));
      world.pair.run(5);
    }
    world.pair.run(1000);
    const { counters } = world.client.session;
    expect(counters.messagesResent).toBe(0);
    expect(counters.datagramsSent - counters.acksSent).toBe(500);
    expect(Math.abs(counters.datagramsLost - world.pair.linkFromA.lost)).toBeLessThanOrEqual(12);
  });

  it("of all acks does not stop unreliable data for ever", () => {
    const client = { congestion: () => new FixedController() };
    const world = joined({ seed: 26, protocol, fromServer: { loss: 1 }, client });
    for (let i = 0; i < 1000; i++) {
      world.client.send("state", numberedPayload(i, 1000));
      world.pair.run(10);
    }
    expect(world.client.session.counters.probesSent).toBeGreaterThan(0);
    world.pair.run(5000);
    expect(world.server.inbox.of("state").length).toBeGreaterThan(900);
  });

  it("measures the round trip", () => {
    const world = joined({ seed: 27, protocol, link: { delayMs: 40 } });
    for (let i = 0; i < 50; i++) {
      world.client.send("event", numberedPayload(i, 10));
      world.pair.run(30);
    }
    expect(world.client.session.rttMs).toBeGreaterThan(79);
    expect(world.client.session.rttMs).toBeLessThan(82);
  });
});

describe("late datagrams", () => {
  it("are not taken for newer messages when the numbers have come round", () => {
    const world = joined({ seed: 28, protocol, fromClient: { loss: 1 } });
    // The first datagram is held back: 100 messages of the first numbers.
    const held: Uint8Array[] = [];
    for (let i = 0; i < 100; i++) world.client.send("event", numberedPayload(i, 4));
    const w = new Writer(new Uint8Array(1200));
    const length = world.client.session.pollTransmit(w, 0);
    held.push(w.bytes.slice(0, length));
    world.pair.linkFromA.options = {};
    let index = 100;
    while (index < 65_600) {
      for (let i = 0; i < 190; i++) world.client.send("event", numberedPayload(index++, 4));
      world.pair.run(1);
    }
    world.pair.run(2000);
    const { session, inbox } = world.server;
    expect(session.counters.datagramsReceived).toBeLessThan(1000);
    const before = inbox.of("event").length;
    const late = held[0]!;
    session.handleDatagram(late, new DataView(late.buffer), late.length, world.pair.time.nowMs);
    expect(inbox.of("event").length).toBe(before);
    expect(session.counters.tooOld).toBe(1);
    for (let i = 0; i < 300; i++) world.client.send("event", numberedPayload(index++, 4));
    world.pair.run(2000);
    const seen = new Set(inbox.of("event").map(indexOf));
    expect(seen.size).toBe(index);
    expect(inbox.of("event")).toHaveLength(index);
  });
});

describe("sinks", () => {
  it("may send from inside deliver and drained", () => {
    const world = joined({ seed: 29, protocol, link: { delayMs: 5 } });
    const echo = channelIndex(protocol, "chat");
    const inbox = world.server.inbox;
    const deliver = inbox.deliver.bind(inbox);
    inbox.deliver = (message) => {
      world.server.session.send(echo, message.bytes, message.start, message.end);
      world.server.session.pump();
      return deliver(message);
    };
    for (let i = 0; i < 50; i++) world.client.send("chat", numberedPayload(i, 20));
    world.pair.run(500);
    expect(world.client.inbox.of("chat").map(indexOf)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
  });

  it("may pump from inside deliver without getting a message twice", () => {
    const world = joined({ seed: 34, protocol });
    const { inbox, session } = world.server;
    inbox.accepting = false;
    for (let i = 0; i < 10; i++) world.client.send("chat", numberedPayload(i, 20));
    world.pair.run(100);
    inbox.accepting = true;
    const deliver = inbox.deliver.bind(inbox);
    inbox.deliver = (message) => {
      session.pump();
      return deliver(message);
    };
    session.pump();
    expect(inbox.of("chat").map(indexOf)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("that throw do not harm the session", () => {
    const world = joined({ seed: 30, protocol });
    const deliver = world.server.inbox.deliver.bind(world.server.inbox);
    let thrown = 0;
    world.server.inbox.deliver = (message) => {
      const { bytes, start, end } = message;
      if (indexOf(bytes.slice(start, end)) % 7 === 3) throw new Error("handler");
      return deliver(message);
    };
    const w = new Writer(new Uint8Array(1200));
    for (let i = 0; i < 100; i++) world.client.send("chat", numberedPayload(i, 30));
    for (;;) {
      w.at = 0;
      const length = world.client.session.pollTransmit(w, 0);
      if (length === 0) break;
      try {
        world.server.session.handleDatagram(
          w.bytes.slice(),
          new DataView(w.bytes.slice().buffer),
          length,
          0,
        );
      } catch {
        thrown++;
      }
    }
    expect(thrown).toBeGreaterThan(0);
    expect(world.server.inbox.of("chat")).toHaveLength(86);
    world.pair.run(1000);
    expect(world.client.session.unacknowledged).toBe(false);
  });
});

describe("the fixed controller", () => {
  it("keeps at most its window in flight", () => {
    const controller = new FixedController({ windowBytes: 20_000 });
    let most = 0;
    controller.onSent = (_bytes, inFlight) => {
      most = Math.max(most, inFlight);
    };
    const world = joined({
      seed: 31,
      protocol,
      link: { delayMs: 30 },
      client: { congestion: () => controller },
    });
    world.client.send("map", new Uint8Array(200_000));
    expect(world.pair.runUntil(() => world.server.inbox.of("map").length === 1, 20_000)).toBe(true);
    expect(most).toBeGreaterThan(15_000);
    expect(most).toBeLessThan(20_000 + 1200);
  });
});
