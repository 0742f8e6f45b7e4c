/** `stardust load` against real servers: what it counts, what it finds wrong, and how it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { LoadReport } from "#cli/load/report.js";
import { runLoad } from "#cli/load.js";
import { narrowServer, type Server } from "../support/narrow.ts";
import { specUrl } from "../support/specs.ts";
import { main, stardust, temporaryFolder } from "./run.ts";

const generated = fileURLToPath(specUrl("narrow", "generated"));

async function load(
  server: Pick<Server, "ports">,
  flags: Record<string, string | boolean>,
): Promise<{ code: number; report: LoadReport; said: string }> {
  let printed = "";
  let said = "";
  const code = await runLoad({
    positionals: [generated],
    flags: {
      port: String(server.ports[0]!),
      duration: "0.4",
      "join-rate": "1000",
      json: true,
      ...flags,
    },
    out: (text) => {
      printed += text;
    },
    err: (text) => {
      said += text;
    },
    closed: () => false,
    colour: false,
  });
  return { code, report: JSON.parse(printed) as LoadReport, said };
}

/** A server that sends back what comes on `loose`, as often as `times` says of the how manieth. */
async function echoServer(times: (nth: number) => number = () => 1): Promise<Server> {
  const server = await narrowServer({ ports: { count: 2 } });
  let nth = 0;
  for (const channel of ["line", "big", "state", "blob", "order"] as const) {
    server.receive[channel](() => {});
  }
  server.receive.loose((peer, message) => {
    for (let left = times(nth++); left > 0; left--) peer.send.loose(message);
  });
  return server;
}

describe("a load", () => {
  it("over a bad link accounts for every echo, and leaves nobody behind", async () => {
    const server = await echoServer();
    const flags = { peers: "6", rate: "60", channel: "loose,state", echo: "loose" };
    const { code, report, said } = await load(server, {
      ...flags,
      threads: "2",
      loss: "0.05",
      delay: "5",
    });
    expect(report.broken).toEqual({});
    expect(report).toMatchObject({ ok: true, lostPeers: {}, failedJoins: {} });
    expect(report.peers.joined).toBe(6);
    expect(report.echo!.sent).toBeGreaterThan(10);
    expect(report.echo!.returned).toBe(report.echo!.sent);
    expect(report.latencyOf).toBe("echo");
    expect(report.latencyMs.p50).toBeGreaterThan(10);
    expect(report.datagrams.sent).toBeGreaterThan(0);
    expect(report.generator.busy).toHaveLength(2);
    expect(said).toContain("running: 6 peers");
    expect(code).toBe(0);
    expect((await server.stats()).left).toBe(6);
  });

  it.each([
    ["is not sent back", 0, "a reliable message that did not come back"],
    ["comes back twice", 2, "an echo of what was not sent, or a second one"],
  ])("ends with 1 where one message %s", { timeout: 30_000 }, async (_, times, why) => {
    const server = await echoServer((nth) => (nth === 5 ? times : 1));
    const { code, report } = await load(server, { peers: "2", channel: "loose", echo: "loose" });
    expect(report.broken).toEqual({ [why]: 1 });
    expect(code).toBe(1);
  });

  it("ends with 1 where a peer is lost, and says with what code", async () => {
    const server = await echoServer();
    server.receive.state((peer) => peer.close({ code: "kicked", lingerMs: 0 }));
    const { code, report } = await load(server, { peers: "2", channel: "state" });
    expect(Object.keys(report.lostPeers)).toEqual(["kicked, by the server"]);
    expect(code).toBe(1);
  });

  it("sends one peer ahead: where nobody answers, no other joins", async () => {
    const { code, report } = await load({ ports: [9] }, { peers: "50" });
    expect(report.failedJoins).toEqual({ STARDUST_CONNECT_TIMEOUT: 1 });
    expect(code).toBe(1);
  });

  it("is what a script says, and goes by the script's latencies and findings", async () => {
    const server = await echoServer();
    const folder = temporaryFolder("load-script");
    const script = join(folder, "script.mjs");
    writeFileSync(
      script,
      `export default {
        play(client, peer) {
          let n = 0;
          client.receive.loose((message) => {
            if (message.n === 3) peer.broken("three");
            peer.latency(250);
          });
          peer.atRate(() => client.send.loose({ n: ++n, data: new Uint8Array(1 + peer.random() * 9) }));
        },
      };`,
    );
    const { code, report } = await load(server, { peers: "2", script, "max-latency": "200" });
    expect(report.broken).toEqual({ three: 2 });
    expect(report).toMatchObject({ latencyOf: "script", messages: { kind: "script" } });
    expect(report.latencyMs.p99).toBeGreaterThan(200);
    expect(code).toBe(1);
  });

  it("finds the limit of a server, and what gave way there", { timeout: 60_000 }, async () => {
    const server = await narrowServer({ maxPeersPerPort: 5 });
    const { code, report } = await load(server, {
      peers: "5",
      "find-limit": true,
      duration: "0.2",
      channel: "state",
      "max-latency": "60000",
    });
    expect(report.limit).toMatchObject({ peers: 5, failedAt: 6, what: "joins" });
    expect(report.limit!.gaveWay).toBe("joins failed: rejected: full");
    expect(report.limit!.steps.map(({ peers }) => peers)).toEqual([5, 10, 7, 6]);
    expect(code).toBe(0);
  });

  it("ends on Ctrl-C with its report, and with its peers gone", async () => {
    const server = await echoServer();
    const child = spawn(
      process.execPath,
      [
        main,
        "load",
        generated,
        "--port",
        String(server.ports[0]!),
        "--peers",
        "3",
        "--duration",
        "600",
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let out = "";
    child.stdout.on("data", (text) => {
      out += String(text);
    });
    const running = new Promise<void>((resolve) => {
      child.stderr.on(
        "data",
        (text) => void (String(text).includes("running: 3 peers") && resolve()),
      );
    });
    await running;
    child.kill("SIGINT");
    const [code] = await once(child, "exit");
    expect(out).toContain("3 joined, 0 joins failed, 0 lost");
    expect(out).toContain("all that was promised was kept (ended early)");
    expect(code).toBe(0);
    expect((await server.stats()).left).toBe(3);
  });
});

it("says what is wrong with its command line", () => {
  const folder = temporaryFolder("load");
  const wrong = (...args: string[]) => {
    const { code, err } = stardust(folder, "load", ...args);
    expect(code).toBe(2);
    return err;
  };
  expect(wrong()).toContain("load needs --port");
  expect(wrong("--port", "1")).toContain("has no client.ts or client.js");
  expect(wrong(generated, "--port", "1", "--channel", "nothing")).toContain(
    "a client sends on no channel nothing; there are: line, ",
  );
  expect(wrong(generated, "--port", "1", "--echo", "order")).toContain(
    "no channel that goes both ways",
  );
});
