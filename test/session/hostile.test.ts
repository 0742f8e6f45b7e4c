/** Datagrams that no honest peer sends. In plain mode each is dropped whole and counted; the session goes on. */
import { describe, expect, it } from "vitest";
import {
  ACK_AGAIN_MS,
  DUPLICATE_WINDOW,
  MAX_NUMBER_JUMP,
  MESSAGE_OVERHEAD_BYTES,
} from "#src/limits.js";
import { sameVersion } from "#src/negotiated-version.js";
import type { SessionCounters } from "#src/session/counters.js";
import { type DropReason, dropReasons, reasonOf } from "#src/session/drop-reason.js";
import { FlowChannels } from "#src/session/flow-channels.js";
import { SeededRandom } from "#src/testing/index.js";
import { DatagramHeader, Violation, violationNames } from "#src/wire/header.js";
import { Writer } from "#src/wire/writer.js";
import { type Forged, forge as forgeFor, give } from "../support/forge.js";
import { channelIndex, handProtocol } from "../support/hand-protocol.js";
import {
  broken,
  type Joined,
  joined,
  numberedPayload,
  type Side,
  side,
} from "../support/session-pair.js";

const protocol = handProtocol();
const { sliceBytes } = protocol.limits;

function poll(from: Side, nowMs = 0): Uint8Array | undefined {
  const w = new Writer(new Uint8Array(1200));
  const length = from.session.pollTransmit(w, nowMs);
  return length === 0 ? undefined : w.bytes.slice(0, length);
}

const forge = (parts: Forged): Uint8Array => forgeFor(protocol, parts);

/** Datagrams given to it are all either applied or counted under one reason. */
function accounted(counters: SessionCounters): number {
  const reasons = Object.keys(dropReasons) as DropReason[];
  return reasons.reduce((sum, reason) => sum + counters[reason], counters.datagramsReceived);
}

describe("a packet number far ahead", () => {
  it("of one forged datagram does not end the session: those behind it still arrive", () => {
    const { client, server } = joined({ protocol, seed: 1 });
    client.session.send(channelIndex(protocol, "event"), Uint8Array.of(1, 2, 3), 0, 3);
    expect(give(server, poll(client)!)).toBe(undefined);
    expect(give(server, forge({ number: 0x7000 }))).toBe("jump");
    for (let i = 0; i < 100; i++) {
      client.session.send(channelIndex(protocol, "event"), Uint8Array.of(i), 0, 1);
      for (let next = poll(client, i); next !== undefined; next = poll(client, i)) {
        expect(give(server, next, i)).toBe(undefined);
      }
      for (let next = poll(server, i); next !== undefined; next = poll(server, i)) {
        expect(give(client, next, i)).toBe(undefined);
      }
    }
    expect(server.session.counters.jump).toBe(1);
  });

  it("is believed when the next one follows it: so many losses in a row cost one datagram more", () => {
    const { client, server } = joined({ protocol, seed: 1 });
    const datagrams: Uint8Array[] = [];
    for (let i = 0; datagrams.length < MAX_NUMBER_JUMP + 10; i++) {
      client.session.ping();
      datagrams.push(poll(client, i)!);
    }
    expect(give(server, datagrams[0]!)).toBe(undefined);
    const late = datagrams.slice(-3);
    expect(late.map((datagram) => give(server, datagram))).toEqual(["jump", undefined, undefined]);
    expect(give(server, datagrams[1]!)).toBe(undefined);
  });
});

/** A datagram without frames that asks to be acknowledged at once. */
const forgedPing = (number: number): Uint8Array => forge({ number });

