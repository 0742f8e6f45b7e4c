import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { signToken } from "#src/zero/token.js";
import { explore, type Finished, type Scenario } from "../support/exploration.ts";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { client, contents, EXPIRES_AT_MS, issuer } from "../support/token-vectors.ts";
import { PORTS } from "../support/zero-world.ts";

/** The most faults of a schedule, for a longer run; with 3, a scenario takes some minutes. */
const FAULTS =
  process.env["EXPLORE_FAULTS"] === undefined ? undefined : Number(process.env["EXPLORE_FAULTS"]);

/** With a short deadline, so that few repetitions come before it; a drop or three do not make it pass. */
const protocol = handZeroProtocol({ handshakeTimeoutMs: 2_000 });

const sealed = handZeroProtocol({ handshakeTimeoutMs: 2_000, security: "sealed" });

const large: Scenario["protocol"] = handZeroProtocol({
  handshakeTimeoutMs: 2_000,
  security: "sealed",
  secrets: true,
  large: true,
});

/** With fewer faults in the short run where that is said: what a third of them finds, the others do too. */
const scenarios: readonly (Scenario & { readonly shortFaults?: number })[] = [
  {
    name: "sent to another port, the client closes",
    protocol,
    decision: "other port",
    closes: "client",
  },
  { name: "kept on its port", protocol, decision: "same port", shortFaults: 1 },
  { name: "the server closes", protocol, decision: "other port", closes: "server", shortFaults: 1 },
  { name: "the decision takes 0.4 s", protocol, decision: "other port", authenticateMs: 400 },
  { name: "refused after 0.1 s", protocol, decision: "reject", authenticateMs: 100 },
  { name: "the address changes", protocol, decision: "other port", moves: true },
  {
    name: "a NAT maps each port anew",
    protocol,
    decision: "other port",
    mapsEach: true,
    closes: "client",
    shortFaults: 1,
  },
  {
    name: "sealed, a datagram follows attached, the client closes",
    protocol: sealed,
    decision: "other port",
    greets: true,
    closes: "client",
    shortFaults: 1,
  },
  {
    name: "a token, and members that are secret",
    protocol: handZeroProtocol({ handshakeTimeoutMs: 2_000, security: "sealed", secrets: true }),
    decision: "other port",
    join: { name: "bot", password: "open sesame" },
    token: {
      own: { signed: signToken(issuer, { ...contents, claims: {} }), key: client },
      rules: {
        issuers: [issuer.publicKey],
        audience: contents.audience,
        leewayMs: 0,
        wallMs: () => EXPIRES_AT_MS - 60_000,
      },
    },
    closes: "client",
    shortFaults: 1,
  },
  {
    name: "nothing gets to the chosen port: the client stays, and closes",
    protocol,
    decision: "other port",
    cutOff: "there",
    closes: "client",
    shortFaults: 1,
  },
  {
    name: "nothing comes back from the chosen port: the client stays",
    protocol,
    decision: "other port",
    cutOff: "back",
    shortFaults: 1,
  },
  {
    name: "a stranger joins under the same connection id, at the same port",
    protocol: sealed,
    decision: "other port",
    stranger: "same port",
    shortFaults: 1,
  },
  {
    name: "a stranger joins under the same connection id, at the chosen port",
    protocol: sealed,
    decision: "second port",
    stranger: "other port",
    shortFaults: 1,
  },
  {
    name: "the body comes in three pieces, sealed",
    protocol: large,
    decision: "other port",
    join: { name: "bot", password: "open sesame", ticket: "0123456789abcdef".repeat(125) },
    shortFaults: 1,
  },
];

