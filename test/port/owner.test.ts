/** A port's owner with a socket that leads nowhere: what it does with events that nothing of its own explains. */
import { expect, test } from "vitest";
import { noHistogram } from "#src/histogram.js";
import { PortLink } from "#src/port/link.js";
import { createPortMemory } from "#src/port/memory.js";
import { PortOwner } from "#src/port/owner.js";
import { defaultPortLimits } from "#src/port-limits.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import type { DatagramSocket } from "#src/udp/socket.js";
import { handProtocol } from "../support/hand-protocol.ts";

const nowhere: DatagramSocket = {
  port: 4000,
  address: "127.0.0.1",
  send: () => {},
  listen: () => {},
  close: () => Promise.resolve(),
};

function ownerOf(sockets: readonly DatagramSocket[]): PortOwner {
  const protocol = handProtocol();
  const maxPeers = 4;
  return new PortOwner({
    protocol,
    crypto: nodeCrypto,
    sealCrypto: nodeSealCrypto,
    random: () => 0,
    sockets,
    link: new PortLink(createPortMemory(protocol, maxPeers), protocol),
    maxPeers,
    resumeMs: 0,
    limits: defaultPortLimits,
    maxJoinsPerAddress: undefined,
    publicPort: 4000,
    publicPorts: [[4000, 4000]],
    systems: undefined,
    resend: true,
    onJoin: () => {},
    onExpired: () => {},
    onEmpty: () => {},
  });
}

test("counts by name what the connection protocol says of a peer that is not there", async () => {
  const owner = ownerOf([nowhere]);
  const peer = 9;
  const at = { peer, address: "10.0.0.1", port: 5000, local: 0 };
  owner.handleEvent({ type: "attached", ...at, proven: true, tag: 7 }, 0);
  owner.handleEvent({ type: "confirmed", ...at, moved: false }, 0);
  owner.handleEvent({ type: "expired", peer }, 0);
  for (const by of ["remote", "local"] as const) {
    owner.handleEvent({ type: "closed", peer, code: "bye", reason: "", by }, 0);
  }
  const { counters, peers } = owner.stats(false, 0, noHistogram);
  expect(counters).toMatchObject({
    "unexpected.closed.attached": 1,
    "unexpected.closed.confirmed": 1,
    "unexpected.closed.expired": 1,
    "unexpected.closed.remoteClosed": 1,
    "unexpected.closed.acknowledged": 1,
  });
  expect(peers).toBe(0);
  await owner.stop();
});

test("closes the socket of each address when it stops", async () => {
  const closed: string[] = [];
  const hosts = ["127.0.0.1", "::1", "10.0.0.1"];
  const owner = ownerOf(
    hosts.map((address) => ({
      ...nowhere,
      address,
      close: async () => void closed.push(address),
    })),
  );
  await owner.stop();
  expect(closed).toEqual(hosts);
});