describe("a number that somebody else has used", () => {
  const first = (world: Joined): void => {
    world.client.send("chat", numberedPayload(0, 8));
    expect(world.pair.runUntil(() => world.server.inbox.of("chat").length === 1, 1000)).toBe(true);
    world.pair.run(1000);
  };

  it.each([1, 2, 10, MAX_NUMBER_JUMP])(
    "is never used by who sees its ack: nothing is lost by a forged ping %s ahead",
    (ahead) => {
      const world = joined({ protocol, seed: ahead, link: { delayMs: 5 } });
      const { client, server, pair } = world;
      first(world);
      const used = client.session.counters.datagramsSent;
      expect(give(server, forgedPing(used - 1 + ahead), pair.time.nowMs)).toBe(undefined);
      pair.run(100);
      for (let i = 1; i < 200; i++) client.send("chat", numberedPayload(i, 8));
      pair.run(2000);
      expect(broken(protocol, "chat", client, server)).toBe("");
      expect(client.session.counters.acknowledgedAhead).toBe(1);
      expect(server.session.counters.duplicates).toBe(0);
    },
  );

  it.each([200, 1000, 5000, 0x7f00])(
    "moves the window, and the sender with it: two forged pings %s ahead end nothing",
    (ahead) => {
      const world = joined({ protocol, seed: ahead, link: { delayMs: 5 } });
      const { client, server, pair } = world;
      first(world);
      const used = client.session.counters.datagramsSent;
      for (let i = 1; i < 100; i++) client.send("chat", numberedPayload(i, 900));
      pair.run(2);
      // What is in flight has numbers that are too old for the other side from here on.
      expect(give(server, forgedPing(used + ahead), pair.time.nowMs)).toBe("jump");
      expect(give(server, forgedPing(used + ahead + 1), pair.time.nowMs)).toBe(undefined);
      for (let i = 100; i < 200; i++) client.send("chat", numberedPayload(i, 8));
      pair.run(3000);
      expect(broken(protocol, "chat", client, server)).toBe("");
      expect(client.session.counters.acknowledgedAhead).toBe(1);
    },
  );

  it("is not believed where no sender could be, whatever follows it", () => {
    const server = side(protocol, "server", 1);
    expect(give(server, forgedPing(0))).toBe(undefined);
    const wide = (number: number): Uint8Array => forge({ number, wide: true });
    expect(give(server, wide(2 ** 15 + 1))).toBe("jump");
    expect(give(server, wide(2 ** 15 + 2))).toBe("jump");
    expect(give(server, wide(2 ** 20))).toBe("jump");
    expect(give(server, wide(2 ** 20 + 1))).toBe("jump");
    expect(give(server, wide(2 ** 15 - 1))).toBe("jump");
    expect(give(server, wide(2 ** 15))).toBe(undefined);
  });

  it("costs no memory, however often and however far ahead the other side says so", () => {
    const client = side(protocol, "client", 1);
    let next = 0;
    for (let i = 0; i < 1000; i++) {
      client.send("chat", numberedPayload(i, 8));
      expect(poll(client, i)).toBeDefined();
      next += 0x7ff0;
      expect(give(client, forge({ number: i, ack: { largest: next & 0xffff } }), i)).toBe(
        undefined,
      );
    }
    expect(client.session.counters.acknowledgedAhead).toBe(1000);
    const { sent } = client.session as unknown as { sent: { next: number; packets: Float64Array } };
    expect(sent.next).toBeGreaterThan(1000 * 0x7fe0);
    expect(sent.packets.length).toBeLessThan(256);
  });

  it("of those that a lie makes a sender pass over, none is a proof of anything sent later", () => {
    const world = joined({ protocol, seed: 9, link: { delayMs: 5 } });
    const { client, server, pair } = world;
    first(world);
    const ack = { largest: client.session.counters.datagramsSent + 30, firstRun: 31 };
    expect(give(client, forge({ number: 60, ack }), pair.time.nowMs)).toBe(undefined);
    for (let i = 1; i < 25; i++) client.send("chat", numberedPayload(i, 1000));
    expect(give(client, forge({ number: 61, ack }), pair.time.nowMs)).toBe(undefined);
    pair.run(3000);
    expect(broken(protocol, "chat", client, server)).toBe("");
  });
});

