/** `stardust conformance`: our own servers pass every rule that shows, and servers with one planted fault fail that rule. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newIdentity } from "stardust-udp/tokens";
import { describe, expect, it, onTestFinished } from "vitest";
import { explainServer, type Listen, type Verdict, verdictText } from "#cli/conformance/explain.js";
import { sessionRules } from "#cli/conformance/session-rules.js";
import { probeServer, runConformance } from "#cli/conformance.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpecFile } from "#codegen/spec/load.js";
import type { Protocol } from "#src/protocol.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { ZeroServer } from "#src/zero/server.js";
import { closing } from "../support/arena.ts";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { narrowServer, sendMuch } from "../support/narrow.ts";
import { specUrl } from "../support/specs.ts";
import { root, stardust, temporaryFolder } from "./run.ts";

type ServerModule = typeof import("../tmp/specs/robot/generated/server.ts");

const modelOf = (spec: string) => resolveSpec(loadSpecFile(join(root, spec)))!;
const narrow = modelOf("test/specs/narrow.yaml");
const target = (port: number, model = narrow) => ({ host: "127.0.0.1", port, waitMs: 2000, model });

async function listenTo(name: string, options: object = {}): Promise<{ ports: readonly number[] }> {
  const url = specUrl(name, "generated/server.js");
  const { listen } = (await import(url.href)) as ServerModule;
  return closing(await listen({ ports: { count: 1 }, ...options }));
}

/** The machine of a port by itself, on a socket: it lets everybody in. */
async function serveMachine(protocol: Protocol): Promise<number> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  const nowMs = performance.now();
  const own = { protocol, crypto: nodeCrypto, port, ports: [[port, port]] as const };
  const server = new ZeroServer({ ...own, random: Math.random, nowMs });
  let peer = 0;
  socket.on("message", (bytes, from) => {
    const now = performance.now();
    server.handleDatagram(bytes, bytes.length, from.address, from.port, now);
    for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) {
      if (event.type !== "join") continue;
      const accept = server.reserve({ ...event, peer: ++peer, accept: {}, nowMs: now })!;
      server.answer(event.cid, accept, now);
    }
    for (let out = server.pollTransmit(now); out !== undefined; out = server.pollTransmit(now))
      socket.send(out.bytes, out.port, out.address);
  });
  return port;
}

