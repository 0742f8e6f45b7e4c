/** What a sender is told of messages that it sent with a token, in virtual time. */
import { describe, expect, it } from "vitest";
import { MAX_UNTOLD_NOTICES, MESSAGE_OVERHEAD_BYTES } from "#src/limits.js";
import type { SessionSink } from "#src/session/session.js";
import type { LinkOptions } from "#src/testing/index.js";
import { type HandChannel, handProtocol } from "../support/hand-protocol.js";
import { Inbox, type Joined, joined, numberedPayload } from "../support/session-pair.js";

const deliveries = [
  "unreliable",
  "unreliable-sequenced",
  "unreliable-ordered",
  "reliable",
  "reliable-ordered",
  "reliable-sequenced",
] as const;

interface World extends Joined {
  /** In the order in which they were told: "3 delivered". */
  readonly told: string[];
  send(token: number | undefined, bytes?: number): boolean;
}

/** A client that sends on one channel with notices. */
function world(
  channel: Partial<HandChannel>,
  fromClient: LinkOptions = { delayMs: 20 },
  onTold: (token: number) => void = () => {},
): World {
  const protocol = handProtocol({
    channels: [{ name: "it", delivery: "unreliable", notices: true, ...channel }],
  });
  const told: string[] = [];
  const inbox = new Inbox();
  const sink: SessionSink = {
    deliver: (message) => inbox.deliver(message),
    drained: (definition) => inbox.drained(definition),
    notice: (_channel, token, delivered) => {
      told.push(`${token} ${delivered ? "delivered" : "lost"}`);
      onTold(token);
    },
  };
  const link = { delayMs: 20 };
  const pair = joined({ protocol, seed: 1, link, fromClient, client: { sink } });
  const { session } = pair.client;
  return {
    ...pair,
    client: { ...pair.client, inbox },
    told,
    send: (token, bytes = 16) => {
      const payload = numberedPayload(token ?? 0, bytes);
      return session.send(0, payload, 0, payload.length, token);
    },
  };
}

describe("a sender that asks for notices", () => {
  it.each(deliveries)("is told once of each message that arrives, on %s", (delivery) => {
    const it = world({ delivery });
    for (let token = 0; token < 50; token++) {
      it.send(token);
      it.pair.run(50);
    }
    it.pair.run(1000);
    const all = Array.from({ length: 50 }, (_, token) => `${token} delivered`);
    expect(it.told).toEqual(all);
    expect(it.server.inbox.of("it").length).toBe(50);
    expect(it.client.session.queuedBytes(0)).toBe(0);
  });

  it.each(deliveries)(
    "is told of a last message that is lost, though nothing follows, on %s",
    (delivery) => {
      const it = world({ delivery }, { delayMs: 20, cuts: [{ fromMs: 0, untilMs: 15 }] });
      it.send(7);
      it.pair.run(5000);
      const arrives = delivery.startsWith("reliable");
      expect(it.told).toEqual([arrives ? "7 delivered" : "7 lost"]);
      expect(it.server.inbox.of("it").length).toBe(arrives ? 1 : 0);
    },
  );

  it("hears of messages that are sent often 60 ms and a round trip later at most", () => {
    const it = world({ delivery: "unreliable" });
    const toldAt: number[] = [];
    for (let token = 0; token < 100; token++) {
      expect(it.send(token)).toBe(true);
      it.pair.run(10);
      while (toldAt.length < it.told.length) toldAt.push(it.pair.time.nowMs);
    }
    // The first has none before it that could have asked.
    for (let token = 10; token < toldAt.length; token++) {
      expect(toldAt[token]! - token * 10).toBeLessThanOrEqual(60 + 40 + 2 * 10);
    }
    expect(toldAt.length).toBeGreaterThan(85);
  });

  it("hears nothing of messages without a token, and nothing before an ack", () => {
    const it = world({});
    it.send(undefined);
    it.send(1);
    it.pair.run(39);
    expect(it.told).toEqual([]);
    it.pair.run(1000);
    expect(it.told).toEqual(["1 delivered"]);
  });

  it("may use any number as a token, and the same one twice", () => {
    const it = world({});
    for (const token of [-3.5, 2 ** 53, 0, 0]) expect(it.send(token, 4)).toBe(true);
    it.pair.run(1000);
    expect(it.told.toSorted()).toEqual([
      "-3.5 delivered",
      "0 delivered",
      "0 delivered",
      `${2 ** 53} delivered`,
    ]);
  });

  it("cannot give a token on a channel without notices", () => {
    const it = world({ notices: false });
    expect(() => it.send(1)).toThrow("token: channel it has no notices");
  });

  it("is told delivered only once every slice has arrived, and lost with any of them", () => {
    const slices = { fragment: true, maxBytes: 16_384 } as const;
    const it = world(slices, { delayMs: 20, loss: 0.2 });
    for (let token = 0; token < 100; token++) {
      it.send(token, 5000);
      it.pair.run(50);
    }
    it.pair.run(5000);
    const came = it.server.inbox.of("it").length;
    expect(it.told.length).toBe(100);
    expect(it.told.filter((fate) => fate.endsWith("delivered")).length).toBe(came);
    expect(came).toBeGreaterThan(10);
    expect(came).toBeLessThan(90);
  });

  it("is told lost of what its channel's age kept from being sent, whole or with some slices gone", () => {
    const it = world(
      { fragment: true, maxBytes: 16_384, maxAgeMs: 30 },
      { delayMs: 20, rateBytesPerMs: 10 },
    );
    for (let token = 0; token < 20; token++) it.send(token, 16_000);
    it.pair.run(10_000);
    expect(it.told.length).toBe(20);
    expect(it.client.session.counters.unreliableExpired).toBeGreaterThan(0);
    const lost = it.told.filter((fate) => fate.endsWith("lost")).length;
    expect(lost).toBeGreaterThanOrEqual(it.client.session.counters.unreliableExpired);
    expect(it.client.session.queuedBytes(0)).toBe(0);
  });

  it("is told lost of a message whose place a newer one took, and that was never sent", () => {
    const it = world({ delivery: "reliable-sequenced" });
    it.send(1);
    it.send(2);
    it.send(undefined);
    it.send(3);
    it.pair.run(1000);
    expect(it.told).toEqual(["1 lost", "2 lost", "3 delivered"]);
  });

  it("is told delivered of replaced messages that had left before, if they arrive", () => {
    const it = world(
      { delivery: "reliable-sequenced", redundancy: 1 },
      { delayMs: 100, loss: 0.3 },
    );
    for (let token = 0; token < 100; token++) {
      it.send(token);
      it.pair.run(10);
    }
    it.pair.run(5000);
    expect(it.told.length).toBe(100);
    const delivered = it.told.filter((fate) => fate.endsWith("delivered"));
    const came = new Set(
      it.server.inbox.of("it").map((bytes) => new DataView(bytes.buffer).getUint32(0)),
    );
    for (const fate of delivered) expect(came).toContain(Number.parseInt(fate, 10));
    expect(delivered.length).toBeGreaterThan(50);
    expect(delivered).toContain("99 delivered");
  });

  it("is told lost of what was overtaken on a sequenced channel, and dropped there", () => {
    const it = world({ delivery: "unreliable-sequenced" }, { delayMs: 200 });
    it.send(1);
    it.pair.run(1);
    it.pair.linkFromA.options = { delayMs: 10 };
    it.send(2);
    it.pair.run(2000);
    expect(it.server.inbox.of("it").length).toBe(1);
    expect(it.told.toSorted()).toEqual(["1 lost", "2 delivered"]);
  });

  it("keeps a message lost that was told lost, and acknowledged after all", () => {
    const it = world({}, { delayMs: 20 });
    it.send(1);
    it.pair.run(200);
    it.pair.linkFromA.options = { delayMs: 400 };
    it.send(2);
    it.pair.run(1);
    it.pair.linkFromA.options = { delayMs: 10 };
    for (let token = 3; token < 12; token++) {
      it.send(token);
      it.pair.run(10);
    }
    it.pair.run(2000);
    expect(it.client.session.counters.spuriousLosses).toBe(1);
    expect(it.told.filter((fate) => fate.startsWith("2 "))).toEqual(["2 lost"]);
    expect(it.told.length).toBe(11);
  });

  it.each(deliveries)(
    "is told lost of all that is open when the connection ends, on %s",
    (delivery) => {
      const it = world({ delivery, queueBytes: 100_000 }, { loss: 1 });
      let taken = 0;
      for (let token = 0; token < 400; token++) {
        if (it.send(token)) taken++;
        if (token % 40 === 0) it.pair.run(5);
      }
      it.client.session.end();
      expect(it.told.length).toBe(taken);
      expect(new Set(it.told).size).toBe(taken);
      for (const fate of it.told) expect(fate).toMatch(/lost$/);
      it.client.session.end();
      expect(it.told.length).toBe(taken);
    },
  );
});