describe("without a session tag, a datagram forged by who knows no more than addresses", () => {
  const number = (side: Side): number => side.session.counters.datagramsSent;

  it("is taken for the peer's where its number is new, at most 64 ahead of the newest", () => {
    const { client, server } = joined({ protocol, seed: 1 });
    client.send("state", numberedPayload(0, 4));
    expect(give(server, poll(client)!)).toBe(undefined);
    const payload = Uint8Array.of(6, 6, 6, 6);
    const line = (ahead: number): Uint8Array =>
      forge({ number: number(client) - 1 + ahead, channel: "state", payload });
    const outcomes = [0, MAX_NUMBER_JUMP + 1, MAX_NUMBER_JUMP, 1].map((n) => give(server, line(n)));
    expect(outcomes).toEqual(["duplicates", "jump", undefined, undefined]);
    expect(server.inbox.of("state")).toContainEqual(payload);
  });

  it("loses a reliable message for ever where the sender comes to its number before the ack of it", () => {
    const world = joined({ protocol, seed: 1, link: { delayMs: 20 } });
    const { client, server, pair } = world;
    client.send("chat", numberedPayload(0, 8));
    pair.run(1000);
    expect(give(server, forgedPing(number(client)), pair.time.nowMs)).toBe(undefined);
    for (let i = 1; i < 5; i++) client.send("chat", numberedPayload(i, 8));
    pair.run(60_000);
    expect(server.session.counters.duplicates).toBeGreaterThan(0);
    expect(client.session.unacknowledged).toBe(false);
    expect(broken(protocol, "chat", client, server)).toMatch(/ of 5 came/);
  });

  it("acknowledges what was not received, so that it is not sent again", () => {
    const { client, server } = joined({ protocol, seed: 1 });
    client.send("chat", numberedPayload(0, 8));
    poll(client);
    expect(give(client, forge({ number: 0, ack: { largest: 0 } }))).toBe(undefined);
    expect(client.session.unacknowledged).toBe(false);
    expect(server.inbox.of("chat")).toHaveLength(0);
  });

  it("raises no receive limit above what was sent", () => {
    const small = handProtocol({ limits: { receiveBudgetBytes: 65_536 } });
    const { client, server, pair } = joined({ protocol: small, seed: 1, link: { delayMs: 5 } });
    server.inbox.accepting = false;
    client.send("chat", numberedPayload(0, 8));
    pair.run(1000);
    const h = new DatagramHeader(0);
    Object.assign(h, {
      packetNumber: number(server),
      ack: true,
      limit: true,
      receiveLimit: 2 ** 40,
    });
    h.acks.largest = 0;
    const w = new Writer(new Uint8Array(100));
    small.header.writeClear(h, undefined, w);
    small.header.writeSealed(h, w);
    expect(give(client, w.bytes.slice(0, w.at), pair.time.nowMs)).toBe(undefined);
    // What it says is nothing that could be: as much was handed on as was sent, and no more.
    for (let i = 1; i < 200; i++) client.send("chat", numberedPayload(i, 1000));
    pair.run(1000);
    expect(server.session.counters.receiveLimit).toBe(0);
    server.inbox.accepting = true;
    server.session.pump();
    expect(pair.runUntil(() => !client.session.unacknowledged, 10_000)).toBe(true);
  });
});