describe("a server of ours", () => {
  it.each([
    ["robot", "test/specs/robot.yaml"],
    ["packed", "test/specs/packed.yaml"],
    ["menagerie", "test/specs/menagerie.yaml"],
    ["sealed", "test/specs/sealed.yaml"],
    ["modes-sealed", "test/specs/modes-sealed.yaml"],
    ["lobby", "test/specs/lobby.yaml"],
  ])("of %s passes every rule that shows from outside", async (name, spec) => {
    const server = await listenTo(name);
    const model = modelOf(spec);
    // Those with a connection of their own where layout and seal make them others; budgets as large as usual take long to fill.
    const isTried = ({ id, alone }: { readonly id: string; readonly alone?: true }): boolean => {
      if (!alone || name === "modes-sealed") return true;
      return name === "menagerie" && !/limit-(room|apart|told)$|^refuse-limit$/.test(id);
    };
    const left = sessionRules(model).filter((rule) => !isTried(rule));
    const rows = await probeServer(
      target(server.ports[0]!, model),
      (rule) => !left.some(({ id }) => id === rule),
    );
    expect(rows.filter(({ result }) => result === "fail")).toEqual([]);
    expect(rows.filter(({ result }) => result === "pass").length).toBeGreaterThan(45);
  });

  it("that asks for connect tokens passes with an issuer's key, and lets nobody in without", async () => {
    const folder = temporaryFolder("conformance-tokens");
    const { identity, publicKey } = newIdentity();
    writeFileSync(join(folder, "issuer.key"), identity);
    const server = await listenTo("lobby", { tokens: { issuers: publicKey, audience: "eu-1" } });
    const run = async (flags: Record<string, string>) => {
      const said: string[] = [];
      const code = await runConformance({
        positionals: [`127.0.0.1:${server.ports[0]!}`],
        flags: { spec: join(root, "test/specs/lobby.yaml"), ...flags, json: true } as never,
        out: (text) => void said.push(text),
        err: (text) => void said.push(text),
        closed: () => false,
        colour: false,
      });
      const rows = JSON.parse(said.join("")) as { rule: string; result: string; detail?: string }[];
      return { code, failed: rows.filter(({ result }) => result === "fail") };
    };
    const key = { "token-key": join(folder, "issuer.key") };
    for (const only of ["accept-again", "attached", "ack-gap", "ack-reliable"]) {
      expect(await run({ ...key, audience: "eu-1", only })).toEqual({ code: 0, failed: [] });
    }
    for (const flags of [{}, { ...key, audience: "eu-2" }]) {
      const { code, failed } = await run({ ...flags, only: "accept-again" });
      expect([code, failed.map(({ detail }) => detail)]).toEqual([
        1,
        [expect.stringContaining("rejected (denied)")],
      ]);
    }
  });

  it("that takes bodies in pieces passes the rules about them, and one that does not refuses early", async () => {
    const model = modelOf("test/specs/ticket.yaml");
    const rules = async (options: object) => {
      const server = await listenTo("ticket", options);
      const join = { name: "ada", ticket: "0123456789abcdef".repeat(20) };
      const rows = await probeServer({ ...target(server.ports[0]!, model), join }, (rule) =>
        rule.startsWith("pieces-"),
      );
      return rows.map(({ rule, result }) => `${rule} ${result}`);
    };
    const all = "early unknown order again length number window sealed digest".split(" ");
    expect(await rules({ authenticate: () => ({ accept: true }) })).toEqual(
      all.map((rule) => `pieces-${rule} ${rule === "digest" ? "not observable" : "pass"}`),
    );
    expect(await rules({})).toEqual(
      all.map((rule, i) => `pieces-${rule} ${i < 2 ? "pass" : "not observable"}`),
    );
  });

  it("whose bodies are readable passes the rule about their digest", async () => {
    const spec = join(temporaryFolder("conformance-pieces"), "ticket.yaml");
    const text = readFileSync(join(root, "test/specs/ticket.yaml"), "utf8");
    writeFileSync(
      spec,
      text
        .replace("secret: true,", "")
        .replace("name: ticket,", "name: readable,")
        .replace("channels:", "security: plain\nchannels:"),
    );
    const model = resolveSpec(loadSpecFile(spec))!;
    const port = await serveMachine(handZeroProtocol({ large: true, hash: model.hash }));
    const body = { name: "ada", ticket: "0123456789abcdef".repeat(20) };
    const rows = await probeServer({ ...target(port, model), join: body }, (rule) =>
      /^pieces-(order|again|window|digest)$/.test(rule),
    );
    expect(rows.map(({ result }) => result)).toEqual(["pass", "pass", "pass", "pass"]);
  });

  it("has refused each datagram for the reason that the rule is about", async () => {
    const server = await narrowServer();
    // More than a receiver may hold, to whoever joins.
    server.on("join", (peer) => void sendMuch(peer, 4));
    const rows = await probeServer(target(server.ports[0]!));
    expect(rows.filter(({ result }) => result === "fail")).toEqual([]);
    const others = ["refuse-reserved", "refuse-limit-none", "secret-changed"];
    const unseen = rows.filter(({ result }) => result !== "pass").map(({ rule }) => rule);
    expect(unseen.filter((rule) => !others.includes(rule) && !rule.startsWith("pieces-"))).toEqual(
      [],
    );
    const { counters } = (await server.stats()).ports[0]!;
    const reasons =
      "sessionTag truncated reservedBits unknownChannel flags sliceBounds sliceMismatch payloadSize acknowledgedUnsent messageWindow jump receiveLimit duplicates tooOld";
    for (const reason of reasons.split(" ")) {
      expect(counters[`session.${reason}`], reason).toBeGreaterThan(0);
    }
    const zero =
      "Length Frame Mac Scan Forbidden Utf8 Json Envelope Message Schema Sequence Port Cookie Bytes Protocol Tag Nonce";
    for (const reason of zero.split(" ")) {
      expect(counters[`zero.dropped${reason}`], reason).toBeGreaterThan(0);
    }
  });

  it("that admits nobody is told apart from one that breaks rules: nobody attaches", async () => {
    const server = await narrowServer({ authenticate: () => ({ accept: false }) });
    const rows = await probeServer(target(server.ports[0]!), (rule) =>
      /^ack-(now|gap)$/.test(rule),
    );
    expect(rows.map(({ result }) => result)).toEqual(["not observable", "not observable"]);
    expect(rows[0]!.detail).toContain("rejected (denied)");
  });
});