describe("open tokens", () => {
  it("count in their channel's queue, which says when there is room again", () => {
    const queueBytes = 100 * (MESSAGE_OVERHEAD_BYTES + 16);
    const it = world({ queueBytes }, { delayMs: 20 });
    it.pair.linkFromB.options = { loss: 1 };
    let taken = 0;
    while (it.send(taken)) {
      taken++;
      it.pair.run(1);
      expect(it.client.session.queuedBytes(0)).toBeLessThanOrEqual(queueBytes);
    }
    expect(taken).toBeLessThanOrEqual(queueBytes / MESSAGE_OVERHEAD_BYTES);
    expect(it.told).toEqual([]);
    it.pair.linkFromB.options = { delayMs: 20 };
    it.pair.run(5000);
    expect(it.told.length).toBe(taken);
    expect(it.client.inbox.drainedChannels).toEqual(["it"]);
    expect(it.send(taken)).toBe(true);
  });

  it("are refused while too much waits to be told, and taken again once it is told", () => {
    const it = world({ delivery: "reliable-sequenced" });
    let taken = 0;
    while (taken < 2 * MAX_UNTOLD_NOTICES && it.send(taken)) taken++;
    expect(taken).toBe(MAX_UNTOLD_NOTICES + 1);
    expect(it.send(undefined)).toBe(true);
    it.pair.run(1000);
    expect(it.client.inbox.drainedChannels).toEqual(["it"]);
    expect(it.told.length).toBe(taken);
    expect(it.send(taken)).toBe(true);
  });

  it("that are sent again by whoever is told of their loss hold nobody up for ever", () => {
    let sent = 2;
    const it: World = world({ delivery: "reliable-sequenced" }, { delayMs: 20 }, () => {
      if (sent >= 1000) return;
      it.send(sent++);
      it.send(sent++);
    });
    it.send(0);
    it.send(1);
    it.pair.flush();
    expect(sent).toBeLessThan(1000);
    it.pair.run(5000);
    expect(it.told.length).toBe(sent);
  });
});