describe("a bad datagram is dropped whole", () => {
  it("has a reason for each violation of the layout, under its name", () => {
    const reasons = Object.values(Violation).map(reasonOf);
    expect(reasons).toEqual([undefined, ...violationNames.slice(1)]);
    expect(Object.keys(dropReasons)).toEqual(expect.arrayContaining(violationNames.slice(1)));
  });

  it("when it acknowledges a number below the first", () => {
    const server = side(protocol, "server", 1);
    expect(give(server, forge({ number: 0, ack: { largest: 0xffff } }))).toBe("acknowledgedUnsent");
    expect(server.session.counters.acknowledgedUnsent).toBe(1);
    expect(server.session.counters.datagramsReceived).toBe(0);
  });

  it("by its number alone, before anything behind the clear part is read", () => {
    const { client, server } = joined({ protocol, seed: 1 });
    client.session.ping();
    expect(give(server, poll(client)!)).toBe(undefined);
    const cutOff = (number: number) => forge({ number, ack: { largest: 0 } }).slice(0, 7);
    expect(give(server, cutOff(0))).toBe("duplicates");
    expect(give(server, cutOff(1))).toBe("truncated");
  });

  it("when a range reaches below zero", () => {
    const server = side(protocol, "server", 1);
    server.send("chat", new Uint8Array(1));
    poll(server);
    expect(give(server, forge({ number: 0, ack: { largest: 0, firstRun: 2 } }))).toBe(
      "acknowledgedUnsent",
    );
    expect(server.session.unacknowledged).toBe(true);
    expect(give(server, forge({ number: 0, ack: { largest: 0 } }))).toBe(undefined);
    expect(server.session.unacknowledged).toBe(false);
  });

  it("when it acknowledges a number that was skipped on purpose", () => {
    const server = side(protocol, "server", 1, { random: () => 0 });
    for (let i = 0; i < 3; i++) {
      server.send("chat", new Uint8Array(1));
      poll(server);
    }
    expect(server.session.counters.numbersSkipped).toBeGreaterThan(0);
    expect(give(server, forge({ number: 0, ack: { largest: 2, firstRun: 3 } }))).toBe(
      "acknowledgedUnsent",
    );
    expect(give(server, forge({ number: 1, ack: { largest: 0 } }))).toBe(undefined);
  });

  it("when it was received before, or is older than the window", () => {
    const server = side(protocol, "server", 1);
    const first = forge({ number: 0, channel: "state", payload: new Uint8Array(4) });
    expect(give(server, first)).toBe(undefined);
    expect(give(server, first)).toBe("duplicates");
    for (let number = MAX_NUMBER_JUMP; number <= DUPLICATE_WINDOW; number += MAX_NUMBER_JUMP) {
      expect(give(server, forge({ number }))).toBe(undefined);
    }
    expect(give(server, first)).toBe("tooOld");
    expect(server.inbox.of("state")).toHaveLength(1);
  });

  it("when it comes on a channel of the other direction", () => {
    const client = side(protocol, "client", 1);
    const datagram = forge({ number: 0, channel: "order", payload: new Uint8Array(4) });
    expect(give(client, datagram)).toBe("direction");
    expect(client.inbox.of("order")).toHaveLength(0);
  });

  it("when a message number is beyond the window", () => {
    const server = side(protocol, "server", 1);
    const payload = new Uint8Array(1);
    expect(give(server, forge({ number: 0, channel: "chat", message: 0x4000, payload }))).toBe(
      "messageWindow",
    );
    expect(give(server, forge({ number: 0, channel: "chat", message: 0x3fff, payload }))).toBe(
      undefined,
    );
  });

  it("when slices lie about their size, index or count", () => {
    const server = side(protocol, "server", 1);
    const whole = new Uint8Array(sliceBytes);
    const cases: [[number, number], Uint8Array, DropReason | undefined][] = [
      [[0, 1], whole, "sliceBounds"],
      [[2, 2], whole, "sliceBounds"],
      [[0, 2 ** 52], whole, "sliceBounds"],
      [[0, 1000], whole, "sliceBounds"],
      [[0, 2], whole.subarray(1), "sliceMismatch"],
      [[1, 2], new Uint8Array(0), "sliceMismatch"],
    ];
    for (const [slice, payload, outcome] of cases) {
      expect(give(server, forge({ number: 0, channel: "map", slice, payload }))).toBe(outcome);
    }
    expect(give(server, forge({ number: 0, channel: "map", slice: [0, 3], payload: whole }))).toBe(
      undefined,
    );
    expect(give(server, forge({ number: 1, channel: "map", slice: [1, 4], payload: whole }))).toBe(
      "sliceMismatch",
    );
    expect(give(server, forge({ number: 1, channel: "map", payload: new Uint8Array(5) }))).toBe(
      "sliceMismatch",
    );
  });
});

