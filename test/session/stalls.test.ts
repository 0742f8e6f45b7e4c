/**
 * A side whose thread stands still reads late what came in time. None of it is the path's doing: neither a round trip, nor
 * a queue, nor a loss, on either side.
 */
import { Writer } from "stardust-udp/wire";
import { describe, expect, it } from "vitest";
import type { CongestionController } from "#src/session/congestion/controller.js";
import { FixedController } from "#src/session/congestion/fixed.js";
import { handProtocol } from "../support/hand-protocol.js";
import { numberedPayload, type Side, side } from "../support/session-pair.js";

const protocol = handProtocol();
const STALL_MS = 300;

/** Every datagram that a side has to send now. */
function sentBy({ session }: Side, nowMs: number): Uint8Array[] {
  const all: Uint8Array[] = [];
  session.handleTimeout(nowMs);
  for (;;) {
    const w = new Writer(new Uint8Array(1200));
    const bytes = session.pollTransmit(w, nowMs);
    if (bytes === 0) return all;
    all.push(w.bytes.slice(0, bytes));
  }
}

function give({ session }: Side, datagram: Uint8Array, nowMs: number, waitedMs = 0): void {
  const view = new DataView(datagram.buffer);
  expect(session.handleDatagram(datagram, view, datagram.length, nowMs, waitedMs)).toBe(undefined);
}

function sides() {
  const controller = new FixedController();
  const roundTripsMs: number[] = [];
  let lost = 0;
  controller.onFeedback = (roundTripMs) => void roundTripsMs.push(roundTripMs);
  controller.onLost = () => void lost++;
  const congestion = (): CongestionController => controller;
  const client = side(protocol, "client", 1, { congestion });
  const server = side(protocol, "server", 2);
  // A round trip of 50 ms is known.
  let nowMs = 0;
  for (let i = 0; i < 20; i++, nowMs += 100) {
    client.send("event", numberedPayload(i, 20));
    for (const datagram of sentBy(client, nowMs)) give(server, datagram, nowMs + 25);
    for (const ack of sentBy(server, nowMs + 45)) give(client, ack, nowMs + 70);
  }
  expect(client.session.rttMs).toBeCloseTo(50, 0);
  roundTripsMs.length = 0;
  return { client, server, nowMs, roundTripsMs, lost: () => lost };
}

describe("acks that have waited for their reader", () => {
  it("are no sample of the round trip, and tell the controller of none", () => {
    const { client, server, nowMs, roundTripsMs } = sides();
    const before = client.session.rttMs;
    client.send("event", numberedPayload(20, 20));
    for (const datagram of sentBy(client, nowMs)) give(server, datagram, nowMs + 25);
    const acks = sentBy(server, nowMs + 45);
    for (const ack of acks) give(client, ack, nowMs + STALL_MS, STALL_MS - 10);
    expect(client.session.rttMs).toBe(before);
    expect(roundTripsMs).toEqual([-1]);
    expect(client.session.unacknowledged).toBe(false);
  });

  it("make nothing lost that a further one of them names", () => {
    const { client, server, nowMs, lost } = sides();
    const datagrams: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) {
      client.send("event", numberedPayload(20 + i, 20));
      datagrams.push(...sentBy(client, nowMs + i));
    }
    // The first is overtaken by the others; an ack without it leaves, and then one with it.
    for (const datagram of datagrams.slice(1)) give(server, datagram, nowMs + 30);
    const without = sentBy(server, nowMs + 30);
    give(server, datagrams[0]!, nowMs + 31);
    const including = sentBy(server, nowMs + 31);
    expect([without.length, including.length]).toEqual([1, 1]);
    give(client, without[0]!, nowMs + STALL_MS, STALL_MS - 10);
    give(client, including[0]!, nowMs + STALL_MS, STALL_MS - 10);
    sentBy(client, nowMs + STALL_MS);
    sentBy(client, nowMs + STALL_MS + 5);
    expect(lost()).toBe(0);
    expect(client.session.unacknowledged).toBe(false);
  });

  it("do not keep what is lost from being found", () => {
    const { client, server, nowMs, lost } = sides();
    const datagrams: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) {
      client.send("event", numberedPayload(20 + i, 20));
      datagrams.push(...sentBy(client, nowMs + i));
    }
    for (const datagram of datagrams.slice(1)) give(server, datagram, nowMs + 30);
    for (const ack of sentBy(server, nowMs + 30)) {
      give(client, ack, nowMs + STALL_MS, STALL_MS - 10);
    }
    sentBy(client, nowMs + STALL_MS);
    expect(lost()).toBe(0);
    const again = sentBy(client, client.session.pollDeadline());
    expect(lost()).toBe(1);
    expect(again).toHaveLength(1);
  });
});

describe("what has waited for its reader", () => {
  it("is acknowledged without a word of how long that took, so that the other side does not believe it was the path", () => {
    const { client, server, nowMs, roundTripsMs } = sides();
    const before = client.session.rttMs;
    client.send("event", numberedPayload(20, 20));
    for (const datagram of sentBy(client, nowMs)) {
      give(server, datagram, nowMs + STALL_MS, STALL_MS - 25);
    }
    const acks = sentBy(server, nowMs + STALL_MS + 20);
    // The client is on time all the while; what it asks is lost.
    const ackAtMs = nowMs + STALL_MS + 45;
    for (let atMs = nowMs; atMs < ackAtMs; atMs = client.session.pollDeadline()) {
      sentBy(client, atMs);
    }
    for (const ack of acks) give(client, ack, ackAtMs);
    expect(client.session.counters.probesSent).toBeGreaterThan(0);
    expect(client.session.rttMs).toBe(before);
    expect(roundTripsMs).toEqual([-1]);
  });
});