/** What holds for one client at the end of every schedule. Returns what came of it. */
function judgeClient(
  run: Finished,
  { name, state, body, events }: Finished["clients"][number],
): string {
  const { scenario, serverEvents, reserved } = run;
  const ofClient = (type: string) => events.filter((event) => event.type === type);

  // No stuck state: whoever is neither open nor closed has a timer, and there is none left.
  expect(["open", "closed"], name).toContain(state);

  // It is told one end, and is a peer once.
  const opened = ofClient("attached");
  expect(opened.length).toBeLessThanOrEqual(1);
  const ends = events.filter(({ type }) => ["closed", "rejected", "timeout"].includes(type));
  expect(ends.length).toBe(state === "open" ? 0 : 1);

  // Who is open has its own peer at the port it was told, and at no other.
  for (const event of opened) {
    if (event.type !== "attached") continue;
    const place = reserved.find(({ peer }) => peer === event.peer)!;
    expect(place).toMatchObject({ port: event.port, body });
    const theirs = serverEvents.map((each) => each.event);
    const peer = theirs.find((each) => each.type === "attached" && each.peer === event.peer);
    // Sealed, they have the same secrets; plain, none.
    expect(event.secrets === undefined).toBe(scenario.protocol.security === "plain");
    expect(peer).toMatchObject(event.secrets === undefined ? {} : { secrets: event.secrets });
    // Who cannot reach another port is kept where it has dialled.
    if (scenario.cutOff !== undefined) expect(event.port).toBe(PORTS[0]);
    // Both agree on keys: a close is heard under its MAC, whoever says it.
    if (ends.length > 0) {
      expect(
        theirs.filter((each) => each.type === "closed" && each.peer === event.peer),
      ).toHaveLength(1);
    }
  }

  // Faults alone, which are too few to make a deadline pass, keep nobody out.
  const end = ends[0]?.type ?? "open";
  if (!run.waited) expect(end, name).not.toBe("timeout");
  return end;
}

/** What holds at the end of every schedule. Returns what came of it. */
function judge(run: Finished): string {
  const { scenario, clients, serverEvents, reserved } = run;
  const ofServer = (type: string) => serverEvents.filter(({ event }) => event.type === type);
  const ends = clients.map((client) => judgeClient(run, client));

  // Ports remember no join for longer than its cookie is good for.
  expect(run.joinsLeft).toBe(0);

  // Both ends agree where the client is, wherever it has gone.
  expect(run.isLost).toBe(false);

  // One place for one join, decided once; under one connection id a place at a port, whoever asks.
  const joins = serverEvents.flatMap(({ port, event }) =>
    event.type === "join" ? [{ port, cid: event.cid, event }] : [],
  );
  expect(new Set(joins.map(({ port, cid, event }) => `${port} ${cid} ${event.address}`)).size).toBe(
    joins.length,
  );
  // Each with all that its client has said, wherever it said it.
  const { token } = scenario;
  for (const { event } of joins) {
    const body = clients.find((client) => isDeepStrictEqual(client.body, event.body))?.body;
    expect(event).toMatchObject({ body, ...(token && { token: { claims: {} } }) });
  }
  if (scenario.decision === "reject") expect(reserved).toEqual([]);
  else if (run.turnedAway === 0) {
    expect(reserved.map(({ cid, body }) => [cid, body])).toEqual(
      joins.map(({ cid, event }) => [cid, event.body]),
    );
  } else expect(reserved.length + run.turnedAway).toBe(joins.length);
  if (scenario.stranger === undefined) expect(run.turnedAway).toBe(0);

  // Each place ends exactly once, or is a peer's; and a peer's only once.
  const placesOf = (type: string): number[] =>
    ofServer(type).map(({ event }) => ("peer" in event ? event.peer : -1));
  const attached = placesOf("attached");
  const ended = [...placesOf("expired"), ...placesOf("closed")];
  expect(new Set(attached).size).toBe(attached.length);
  expect(new Set(ended).size).toBe(ended.length);
  expect(run.peersLeft).toBe(reserved.length - ended.length);
  for (const [i, { peer, port, cid }] of reserved.entries()) {
    const isTakenAgain = reserved
      .slice(i + 1)
      .some((later) => later.port === port && later.cid === cid);
    if (isTakenAgain) expect(ended).toContain(peer);
    if (!ended.includes(peer)) expect(attached).toContain(peer);
    if (placesOf("expired").includes(peer)) expect(attached).not.toContain(peer);
  }
  return ends.join(", ");
}

describe("whatever at most so many faults do to a connection", () => {
  const document = readFileSync(new URL("../../docs/connection.md", import.meta.url), "utf8");

  for (const scenario of scenarios) {
    const { name, shortFaults = 2 } = scenario;
    const faults = FAULTS ?? shortFaults;
    it(
      `every schedule keeps the promises: ${name}, ${faults} at most`,
      () => {
        const { states, ends, deepest, endings } = explore(scenario, faults, judge);
        const row = `| ${[name, faults, states, ends, deepest].join(" | ")} |`;
        if (FAULTS !== undefined) console.log(row, endings);
        // How many there are is no secret: where this row is another, the document has it to be corrected.
        else expect(document.replaceAll(/ +/g, " ")).toContain(row);
      },
      120_000 * 20 ** Math.max(0, faults - 2),
    );
  }
});
