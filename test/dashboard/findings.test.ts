/** Who suffers and why, said of hand-made numbers; and what is read of a server of thousands. */
import { describe, expect, it } from "vitest";
import { findingsOf, peerTrouble, portTrouble } from "#src/dashboard/findings.js";
import { noRates } from "#src/dashboard/rates.js";
import { Sampler } from "#src/dashboard/sampler.js";
import { type PeerState, type PortState, peerOrders } from "#src/dashboard/state.js";
import { ManyPeers } from "../support/many-peers.ts";

function peer(id: number, port: number, more: Partial<PeerState> = {}): PeerState {
  const measured = {
    id,
    label: `bot ${id}`,
    port,
    address: "127.0.0.1:5000",
    isAway: false,
    connectedMs: 1000,
    rates: noRates,
    loss: { down: 0, up: 0 },
    rttMs: 5,
    rttMinMs: 4,
    jitterMs: 1,
    queueBytes: 0,
    queueAgeMs: 0,
    windowBytes: 10_000,
    inFlightBytes: 0,
    refusedRate: 0,
    ...more,
  };
  return { ...measured, ...peerTrouble(measured) };
}

function port(
  number: number,
  peers: readonly PeerState[],
  more: Partial<PortState> = {},
): PortState {
  const suffering = peers.filter((one) => one.port === number && one.level > 0);
  const numbers = {
    port: number,
    threadId: 1,
    peers: peers.filter((one) => one.port === number).length,
    joined: 0,
    load: 0.1,
    rates: noRates,
    loss: { down: 0, up: 0 },
    rttMs: 5,
    rttP99Ms: 9,
    queueBytes: 0,
    queueAgeMs: 0,
    loopDelayMs: 1,
    ringToWorker: 0,
    ringToApplication: 0,
    ...more,
  };
  const trouble = portTrouble(numbers, suffering);
  return { ...numbers, ...trouble, suffering: suffering.length, chips: [] };
}

const lossy = { loss: { down: 0.1, up: 0.09 }, rates: { ...noRates, resent: 14 } };

/** Findings of peers on ports 1 and 2. */
function found(peers: readonly PeerState[], more: Partial<PortState> = {}, loopDelayMs = 1) {
  const ports = [port(1, peers, more), port(2, peers)];
  const suffering = peers.filter(({ level }) => level > 0);
  return findingsOf(ports, suffering, loopDelayMs);
}

describe("what suffers", () => {
  it("is nothing where all are well", () => {
    expect(found([peer(1, 1), peer(2, 2)])).toEqual([]);
  });

  it("is one peer's path where only it loses, with the numbers, its port and what its neighbours say", () => {
    const [first, ...rest] = found([peer(1, 1), peer(2, 1), peer(3, 1, lossy), peer(4, 2)]);
    expect(rest).toEqual([]);
    expect(first).toEqual({
      level: 2,
      port: 1,
      peer: 3,
      text: "Peer 3 (bot 3) on port 1: loss 10 % down, 9.0 % up, 14 frames/s sent again. Its own path: the 2 other peers there lose nothing",
    });
  });

  it("is the port where all of it and nobody else loses", () => {
    const peers = [1, 2, 3].map((id) => peer(id, 1, lossy));
    const [first, ...rest] = found([...peers, peer(4, 2)], { load: 0.95 });
    expect(rest).toEqual([]);
    expect(first?.text).toMatch(
      /^All 3 peers of port 1 lose datagrams, and no others: its worker is 95 % busy\./,
    );
    expect(first).toMatchObject({ level: 2, port: 1, peer: undefined });
  });

  it("is the server's link where all lose on every port", () => {
    const all = found([1, 2, 3, 4].map((id) => peer(id, 1 + (id % 2), lossy)));
    expect(all.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^All 4 peers lose datagrams, on 2 ports: the link of the server/),
    ]);
  });

  it.each([
    ["queueAgeMs", { queueAgeMs: 1500 }, "messages wait 1500 ms to leave", 2],
    ["rttMs", { rttMs: 200 }, "RTT 200 ms, at its least 4.0 ms: something queues on its path", 1],
    ["refusedRate", { refusedRate: 3 }, "3.0 of its datagrams/s are refused", 1],
    ["isAway", { isAway: true }, "not heard any more; its place is kept", 2],
  ] as const)("says so of a peer by its %s", (_name, numbers, why, level) => {
    expect(peer(1, 1, numbers)).toMatchObject({ why, level });
  });

  it.each([
    [{ ringToWorker: 0.95 }, "Port 1: the ring to its worker is 95 % full: the worker is behind"],
    [{ loopDelayMs: 250 }, "Port 1: its worker is late by 250 ms"],
  ])("says so of a port: %j", (numbers, text) => {
    expect(found([peer(1, 1)], numbers)).toEqual([{ level: 2, port: 1, peer: undefined, text }]);
  });

  it("says so of the application's thread", () => {
    expect(found([peer(1, 1)], {}, 300)[0]?.text).toMatch(
      /^The application's thread is late by 300 ms/,
    );
  });

  it("is told of eight at most, the worst first, and how many more there are", () => {
    const peers = Array.from({ length: 40 }, (_, id) =>
      peer(id, 1 + (id % 2), id === 30 ? { queueAgeMs: 300 } : id % 3 === 0 ? lossy : {}),
    );
    const all = found(peers);
    expect(all).toHaveLength(8);
    expect(all[0]?.level).toBe(2);
    expect(all.at(-1)?.text).toBe("7 more");
  });
});

