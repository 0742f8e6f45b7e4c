import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptiestPort, fullestPort, Placement } from "#src/pool/placement.js";
import { parsePorts, portRanges } from "#src/pool/ports.js";

const loadOf = fc.record({
  peers: fc.integer({ min: 0, max: 6 }),
  promised: fc.integer({ min: 0, max: 3 }),
  room: fc.integer({ min: 0, max: 2 }),
  load: fc.constantFrom(0, 0.3, 0.49, 0.5, 0.9, 1),
});

/** Where the default rule puts a peer, and its id. */
function place(
  placement: Placement,
  ports: number,
): { readonly port: number; readonly peer: number } | undefined {
  const port = emptiestPort(
    Array.from({ length: ports }, (_, index) => ({
      port: index,
      peers: Math.floor(placement.used(index) / 2),
      promised: Math.ceil(placement.used(index) / 2),
      room: placement.room(index),
      load: 0,
    })),
  );
  return port === undefined ? undefined : { port, peer: placement.reserve(port, nobody)! };
}

const nobody = (): boolean => false;

describe("placing peers", () => {
  it("gives each new peer to the first port with the shortest list", () => {
    const placement = new Placement(3, 8);
    const order = Array.from({ length: 7 }, () => place(placement, 3)!.port);
    expect(order).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it("fills a port that was left first", () => {
    const placement = new Placement(3, 8);
    const peers = Array.from({ length: 9 }, () => place(placement, 3)!);
    for (const { port, peer } of peers) if (port === 1) placement.release(peer);
    expect([0, 1, 2, 3].map(() => place(placement, 3)!.port)).toEqual([1, 1, 1, 0]);
  });

  it("by fullestPort, to the first of the fullest that have room, and are less full and less busy than it says", () => {
    fc.assert(
      fc.property(
        fc.array(loadOf, { maxLength: 5 }),
        fc.integer({ min: 0, max: 8 }),
        fc.option(fc.constantFrom(0, 0.4, 0.5, 1), { nil: undefined }),
        (loads, peers, load) => {
          const ports = loads.map((one, index) => ({ ...one, port: 12_341 + index }));
          const fitting = ports
            .filter(({ room }) => room > 0)
            .filter((one) => one.peers + one.promised < peers && one.load < (load ?? 0.5));
          const most = Math.max(...fitting.map((one) => one.peers + one.promised));
          const expected = fitting.find((one) => one.peers + one.promised === most)?.port;
          expect(fullestPort(ports, { peers, load })).toBe(expected);
        },
      ),
    );
  });

  it("by fullestPort, nowhere where a number is none", () => {
    const ports = [{ port: 1, peers: 0, promised: 0, room: 5, load: 0 }];
    expect(fullestPort(ports, { peers: Number.NaN })).toBeUndefined();
    expect(fullestPort(ports, { peers: 5, load: Number.NaN })).toBeUndefined();
  });

  it("skips a port that is not open and says so when all are full", () => {
    const placement = new Placement(2, 1);
    placement.setOpen(0, false);
    expect(place(placement, 2)!.port).toBe(1);
    expect(place(placement, 2)).toBeUndefined();
    placement.setOpen(0, true);
    expect(place(placement, 2)!.port).toBe(0);
    expect(place(placement, 2)).toBeUndefined();
  });

  it("reserves nothing on a port that is full or not open", () => {
    const placement = new Placement(3, 2);
    const rooms = (): number[] => [0, 1, 2].map((port) => placement.room(port));
    expect(placement.portOf(placement.reserve(1, nobody)!)).toBe(1);
    expect(rooms()).toEqual([2, 1, 2]);
    const last = placement.reserve(1, nobody)!;
    expect(placement.reserve(1, nobody)).toBeUndefined();
    placement.release(last);
    placement.setOpen(1, false);
    expect(rooms()).toEqual([2, 0, 2]);
    expect(placement.reserve(1, nobody)).toBeUndefined();
    placement.setOpen(1, true);
    expect(placement.portOf(placement.reserve(1, nobody)!)).toBe(1);
  });

  it("never gives the id of a live peer again, and knows the port of each", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 33 }),
        fc.array(fc.nat(), { maxLength: 400 }),
        (ports, maxPeers, steps) => {
          const placement = new Placement(ports, maxPeers);
          const live: { port: number; peer: number }[] = [];
          for (const step of steps) {
            if (step % 3 === 0 && live.length > 0) {
              placement.release(live.splice(step % live.length, 1)[0]!.peer);
              continue;
            }
            const counts = Array.from(
              { length: ports },
              (_, port) => live.filter((one) => one.port === port).length,
            );
            const placed = place(placement, ports);
            const fewest = Math.min(...counts);
            if (fewest === maxPeers) {
              expect(placed).toBeUndefined();
              continue;
            }
            expect(placed!.port).toBe(counts.indexOf(fewest));
            expect(placement.portOf(placed!.peer)).toBe(placed!.port);
            expect(live.some(({ peer }) => peer === placed!.peer)).toBe(false);
            expect(placed!.peer >>> 0).toBe(placed!.peer);
            live.push(placed!);
          }
        },
      ),
    );
  });

  it("is what a list of lists says, over joins, attaches, expiries, leaves, crashes and returns", () => {
    const action = fc.constantFrom("join", "join", "attach", "expire", "leave", "crash", "return");
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(action, fc.nat()), { maxLength: 300 }),
        (ports, maxPeers, steps) => {
          const placement = new Placement(ports, maxPeers);
          /** The oracle: what each port has, in lists, and nothing that is counted along. */
          const lists = Array.from({ length: ports }, () => ({
            open: true,
            promised: [] as number[],
            peers: [] as number[],
          }));
          const ever = new Set<number>();
          for (const [what, n] of steps) {
            const list = lists[n % ports]!;
            if (what === "join") {
              const open = lists.filter((one) => one.open);
              const sizes = open.map(({ promised, peers }) => promised.length + peers.length);
              const fewest = Math.min(...sizes);
              const first = open[sizes.indexOf(fewest)];
              const port = emptiestPort(
                lists.map(({ promised, peers }, index) => ({
                  port: index,
                  peers: peers.length,
                  promised: promised.length,
                  room: placement.room(index),
                  load: 0,
                })),
              );
              const expected = fewest < maxPeers ? lists.indexOf(first!) : undefined;
              expect(port).toBe(expected);
              if (port === undefined) continue;
              const peer = placement.reserve(port, nobody)!;
              expect(ever.has(peer)).toBe(false);
              ever.add(peer);
              lists[port]!.promised.push(peer);
            } else if (what === "attach") {
              // Its place is the same one: nothing is counted anew.
              if (list.promised.length > 0) list.peers.push(list.promised.shift()!);
            } else if (what === "expire" || what === "leave") {
              const from = what === "expire" ? list.promised : list.peers;
              if (from.length > 0) placement.release(from.splice(n % from.length, 1)[0]!);
            } else if (what === "crash") {
              list.open = false;
              placement.setOpen(n % ports, false);
              for (const peer of [...list.peers.splice(0), ...list.promised.splice(0)]) {
                placement.release(peer);
              }
            } else {
              list.open = true;
              placement.setOpen(n % ports, true);
            }
            lists.forEach(({ open, promised, peers }, index) => {
              const used = promised.length + peers.length;
              expect(placement.used(index)).toBe(used);
              expect(placement.room(index)).toBe(open ? maxPeers - used : 0);
              for (const peer of [...promised, ...peers])
                expect(placement.portOf(peer)).toBe(index);
            });
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("does not reuse an id before its slot has been through every generation", () => {
    const placement = new Placement(1, 2);
    const seen = new Set<number>();
    for (let i = 0; i < 20_000; i++) {
      const peer = placement.reserve(0, nobody)!;
      expect(seen.has(peer)).toBe(false);
      seen.add(peer);
      placement.release(peer);
    }
  });
});

describe("ports", () => {
  it.each([
    ["12341-12343", [12341, 12342, 12343]],
    ["1,5-6, 9", [1, 5, 6, 9]],
    ["7", [7]],
  ])("reads %s", (text, ports) => {
    expect(parsePorts(text)).toEqual(ports);
  });

  it.each(["", "a", "3-1", "0x10", "70000", "1-70000", "5,5", "1-2-3", "-5", "0-3"])(
    "refuses %j with a message that says what is wrong",
    (text) => {
      expect(() => parsePorts(text)).toThrow(
        expect.objectContaining({
          code: "STARDUST_INVALID_OPTION",
          message: expect.stringMatching(/^ports: /),
        }),
      );
    },
  );

  it("takes so many free ones", () => {
    expect(parsePorts({ count: 3 })).toEqual([0, 0, 0]);
    expect(() => parsePorts({ count: 0 })).toThrow(/whole number/);
  });

  it("announces neighbours as ranges, and scattered ports as one", () => {
    expect(portRanges([12343, 12341, 12342, 9])).toEqual([
      [9, 9],
      [12341, 12343],
    ]);
    expect(portRanges(Array.from({ length: 40 }, (_, i) => 1000 + 2 * i))).toEqual([[1000, 1078]]);
  });
});
