/** A recorder beside a session, in virtual time: it sees what a trace of the link sees, and forgets rather than grows. */
import { expect, it } from "vitest";
import { TraceRecorder } from "#src/trace/recorder.js";
import { handProtocol } from "../support/hand-protocol.ts";
import { joined, numberedPayload } from "../support/session-pair.ts";

interface QlogRecord {
  readonly time: number;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function events(text: string): QlogRecord[] {
  const all = text.split("\x1e").slice(1);
  return all.map((line) => JSON.parse(line) as QlogRecord).filter(({ name }) => name !== undefined);
}

const protocol = handProtocol();

function world(seed: number) {
  const it = joined({ seed, protocol, link: { delayMs: 20, loss: 0.1, duplication: 0.1 } });
  const { client, server, pair } = it;
  const talk = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      client.send("chat", numberedPayload(i, 200));
      server.send("map", numberedPayload(i, 3000));
      pair.run(20);
    }
  };
  const record = (maxEvents?: number): TraceRecorder => {
    const side = { name: "it", type: "client" } as const;
    const now = pair.time.nowMs;
    return new TraceRecorder(protocol, client.session, side, now, 5000, maxEvents);
  };
  return { ...it, talk, record };
}

it("has each datagram that was sent, received and refused, while it is on", () => {
  const { client, pair, talk, record } = world(1);
  talk(0, 20);
  const before = { ...client.session.counters };
  const startMs = pair.time.nowMs;
  const recorder = record();
  client.session.trace(recorder);
  talk(20, 120);
  client.session.trace(undefined);
  const after = { ...client.session.counters };
  talk(120, 140);
  const all = events(recorder.read());
  const count = (name: string): number => all.filter((event) => event.name === name).length;
  expect(count("transport:packet_sent")).toBe(after.datagramsSent - before.datagramsSent);
  expect(count("transport:packet_received")).toBe(
    after.datagramsReceived - before.datagramsReceived,
  );
  const dropped = all.filter(({ name }) => name === "transport:packet_dropped");
  expect(dropped.length).toBe(after.duplicates - before.duplicates);
  expect(dropped.length).toBeGreaterThan(0);
  expect(dropped.every(({ data }) => data["trigger"] === "duplicates")).toBe(true);
  const lost = all.filter(({ name }) => name === "recovery:packet_lost");
  const sum = lost.reduce((total, { data }) => total + (data["count"] as number), 0);
  expect(sum).toBe(after.datagramsLost - before.datagramsLost);
  expect(count("recovery:metrics_updated")).toBeGreaterThan(50);
  expect(all.every(({ time }, i) => time >= (all[i - 1]?.time ?? 0))).toBe(true);
  expect(all.at(-1)!.time).toBeLessThanOrEqual(pair.time.nowMs - startMs);
  // What was resent is there under the number that it had.
  const sent = all
    .filter(({ name }) => name === "transport:packet_sent")
    .flatMap(({ data }) => data["frames"] as { channel?: string; message?: number }[])
    .filter(({ channel }) => channel === "chat");
  expect(sent.length).toBeGreaterThan(new Set(sent.map(({ message }) => message)).size);
  expect(recorder.read()).toBe("");
});

it("says of limits, those that are sent and those that come, whose they are and of how much", () => {
  const { client, server, pair, record } = world(3);
  const recorder = record();
  client.session.trace(recorder);
  for (let i = 0; i < 300; i++) {
    client.send("chat", numberedPayload(i, 1000));
    server.send("map", numberedPayload(i, 3000));
    pair.run(20);
  }
  const all = events(recorder.read());
  const limits = (event: string) =>
    all
      .filter(({ name }) => name === event)
      .flatMap(({ data }) => data["frames"] as { channel?: string; handed_on?: number }[])
      .filter(({ handed_on = 0 }) => handed_on > 0);
  const sent = limits("transport:packet_sent");
  expect(sent.length).toBeGreaterThan(1);
  expect(sent.every(({ channel, handed_on }) => channel === "map" && handed_on! % 3064 === 0)).toBe(
    true,
  );
  const received = limits("transport:packet_received");
  expect(received.length).toBeGreaterThan(1);
  expect(
    received.every(({ channel, handed_on }) => channel === "chat" && handed_on! % 1064 === 0),
  ).toBe(true);
});

it("keeps the newest that nobody has read, and no more", () => {
  const { client, talk, record } = world(2);
  const recorder = record(50);
  client.session.trace(recorder);
  talk(0, 100);
  const all = events(recorder.read());
  expect(all).toHaveLength(50);
  expect(recorder.forgotten).toBeGreaterThan(100);
  talk(100, 101);
  const newer = events(recorder.read());
  expect(newer.length).toBeGreaterThan(0);
  expect(newer[0]!.time).toBeGreaterThanOrEqual(all.at(-1)!.time);
});
