import { describe, expect, it } from "vitest";
import { MAX_ORDERED_WAITING, MAX_REDUNDANT_BYTES, MESSAGE_WINDOW } from "#src/limits.js";
import { FixedController } from "#src/session/congestion/fixed.js";
import { SeededRandom } from "#src/testing/index.js";
import { type HandChannel, handProtocol } from "../support/hand-protocol.js";
import { broken, indexOf, type Joined, joined, numberedPayload } from "../support/session-pair.js";

/** A client that sends on one channel, and which of its datagrams never arrive, counted from 0. */
function world(channel: Omit<HandChannel, "name">, lost: readonly number[] = []): Joined {
  const protocol = handProtocol({ channels: [{ name: "it", ...channel }] });
  let count = 0;
  const made = joined({
    protocol,
    seed: 1,
    link: { delayMs: 10 },
    tap: (from) => {
      if (from === "a") made.pair.linkFromA.options = link(lost.includes(count++));
    },
  });
  return made;
}

function link(isLost: boolean): { delayMs: number; loss: number } {
  return { delayMs: 10, loss: isLost ? 1 : 0 };
}

function send(to: Joined, index: number, bytes = 8): boolean {
  const taken = to.client.send("it", numberedPayload(index, bytes));
  to.pair.flush();
  return taken;
}

const arrived = (to: Joined) => to.server.inbox.of("it").map(indexOf);

describe("unreliable-ordered", () => {
  const ordered = { delivery: "unreliable-ordered", maxGapMs: 30 } as const;

  it("puts what was overtaken back in its place", () => {
    const slow = joined({
      protocol: handProtocol({ channels: [{ name: "it", ...ordered }] }),
      seed: 2,
      fromClient: { delayMs: 25 },
    });
    send(slow, 0);
    slow.pair.linkFromA.options = { delayMs: 5 };
    send(slow, 1);
    send(slow, 2);
    slow.pair.run(10);
    expect(arrived(slow)).toEqual([]);
    slow.pair.run(100);
    expect(arrived(slow)).toEqual([0, 1, 2]);
    expect(slow.server.session.counters.gapsPassed).toBe(0);
  });

  it("waits for a gap for maxGapMs, and not longer", () => {
    const it = world(ordered, [1]);
    for (const index of [0, 1, 2, 3]) send(it, index);
    it.pair.run(10 + 29);
    expect(arrived(it)).toEqual([0]);
    it.pair.run(2);
    expect(arrived(it)).toEqual([0, 2, 3]);
    expect(it.server.session.counters.gapsPassed).toBe(1);
    expect(it.server.session.pollDeadline()).toBeGreaterThan(it.pair.time.nowMs);
  });

  it("does not wait at all where maxGapMs is 0", () => {
    const it = world({ ...ordered, maxGapMs: 0 }, [1]);
    for (const index of [0, 1, 2, 3]) send(it, index);
    it.pair.run(11);
    expect(arrived(it)).toEqual([0, 2, 3]);
  });

  it("drops what comes after its gap was passed over", () => {
    const slow = joined({
      protocol: handProtocol({ channels: [{ name: "it", ...ordered }] }),
      seed: 3,
      fromClient: { delayMs: 100 },
    });
    send(slow, 0);
    slow.pair.linkFromA.options = { delayMs: 5 };
    send(slow, 1);
    slow.pair.run(200);
    expect(arrived(slow)).toEqual([1]);
    expect(slow.server.session.counters.old).toBe(1);
  });

  it("passes over a gap at once when more waits than it may keep", () => {
    const it = world({ ...ordered, maxGapMs: 1000 }, [0]);
    send(it, 0);
    for (let index = 1; index <= MAX_ORDERED_WAITING; index++)
      it.client.send("it", numberedPayload(index, 8));
    it.pair.run(50);
    expect(arrived(it)).toEqual([]);
    send(it, MAX_ORDERED_WAITING + 1);
    it.pair.run(50);
    expect(arrived(it)).toHaveLength(MAX_ORDERED_WAITING + 1);
    expect(
      broken(handProtocol({ channels: [{ name: "it", ...ordered }] }), "it", it.client, it.server),
    ).toBe("");
  });

  it("keeps the newest in order while the application has no room", () => {
    const it = world({ ...ordered, queueBytes: 10 * 72 });
    it.server.inbox.accepting = false;
    for (let index = 0; index < 50; index++) {
      send(it, index);
      it.pair.run(1);
    }
    it.pair.run(100);
    it.server.inbox.accepting = true;
    it.server.session.pump();
    expect(arrived(it)).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
    expect(it.server.session.counters.unreliableDropped).toBe(40);
  });

  it("gives up a message in slices that a gap's end has passed", () => {
    const it = world({ ...ordered, fragment: true, maxBytes: 8000 }, [1]);
    send(it, 0, 3000);
    send(it, 1);
    it.pair.run(200);
    expect(arrived(it)).toEqual([1]);
    expect(it.server.session.counters.reassembliesDropped).toBe(1);
  });
});

