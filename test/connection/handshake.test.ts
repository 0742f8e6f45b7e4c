/**
 * Connections beside the machines of the connection protocol, in virtual time: the states of the two go together as
 * docs/connection.md says, whatever is lost and whoever ends it.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { ZeroEvent } from "#src/connection/connection.js";
import { SeededRandom } from "#src/testing/index.js";
import { Writer } from "#src/wire/writer.js";
import type { ZeroClientEvent, ZeroServerEvent } from "#src/zero/events.js";
import { TestHost } from "../support/connection-pair.ts";
import { lifeTable } from "../support/life-table.ts";
import { type Host, World } from "../support/zero-world.ts";

const document = readFileSync(new URL("../../docs/connection.md", import.meta.url), "utf8");
const rows = new Map(lifeTable(document).map((row) => [row.state, row]));
/** Small while it joins and ends, larger while nothing but time passes. */
const stepMs = (sinceMs: number): number => (sinceMs < 4000 ? 10 : 250);

/** Who is not heard any more is kept for so long. */
const RESUME_MS = 3000;
/** Events that are none of a connection's. */
const others: ReadonlySet<string> = new Set(["rebound", "unheard", "shown", "moved"]);

interface ZeroEnd {
  close(code: string, reason: string, nowMs: number): void;
  forget(): void;
}

class Side extends TestHost {
  readonly zero: ZeroEnd;
  readonly zeroState: () => string;
  readonly role: "client" | "server";

  constructor(role: "client" | "server", zero: ZeroEnd, zeroState: () => string) {
    super(role);
    this.role = role;
    this.zero = zero;
    this.zeroState = zeroState;
  }

  override sendClose(code: string, reason: string, nowMs: number): void {
    this.zero.close(code, reason, nowMs);
  }

  override forget(): void {
    this.zero.forget();
  }

  handle(event: ZeroClientEvent | Exclude<ZeroServerEvent, { type: "join" }>, nowMs: number): void {
    const { connection } = this;
    const reason = { code: event.type, reason: "", by: "local" } as const;
    if (event.type === "attached") this.attach(nowMs, RESUME_MS);
    else if (event.type === "rejected") connection.end("rejected", reason);
    else if (event.type === "untrusted") connection.end("rejected", reason);
    else if (event.type === "timeout") connection.end("expired", reason);
    else if (!others.has(event.type)) connection.handleZero(event as ZeroEvent);
  }

  turn(nowMs: number): void {
    this.connection.handleTimeout(nowMs);
    const w = new Writer(new Uint8Array(1200));
    while (this.connection.pollTransmit(w, nowMs) > 0) w.at = 0;
  }
}

/** Everybody in a world that joins once, and the pairs of states that were seen. */
function live(seed: number, seen: Set<string>): void {
  const random = new SeededRandom(seed);
  const clients = new Map<Host, Side>();
  const peers = new Map<number, Side>();
  const world: World = new World({
    seed,
    loss: seed % 3 === 0 ? 0 : 0.25,
    authenticateMs: 40,
    place: (_world, _event, port) => (seed % 10 === 7 ? "reject" : port),
    onClientEvent: (host, event) => clients.get(host)?.handle(event, world.nowMs),
    onServerEvent: (event) => {
      if (event.type !== "join") peers.get(event.peer)!.handle(event, world.nowMs);
    },
    onReserved: (peer, cid, server) => {
      const end: ZeroEnd = {
        close: (code, reason, nowMs) => server.close(peer, code, reason, nowMs),
        forget: () => server.forget(peer),
      };
      peers.set(peer, new Side("server", end, () => server.stateOf(cid)));
    },
  });
  const host = world.join({ natPort: seed % 2 === 0 ? (towards) => towards + 1 : () => 40_000 });
  clients.set(host, new Side("client", host.client, () => host.client.state));
  const beginMs = world.nowMs;
  // Nobody ends the one whose sides do not hear each other, until each has given the other up.
  const endAtMs = seed % 12 === 5 ? Number.POSITIVE_INFINITY : beginMs + random.next() * 3000;
  let ended = false;
  for (let i = 0; i < 500; i++) {
    world.runFor(stepMs(world.nowMs - beginMs));
    const sides = [...clients.values(), ...peers.values()];
    // Some close as soon as a client has attached whose address is not proven.
    const unproven = seed % 4 === 2 && sides.some((side) => side.zeroState() === "attached");
    if (!ended && (unproven || world.nowMs >= endAtMs)) {
      ended = true;
      const side = sides[unproven ? sides.length - 1 : seed % sides.length]!;
      const { state } = side.connection;
      if (state === "open") {
        if (seed % 3 > 0) side.send("chat");
        side.connection.close({ code: "bye", reason: "" }, 200, world.nowMs);
      } else if (state === "joining" || state === "attaching") {
        side.connection.end("abandoned", { code: "no", reason: "", by: "local" });
      }
    }
    for (const side of sides) side.turn(world.nowMs);
    world.pump();
    for (const { connection, role, zeroState } of sides) {
      const row = rows.get(connection.state)!;
      const known = zeroState();
      // What the server has removed it has forgotten, but for the join.
      const zero =
        role === "server" && (known === "answered" || known === "listening") ? "closed" : known;
      expect(row[role], `seed ${seed}: ${role} ${connection.state} at ${world.nowMs}`).toContain(
        zero,
      );
      seen.add(`${role} ${connection.state} ${zero}`);
    }
  }
  for (const side of [...clients.values(), ...peers.values()]) {
    expect(side.connection.state).toBe("closed");
    expect(side.counters.toObject()).toEqual({});
  }
}

it("the states of a connection and of its zero messages go together, and nothing unexpected comes", () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 24; seed++) live(seed, seen);
  const told = [...rows.values()].flatMap((row) => [
    ...row.client.map((zero) => `client ${row.state} ${zero}`),
    ...row.server.map((zero) => `server ${row.state} ${zero}`),
  ]);
  // Nothing has to be drained here, and a server has no connection in joining, nor where it expects one of another port.
  const possible = told.filter((pair) => !/ draining |server joining| expected$/.test(pair));
  expect([...seen].sort()).toEqual(possible.sort());
});
