/** `stardust top`: what it draws in any size of a terminal, and the command itself against dashboards over HTTP. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type Dashboard, type DashboardOptions, serveDashboard } from "stardust-udp/dashboard";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { plainLine, screen } from "#cli/top/screen.js";
import { Sampler } from "#src/dashboard/sampler.js";
import type { DashboardState } from "#src/dashboard/state.js";
import { ManyPeers } from "../support/many-peers.ts";
import { main } from "./run.ts";

/** Letters and digits, and what a terminal would obey. */
const hostile = "a\u001b[31m\u0007\tb\u202e";

const open: Dashboard[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
async function dashboard(options: DashboardOptions = {}): Promise<Dashboard> {
  const one = await serveDashboard(new ManyPeers(30), { label: () => hostile, ...options });
  open.push(one);
  return one;
}

interface Run {
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

function top(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, [main, "top", ...args], {
    env: { ...process.env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (text) => {
    out += String(text);
  });
  child.stderr.on("data", (text) => {
    err += String(text);
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { out: () => out, err: () => err, ended, kill: (signal) => void child.kill(signal) };
}

async function saying(text: () => string, pattern: RegExp): Promise<void> {
  while (!pattern.test(text())) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("the screen of top", () => {
  let state: DashboardState;
  beforeAll(async () => {
    const server = new ManyPeers(300);
    const seen = new Sampler(server, ({ id }) => `player ${id}`, {
      run: "a",
      title: "Pit",
      hasScene: false,
    });
    await seen.sample(true);
    server.seconds = 2;
    await seen.sample(true);
    state = seen.state({ sort: "loss", port: undefined, find: "", from: 0, limit: 25 })!;
  });
  const options = { height: undefined, colour: false, footer: "q: quit" };

  it("names the peer that suffers, its port and why, in whatever width, and no line is wider", () => {
    for (const width of [40, 60, 80, 100, 200]) {
      const lines = screen(state, { ...options, width });
      expect(lines.filter((line) => [...line].length > width)).toEqual([]);
      const text = lines.join(" ").replace(/\s+/g, " ");
      expect(text).toContain("▲ Peer 7 (player 7) on port 1001: loss 20 % down, 10 % up");
      const row = lines.find((line) => line.includes("player 7 · 7"));
      expect(row).toMatch(width < 60 ? /^▲ .*1001/ : /^▲ .*1001 +20 % +10 %/);
      expect(lines.find((line) => /^▲ +1001/.test(line))).toBeDefined();
    }
  });

  it("takes no more lines than there are, and of each table its head stays", () => {
    for (const height of [20, 24, 50]) {
      const lines = screen(state, { ...options, width: 100, height });
      expect(lines.length).toBeLessThanOrEqual(height);
      expect(lines.at(-1)).toBe("q: quit");
      const text = lines.join("\n");
      for (const part of [
        /▲ Peer 7/,
        /port +peers/,
        /peer +port/,
        height < 50 ? /… \d+ more/ : /player 24/,
      ])
        expect(text).toMatch(part);
    }
    expect(screen(state, { ...options, width: 10, height: 3 })).toHaveLength(3);
  });

  it("has colours only where they are wanted", () => {
    expect(screen(state, { ...options, width: 80 }).join("")).not.toContain("\u001b");
    const coloured = screen(state, { ...options, width: 80, colour: true });
    const red = coloured.find((line) => line.includes("Peer 7"))!;
    expect([red.slice(0, 5), red.slice(-4)]).toEqual(["\u001b[31m", "\u001b[0m"]);
  });

  it("is one line for a log", () => {
    expect(plainLine(state)).toMatch(
      /^\d\d:\d\d:\d\d 300 peers \(1000:150 1001:150\) \| messages\/s 100 ↓ .* \| Peer 7 \(player 7\) on port 1001: loss 20 %/,
    );
  });
});

describe("stardust top", () => {
  it("prints all of it once, and nothing that a player has called themselves moves the terminal", async () => {
    const { url } = await dashboard();
    const run = top([url, "--once", "--peers", "3"]);
    expect(await run.ended).toBe(0);
    expect(run.out()).toMatch(/^▲ Peer 7 \(a\ufffd\[31m\ufffd b\ufffd\) on port 1001: loss/m);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is what is asked.
    expect(run.out()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(run.out().match(/ · \d+/g)).toHaveLength(3);
  });

  it("prints a line a second where there is no terminal, objects with --json, over a restart, until Ctrl-C", async () => {
    const first = await dashboard();
    const run = top([first.url]);
    const json = top([first.url, "--json", "--find", "10.0.0.7:"]);
    await saying(run.out, /loss/);
    await first.close();
    await saying(run.err, /trying again/);
    await dashboard({ port: first.port });
    const before = run.out().length;
    await saying(() => run.out().slice(before), /loss/);
    run.kill("SIGINT");
    json.kill("SIGTERM");
    expect([await run.ended, await json.ended]).toEqual([0, 0]);
    const states = json
      .out()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as DashboardState);
    for (const { peersPage } of states) expect(peersPage.rows.map(({ id }) => id)).toEqual([7]);
  });

  it("shows the token in an option or a variable, and says where it is missing", async () => {
    const token = "correct-horse-battery";
    const { url } = await dashboard({ token });
    const runs = [
      top([url, "--once"]),
      top([url]),
      top([url, "--once", "--token", token]),
      top([url, "--once"], { STARDUST_TOKEN: token }),
    ];
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual([2, 2, 0, 0]);
    expect(runs[0]!.err()).toBe(
      "stardust: the dashboard wants a token: --token, or STARDUST_TOKEN\n",
    );
  });

  it("says what is wrong with an address", async () => {
    const runs = [
      top(["ftp://games.example", "--once"]),
      top(["http://127.0.0.1:1/", "--once"]),
      top(["--sort", "los"]),
    ];
    expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual([2, 2, 2]);
    expect(runs[0]!.err()).toMatch(/^stardust: top takes the address of a dashboard/);
    expect(runs[1]!.err()).toMatch(/ECONNREFUSED/);
    expect(runs[2]!.err()).toMatch(/did you mean "loss"/);
  });

  const hasPython = spawnSync("python3", ["--version"]).status === 0;
  // Python's standard library has terminals to give; CI has Python.
  it.skipIf(!hasPython && process.env["CI"] === undefined)(
    "has a terminal to itself, obeys keys, and leaves it as it was",
    async () => {
      const { url } = await dashboard();
      const child = spawn("python3", ["-c", terminal, process.execPath, main, "top", url]);
      let out = "";
      child.stdout.on("data", (text) => {
        out += String(text);
      });
      const ended = once(child, "close");
      await saying(() => out, /by loss .*q: quit/);
      child.stdin.write("s");
      await saying(() => out, /by rtt/);
      child.stdin.write("q");
      expect((await ended)[0]).toBe(0);
      expect(out.startsWith("\u001b[?1049h\u001b[?25l")).toBe(true);
      expect(out.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
      expect(out).toContain("\u001b[31m▲ Peer 7");
    },
  );
});

/** Runs a program in a terminal of 100 columns and 40 rows, between its own stdin and stdout; ends as it does. */
const terminal = `
import fcntl, os, pty, select, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
while True:
    for ready in select.select([fd, 0], [], [])[0]:
        try:
            data = os.read(ready, 65536)
        except OSError:
            data = b""
        if data == b"" and ready == fd:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os.write(fd if ready == 0 else 1, data)
`;
