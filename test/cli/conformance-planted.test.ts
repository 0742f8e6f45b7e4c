/**
 * `stardust conformance` finds what it is for: servers of ours into whose session faults were planted fail the rules that speak
 * of them, and no other that is tried. Several faults to a server, as far as they do not meet.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sessionRules } from "#cli/conformance/session-rules.js";
import { probeServer, type Row } from "#cli/conformance.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpecFile } from "#codegen/spec/load.js";
import { type Server, type ServerOptions, sendMuch } from "../support/narrow.ts";
import { type Edit, plantServer, removePlantedServers } from "../support/plant-server.ts";
import { root } from "./run.ts";

const model = resolveSpec(loadSpecFile(join(root, "test/specs/narrow.yaml")))!;

/** By the rule that finds it. */
type Faults = Readonly<Record<string, readonly Edit[]>>;

const groups: readonly (readonly [name: string, faults: Faults, others: readonly string[]])[] = [
  [
    "acknowledges late, and has half a pool",
    {
      "ack-reliable": [
        ["session/received.js", /maxAckDelayMs - TIMER_LATENESS_MS/, "maxAckDelayMs + 60"],
      ],
      "ack-unreliable": [
        [
          "session/received.js",
          /if \(!frames && !ackNow\)/,
          "if (!ackNow && !(frames && reliable))",
        ],
      ],
      "ack-unreliable-32nd": [],
      "ack-out-of-order": [],
      "ack-pruned": [["session/received.js", /prune\(packetNumber\) \{/, "$& return;"]],
      "ack-ahead": [["session/sent.js", /if \(largest >= this\.next\)/, "if (false)"]],
      "limit-room": [["budget-shares.js", /budgetBytes \* \(1 - OWN_SHARE\)/, "budgetBytes / 2"]],
      "limit-beyond": [["session/send-limit.js", /isAuthentic && isBeyond/, "isBeyond"]],
      "sends-numbers": [["session/sent.js", /begin\(\) \{/, "$& if (this.next === 9) return 8;"]],
    },
    ["ack-ranges", "ack-pure", "ack-once", "message-again"],
  ],
  [
    "acknowledges wrongly, and has one budget for all",
    {
      "ack-tenth": [["limits.js", /(?<!LAZY_)ACK_DATAGRAMS = 10/, "ACK_DATAGRAMS = 20"]],
      "ack-unreliable-32nd": [["limits.js", /LAZY_ACK_DATAGRAMS = 32/, "LAZY_ACK_DATAGRAMS = 64"]],
      "ack-out-of-order": [["session/received.js", /if \(ackNow \|\| gap/, "if (ackNow"]],
      "ack-pure": [["session/received.js", /if \(!frames && !ackNow\)\s+return;/, ""]],
      "ack-once": [
        [
          "session/received.js",
          /this\.deadlineMs = this\.again \?[^;]*;/,
          "this.deadlineMs = this.once ? Infinity : this.largestAtMs + 80; this.once = true;",
        ],
      ],
      "ack-ranges": [["limits.js", /MAX_ACK_RANGES = 32/, "MAX_ACK_RANGES = 4"]],
      "ack-many": [],
      "limit-apart": [
        [
          "session/flow-channels.js",
          /return grown === 0 \|\|/,
          "if (grown === 0) return this.pooledBytes < 0.9 * shares.poolBytes;\nreturn ",
        ],
      ],
      "limit-asked": [["session/receive-limit.js", /askedFor\(channel\) \{/, "$& return;"]],
    },
    ["ack-reliable", "ack-unreliable", "limit-room", "number-wide"],
  ],
  [
    "takes too little and too much",
    {
      "datagram-again": [
        ["session/packet-numbers.js", / has\(packetNumber\) \{/, "$& return false;"],
      ],
      "message-again": [
        [
          "session/channel-receive.js",
          /if \(window\.has\(number\)\)\s+return undefined;/,
          'if (window.has(number)) return "duplicates";',
        ],
      ],
      "window-edge": [["limits.js", /MESSAGE_WINDOW = 0x4000/, "MESSAGE_WINDOW = 0x2000"]],
      "slices-any-order": [
        [
          "session/channel-receive.js",
          /return open\.count === sliceCount \?/,
          "return open.count === sliceCount && !open.has(sliceIndex) ?",
        ],
      ],
      "refuse-old": [["limits.js", /DUPLICATE_WINDOW = 1024/, "DUPLICATE_WINDOW = 2048"]],
      "number-wrap": [
        ["session/packet-numbers.js", /return candidate \+ size;/, "return candidate;"],
      ],
      "number-wide": [
        [
          "session/open-datagram.js",
          /if \(codec\.hasSessionTag/,
          'if (header.wide) return "flags";\n$&',
        ],
      ],
      padding: [
        [
          "session/open-datagram.js",
          /const codec = this\.protocol\.header;/,
          '$&\nif (space.reader.end - space.reader.at > 1199) return "payloadSize";',
        ],
      ],
      large: [],
      "refuse-ack-channel": [["generated/header.js", /&& \(h\.frames \|\| h\.ackNow\)/, ""]],
      "refuse-asks-unknown": [
        ["generated/header.js", /&& wireId === 1;/, "&& (h.ackNow || wireId === 1);"],
      ],
    },
    ["refuse-slice-mismatch", "ack-now", "ack-gap", "refuse-channel"],
  ],
  [
    "has no receive limit, and keeps to none",
    {
      "refuse-limit": [
        ["session/receive-limit.js", /if \(!this\.flow\.fits\(place, costBytes\)\)/, "if (false)"],
      ],
      "limit-true": [
        [
          "session/receive-limit.js",
          /flow\.pass\(place, costBytes\)/,
          "flow.pass(place, 2 * costBytes)",
        ],
      ],
      "limit-told": [
        ["session/receive-limit.js", /TELL_LIMIT_SHARE = 1 \/ 4/, "TELL_LIMIT_SHARE = Infinity"],
        [
          "session/receive-limit.js",
          /TELL_LIMIT_ALONE_SHARE = 1 \/ 2/,
          "TELL_LIMIT_ALONE_SHARE = Infinity",
        ],
      ],
      "sends-limit": [
        ["session/send-limit.js", /if \(this\.flow\.isFair\(place, costBytes\)\)/, "if (true)"],
      ],
      "sends-again": [["session/session.js", /sent\.probeOldest\(\);/, ""]],
    },
    ["limit-asked", "ack-reliable", "sends-size", "sends-readable"],
  ],
  [
    "asks for no limit",
    {
      "sends-asks": [
        [
          "session/session.js",
          /this\.sendLimit\.timeout\(nowMs\);/,
          "{ if (!this.once) this.sendLimit.timeout(nowMs); this.once = true; }",
        ],
      ],
    },
    ["sends-limit", "sends-again"],
  ],
];

const TRIES = 3;

async function tryRules(edits: readonly Edit[], tried: readonly string[]): Promise<Row[]> {
  const { listen } = (await plantServer("narrow", edits)) as {
    listen(options: Partial<ServerOptions>): Promise<Server>;
  };
  const server = await listen({ ports: { count: 1 } });
  // As much as it may send to whoever joins, where that is what is tried.
  server.on("join", (peer) => {
    if (tried.includes("sends-limit")) void sendMuch(peer, 4);
  });
  const target = { host: "127.0.0.1", port: server.ports[0]!, waitMs: 1500, model };
  try {
    return await probeServer(target, (rule) => tried.includes(rule));
  } finally {
    await server.close();
  }
}

describe("a server with faults in its session", () => {
  // Side by side: each waits most of the time.
  const rowsOf = new Map<string, Row[]>();
  beforeAll(async () => {
    removePlantedServers();
    await Promise.all(
      groups.map(async ([name, faults, others]) => {
        const edits = Object.values(faults).flat();
        const tried = [...Object.keys(faults), ...others];
        // What a rule says of time it gives up where this machine stands still: then it is looked again.
        for (let i = 0; i < TRIES; i++) {
          const rows = await tryRules(edits, tried);
          rowsOf.set(name, rows);
          if (rows.every(({ rule, result }) => (result === "fail") === rule in faults)) return;
        }
      }),
    );
  });
  afterAll(removePlantedServers);

  it.each(groups)("that %s fails the rules of these, and no other", (name, faults, others) => {
    const rows = rowsOf.get(name)!;
    const named = (result: string): string[] =>
      rows.filter((row) => row.result === result).map(({ rule }) => rule);
    expect(named("fail").sort()).toEqual(Object.keys(faults).sort());
    expect(named("pass").sort()).toEqual([...others].sort());
  });

  it("that sends on no limited channel, and takes any limit, fails the rule about it", async () => {
    const spec = resolveSpec(loadSpecFile(join(root, "test/specs/one-way.yaml")))!;
    const results = await Promise.all(
      [[], [["session/send-limit.js", /limit === 0 \?/, "true ?"] as const]].map(async (edits) => {
        const { listen } = (await plantServer("one-way", edits)) as {
          listen(options: object): Promise<Server>;
        };
        const server = await listen({ ports: { count: 1 } });
        const target = { host: "127.0.0.1", port: server.ports[0]!, waitMs: 1500, model: spec };
        const rows = await probeServer(target, (rule) => rule === "refuse-limit-none");
        await server.close();
        return rows[0]!.result;
      }),
    );
    expect(results).toEqual(["pass", "fail"]);
  });

  it("is planted for each rule that needs a connection of its own", () => {
    const planted = groups.flatMap(([, faults]) => Object.keys(faults));
    const alone = sessionRules(model).filter((rule) => rule.alone);
    const left = alone.map(({ id }) => id).filter((id) => !planted.includes(id));
    // Ours cannot be brought to them by an edit of a line; the shared rules have faults of their own kind.
    expect(left).toEqual(["refuse-slice-mismatch", "sends-readable", "sends-size"]);
  });
});
