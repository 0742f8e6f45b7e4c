/**
 * One measurement of one protocol: both ends started as processes of their own, warmed up, and asked before and after a span
 * of time for their CPU and what they have counted. Whoever delivers something else than what was sent has lost: it throws.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { buildLink } from "./build.js";

/** An end that says nothing for so long is stuck. */
const ANSWER_MS = 60_000;
/** So long may thousands that join take on a machine that others use. */
const JOINING_MS = 300_000;

/** What the warm-up has left in queues is gone by then. */
const SETTLE_MS = 1000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A process that answers lines with lines of JSON. */
class End {
  #waiting;
  #lines = [];
  #error = "";

  constructor(name, command, args) {
    this.name = name;
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr.on("data", (text) => {
      this.#error += text;
    });
    this.child.stdin.on("error", () => {});
    this.closed = new Promise((resolve) => this.child.on("close", resolve));
    this.closed.then(() => this.#waiting?.(undefined));
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      this.#lines.push(JSON.parse(line));
      this.#waiting?.();
    });
  }

  async #next(ms = ANSWER_MS) {
    const deadline = performance.now() + ms;
    while (this.#lines.length === 0) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      const left = deadline - performance.now();
      if (left <= 0) break;
      let timer;
      await new Promise((resolve) => {
        this.#waiting = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
    if (this.#lines.length === 0) throw new Error(`${this.name} does not answer: ${this.#error}`);
    return this.#lines.shift();
  }

  ready = async (ms) => (await this.#next(ms)).ready;

  async ask(word, ms) {
    this.child.stdin.write(`${word}\n`);
    return (await this.#next(ms))[word];
  }

  async quit() {
    this.child.stdin.write("quit\n");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await this.closed;
    clearTimeout(timer);
  }
}

/** The clients, in one process or more, as if they were in one. */
class Clients {
  constructor(ends) {
    this.ends = ends;
  }

  ready = (ms) => Promise.all(this.ends.map((end) => end.ready(ms)));

  async ask(word, ms) {
    const [first, ...others] = await Promise.all(this.ends.map((end) => end.ask(word, ms)));
    return others.reduce((all, one) => sum(all, one), first);
  }
}

/** Counters of two ends together, at the time of the first; what else they say is the first's. */
const sum = (one, other) =>
  Object.fromEntries(
    Object.entries(one).map(([key, value]) => [
      key,
      typeof value === "number" && key !== "atUs"
        ? value + other[key]
        : key === "counters"
          ? sum(value, other[key])
          : value,
    ]),
  );

/** A bad link, and what a program is started with to be at the one or the other end of it. */
class Link {
  static async open({ delayMs, jitterMs = 0, loss, seed = 1 }) {
    const program = buildLink();
    const name = `sd${process.pid % 100_000}`;
    const args = Object.entries({ delayMs, jitterMs, loss, seed }).map(
      ([key, value]) => `${key}=${value}`,
    );
    const link = new Link();
    link.name = name;
    link.end = new End("the link", program, [name, ...args]);
    await link.end.ready();
    return link;
  }

  host = "10.77.0.2";

  at(role) {
    return ["ip", "netns", "exec", `${this.name}-${role === "server" ? "b" : "a"}`];
  }

  close() {
    this.end.child.stdin.end();
    return this.end.closed;
  }
}

function commandOf({ program, adapter, node = [] }, options) {
  if (program !== undefined) {
    const simple = Object.entries(options).filter(([, value]) => typeof value !== "object");
    return { command: program, args: simple.map(([key, value]) => `${key}=${value}`) };
  }
  const end = fileURLToPath(new URL("end.js", import.meta.url));
  const args = [...node, end, JSON.stringify({ ...options, adapter })];
  return { command: process.execPath, args };
}

const difference = (after, before) =>
  Object.fromEntries(
    Object.entries(after).map(([key, value]) => [
      key,
      typeof value === "number"
        ? value - (before?.[key] ?? 0)
        : key === "counters"
          ? difference(value, before[key])
          : value,
    ]),
  );

/**
 * What both ends have done in `measureMs`, after `warmUpMs`: `{ server, client, before, after }`, each with its counters. `watch` is
 * called when a span begins that is measured, "joining" or "steady", with the process ids of both ends; what it answers is called at its end.
 */
export async function race(contestant, scenario, watch = async () => {}) {
  const options = { ...scenario, ...contestant.options };
  const link = options.link === undefined ? undefined : await Link.open(options.link);
  if (link !== undefined) options.host = link.host;
  const ends = [];
  const start = (extra) => {
    const { command, args } = commandOf(contestant, { ...options, ...extra });
    const [first, ...rest] = [...(link?.at(extra.role) ?? []), command, ...args];
    const end = new End(`${contestant.name}, ${extra.role}`, first, rest);
    ends.push(end);
    return end;
  };
  try {
    const server = start({ role: "server" });
    const { port } = await server.ready();
    const { clientProcesses = 1 } = options;
    const share = (count) => (count === undefined ? undefined : count / clientProcesses);
    const shares = { clients: share(options.clients), firstClients: share(options.firstClients) };
    const starting = { role: "client", port, ...(clientProcesses > 1 ? shares : {}) };
    const client = new Clients(Array.from({ length: clientProcesses }, () => start(starting)));
    await client.ready(JOINING_MS);
    if (options.passingClients > 0) await haveLeft(server, options.firstClients);
    const [serverPid, ...clientPids] = ends.map((end) => end.child.pid);
    const pids = { server: [serverPid], client: clientPids };
    const haveJoined = await watch("joining", pids);
    const early = await Promise.all([server.ask("mark"), client.ask("mark")]);
    await server.ask("start");
    await client.ask("start", JOINING_MS);
    const joined = await Promise.all([server.ask("mark"), client.ask("mark")]);
    await haveJoined?.();
    await sleep(options.warmUpMs);
    await Promise.all([server.ask("steady"), client.ask("steady")]);
    if (options.warms) await sleep(Math.min(SETTLE_MS, options.warmUpMs));
    const isOver = await watch("steady", pids);
    const before = await Promise.all([server.ask("mark"), client.ask("mark")]);
    await sleep(options.measureMs);
    const after = await Promise.all([server.ask("mark"), client.ask("mark")]);
    await isOver?.();
    await Promise.all([server.ask("stop"), client.ask("stop")]);
    const settled = await settle(server, client, options);
    const wallUs = after[0].atUs - before[0].atUs;
    return {
      wallMs: wallUs / 1000,
      settled,
      // From when the first clients were there until all were.
      joining: difference(joined[0], early[0]),
      server: difference(after[0], before[0]),
      client: difference(after[1], before[1]),
    };
  } finally {
    await Promise.all(ends.map((end) => end.quit()));
    await link?.close();
  }
}

/** Waits until who only came to leave again is gone from the server too. */
async function haveLeft(server, left) {
  const deadline = performance.now() + ANSWER_MS;
  for (;;) {
    const { connected } = await server.ask("mark");
    if (connected === left) return;
    if (performance.now() > deadline) {
      throw new Error(`${server.name}: ${connected} are connected, and ${left} have stayed`);
    }
    await sleep(25);
  }
}

/**
 * Waits until all that was sent has arrived, and refuses what is wrong with it. Beyond what a machine can do it is looked at what
 * has become of the clients, and no more.
 */
async function settle(server, client, { clients, delivery, isSilent, work, isBeyond }) {
  const isQuiet = work === "idle" || work === "joins";
  const isReliable = delivery === "reliable-ordered" && !isQuiet;
  let [s, c] = [{}, {}];
  const hasArrived = () =>
    isQuiet ||
    (isSilent
      ? c.received >= s.sent && c.received > 0
      : s.received >= c.sent && s.received > 0 && (work !== "echo" || c.received >= s.received));
  if (isBeyond) {
    [s, c] = await Promise.all([server.ask("mark"), client.ask("mark")]);
    return { joined: c.connected, connected: s.connected };
  }
  // What waits in a sender's buffers takes long over a bad link.
  for (let i = 0; i < (isReliable ? 1200 : 20); i++) {
    [s, c] = [await server.ask("mark"), await client.ask("mark")];
    if (s.connected === clients && hasArrived()) break;
    await sleep(25);
  }
  if (s.connected !== clients) {
    throw new Error(`${server.name}: ${s.connected} of ${clients} are connected`);
  }
  const wrong = s.bad + c.bad + s.late;
  if (wrong > 0) throw new Error(`${server.name}: ${wrong} messages came out of order or damaged`);
  if (!isQuiet && (isSilent ? c : s).received === 0)
    throw new Error(`${server.name}: nothing came`);
  if (isReliable && work === "stream" && s.received !== c.sent) {
    throw new Error(`${server.name}: ${s.received} of ${c.sent} arrived`);
  }
  return { sent: c.sent, received: s.received, toClients: s.sent, byClients: c.received };
}