describe("reliable-sequenced", () => {
  const sequenced = { delivery: "reliable-sequenced" } as const;

  it("replaces what waits to be sent by what is newer", () => {
    const it = world(sequenced);
    for (const index of [0, 1, 2]) it.client.send("it", numberedPayload(index, 8));
    it.pair.run(100);
    expect(arrived(it)).toEqual([2]);
    expect(it.client.session.counters.messagesReplaced).toBe(2);
    expect(it.client.session.unacknowledged).toBe(false);
  });

  it("sends the newest again until it has arrived", () => {
    const it = world(sequenced, [0, 1, 2, 3]);
    send(it, 0);
    expect(it.pair.runUntil(() => arrived(it).length > 0, 10_000)).toBe(true);
    it.pair.run(1000);
    expect(arrived(it)).toEqual([0]);
    expect(it.client.session.unacknowledged).toBe(false);
  });

  it("does not send again what a newer one has followed", () => {
    const it = world(sequenced, [0]);
    send(it, 0);
    for (let index = 1; index < 6; index++) {
      it.pair.run(5);
      send(it, index);
    }
    it.pair.run(1000);
    expect(arrived(it)).toEqual([1, 2, 3, 4, 5]);
    expect(it.client.session.counters.messagesResent).toBe(0);
  });

  it("finishes a message in slices, whatever is sent meanwhile, and then sends the newest", () => {
    const protocol = handProtocol({
      channels: [{ name: "it", ...sequenced, fragment: true, maxBytes: 65_536 }],
    });
    const it = joined({ protocol, seed: 5, link: { delayMs: 20, loss: 0.3 } });
    const random = new SeededRandom(5);
    for (let index = 0; index < 300; index++) {
      it.client.send("it", numberedPayload(index, 50_000, random));
      it.pair.run(10);
    }
    expect(it.pair.runUntil(() => !it.client.session.unacknowledged, 60_000)).toBe(true);
    expect(broken(protocol, "it", it.client, it.server)).toBe("");
    // It gets through while new ones come, not only when they end.
    expect(arrived(it).length).toBeGreaterThan(2);
    expect(it.client.session.queuedBytes(0)).toBe(0);
  });

  it("holds two messages at most, and always takes another", () => {
    const it = world({ ...sequenced, fragment: true, maxBytes: 20_000, queueBytes: 20_064 });
    it.pair.linkFromB.options = { loss: 1 };
    for (let index = 0; index < 100; index++) {
      expect(send(it, index, 20_000)).toBe(true);
      it.pair.run(10);
      expect(it.client.session.queuedBytes(0)).toBeLessThanOrEqual(2 * 20_064);
    }
  });

  it("numbers no message further ahead of what is known to have arrived than the window", () => {
    const it = world(sequenced);
    it.pair.linkFromB.options = { loss: 1 };
    for (let index = 0; index < MESSAGE_WINDOW + 50; index++) {
      send(it, index);
      it.pair.run(0.5);
    }
    expect(it.client.session.counters.messagesSent).toBeLessThanOrEqual(MESSAGE_WINDOW + 1);
    it.pair.linkFromB.options = { delayMs: 10 };
    expect(it.pair.runUntil(() => !it.client.session.unacknowledged, 20_000)).toBe(true);
    expect(arrived(it).at(-1)).toBe(MESSAGE_WINDOW + 49);
  });

  it("keeps the newest alone while the application has no room", () => {
    const it = world(sequenced);
    it.server.inbox.accepting = false;
    for (const index of [0, 1, 2]) {
      send(it, index);
      it.pair.run(50);
    }
    expect(it.server.session.undelivered).toBe(true);
    it.server.inbox.accepting = true;
    it.server.session.pump();
    expect(arrived(it)).toEqual([2]);
    expect(it.server.session.undelivered).toBe(false);
  });

  it("costs no receive limit", () => {
    const protocol = handProtocol({
      limits: { receiveBudgetBytes: 5000 },
      channels: [{ name: "it", ...sequenced }],
    });
    const it = joined({ protocol, seed: 7, link: { delayMs: 10 } });
    for (let index = 0; index < 100; index++) {
      send(it, index, 1000);
      it.pair.run(5);
    }
    it.pair.run(100);
    expect(arrived(it)).toHaveLength(100);
    expect(it.server.session.counters.receiveLimit).toBe(0);
  });
});

