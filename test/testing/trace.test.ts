import { describe, expect, it } from "vitest";
import { Pair, Trace } from "#src/testing/index.js";
import { handProtocol } from "../support/hand-protocol.js";
import { numberedPayload, type Side, side } from "../support/session-pair.js";

const protocol = handProtocol();

function talk(trace: Trace): { client: Side; server: Side; pair: Pair } {
  const client = side(protocol, "client", 1);
  const server = side(protocol, "server", 2);
  const pair = new Pair({
    a: client.session,
    b: server.session,
    seed: 4,
    trace,
    link: { delayMs: 20, jitterMs: 30, loss: 0.2, duplication: 0.2 },
  });
  for (let i = 0; i < 100; i++) {
    client.send("chat", numberedPayload(i, 500));
    server.send("map", numberedPayload(i, 2000));
    client.send("state", numberedPayload(i, 40));
    pair.run(10);
  }
  pair.run(20_000);
  return { client, server, pair };
}

describe("a trace", () => {
  it("says of a receive limit which channel's it is, and of how much", () => {
    const trace = new Trace({ protocol });
    const client = side(protocol, "client", 1);
    const server = side(protocol, "server", 2);
    const link = { delayMs: 10 };
    const pair = new Pair({ a: client.session, b: server.session, seed: 1, link, trace });
    for (let i = 0; i < 100; i++) client.send("chat", numberedPayload(i, 1000));
    pair.run(2000);
    const limits = trace.events.flatMap((event) =>
      event.what === "sent" && event.from === "b" ? (event.datagram.limit ?? []) : [],
    );
    expect(limits.length).toBeGreaterThan(2);
    expect(limits.every(({ channel }) => channel === "chat")).toBe(true);
    const last = limits.at(-1)!.handedOnBytes;
    expect(last).toBeGreaterThan(50 * 1064);
    expect(last % 1064).toBe(0);
    expect(trace.toText()).toContain(`limit chat ${last}`);
    expect(trace.toQlog("b")).toContain(
      `{"frame_type":"receive_limit","channel":"chat","handed_on":${last}}`,
    );
  });

  it("says in words what left, what was in it, and what became of it", () => {
    const trace = new Trace({ protocol });
    const client = side(protocol, "client", 1);
    const server = side(protocol, "server", 2);
    const link = { delayMs: 10 };
    const pair = new Pair({ a: client.session, b: server.session, seed: 1, link, trace });
    client.send("chat", numberedPayload(0, 20));
    client.send("chat", numberedPayload(1, 21));
    client.send("state", numberedPayload(0, 5));
    pair.run(5);
    pair.linkFromA.options = { loss: 1 };
    client.session.ping();
    pair.run(50);
    pair.linkFromA.options = { delayMs: 1, duplication: 1 };
    client.send("map", numberedPayload(0, 1500));
    pair.run(10);
    expect(trace.toText().split("\n")).toEqual([
      "       0.000 client > server  sent       #0, 61 B, chat 0 (20 B), chat 1 (21 B), state (5 B)",
      "       5.000 client > server  sent       #1, 6 B, wants an ack",
      "       5.000 client > server  lost       #1",
      "      10.000 client > server  delivered  #0",
      "      28.000 server > client  sent       #0, 10 B, ack 0 held 18 ms",
      "      38.000 server > client  delivered  #0",
      "      55.000 client > server  sent       #2, 1148 B, map 0 slice 0 of 2 (1138 B)",
      "      55.000 client > server  sent       #3, 372 B, map 0 slice 1 of 2 (362 B)",
      "      56.000 client > server  delivered  #2",
      "      56.000 client > server  refused: duplicates #2",
      "      56.000 client > server  delivered  #3",
      "      56.000 client > server  refused: duplicates #3",
      "      56.000 server > client  sent       #1, 13 B, wants an ack, ack 2-3 0 held 0 ms",
      "      61.000 server > client  sent       #2, 13 B, ack 2-3 0 held 5 ms",
      "",
    ]);
  });

  it("agrees with what the sessions have counted", () => {
    const trace = new Trace({ protocol });
    const { client, server, pair } = talk(trace);
    const datagrams = trace.events.filter((event) => event.what !== "metrics");
    for (const [from, sender, receiver, link] of [
      ["a", client, server, pair.linkFromA],
      ["b", server, client, pair.linkFromB],
    ] as const) {
      const own = datagrams.filter((event) => event.from === from);
      const sent = own.filter(({ what }) => what === "sent");
      expect(sent).toHaveLength(sender.session.counters.datagramsSent);
      const numbers = sent.map(({ datagram }) => datagram.packetNumber!);
      expect(numbers).toEqual([...new Set(numbers)].sort((x, y) => x - y));
      const arrived = own.filter(({ what }) => what === "delivered");
      expect(arrived).toHaveLength(link.delivered);
      const refused = arrived.filter(({ refused }) => refused === "duplicates");
      expect(refused).toHaveLength(receiver.session.counters.duplicates);
      expect(refused.length).toBeGreaterThan(5);
      expect(own.filter(({ what }) => what === "lost")).toHaveLength(link.lost);
      const frames = sent.flatMap(({ datagram }) => datagram.frames ?? []);
      expect(frames).toHaveLength(sender.session.counters.framesSent);
    }
  });

  it("is a qlog of either side", () => {
    const trace = new Trace({ protocol });
    const { client, server } = talk(trace);
    for (const [side, own] of [
      ["a", client],
      ["b", server],
    ] as const) {
      const records = trace.toQlog(side).split("\x1e");
      expect(records.shift()).toBe("");
      const [head, ...events] = records.map((record) => {
        expect(record.endsWith("\n")).toBe(true);
        return JSON.parse(record);
      });
      expect(head).toMatchObject({ qlog_version: "0.3", qlog_format: "JSON-SEQ" });
      expect(head.trace.vantage_point).toEqual(
        side === "a" ? { name: "client", type: "client" } : { name: "server", type: "server" },
      );
      const named = (name: string) => events.filter((event) => event.name === name);
      const { counters } = own.session;
      expect(named("transport:packet_sent")).toHaveLength(counters.datagramsSent);
      expect(named("transport:packet_received")).toHaveLength(counters.datagramsReceived);
      expect(named("transport:packet_dropped")).toHaveLength(counters.duplicates);
      const acks = named("transport:packet_received").flatMap(({ data }) =>
        data.frames.filter((frame: { frame_type: string }) => frame.frame_type === "ack"),
      );
      expect(acks).toHaveLength(counters.acksReceived);
      const sent = new Set(named("transport:packet_sent").map((e) => e.data.header.packet_number));
      for (const { acked_ranges } of acks) {
        for (const [low, high] of acked_ranges) {
          for (let n = low; n <= high; n++) expect(sent.has(n)).toBe(true);
        }
      }
      const metrics = named("recovery:metrics_updated");
      expect(metrics.at(-1).data).toEqual({
        smoothed_rtt: own.session.rttMs,
        bytes_in_flight: own.session.bytesInFlight,
        congestion_window: own.session.windowBytes,
      });
      const times = events.map(({ time }) => time);
      expect(times).toEqual([...times].sort((x, y) => x - y));
    }
  });

  it("keeps the newest events, and says how many it has forgotten", () => {
    const all = new Trace({ protocol });
    talk(all);
    const some = new Trace({ protocol, maxEvents: 100 });
    talk(some);
    expect(some.events).toEqual(all.events.slice(-100));
    expect(some.forgotten).toBe(all.events.length - 100);
    expect(some.toText()).toMatch(/^… \d+ events before these\n/);
  });

  it("says what it cannot read", () => {
    const trace = new Trace({ protocol });
    trace.sent("a", Uint8Array.of(0, 0, 0, 123), 1);
    trace.sent("b", Uint8Array.of(0, 0), 2);
    expect(trace.toText()).toBe(
      "       1.000 client > server  sent       connection protocol, 4 B\n" +
        "       2.000 server > client  sent       truncated, 2 B\n",
    );
  });
});