describe("a server that breaks a rule", () => {
  it.each([
    ["takes bytes behind the object", "zero-behind"],
    ["does not look at the hash", "other-hash"],
    ["answers more than was asked", "amplification"],
    ["accepts in other bytes each time", "accept-again"],
    ["has a wrong MAC on attached", "attached"],
    ["has a wrong MAC on verify", "rebind"],
    ["takes any key phase", "refuse-key-phase"],
    ["takes a limit without an ack", "refuse-limit-alone"],
    ["takes any padding", "refuse-padding"],
    ["takes any session tag", "refuse-tag"],
  ])("and %s fails %s, and nothing else", async (fault, rule) => {
    const wrapSocket = new URL("../support/faulty-socket.mjs", import.meta.url);
    const server = await narrowServer({ wrapSocket, wrapSocketData: fault });
    const wanted = [rule, "challenge", "zero-json", "ack-gap", "refuse-truncated", "close"];
    const rows = await probeServer(target(server.ports[0]!), (one) => wanted.includes(one));
    const failed = rows.filter(({ result }) => result === "fail").map((row) => row.rule);
    expect(failed).toEqual([rule]);
  });

  it.each([
    ["signs accept wrongly", "accept-signed"],
    ["ends no connection", "refuse-padding"],
    ["opens nothing that has the next keys", "key-update"],
  ])("of a sealed protocol and %s fails %s, and nothing else", async (fault, rule) => {
    const wrapSocket = new URL("../support/faulty-socket.mjs", import.meta.url);
    const server = await listenTo("sealed", { wrapSocket, wrapSocketData: fault });
    const sealed = { ...target(server.ports[0]!, modelOf("test/specs/sealed.yaml")), waitMs: 500 };
    const wanted = [rule, "challenge", "ack-gap", "seal-tag", "seal-none", "refuse-channel"];
    const rows = await probeServer(sealed, (one) => wanted.includes(one));
    const failed = rows.filter(({ result }) => result === "fail").map((row) => row.rule);
    expect(failed).toEqual([rule]);
  });

  it.each([
    ["counts no pieces", "pieces-order"],
    ["says nothing of what it has forgotten", "pieces-unknown"],
  ])("of a spec with long bodies and %s fails %s, and nothing else", async (fault, rule) => {
    const server = await listenTo("ticket", {
      authenticate: () => ({ accept: true }),
      wrapSocket: new URL("../support/faulty-socket.mjs", import.meta.url),
      wrapSocketData: fault,
    });
    const ticket = { ...target(server.ports[0]!, modelOf("test/specs/ticket.yaml")), waitMs: 500 };
    const wanted = [rule, "challenge", "pieces-early", "zero-json"];
    const rows = await probeServer(ticket, (one) => wanted.includes(one));
    const failed = rows.filter(({ result }) => result === "fail").map((row) => row.rule);
    expect(failed).toEqual([rule]);
  });

  it("and acknowledges nothing fails what asks for an ack", async () => {
    const wrapSocket = new URL("../support/faulty-socket.mjs", import.meta.url);
    const server = await narrowServer({ wrapSocket, wrapSocketData: "acknowledges nothing" });
    const quick = { ...target(server.ports[0]!), waitMs: 200 };
    const rows = await probeServer(quick, (rule) => /^ack-(now|gap)$/.test(rule));
    expect(rows.map(({ result }) => result)).toEqual(["fail", "fail"]);
  });
});