describe("maxAgeMs", () => {
  it("drops what could not be sent in time, and sends the rest", () => {
    const protocol = handProtocol({
      channels: [{ name: "it", delivery: "unreliable", maxAgeMs: 50 }],
    });
    const it = joined({
      protocol,
      seed: 1,
      link: { delayMs: 10 },
      client: { congestion: () => new FixedController({ pacingBytesPerMs: 20 }) },
    });
    for (let index = 0; index < 200; index++) it.client.send("it", numberedPayload(index, 1000));
    it.pair.run(1000);
    const got = arrived(it);
    const { unreliableExpired } = it.client.session.counters;
    // The bytes of the burst that the pacer allows, then a datagram each 50 ms.
    expect(got.length).toBeGreaterThanOrEqual(32);
    expect(got.length).toBeLessThanOrEqual(40);
    expect(got.length + unreliableExpired).toBe(200);
    expect(it.client.session.queuedBytes(0)).toBe(0);
    it.client.send("it", numberedPayload(200, 1000));
    it.pair.run(200);
    expect(arrived(it).at(-1)).toBe(200);
  });

  it("drops the rest of a message in slices, and numbers go on", () => {
    const protocol = handProtocol({
      channels: [
        { name: "it", delivery: "unreliable", fragment: true, maxBytes: 90_000, maxAgeMs: 50 },
      ],
    });
    const it = joined({
      protocol,
      seed: 1,
      link: { delayMs: 10 },
      client: { congestion: () => new FixedController({ pacingBytesPerMs: 20 }) },
    });
    it.client.send("it", numberedPayload(0, 90_000));
    it.pair.run(500);
    it.client.send("it", numberedPayload(1, 3000));
    it.pair.run(500);
    expect(arrived(it)).toEqual([1]);
    expect(it.client.session.counters.unreliableExpired).toBe(1);
  });

  it("tells a sender that waits for room when the old ones are gone", () => {
    const protocol = handProtocol({
      channels: [{ name: "it", delivery: "unreliable", maxAgeMs: 50, queueBytes: 3 * 1064 }],
    });
    const it = joined({
      protocol,
      seed: 1,
      client: { congestion: () => new FixedController({ windowBytes: 1 }) },
      fromServer: { loss: 1 },
    });
    for (let index = 0; index < 4; index++) send(it, index, 1000);
    let index = 4;
    while (it.client.send("it", numberedPayload(index, 1000))) index++;
    expect(it.client.inbox.drainedChannels).toEqual([]);
    it.pair.runUntil(() => it.client.inbox.drainedChannels.length > 0, 5000);
    expect(it.client.inbox.drainedChannels).toEqual(["it"]);
  });
});

describe("an unreliable message in slices", () => {
  it("is finished, however slowly its slices come, as long as they come", () => {
    const protocol = handProtocol({
      channels: [{ name: "it", delivery: "unreliable", fragment: true, maxBytes: 40_000 }],
    });
    const it = joined({
      protocol,
      seed: 1,
      link: { delayMs: 10 },
      client: { congestion: () => new FixedController({ pacingBytesPerMs: 4 }) },
    });
    // The pacer's burst first, then a datagram each 300 ms.
    it.client.send("it", numberedPayload(0, 36_000));
    it.client.send("it", numberedPayload(1, 10_000));
    it.pair.run(5000);
    expect(arrived(it)).toEqual([0, 1]);
    expect(it.server.session.counters.reassembliesDropped).toBe(0);
  });

  it("is given up once no slice of it has come for a while", () => {
    const it = world({ delivery: "unreliable", fragment: true, maxBytes: 40_000 }, [1]);
    send(it, 0, 3000);
    it.pair.run(2000);
    send(it, 1, 3000);
    it.pair.run(100);
    expect(arrived(it)).toEqual([1]);
    expect(it.server.session.counters.reassembliesDropped).toBe(1);
  });
});

