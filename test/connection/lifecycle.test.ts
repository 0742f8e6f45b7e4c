/** The table of a connection's life: what it promises as a whole, and that connections do what it says, pair by pair. */
import { describe, expect, it, test } from "vitest";
import type { Connection } from "#src/connection/connection.js";
import {
  allowed,
  type ConnectionEvent,
  type ConnectionState,
  connectionEvents,
  connectionStates,
  transitions,
} from "#src/connection/lifecycle.js";
import { sameVersion } from "#src/negotiated-version.js";
import { Writer } from "#src/wire/writer.js";
import { openPair, protocol, TestHost } from "../support/connection-pair.ts";

const nextOf = (state: ConnectionState): ConnectionState[] => Object.values(transitions[state]);

/** All states that can follow, at some time. */
function reachable(from: ConnectionState): Set<ConnectionState> {
  const found = new Set<ConnectionState>([from]);
  for (const state of found) for (const next of nextOf(state)) found.add(next);
  return found;
}

describe("the table of transitions", () => {
  it("leads from the client's beginning through every state", () => {
    expect([...reachable("joining")].sort()).toEqual([...connectionStates].sort());
  });

  it("leads to closed from every state, and nowhere from there", () => {
    for (const state of connectionStates) expect(reachable(state)).toContain("closed");
    expect([...reachable("closed")]).toEqual(["closed"]);
  });

  it("leads onwards only, but for a client that has to join anew, and for who comes back", () => {
    for (const state of connectionStates) {
      for (const [event, next] of Object.entries(transitions[state])) {
        if (event === "restarted") expect(next).toBe("joining");
        else if (event === "heard") expect([state, next]).toEqual(["away", "open"]);
        else {
          const step = connectionStates.indexOf(next) - connectionStates.indexOf(state);
          expect(step, `${state} ${event}`).toBeGreaterThanOrEqual(0);
        }
      }
    }
  });

  it("uses every event, and takes messages only where datagrams carry them", () => {
    const used = new Set(connectionStates.flatMap((state) => Object.keys(transitions[state])));
    expect([...used].sort()).toEqual([...connectionEvents].sort());
    for (const { datagrams, messages } of Object.values(allowed)) {
      expect(messages && !datagrams).toBe(false);
    }
  });
});

/** Long enough for everything that can run out. */
const LATER_MS = 60_000;
const RESUME_MS = 10_000;
const reason = { code: "why", reason: "", by: "remote" } as const;

/** How a connection gets into each state. */
const into: Record<ConnectionState, () => TestHost> = {
  joining: () => new TestHost("client"),
  attaching: () => new TestHost("server"),
  open() {
    const host = new TestHost("client");
    host.attach(0, RESUME_MS);
    return host;
  },
  away() {
    const host = into.open();
    host.connection.handleTimeout(protocol.limits.idleTimeoutMs);
    return host;
  },
  lingering() {
    const host = into.open();
    host.send("chat");
    host.connection.close({ code: "bye", reason: "" }, LATER_MS, 0);
    return host;
  },
  closing() {
    const host = into.open();
    host.connection.close({ code: "bye", reason: "" }, 0, 0);
    transmit(host.connection);
    return host;
  },
  draining() {
    const { client, server, pair } = openPair();
    server.accepting = false;
    client.send("chat");
    pair.run(100);
    server.connection.handleZero({ type: "closed", ...reason });
    return server;
  },
  closed() {
    const host = into.open();
    host.connection.handleZero({ type: "closed", ...reason });
    return host;
  },
};

function transmit(connection: Connection, nowMs = 0): void {
  const w = new Writer(new Uint8Array(1200));
  do w.at = 0;
  while (connection.pollTransmit(w, nowMs) > 0);
}

/** How each event is brought about. Those that a connection finds by itself do not come where it does not look. */
const cause: Record<ConnectionEvent, (host: TestHost) => void> = {
  accepted: ({ connection }) => connection.handleZero({ type: "accepted" }),
  restarted: ({ connection }) => connection.handleZero({ type: "restarted" }),
  confirmed: ({ connection }) => connection.handleZero({ type: "confirmed" }),
  rejected: ({ connection }) => connection.end("rejected", reason),
  expired: ({ connection }) => connection.end("expired", reason),
  remoteClosed: ({ connection }) => connection.handleZero({ type: "closed", ...reason }),
  acknowledged: ({ connection }) =>
    connection.handleZero({ type: "closed", ...reason, by: "local" }),
  abandoned: ({ connection }) => connection.end("abandoned", reason),
  attached: ({ connection }) => connection.attach({ negotiated: sameVersion(protocol), tag: 7 }, 0),
  closeRequested: ({ connection }) => connection.close({ code: "bye", reason: "" }, LATER_MS, 0),
  lingered: ({ connection }) => transmit(connection, 2 * LATER_MS),
  silent({ connection }) {
    if (connection.state === "open") connection.handleTimeout(protocol.limits.idleTimeoutMs);
  },
  heard: ({ connection }) => connection.move(false, LATER_MS),
  idle: ({ connection }) => connection.handleTimeout(LATER_MS),
  delivered(host) {
    host.accepting = true;
    host.connection.pump();
  },
};
const foundByItself: ReadonlySet<ConnectionEvent> = new Set([
  "lingered",
  "silent",
  "heard",
  "idle",
  "delivered",
]);

describe("a connection that is", () => {
  const pairs = connectionStates.flatMap((state) =>
    connectionEvents.map((event) => [state, event] as const),
  );

  test.each(pairs)("%s, when it is %s", (state, event) => {
    const host = into[state]();
    expect(host.connection.state).toBe(state);
    expect(host.counters.toObject()).toEqual({});
    cause[event](host);
    const next = transitions[state][event];
    // A connection from which nothing is kept back has nothing to drain.
    const through = next === "draining" && state !== "draining" ? "closed" : next;
    expect(host.connection.state).toBe(through ?? state);
    const counted = next === undefined && !foundByItself.has(event);
    expect(host.counters.toObject()).toEqual(
      counted ? { [`unexpected.${state}.${event}`]: 1 } : {},
    );
  });
});