describe("a server that explains", () => {
  it("says of each datagram that it was taken, or the one reason why it was not", async () => {
    const { listen } = (await import(specUrl("narrow", "generated/server.js").href)) as {
      listen: Listen;
    };
    const verdicts: Verdict[] = [];
    const explained = await explainServer(listen, 0, (verdict) => verdicts.push(verdict));
    closing({ [Symbol.asyncDispose]: () => explained.close() });
    const tried = ["refuse-tag", "refuse-truncated", "zero-json", "attach-mac", "ack-now"];
    const rows = await probeServer(target(explained.port), (rule) => tried.includes(rule));
    expect(rows.map(({ result }) => result)).toEqual(tried.map(() => "pass"));
    const dropped = verdicts.filter(({ reasons }) => reasons.length > 0);
    expect(dropped.map(({ reasons }) => reasons.map(({ counter }) => counter))).toEqual([
      ["zero.droppedJson"],
      ["zero.droppedMac"],
      ["session.sessionTag"],
      ["session.truncated"],
    ]);
    expect(verdicts.length).toBeGreaterThan(10);
    expect(verdictText(dropped[2]!)).toMatch(
      /^dropped {2}127.0.0.1:\d+, \d+ bytes, 000001.*\n +session.sessionTag: not the tag/,
    );
    expect(verdictText(verdicts[0]!)).toMatch(/^taken {4}127.0.0.1:\d+, 1200 bytes, 0000007b22/);
  });
});

describe("the command", () => {
  it("is used wrongly without a server, with one that is not there, or with a rule that there is not", () => {
    const folder = temporaryFolder("conformance");
    const spec = ["--spec", join(root, "test/specs/narrow.yaml")];
    for (const [args, says] of [
      [[...spec], "host:port"],
      [["localhost", ...spec], "host:port"],
      [["127.0.0.1:9", "--wait", "50", ...spec], "nobody answers a join at 127.0.0.1:9"],
      [["127.0.0.1:9", "--only", "nothing", ...spec], "there is no rule nothing"],
      [["127.0.0.1:9", "--join", "{", ...spec], "--join takes JSON"],
      [["--explain", "nowhere.js"], "cannot import nowhere.js"],
      [["--explain", join(root, "dist/src/limits.js")], "exports no listen"],
    ] as const) {
      const { code, err } = stardust(folder, "conformance", ...args);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(says) });
    }
  });

  it("prints a table or JSON, and exits 0 where all that must be is", async () => {
    const server = await narrowServer();
    const place = `127.0.0.1:${server.ports[0]!}`;
    const run = async (...flags: string[]) => {
      let said = "";
      const flag = Object.fromEntries(flags.map((name) => [name, true]));
      const code = await runConformance({
        positionals: [place],
        flags: { spec: join(root, "test/specs/narrow.yaml"), only: "challenge", ...flag },
        out: (text) => {
          said += text;
        },
        err: (text) => {
          said += text;
        },
        closed: () => false,
        colour: false,
      });
      return { code, said };
    };
    const table = await run();
    expect(table.code).toBe(0);
    expect(table.said).toMatch(
      /^pass +MUST +challenge +answers join 1 .*\n1 pass, 0 fail, 0 not observable\n$/,
    );
    const json = await run("json");
    expect(JSON.parse(json.said)).toEqual([
      expect.objectContaining({ rule: "challenge", level: "MUST", result: "pass" }),
    ]);
  });
});
