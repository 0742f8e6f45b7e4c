/**
 * One measurement of one protocol: both ends started as processes of their own, warmed up, and asked before and after a span
 * of time for their CPU and what they have counted. Whoever delivers something else than what was sent has lost: it throws.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** An end that says nothing for so long is stuck. */
const ANSWER_MS = 60_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class End {
  #waiting;
  #lines = [];
  #error = "";

  constructor(contestant, options) {
    const { command, args } = commandOf(contestant, options);
    this.name = `${contestant.name}, ${options.role}`;
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

  async #next() {
    const deadline = performance.now() + ANSWER_MS;
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

  ready = async () => (await this.#next()).ready;

  async ask(word) {
    this.child.stdin.write(`${word}\n`);
    return (await this.#next())[word];
  }

  async quit() {
    this.child.stdin.write("quit\n");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await this.closed;
    clearTimeout(timer);
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
      typeof value === "number" ? value - before[key] : value,
    ]),
  );

/** What both ends have done in `measureMs`, after `warmUpMs`: `{ server, client, before, after }`, each with its counters. */
export async function race(contestant, scenario) {
  const options = { ...scenario, ...contestant.options };
  const ends = [];
  const start = (extra) => {
    const end = new End(contestant, { ...options, ...extra });
    ends.push(end);
    return end;
  };
  try {
    const server = start({ role: "server" });
    const { port } = await server.ready();
    const client = start({ role: "client", port });
    await client.ready();
    const early = await Promise.all([server.ask("mark"), client.ask("mark")]);
    await server.ask("start");
    await client.ask("start");
    const joined = await Promise.all([server.ask("mark"), client.ask("mark")]);
    await sleep(options.warmUpMs);
    const before = await Promise.all([server.ask("mark"), client.ask("mark")]);
    await sleep(options.measureMs);
    const after = await Promise.all([server.ask("mark"), client.ask("mark")]);
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
  }
}

/** Waits until all that was sent has arrived, and refuses what is wrong with it. */
async function settle(server, client, { clients, delivery, work }) {
  let [s, c] = [await server.ask("mark"), await client.ask("mark")];
  if (s.connected !== clients)
    throw new Error(`${server.name}: ${s.connected} of ${clients} are connected`);
  if (work === "idle") return { rss: s.rss };
  const isWhole = () =>
    s.received >= c.sent && (work !== "echo" || c.received >= s.received) && s.received > 0;
  const isReliable = delivery === "reliable-ordered";
  for (let i = 0; i < (isReliable ? 200 : 10) && !isWhole(); i++) {
    await sleep(25);
    [s, c] = [await server.ask("mark"), await client.ask("mark")];
  }
  const wrong = s.bad + c.bad + s.late;
  if (wrong > 0) throw new Error(`${server.name}: ${wrong} messages came out of order or damaged`);
  if (isReliable && work === "stream" && s.received !== c.sent) {
    throw new Error(`${server.name}: ${s.received} of ${c.sent} arrived`);
  }
  return { sent: c.sent, received: s.received, toClients: s.sent, byClients: c.received };
}
