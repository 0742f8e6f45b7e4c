/** The arena demo as its user runs it, in processes of its own; only its output and exit code are looked at. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { connect } from "#generated/client.js";
import type { Summary } from "../../demo/report.ts";

const main = fileURLToPath(new URL("../../dist/demo/main.js", import.meta.url));
const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Exit code, after all output. */
  readonly ended: Promise<number | null>;
}

function demo(...args: string[]): Run {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (text) => {
    out += String(text);
  });
  child.stderr.on("data", (text) => {
    err += String(text);
  });
  const ended = once(child, "close").then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return { child, out: () => out, err: () => err, ended };
}

async function summary(run: Run): Promise<{ code: number | null; result: Summary }> {
  const code = await run.ended;
  const lines = run.out().trimEnd().split("\n");
  // The one line on stdout is the object; all else went to stderr.
  expect(lines, run.err()).toHaveLength(1);
  expect(lines[0], run.err()).not.toBe("");
  return { code, result: JSON.parse(lines[0]!) as Summary };
}

/** So many neighbouring ports that nobody uses: a range is what the demo takes. */
async function freeRange(count: number): Promise<string> {
  for (let first = 20_000 + (process.pid % 20_000); ; first += count) {
    const sockets = [];
    try {
      for (let port = first; port < first + count; port++) {
        const socket = createSocket("udp4");
        sockets.push(socket);
        await new Promise<void>((resolve, reject) => {
          socket.once("error", reject);
          socket.bind({ port, address: "127.0.0.1", exclusive: true }, resolve);
        });
      }
      return `${first}-${first + count - 1}`;
    } catch {
      // Taken; the next ones.
    } finally {
      for (const socket of sockets) socket.close();
    }
  }
}

async function saying(run: Run, text: RegExp): Promise<void> {
  while (!text.test(run.out() + run.err())) {
    await Promise.race([
      once(run.child.stdout!, "data"),
      once(run.child.stderr!, "data"),
      run.ended,
    ]);
    if (run.child.exitCode !== null) expect(run.out() + run.err()).toMatch(text);
  }
}