describe("what is read of a server", () => {
  const about = { run: "a", title: "t", hasScene: false };
  const query = { sort: "loss", port: undefined, find: "", from: 0, limit: 25 } as const;
  const sampler = (server: ManyPeers) => new Sampler(server, () => "bot", about);

  it("has rates of the time between two readings, and losses of the last seconds", async () => {
    const server = new ManyPeers(20);
    const seen = sampler(server);
    await seen.sample(true);
    server.seconds = 3;
    await seen.sample(true);
    const state = seen.state(query)!;
    expect(state.rates).toMatchObject({ messagesDown: 100, bytesUp: 1400 });
    expect(state.ports.map(({ rates }) => rates.messagesDown)).toEqual([50, 50]);
    expect(state.refused).toEqual([
      { name: "session.seal", count: 12, perSecond: 4, meaning: expect.stringMatching(/forged/) },
    ]);
    expect(state.rejected).toMatchObject([{ name: "denied", count: 18, perSecond: 6 }]);
    const [worst] = state.peersPage.rows;
    expect(worst).toMatchObject({ id: 7, port: 1001, loss: { down: 0.2, up: 0.1 }, level: 2 });
    expect(state.ports[1]).toMatchObject({ suffering: 1, level: 2 });
    expect(state.ports[1]!.chips.find(({ id }) => id === 7)).toMatchObject({ level: 2 });
  });

  it("is bounded for thousands of peers, and only so many are asked in a second", async () => {
    const server = new ManyPeers(2000);
    const seen = sampler(server);
    for (let i = 0; i < 3; i++) {
      await seen.sample(true);
      server.seconds++;
    }
    expect(server.asked).toEqual([true, false, false]);
    const state = seen.state({ ...query, limit: 200 })!;
    expect(state.peersPage).toMatchObject({ total: 2000, matching: 2000, from: 0 });
    expect(state.peersPage.rows).toHaveLength(200);
    expect(state.ports.map(({ chips }) => chips.length)).toEqual([12, 12]);
    expect(JSON.stringify(seen.state(query)).length).toBeLessThan(20_000);
    for (const sort of peerOrders)
      expect(seen.state({ ...query, sort })?.peersPage.rows).toHaveLength(25);
    const ofPort = seen.state({ ...query, port: 1001, find: "10.0.0.7:", sort: "id" })!.peersPage;
    expect(ofPort.rows.map(({ id }) => id)).toEqual(
      [7, 257, 507, 757, 1007, 1257, 1507, 1757].filter((id) => id % 2 === 1),
    );
    expect(seen.state({ ...query, from: 1990 })?.peersPage.rows).toHaveLength(10);
    await seen.sample(false);
    expect(server.asked.at(-1)).toBe(false);
    expect(seen.state(query)?.peersPage.rows).toEqual([]);
  });
});
