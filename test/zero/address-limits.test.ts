/** What one address may have of the joins that a port remembers, in virtual time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AddressCounts, networkOf } from "#src/zero/address-counts.js";
import { PORTS, World } from "../support/zero-world.ts";

const P0 = PORTS[0];

describe("one address that joins slowly", () => {
  it.each([
    ["10.0.0.9", "10.0.0.9"],
    ["2001:db8::1", "2001:db8::2:0:0:1"],
  ])("leaves room for another: %s and %s", (first, second) => {
    const world = new World({
      place: () => "silent",
      serverOptions: { limits: { pendingJoins: 8 } },
    });
    for (let i = 0; i < 8; i++) world.join({ address: i % 2 === 0 ? first : second });
    world.runFor(500);
    const server = world.servers.get(P0)!;
    expect(server.sizes.pending).toBe(2);
    expect(server.counters.droppedAddressFull).toBe(6);
    const refusals = world.hosts.flatMap(({ events }) => events);
    expect(refusals).toEqual(
      Array(6).fill({ type: "rejected", reason: "full", detail: "too many joins of one address" }),
    );
    world.join({ address: "10.0.0.10" });
    world.runFor(500);
    expect(server.sizes.pending).toBe(3);
  });

  it("may join again when one of its joins is decided or has expired", () => {
    const world = new World({
      place: () => "silent",
      serverOptions: { maxPendingPerAddress: 1 },
    });
    const server = world.servers.get(P0)!;
    const address = "10.0.0.9";
    const joinAndRun = () => {
      world.join({ address });
      world.runFor(500);
      return world.eventsOf("join").length;
    };
    expect(joinAndRun()).toBe(1);
    expect(joinAndRun()).toBe(1);
    server.reject(world.eventsOf("join")[0]!.cid, "denied", "", world.nowMs);
    expect(joinAndRun()).toBe(2);
    expect(joinAndRun()).toBe(2);
    world.runFor(30_000);
    expect(server.sizes).toMatchObject({ entries: 0, pending: 0 });
    expect(joinAndRun()).toBe(3);
  });

  it("has a quarter of the joins that are remembered, decided ones too", () => {
    const world = new World({
      place: () => "reject",
      serverOptions: { limits: { rememberedJoins: 8 } },
    });
    for (let i = 0; i < 8; i++) world.join({ address: "10.0.0.9" });
    world.runFor(500);
    expect(world.servers.get(P0)!.sizes).toMatchObject({ entries: 2, pending: 0 });
  });

  it("has all on this machine, unless a bound is given", () => {
    const pendingWith = (maxPendingPerAddress?: number) => {
      const world = new World({
        place: () => "silent",
        serverOptions: { limits: { pendingJoins: 8 }, maxPendingPerAddress },
      });
      for (let i = 0; i < 8; i++) world.join({ address: "127.0.0.1" });
      world.runFor(500);
      return world.servers.get(P0)!.sizes.pending;
    };
    expect(pendingWith()).toBe(8);
    expect(pendingWith(3)).toBe(3);
  });
});

describe("an address", () => {
  it.each([
    ["10.1.2.3", "10.1.2.3"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:1::", "2001:db8:0:0::/64"],
    ["1::4:5:6:7:8", "1:0:0:4::/64"],
    ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
    ["64:ff9b::10.1.2.3", "64:ff9b:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
  ])("counts as its network: %s as %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it("has a count while it has something, and never more than the limit", () => {
    const addresses = ["10.0.0.1", "2001:db8::1", "2001:db8::2", "127.0.0.1"];
    const steps = fc.array(fc.tuple(fc.constantFrom(...addresses), fc.boolean()), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), steps, (limit, all) => {
        const counts = new AddressCounts(limit, true);
        const held: string[] = [];
        const of = (address: string) =>
          held.filter((other) => networkOf(other) === networkOf(address)).length;
        for (const [address, joins] of all) {
          expect(counts.hasRoom(address)).toBe(of(address) < limit);
          if (joins && counts.hasRoom(address)) {
            counts.add(address);
            held.push(address);
          } else if (!joins && held.includes(address)) {
            counts.remove(address);
            held.splice(held.indexOf(address), 1);
          }
          expect(counts.size).toBe(new Set(held.map(networkOf)).size);
        }
      }),
    );
  });
});