describe("redundancy", () => {
  const shots = { delivery: "reliable-ordered", maxBytes: 1000, redundancy: 2 } as const;

  it("brings a message whose datagram was lost with the next one", () => {
    const it = world(shots, [0, 1]);
    for (const index of [0, 1, 2]) {
      send(it, index);
      it.pair.run(5);
    }
    it.pair.run(6);
    expect(arrived(it)).toEqual([0, 1, 2]);
    expect(it.client.session.counters.messagesResent).toBe(0);
    expect(it.client.session.counters.copiesSent).toBe(3);
  });

  it("sends no datagram for it, and no copy of what has arrived", () => {
    const it = world(shots);
    send(it, 0);
    it.pair.run(100);
    expect(it.client.session.counters.datagramsSent).toBe(1);
    send(it, 1);
    it.pair.run(100);
    expect(it.client.session.counters.copiesSent).toBe(0);
  });

  it("leaves out what is large", () => {
    const it = world(shots);
    send(it, 0, MAX_REDUNDANT_BYTES + 1);
    send(it, 1, MAX_REDUNDANT_BYTES);
    send(it, 2, 8);
    it.pair.run(100);
    expect(it.client.session.counters.copiesSent).toBe(1);
    expect(arrived(it)).toEqual([0, 1, 2]);
  });

  it("shortens the tail under loss without a message twice", () => {
    const late = [0, 2].map((redundancy) => {
      const channel = { name: "it", ...shots, redundancy: redundancy || undefined };
      const protocol = handProtocol({ channels: [channel as HandChannel] });
      const it = joined({ protocol, seed: 11, link: { delayMs: 50, loss: 0.1 } });
      let over = 0;
      for (let index = 0; index < 1000; index++) {
        send(it, index, 32);
        it.pair.run(16);
        // What was sent more than 100 ms ago and has not been handed on.
        if (index >= 7 && it.server.inbox.of("it").length < index - 6) over++;
      }
      it.pair.runUntil(() => !it.client.session.unacknowledged, 10_000);
      expect(broken(protocol, "it", it.client, it.server)).toBe("");
      return over;
    });
    expect(late[1]).toBeLessThan(late[0]! / 4);
  });
});

describe("a small message that is sent again", () => {
  const chat = { delivery: "reliable-ordered" } as const;
  /** The client's datagrams: 0 to 4 have their messages, the fifth has message 0 again, which 1 has shown to be lost. */
  const AGAIN = 5;

  function sendEach(it: Joined, sizes: readonly number[]): void {
    sizes.forEach((bytes, index) => {
      send(it, index, bytes);
      it.pair.run(6);
    });
  }

  it("rides once more in the next datagram, so that a second loss costs no second round trip", () => {
    const it = world(chat, [0, AGAIN]);
    sendEach(it, [8, 8, 8, 8, 8, 8]);
    it.pair.run(5);
    expect(arrived(it)).toEqual([0, 1, 2, 3, 4, 5]);
    const { copiesSent, messagesResent, probesSent } = it.client.session.counters;
    expect([copiesSent, messagesResent, probesSent]).toEqual([1, 1, 0]);
  });

  it("has no datagram for that alone", () => {
    const it = world(chat, [0]);
    sendEach(it, [8, 8, 8, 8, 8]);
    it.pair.run(500);
    expect(arrived(it)).toEqual([0, 1, 2, 3, 4]);
    const { copiesSent, datagramsSent } = it.client.session.counters;
    expect([copiesSent, datagramsSent]).toEqual([0, AGAIN + 1]);
  });

  it("does so in the next one or not at all, and not where it is large", () => {
    const full = world(chat, [0, AGAIN]);
    sendEach(full, [200, 8, 8, 8, 8, 1130, 8]);
    const large = world(chat, [0, AGAIN]);
    sendEach(large, [MAX_REDUNDANT_BYTES + 1, 8, 8, 8, 8, 8, 8]);
    for (const it of [full, large]) {
      it.pair.run(500);
      expect(arrived(it)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(it.client.session.counters.copiesSent).toBe(0);
    }
  });

  it("is in no datagram twice, however often probes bring it", () => {
    for (const redundancy of [undefined, 2] as const) {
      const channel = { name: "it", ...chat, redundancy } as HandChannel;
      const protocol = handProtocol({
        channels: [channel],
        limits: { receiveBudgetBytes: 3000 },
      });
      const it = joined({ protocol, seed: 1, fromClient: { loss: 1 } });
      // In a datagram twice, they would be more than the server has room for.
      for (let index = 0; index < 30; index++) it.client.send("it", numberedPayload(index, 8));
      it.pair.runUntil(() => it.client.session.counters.probesSent === 3, 60_000);
      it.pair.linkFromA.options = { delayMs: 1 };
      it.pair.runUntil(() => arrived(it).length === 30, 60_000);
      const { framesReceived, receiveLimit } = it.server.session.counters;
      expect([framesReceived, receiveLimit]).toEqual([30, 0]);
    }
  });

  it("waits for other frames where what is new waits for the receive limit", () => {
    const channels = [{ name: "it", ...chat }] as const;
    const protocol = handProtocol({ channels, limits: { receiveBudgetBytes: 3000 } });
    const it = joined({ protocol, seed: 1, fromClient: { loss: 1 } });
    for (let index = 0; index < 60; index++) it.client.send("it", numberedPayload(index, 8));
    it.pair.flush();
    it.pair.linkFromA.options = { delayMs: 1 };
    it.pair.runUntil(() => arrived(it).length === 60, 60_000);
    const { copiesSent, probesSent } = it.client.session.counters;
    expect([copiesSent, probesSent]).toEqual([0, 1]);
  });
});
