/** A port that has lost its peers proves it to them; nobody else can, and nobody gets the proof for a peer that is there. */
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { buildDatagram } from "#src/zero/envelope.js";
import type { RebindSys } from "#src/zero/own-messages.js";
import { resetKeyOf, resetProof } from "#src/zero/reset.js";
import {
  expectCountersToAddUp,
  messageOf,
  PORTS,
  protocol,
  sealedProtocol,
  World,
} from "../support/zero-world.ts";

const resetKey = resetKeyOf(nodeCrypto, new TextEncoder().encode("of this server alone"));
const ATTACKER = "10.66.0.1";
const NONCE = "A".repeat(22);

/** One open client on the second port, which it did not dial. */
function openWorld(security: "plain" | "sealed" = "plain") {
  const world = new World({
    protocol: security === "plain" ? protocol : sealedProtocol,
    serverOptions: { resetKey },
    place: () => PORTS[1],
  });
  const host = world.join();
  world.runFor(1000);
  expect(host.client.state).toBe("open");
  const reset = messageOf(world.sentOf("accept")[0]!.bytes).sys["reset"] as string;
  const gones = (to = ATTACKER): Record<string, unknown>[] =>
    world
      .sentOf("gone")
      .filter((sent) => sent.to.startsWith(`${to}:`))
      .map(({ bytes }) => messageOf(bytes).sys);
  return { world, host, client: host.client, cid: host.client.cid, reset, gones };
}

/** As somebody without keys would make it. */
function rebind(cid: string, sys: Partial<RebindSys>, security = "plain"): Uint8Array {
  const tag = security === "plain" ? { tag: 7 } : {};
  return buildDatagram(
    nodeCrypto,
    {
      cid,
      msg: "rebind",
      seq: 0,
      ack: 2,
      sys: { port: PORTS[1], ...tag, nonce: NONCE, counter: 2, ...sys },
    },
    { key: new Uint8Array(32) },
  );
}

function gone(cid: string, sys: { proof?: string }): Uint8Array {
  return buildDatagram(nodeCrypto, { cid, msg: "gone", seq: 0, ack: 0, sys });
}

describe.each(["plain", "sealed"] as const)("a port that was started again (%s)", (security) => {
  it("with the same key ends its client as soon as that asks", () => {
    const { world, host, client } = openWorld(security);
    world.restart(PORTS[1]);
    client.rebind(world.nowMs);
    world.runFor(100);
    expect(host.events.at(-1)).toEqual({
      type: "closed",
      code: "server-restarted",
      reason: "",
      by: "remote",
    });
    expect(client.state).toBe("closed");
    expect(client.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(world.servers.get(PORTS[1])!.counters.proofsSent).toBe(1);
    expectCountersToAddUp(client.counters);
  });

  it("with another key ends nothing: the idle timeout decides", () => {
    const { world, client } = openWorld(security);
    world.restart(PORTS[1], { resetKey: undefined });
    client.rebind(world.nowMs);
    world.runFor(1000);
    expect(client.state).toBe("open");
    expect(client.counters.droppedProof).toBeGreaterThan(0);
    expect(world.servers.get(PORTS[1])!.counters).toMatchObject({ proofsSent: 0 });
  });
});

it("ends a client that is closing too, with its own reason", () => {
  const { world, host, client } = openWorld();
  world.restart(PORTS[1]);
  client.rebind(world.nowMs);
  // Its rebind is under way when it closes.
  client.close("bored", "", world.nowMs);
  world.runFor(100);
  expect(client.state).toBe("closed");
  expect(host.events.at(-1)).toMatchObject({ type: "closed", code: "bored", by: "local" });
});

describe("somebody who has seen accept", () => {
  it("gets no proof from the port that has the peer", () => {
    const { world, cid, reset, gones } = openWorld();
    world.inject(PORTS[1], rebind(cid, { reset }), ATTACKER, 5000);
    expect(world.servers.get(PORTS[1])!.counters.droppedMac).toBe(1);
    expect(gones()).toEqual([]);
  });

  it("gets none from another port of the server, whichever port its message names", () => {
    const { world, cid, reset, gones } = openWorld();
    for (const port of [PORTS[0], PORTS[2]]) {
      world.inject(port, rebind(cid, { reset }), ATTACKER, 5000);
      world.inject(port, rebind(cid, { reset, port }), ATTACKER, 5000);
    }
    expect(gones()).toEqual([{}, {}, {}, {}]);
  });

  it("ends nobody without it: with none, another's, the hash itself, or that of another port", () => {
    const { world, client, cid, reset } = openWorld();
    const other = openWorld().cid;
    const proofs = [
      undefined,
      reset,
      NONCE,
      encodeBase64url(resetProof(nodeCrypto, resetKey, other === cid ? NONCE : other, PORTS[1])),
      encodeBase64url(resetProof(nodeCrypto, resetKey, cid, PORTS[0])),
    ];
    for (const proof of proofs) {
      const bytes = gone(cid, proof === undefined ? {} : { proof });
      client.handleDatagram(bytes, bytes.length, "10.0.0.1", PORTS[1], world.nowMs);
    }
    expect(client.counters.droppedProof).toBe(proofs.length);
    expect(client.state).toBe("open");
    // The right one does.
    const right = encodeBase64url(resetProof(nodeCrypto, resetKey, cid, PORTS[1]));
    const bytes = gone(cid, { proof: right });
    client.handleDatagram(bytes, bytes.length, "10.0.0.1", PORTS[1], world.nowMs);
    expect(client.state).toBe("closed");
  });
});

it("who has seen a join gets no proof of its connection from any port, before there is a peer or after", () => {
  const world = new World({
    serverOptions: { resetKey },
    place: () => PORTS[1],
    authenticateMs: 500,
  });
  const { client } = world.join();
  world.runFor(100);
  expect(client.state).toBe("waiting");
  const ask = (): void => {
    for (const port of PORTS) {
      world.inject(port, rebind(client.cid, {}), ATTACKER, 5000);
      world.inject(port, rebind(client.cid, { reset: NONCE }), ATTACKER, 5000);
    }
  };
  ask();
  world.runFor(1000);
  expect(client.state).toBe("open");
  ask();
  const told = world.sentOf("gone").map(({ bytes }) => messageOf(bytes).sys);
  expect(told.length).toBeGreaterThan(0);
  expect(told.every((sys) => Object.keys(sys).length === 0)).toBe(true);
});

it("no proof is larger than what asked for it", () => {
  const { world, cid, reset } = openWorld();
  world.restart(PORTS[1]);
  const request = rebind(cid, { reset });
  world.inject(PORTS[1], request, ATTACKER, 5000);
  const answer = world.sentOf("gone").at(-1)!.bytes;
  expect(messageOf(answer).sys).toHaveProperty("proof");
  expect(answer.length).toBeLessThanOrEqual(request.length);
});
