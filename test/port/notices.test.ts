/** Notices on their way from a worker to the application: none is told twice or forgotten, room in the ring or not. */
import { expect, test } from "vitest";
import { Counters } from "#src/counters.js";
import { LatencyHistogram } from "#src/histogram.js";
import { MAX_OPEN_TOKENS } from "#src/limits.js";
import { sameVersion } from "#src/negotiated-version.js";
import { OpenTokens } from "#src/notices.js";
import { AwayPeers } from "#src/port/away-peers.js";
import { type PeerPort, PortPeer } from "#src/port/peer.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { handProtocol } from "../support/hand-protocol.js";

test("notices that find no room in the ring wait in their order, and those of systems go past them", () => {
  const protocol = handProtocol({
    channels: [{ name: "it", delivery: "reliable", notices: true }],
  });
  let room = 1;
  const told: string[] = [];
  const port: PeerPort = {
    protocol,
    options: { random: () => 0.5, resend: true, sealCrypto: nodeSealCrypto },
    userFields: new Float64Array(0),
    counters: new Counters(),
    port: 4000,
    roundTrips: new LatencyHistogram(),
    tellClock: () => {},
    deliver: () => true,
    tellApplication: (_peer, channel, token, delivered) => {
      if (room === 0) return false;
      room--;
      told.push(`application ${channel} ${token} ${delivered}`);
      return true;
    },
    tellSystems: (_peer, channel, token, delivered) => {
      told.push(`systems ${channel} ${token} ${delivered}`);
    },
    sendClose: () => {},
    forget: () => {},
    closePeer: () => {},
    wake: () => {},
    refund: () => {},
    tellAway: () => true,
    away: new AwayPeers(1, undefined, () => {}),
    setFull: () => {},
  };
  const path = { address: "127.0.0.1", port: 1, local: 0 };
  const peer = new PortPeer(port, { id: 1, slot: 1, negotiated: sameVersion(protocol), path });
  const channel = protocol.channels[0]!;
  peer.notice(channel, 0, true);
  for (const token of [5, 6, 7]) peer.notice(channel, token, token !== 6);
  peer.notice(channel, -1 - 9, true);
  room = 2;
  peer.tellWaiting();
  peer.notice(channel, 8, true);
  expect(told.splice(0)).toEqual([
    "application 0 0 true",
    "systems 0 9 true",
    "application 0 5 true",
    "application 0 6 false",
  ]);
  room = 9;
  peer.tellWaiting();
  peer.tellWaiting();
  expect(told).toEqual(["application 0 7 true", "application 0 8 true"]);
});

test("open tokens are settled as often as they were opened, are bounded, and are all taken at the end", () => {
  const tokens = new OpenTokens();
  for (const token of [3, 1, 3]) tokens.add(0, token);
  tokens.add(1, 3);
  expect([tokens.settle(0, 2), tokens.settle(2, 3)]).toEqual([false, false]);
  expect([3, 3, 3].map((token) => tokens.settle(0, token))).toEqual([true, true, false]);
  for (let token = 2; !tokens.isFull; token++) tokens.add(1, token + 10);
  const all = [...tokens.take()];
  expect(all.length).toBe(MAX_OPEN_TOKENS);
  expect(all.slice(0, 3)).toEqual([
    [0, 1],
    [1, 3],
    [1, 12],
  ]);
  expect([...tokens.take()]).toEqual([]);
  expect(tokens.isFull).toBe(false);
});
