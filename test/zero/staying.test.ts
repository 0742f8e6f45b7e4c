/** A client that cannot reach the port that it was sent to asks to stay on the one that it dialled: in virtual time. */
import { describe, expect, it } from "vitest";
import { ZERO_STAY_SHARE } from "#src/limits.js";
import {
  type Host,
  messageOf,
  PORTS,
  protocol,
  sealedProtocol,
  World,
} from "../support/zero-world.ts";

const { handshakeTimeoutMs } = protocol.limits;
const [dialled, elsewhere] = PORTS;

/** Joins are sent elsewhere, unless they ask to stay where that is allowed. */
function worldOf(o: {
  reaches: (port: number) => boolean;
  allowed?: boolean;
  sealed?: boolean;
}): World {
  return new World({
    protocol: o.sealed ? sealedProtocol : protocol,
    reaches: o.reaches,
    place: (_world, event, port) => (event.stay && (o.allowed ?? true) ? port : elsewhere),
  });
}

const onlyDialled = (port: number): boolean => port === dialled;

function placesAt(world: World): number[] {
  return PORTS.map((port) => world.servers.get(port)!.sizes.peers);
}

function lastRequestMs(world: World, host: Host): number {
  return world.sent.findLast(({ from }) => from.startsWith(host.address))!.atMs;
}

describe("a client that cannot reach its port", () => {
  it.each([false, true])("is kept on the one that it dialled, sealed: %s", (sealed) => {
    const world = worldOf({ reaches: onlyDialled, sealed });
    const startMs = world.nowMs;
    const host = world.join();
    const first = host.client.cid;
    world.run(startMs + handshakeTimeoutMs * ZERO_STAY_SHARE);
    expect(host.client.state).toBe("attaching");
    world.runFor(500);
    expect(host.events).toMatchObject([{ type: "attached", port: dialled }]);
    expect(host.client.cid).not.toBe(first);
    expect(host.client.counters).toMatchObject({ staysAsked: 1, restarts: 0 });
    // One peer, and a place that nobody takes up, which ends by itself.
    expect(world.eventsOf("attached")).toHaveLength(1);
    expect(placesAt(world)).toEqual([1, 1, 0]);
    world.run(startMs + 2 * handshakeTimeoutMs);
    expect(world.eventsOf("expired")).toHaveLength(1);
    expect(placesAt(world)).toEqual([1, 0, 0]);
    expect(host.client.state).toBe("open");
  });

  it("says so in both joins of its second connection id, and in none before", () => {
    const world = worldOf({ reaches: onlyDialled });
    world.join();
    world.runFor(handshakeTimeoutMs);
    const asked = world.sentOf("join").map(({ bytes }) => messageOf(bytes).sys["stay"]);
    expect(asked).toEqual([undefined, undefined, true, true]);
    expect(world.eventsOf("join").map(({ stay }) => stay)).toEqual([false, true]);
  });

  it("asks once, and fails in time where it is sent away again", () => {
    const world = worldOf({ reaches: onlyDialled, allowed: false });
    const startMs = world.nowMs;
    const host = world.join();
    world.run(startMs + handshakeTimeoutMs - 1);
    expect(host.events).toEqual([]);
    world.run(startMs + handshakeTimeoutMs);
    expect(host.events).toEqual([{ type: "timeout", unreached: elsewhere }]);
    expect(world.eventsOf("join")).toHaveLength(2);
    expect(lastRequestMs(world, host)).toBeLessThan(startMs + handshakeTimeoutMs);
    world.runFor(2 * handshakeTimeoutMs);
    expect(placesAt(world)).toEqual([0, 0, 0]);
  });

  it("does not ask where the port that does not answer is the one that it dialled", () => {
    const world = new World({ place: () => dialled });
    const host = world.join();
    // Its attach is the first that is lost.
    world.run(1045);
    expect(host.client.state).toBe("attaching");
    world.loss = 1;
    world.runFor(handshakeTimeoutMs);
    expect(host.events).toEqual([{ type: "timeout", unreached: undefined }]);
    expect(host.client.counters.staysAsked).toBe(0);
  });

  it("leaves no peer behind at a port that was only deaf for a while", () => {
    const held: (() => void)[] = [];
    let deaf = true;
    const world: World = worldOf({ reaches: (port) => port === dialled || !deaf });
    const host = world.join();
    world.runFor(handshakeTimeoutMs * ZERO_STAY_SHARE + 500);
    expect(host.client.state).toBe("open");
    // What waited in the port's socket all the time comes now, in its order.
    deaf = false;
    for (const { bytes, to } of [...world.sent]) {
      if (to === `server:${elsewhere}`)
        held.push(() => world.inject(elsewhere, bytes, host.address, 40_000));
    }
    for (const deliver of held) deliver();
    world.runFor(handshakeTimeoutMs);
    expect(held.length).toBeGreaterThan(1);
    expect(world.eventsOf("closed")).toMatchObject([{ code: "not-connected", by: "remote" }]);
    // Answers to the first connection id change nothing.
    expect(host.client.state).toBe("open");
    expect(host.events).toHaveLength(1);
    expect(placesAt(world)).toEqual([1, 0, 0]);
  });
});
