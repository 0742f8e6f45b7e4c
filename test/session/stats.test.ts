/** What sessions say of themselves, in virtual time, against what the link did and what was sent. */
import { expect, it } from "vitest";
import { LatencyHistogram } from "#src/histogram.js";
import { MESSAGE_OVERHEAD_BYTES } from "#src/limits.js";
import { joined, numberedPayload } from "../support/session-pair.ts";

function total(payloads: readonly Uint8Array[] | undefined): { messages: number; bytes: number } {
  const all = payloads ?? [];
  return { messages: all.length, bytes: all.reduce((sum, { length }) => sum + length, 0) };
}

it("counts messages and bytes of each channel as both ends have seen them", () => {
  const it = joined({ seed: 3, link: { delayMs: 20, loss: 0.1 } });
  const { client, server, pair } = it;
  for (let i = 0; i < 300; i++) {
    client.send("chat", numberedPayload(i, 40 + (i % 50)));
    client.send("pose", numberedPayload(i, 20));
    if (i % 60 === 0) client.send("map", numberedPayload(i, 5000));
    server.send("event", numberedPayload(i, 12));
    pair.run(10);
  }
  expect(pair.runUntil(() => !client.session.unacknowledged, 20_000)).toBe(true);
  const ofClient = client.session.stats(pair.time.nowMs);
  const ofServer = server.session.stats(pair.time.nowMs);
  for (const name of ["chat", "map", "pose"]) {
    const sent = total(client.sent.get(name));
    const got = total(server.inbox.of(name));
    expect(ofClient.channels[name]).toMatchObject({
      messagesSent: sent.messages,
      bytesSent: sent.bytes,
    });
    expect(ofServer.channels[name]).toMatchObject({
      messagesReceived: got.messages,
      bytesReceived: got.bytes,
    });
  }
  expect(ofClient.channels["chat"]!.framesResent).toBeGreaterThan(10);
  expect(ofClient.channels["pose"]!.framesResent).toBe(0);
  const { counters } = client.session;
  const resent = Object.values(ofClient.channels).reduce((sum, one) => sum + one.framesResent, 0);
  expect(resent).toBe(counters.messagesResent);
  expect(ofClient.messagesSent).toBe(counters.messagesSent);
  expect(ofServer.channels["event"]!.messagesSent).toBe(300);
});

it("knows the loss of each direction, and the round trip", () => {
  const roundTrips = new LatencyHistogram();
  const { client, server, pair } = joined({
    seed: 5,
    fromClient: { delayMs: 30, jitterMs: 10, loss: 0.05 },
    fromServer: { delayMs: 50, jitterMs: 10, loss: 0.2 },
    client: { roundTrips },
  });
  expect(client.session.stats(0).rtt).toEqual({
    smoothedMs: 0,
    minMs: 0,
    jitterMs: 0,
    latestMs: 0,
  });
  for (let i = 0; i < 3000; i++) {
    client.send("pose", numberedPayload(i, 20));
    server.send("pose", numberedPayload(i, 20));
    pair.run(15);
  }
  const ofClient = client.session.stats(pair.time.nowMs);
  const ofServer = server.session.stats(pair.time.nowMs);
  const upLoss = 1 - pair.linkFromA.delivered / pair.linkFromA.sent;
  const downLoss = 1 - pair.linkFromB.delivered / pair.linkFromB.sent;
  // By the acks, and by the numbers that are missing.
  expect(Math.abs(ofClient.loss.out - upLoss)).toBeLessThan(0.01);
  expect(Math.abs(ofServer.loss.in - upLoss)).toBeLessThan(0.01);
  expect(Math.abs(ofServer.loss.out - downLoss)).toBeLessThan(0.02);
  expect(Math.abs(ofClient.loss.in - downLoss)).toBeLessThan(0.01);
  const { rtt } = ofClient;
  expect(rtt.minMs).toBeGreaterThan(75);
  expect(rtt.minMs).toBeLessThan(90);
  expect(Math.abs(rtt.smoothedMs - 90)).toBeLessThan(10);
  expect(rtt.jitterMs).toBeGreaterThan(1);
  expect(rtt.jitterMs).toBeLessThan(12);
  const counted = roundTrips.snapshot();
  expect(counted.count).toBeGreaterThan(500);
  expect(counted.buckets[0]!.fromMs).toBeGreaterThan(60);
  expect(Math.abs(counted.sumMs / counted.count - 90)).toBeLessThan(5);
});

it("says how much waits, and for how long the oldest has", () => {
  const { client, server, pair } = joined({ seed: 7, link: { delayMs: 10, rateBytesPerMs: 2 } });
  server.inbox.accepting = true;
  for (let i = 0; i < 40; i++) client.send("chat", numberedPayload(i, 1000));
  expect(client.session.stats(pair.time.nowMs).queue).toEqual({
    bytes: 40 * (1000 + MESSAGE_OVERHEAD_BYTES),
    ageMs: 0,
  });
  pair.run(0);
  pair.run(200);
  const behind = client.session.stats(pair.time.nowMs);
  // What was queued first of all that waits came with the others.
  expect(behind.channels["chat"]!.queue.ageMs).toBe(200);
  expect(behind.queue).toEqual(behind.channels["chat"]!.queue);
  expect(behind.congestion.inFlightBytes).toBeGreaterThan(0);
  expect(behind.congestion.windowBytes).toBe(client.session.windowBytes);
  client.send("event", numberedPayload(0, 10));
  expect(client.session.stats(pair.time.nowMs).channels["event"]!.queue.ageMs).toBe(0);
  expect(pair.runUntil(() => !client.session.unacknowledged, 120_000)).toBe(true);
  expect(client.session.stats(pair.time.nowMs).queue).toEqual({ bytes: 0, ageMs: 0 });
});

it("counts the age of a sequenced channel from the message that waits", () => {
  const { client, pair } = joined({
    seed: 8,
    link: { delayMs: 10, cuts: [{ fromMs: 0, untilMs: 5000 }] },
  });
  // The window is full of others: nothing of it leaves.
  for (let i = 0; i < 60; i++) client.send("chat", numberedPayload(i, 1000));
  pair.run(100);
  client.send("door", numberedPayload(1, 10));
  pair.run(300);
  const waits = client.session.stats(pair.time.nowMs).channels["door"]!.queue.ageMs;
  expect(waits).toBeGreaterThanOrEqual(299);
  client.send("door", numberedPayload(2, 10));
  pair.run(50);
  expect(client.session.stats(pair.time.nowMs).channels["door"]!.queue.ageMs).toBeLessThan(60);
});

it("names why it refused datagrams", () => {
  const { client, server, pair } = joined({ seed: 9, link: { delayMs: 5, duplication: 0.5 } });
  for (let i = 0; i < 200; i++) {
    client.send("pose", numberedPayload(i, 20));
    pair.run(10);
  }
  const stats = server.session.stats(pair.time.nowMs);
  expect(stats.refused).toEqual({ duplicates: server.session.counters.duplicates });
  expect(stats.datagramsRefused).toBeGreaterThan(50);
  expect(stats.datagramsRefused).toBe(server.session.counters.duplicates);
});