describe("memory stays within the budget", () => {
  /** What may be held of one channel. */
  const most = (name: string): number => {
    const flow = new FlowChannels(protocol, "client", true, sameVersion(protocol));
    return flow.shares.own(flow.placeOf(channelIndex(protocol, name))) + flow.shares.poolBytes;
  };

  it("whatever slices claim: unfinished reliable messages end at the receive limit", () => {
    const server = side(protocol, "server", 1);
    const whole = new Uint8Array(sliceBytes);
    let accepted = 0;
    // Message 0 is missing for ever; each of the others claims two slices and sends one.
    for (let i = 1; i < 5000; i++) {
      const slice = forge({ number: i, channel: "map", message: i, slice: [0, 2], payload: whole });
      if (give(server, slice) === undefined) accepted++;
    }
    expect(accepted).toBe(Math.floor(most("map") / (sliceBytes + 1 + MESSAGE_OVERHEAD_BYTES)));
    expect(server.session.counters.receiveLimit).toBe(4999 - accepted);
  });

  it("and two slices of one message in a datagram count as one message", () => {
    const server = side(protocol, "server", 1);
    const whole = new Uint8Array(sliceBytes);
    const costBytes = sliceBytes + 1 + MESSAGE_OVERHEAD_BYTES;
    const fit = Math.floor(most("map") / costBytes);
    // Nothing of these can be handed on before message 0 has come.
    for (let i = 1; i < fit; i++) {
      const slice = forge({ number: i, channel: "map", message: i, slice: [0, 2], payload: whole });
      expect(give(server, slice)).toBe(undefined);
    }
    const both = forge({
      number: fit,
      channel: "map",
      message: fit,
      slice: [0, 2],
      payload: whole,
      behind: { slice: [1, 2], payload: new Uint8Array(1) },
    });
    expect(give(server, both)).toBe(undefined);
    expect(server.session.counters.receiveLimit).toBe(0);
  });

  it("whatever is missing: ordered messages that wait end at the receive limit, empty ones too", () => {
    const server = side(protocol, "server", 1);
    let accepted = 0;
    for (let i = 1; i < 0x4000; i++) {
      const datagram = forge({ number: i, channel: "chat", message: i });
      if (give(server, datagram) === undefined) accepted++;
    }
    expect(accepted).toBe(Math.min(0x3fff, Math.floor(most("chat") / MESSAGE_OVERHEAD_BYTES)));
  });

  it("of one channel, whatever is held of another", () => {
    const server = side(protocol, "server", 1);
    let number = 0;
    const chat = () => give(server, forge({ number: number++, channel: "chat", message: number }));
    while (chat() === undefined) expect(number).toBeLessThan(0x4000);
    const large = new Uint8Array(sliceBytes);
    for (let i = 0; i < 100; i++) {
      const datagram = forge({ number: number++, channel: "event", message: i, payload: large });
      expect(give(server, datagram)).toBe(undefined);
    }
    expect(server.inbox.of("event")).toHaveLength(100);
  });

  it("keeps few unfinished unreliable messages, and drops the oldest", () => {
    const server = side(protocol, "server", 1);
    const whole = new Uint8Array(sliceBytes);
    for (let i = 0; i < 100; i++) {
      give(
        server,
        forge({ number: i, channel: "world", message: i, slice: [0, 2], payload: whole }),
      );
    }
    expect(server.session.counters.reassembliesDropped).toBe(92);
    const last = {
      channel: "world",
      slice: [1, 2] as [number, number],
      payload: new Uint8Array(1),
    };
    give(server, forge({ number: 100, message: 99, ...last }));
    expect(server.inbox.of("world")).toHaveLength(1);
    expect(server.session.counters.reassembliesDropped).toBe(99);
  });

  it("forgets unfinished unreliable messages in time", () => {
    const server = side(protocol, "server", 1);
    const whole = new Uint8Array(sliceBytes);
    give(server, forge({ number: 0, channel: "world", slice: [0, 2], payload: whole }), 0);
    give(server, forge({ number: 1 }), 1500);
    expect(server.session.counters.reassembliesDropped).toBe(1);
  });

  it("drops the oldest unreliable messages of a sink that has no room, and counts them", () => {
    const small = handProtocol({
      channels: [{ name: "state", delivery: "unreliable", queueBytes: 1000 }],
    });
    const world = joined({ seed: 1, protocol: small });
    world.server.inbox.accepting = false;
    for (let i = 0; i < 30; i++) {
      world.client.send("state", numberedPayload(i, 36));
      world.pair.run(1);
    }
    world.server.inbox.accepting = true;
    world.server.session.pump();
    const got = world.server.inbox.of("state");
    expect(got).toHaveLength(10);
    expect(new DataView(got[0]!.buffer).getUint32(0)).toBe(20);
    expect(world.server.session.counters.unreliableDropped).toBe(20);
  });

  it("still sends full slices while it has many ranges to acknowledge", () => {
    const server = side(protocol, "server", 1);
    for (let i = 0; i < 4000; i += 2) give(server, forge({ number: i }));
    server.send("map", new Uint8Array(3 * sliceBytes));
    const first = poll(server)!;
    expect(first[3]).toBe(0xb0);
    expect(first.length).toBeGreaterThan(sliceBytes);
    expect(first.length).toBeLessThanOrEqual(1200);
  });

  it("acknowledges at once when a number is missing", () => {
    const server = side(protocol, "server", 1);
    const payload = new Uint8Array(4);
    give(server, forge({ number: 0, channel: "state", payload }));
    expect(poll(server)).toBeUndefined();
    give(server, forge({ number: 2, channel: "state", payload }));
    expect(poll(server)).toBeDefined();
  });

  it("and once more a moment later where the data are reliable, should that ack be lost", () => {
    const answers = (channel: string) => {
      const server = side(protocol, "server", 1);
      const payload = new Uint8Array(4);
      for (const number of [0, 2]) give(server, forge({ number, channel, payload }));
      return [0, ACK_AGAIN_MS - 1, ACK_AGAIN_MS, 2 * ACK_AGAIN_MS].map((nowMs) => {
        server.session.handleTimeout(nowMs);
        return poll(server, nowMs) !== undefined;
      });
    };
    expect(answers("event")).toEqual([true, false, true, false]);
    expect(answers("state")).toEqual([true, false, false, false]);
  });

  it("but not where another has left meanwhile", () => {
    const server = side(protocol, "server", 1);
    const payload = new Uint8Array(4);
    for (const number of [0, 2]) give(server, forge({ number, channel: "event", payload }));
    expect(poll(server)).toBeDefined();
    give(server, forgedPing(3), 1);
    expect([poll(server, 1), poll(server, 1)]).toEqual([expect.anything(), undefined]);
    expect(server.session.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("remembers 128 ranges at most and names 32, so hostile gaps cost nothing", () => {
    const server = side(protocol, "server", 1);
    for (let i = 0; i < 4000; i += 2) give(server, forge({ number: i }));
    const ack = poll(server)!;
    expect(ack[9]).toBe(0x80 + 31);
    expect(ack.length).toBe(9 + 1 + 1 + 31 * 2);
    const { received } = server.session as unknown as { received: { count: number } };
    expect(received.count).toBe(128);
  });
});

describe("no bytes make a session throw", () => {
  for (let seed = 1; seed <= 4; seed++) {
    it(`random, mutated and replayed, seed ${seed}`, () => {
      const random = new SeededRandom(seed);
      const recorded: Uint8Array[] = [];
      const world = joined({
        seed,
        protocol,
        link: { delayMs: 5, loss: 0.1 },
        tap: (_from, datagram) => recorded.push(datagram),
      });
      for (let i = 0; i < 60; i++) {
        world.client.send("map", new Uint8Array(random.integer(0, 4000)));
        world.client.send("chat", new Uint8Array(random.integer(0, 60)));
        world.client.send("world", new Uint8Array(random.integer(0, 3000)));
        world.server.send("tick", new Uint8Array(4));
        world.pair.run(10);
      }
      const victim = side(protocol, "server", seed);
      victim.inbox.accepting = random.chance(0.5);
      const given = 20_000;
      for (let i = 0; i < given; i++) {
        let datagram: Uint8Array;
        if (random.chance(0.3)) {
          datagram = random.fill(new Uint8Array(random.integer(0, 1200)));
          if (random.chance(0.5))
            datagram.set([0, 0, random.integer(0, 12)].slice(0, datagram.length));
        } else {
          datagram = recorded[random.integer(0, recorded.length - 1)]!.slice();
          for (let n = random.integer(0, 4); n > 0; n--) {
            const at = random.integer(0, Math.min(datagram.length - 1, 16));
            datagram[at] = random.u32();
          }
          if (random.chance(0.2)) datagram = datagram.slice(0, random.integer(0, datagram.length));
        }
        give(victim, datagram, i);
        if (random.chance(0.2)) victim.session.handleTimeout(i);
        if (random.chance(0.2)) victim.session.pump();
        if (random.chance(0.3)) victim.send("chat", new Uint8Array(5));
        while (poll(victim, i) !== undefined);
      }
      expect(accounted(victim.session.counters)).toBe(given);
      expect(victim.session.counters.datagramsReceived).toBeGreaterThan(10);
    });
  }

  it("corrupted datagrams that get past the checksum", () => {
    const world = joined({ seed: 3, protocol, link: { corruption: 0.3, checksum: false } });
    for (let i = 0; i < 500; i++) {
      world.client.send("chat", new Uint8Array(20));
      world.server.send("map", new Uint8Array(3000));
      world.pair.run(5);
    }
    const { counters } = world.server.session;
    expect(accounted(counters)).toBe(world.pair.linkFromA.delivered);
  });
});
