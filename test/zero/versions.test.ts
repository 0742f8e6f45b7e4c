import { describe, expect, it } from "vitest";
import type { NegotiatedVersion } from "#src/negotiated-version.js";
import type { KnownVersion, Protocol } from "#src/protocol.js";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { messageOf, PORTS, World } from "../support/zero-world.ts";

const hashOf = (version: number): string => version.toString(16).padStart(32, "0");
const knows = (version: number, lacks: readonly number[] = []): KnownVersion => {
  return { version, hash: hashOf(version), lacks };
};
const breaks = (version: number, ...differs: string[]): KnownVersion => {
  return { version, hash: hashOf(version), lacks: [], differs };
};
const generated = (version: number, ...versions: KnownVersion[]): Protocol =>
  handZeroProtocol({ version, hash: hashOf(version), versions });

interface Joined {
  readonly world: World;
  /** What the client was told; undefined where it was refused. */
  readonly negotiated: NegotiatedVersion | undefined;
  readonly refusal: { readonly detail: string } | undefined;
}

function join(server: Protocol, client: Protocol): Joined {
  const world = new World({ protocol: server, clientProtocol: client });
  const { events } = world.join();
  world.runFor(1000);
  const attached = events.find((event) => event.type === "attached");
  const refusal = events.find((event) => event.type === "rejected");
  return { world, negotiated: attached?.negotiated, refusal };
}

describe("a join between versions", () => {
  it("of an older client is accepted by a server whose record calls it compatible", () => {
    const { world, negotiated } = join(generated(4, knows(3, [1])), generated(3));
    expect(negotiated).toEqual({ hash: hashOf(3), version: 3, compat: true, lacks: [] });
    const sys = messageOf(world.sentOf("accept")[0]!.bytes).sys;
    expect(sys).toMatchObject({ hash: hashOf(3), compat: true });
    expect(world.eventsOf("join")[0]).toMatchObject({ hash: hashOf(3), compat: true });
  });

  it("of a newer client names older versions, and an older server recognises itself", () => {
    const { world, negotiated } = join(generated(3), generated(4, knows(3, [1])));
    expect(messageOf(world.sentOf("join")[0]!.bytes).sys).toMatchObject({
      hash: hashOf(4),
      compatible: [hashOf(3)],
    });
    expect(negotiated).toEqual({ hash: hashOf(3), version: 3, compat: true, lacks: [1] });
    expect(world.eventsOf("join")[0]).toMatchObject({ hash: hashOf(3), compat: true });
  });

  it("of an equal client says nothing of compat mode, whatever the record holds", () => {
    const { world, negotiated } = join(generated(4, knows(3)), generated(4, knows(3)));
    expect(negotiated).toEqual({ hash: hashOf(4), version: 4, compat: false, lacks: [] });
    expect(messageOf(world.sentOf("accept")[0]!.bytes).sys).not.toHaveProperty("compat");
  });

  it("is refused where both only know the same third version", () => {
    const { refusal, world } = join(generated(5, knows(3)), generated(4, knows(3)));
    expect(refusal).toMatchObject({ reason: "protocol", version: 5, hash: hashOf(5), detail: "" });
    expect(world.servers.get(PORTS[0])!.sizes.entries).toBe(0);
  });

  it("is refused where the server's record says that they cannot talk, naming what differs", () => {
    const server = generated(4, knows(3), breaks(2, "channel move", "limit maxDatagramBytes"));
    const { refusal } = join(server, generated(2));
    expect(refusal).toMatchObject({ detail: "channel move, limit maxDatagramBytes" });
  });

  it("names at most eight older versions, newest first", () => {
    const older = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2].map((version) => knows(version));
    const { world } = join(generated(1), generated(12, ...older));
    const { compatible } = messageOf(world.sentOf("join")[0]!.bytes).sys as {
      compatible: string[];
    };
    expect(compatible).toEqual([11, 10, 9, 8, 7, 6, 5, 4].map(hashOf));
  });

  it("does not heed an accept whose hash the client has never heard of", () => {
    const world = new World({ protocol: generated(4, knows(3)), clientProtocol: generated(3) });
    const { client } = world.join();
    world.runFor(1000);
    const accept = world.sentOf("accept")[0]!.bytes;
    const text = new TextDecoder().decode(accept).replace(hashOf(3), hashOf(7));
    const other = new World({
      protocol: generated(4, knows(3)),
      clientProtocol: generated(3),
      place: () => "silent",
    });
    const waiting = other.join().client;
    other.runFor(1000);
    expect(waiting.state).toBe("waiting");
    const forged = new TextEncoder().encode(text.replace(client.cid, waiting.cid));
    waiting.handleDatagram(forged, forged.length, "10.0.0.1", PORTS[0], other.nowMs);
    expect(waiting.counters.droppedProtocol).toBe(1);
    expect(waiting.state).toBe("waiting");
  });
});