describe("the demo", () => {
  it("spreads 12 bots as 4, 4, 4, keeps every promise and ends by itself", async () => {
    const { code, result } = await summary(
      demo("--ports", await freeRange(3), "--duration", "2", "--json"),
    );
    expect(code).toBe(0);
    expect(result.ports.map(({ peers }) => peers)).toEqual([4, 4, 4]);
    expect(new Set(result.ports.map(({ threadId }) => threadId)).size).toBe(3);
    expect(result).toMatchObject({ joined: 12, left: 12, errors: 0 });
    expect(result.reliable).toMatchObject({ duplicated: 0, misordered: 0 });
    expect(result.reliable.received).toBe(result.reliable.sent);
    expect(result.reliable.sent).toBeGreaterThan(200);
    expect(result.datagrams.received).toBeGreaterThan(100);
    expect(result.rttMs).toBeGreaterThan(0);
  });

  it("spreads 7 bots over 5 ports as 2, 2, 1, 1, 1", async () => {
    const { result } = await summary(
      demo("--ports", await freeRange(5), "--bots", "7", "--duration", "0.5", "--json"),
    );
    expect(result.ports.map(({ peers }) => peers)).toEqual([2, 2, 1, 1, 1]);
  });

  it("keeps every promise behind a link that loses a tenth each way and delays", async () => {
    const { code, result } = await summary(
      demo(
        "--ports",
        await freeRange(3),
        "--loss",
        "0.1",
        "--delay",
        "40",
        "--duration",
        "6",
        "--json",
      ),
    );
    expect(result.errors).toBe(0);
    expect(code).toBe(0);
    for (const way of [result.link.toServer, result.link.toClients]) {
      const share = way.dropped / (way.dropped + way.passed);
      expect(share).toBeGreaterThan(0.07);
      expect(share).toBeLessThan(0.13);
    }
    expect(result.reliable.sent).toBeGreaterThan(2000);
    expect(result.reliable.received).toBe(result.reliable.sent);
    expect(result.lost).toBeGreaterThan(0);
    expect(result.resent).toBeGreaterThan(0);
    expect(result.rttMs).toBeGreaterThan(75);
  });

  it("notices when nothing that was lost is sent again, and exits with 1", {
    timeout: 60_000,
  }, async () => {
    const { code, result } = await summary(
      demo(
        ...["--ports", await freeRange(3), "--loss", "0.1", "--delay", "10", "--duration", "2"],
        ...["--no-resend", "--json"],
      ),
    );
    expect(code).toBe(1);
    expect(result.errors).toBeGreaterThan(0);
    expect(result.resent).toBe(0);
    expect(result.reliable.received).toBeLessThan(result.reliable.sent);
  });

  it("shows peers of a worker that dies leaving with a reason and joining again, while the other port goes on", async () => {
    const range = await freeRange(2);
    const first = Number(range.split("-")[0]);
    const run = demo("--ports", range, "--bots", "4", "--crash", "3", "--json");
    await saying(run, new RegExp(`the worker of port ${first} ended with code 3; its peers leave`));
    await saying(run, /4 joined, 2 left \(2 worker-died\)/);
    await saying(run, new RegExp(`peers ${first}:2 ${first + 1}:2 .* 6 joined, [24] left`));
    run.child.kill("SIGINT");
    const { code, result } = await summary(run);
    expect(result.errors, run.err()).toBe(0);
    expect(code).toBe(0);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends cleanly with a summary on %s", async (signal) => {
    const run = demo("--ports", await freeRange(2), "--bots", "2");
    await saying(run, /2 joined/);
    run.child.kill(signal);
    expect(await run.ended).toBe(0);
    expect(run.out()).toMatch(/errors {6}0/);
  });

  it("leaves its server to bots of other processes, and fills the port that some have left first", async () => {
    const range = await freeRange(3);
    const first = Number(range.split("-")[0]);
    const server = demo("--ports", range, "--bots", "0", "--json");
    await saying(server, /listens on/);
    const join = ["--join", `127.0.0.1:${first}`, "--bots", "1", "--json"];
    const bots = [];
    for (let i = 0; i < 3; i++) {
      const run = demo(...join);
      await saying(run, /1 bots have joined.*Nobody has checked whose server that is; its key/s);
      bots.push(run);
    }
    bots[1]!.child.kill("SIGINT");
    const left = await summary(bots[1]!);
    expect(left.code).toBe(0);
    expect(left.result.ports).toMatchObject([{ port: first + 1, peers: 1 }]);
    const next = await summary(demo(...join, "--duration", "0.3"));
    expect(next.result.ports).toMatchObject([{ port: first + 1, peers: 1 }]);
    server.child.kill("SIGINT");
    const { code, result } = await summary(server);
    expect(code).toBe(0);
    expect(result).toMatchObject({ joined: 4, left: 4, errors: 0 });
    expect(result.ports.map(({ peers }) => peers)).toEqual([1, 0, 1]);
    // Their server left them: that is an error to bots.
    expect((await summary(bots[0]!)).code).toBe(1);
  });

  it("says what its server's key is, which bots of other processes join by, and no other server's", async () => {
    const range = await freeRange(1);
    const server = demo("--ports", range, "--bots", "0");
    await saying(server, /sealed\. The server's key, made for this run: \S{43}\n/);
    const [, key] = /this run: (\S+)/.exec(server.out())!;
    const join = ["--join", `127.0.0.1:${range.split("-")[0]}`, "--bots", "1", "--duration", "0.1"];
    const pinned = demo(...join, "--server-key", key!);
    expect(await pinned.ended, pinned.err()).toBe(0);
    expect(pinned.out()).toContain("The server has the key that was given.\n");
    const wrong = demo(...join, "--server-key", "A".repeat(43));
    expect(await wrong.ended).toBe(1);
    expect(wrong.err()).toMatch(/bot 1 could not join: .*key/);
    server.child.kill("SIGINT");
    expect(await server.ended).toBe(0);
  });

  it("ends when its parent is gone", async () => {
    const range = await freeRange(1);
    const script = `
      const { spawn } = require("node:child_process");
      const child = spawn(process.execPath, ${JSON.stringify([main, "--ports", range, "--bots", "1"])}, { stdio: ["ignore", 1, 2] });
      console.log("child " + child.pid);
    `;
    const parent = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "pipe"] });
    running.add(parent);
    let out = "";
    parent.stdout.on("data", (text) => {
      out += String(text);
    });
    while (!out.includes("1 joined")) await once(parent.stdout, "data");
    parent.kill("SIGKILL");
    // Its stdout is the parent's pipe: that it closes is the end of all that had it.
    await once(parent.stdout, "close");
    expect(out).toMatch(/errors {6}0/);
  });

  it("says what is wrong with its options and exits with 2", async () => {
    for (const [args, problem] of [
      [["--bots", "many"], /--bots takes a whole number/],
      [["--loss", "2"], /--loss takes a number from 0 to 0.99/],
      [["--join", "here"], /--join takes HOST:PORT/],
      [["--duration", "-5"], /^--duration takes a number from 0.1 to 1000000, not "-5"\n$/],
      [["--duration", "soon"], /^--duration takes a number/],
      [["--ports", "70000"], /^--ports: 70000 is not a UDP port\n$/],
      [["--ports", "9-5"], /^--ports: the range 9-5 runs backwards\n$/],
      [["--colour"], /--colour/],
    ] as const) {
      const run = demo(...args);
      expect(await run.ended).toBe(2);
      expect(run.err()).toMatch(problem);
    }
    const help = demo("--help");
    expect(await help.ended).toBe(0);
    expect(help.out()).toContain("--duration S");
  });

  it("says in one line that nobody answers where bots are to join", {
    timeout: 60_000,
  }, async () => {
    const port = (await freeRange(1)).split("-")[0];
    const run = demo("--join", `127.0.0.1:${port}`, "--bots", "50");
    expect(await run.ended).toBe(1);
    expect(run.out()).toBe(
      `No bot could join 127.0.0.1:${port}. ` +
        `Where nothing runs yet, \`npm start -- --ports ${port} --bots 0\` starts this demo's server.\n`,
    );
    expect(run.err().match(/error: /g)).toHaveLength(1);
  });

  it("takes what a client of somebody else says for no line of a bot", async () => {
    const range = await freeRange(1);
    const run = demo("--ports", range, "--bots", "3", "--duration", "2", "--json");
    await saying(run, /listens on/);
    const port = Number(range.split("-")[0]);
    const client = await connect({ host: "127.0.0.1", port, join: { name: "me" } });
    client.receive.snapshot(() => {});
    for (const text of ["hello", "#7", "#1 hello", "hello"]) client.send.chat({ from: 0, text });
    const { code, result } = await summary(run);
    expect(result).toMatchObject({ errors: 0, reliable: { misordered: 0, duplicated: 0 } });
    expect(code).toBe(0);
    await client.close();
  });

  it("says which way messages went, and when it waits", async () => {
    const run = demo("--ports", await freeRange(1), "--bots", "2", "--duration", "1");
    expect(await run.ended).toBe(0);
    expect(run.out()).toMatch(/The bots took \d+\.\d s to join\. Now 1 s of play\./);
    expect(run.out()).toContain("Waiting until what is under way has arrived.");
    expect(run.out()).toMatch(
      /^messages {4}\d+ from server to clients, \d+ from clients to server$/m,
    );
    expect(run.out()).toMatch(/^reliable .* messages sent by both sides, /m);
  });

  it("ends without a stack trace when nobody reads on", async () => {
    const run = demo("--ports", await freeRange(1), "--bots", "1");
    await saying(run, /listens on/);
    run.child.stdout!.destroy();
    expect(await run.ended).toBe(0);
    expect(run.err()).toBe("");
  });

  it("names a port that is taken and exits with 1", async () => {
    const range = await freeRange(1);
    const first = demo("--ports", range, "--bots", "0");
    await saying(first, /listens on/);
    const second = demo("--ports", range);
    expect(await second.ended).toBe(1);
    expect(second.err()).toContain(`cannot bind UDP port ${range.split("-")[0]}`);
    first.child.kill("SIGINT");
    await first.ended;
  });
});
