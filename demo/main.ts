#!/usr/bin/env node
/**
 * `npm start`: the arena server on a pool of UDP ports, bots in a process of their own, a live table, and a summary
 * that holds what was sent against what arrived. Ends after `--duration`, on Ctrl-C, or when its parent is gone.
 */
import { UsageError } from "#cli/usage.js";
import { listen, type Options } from "../generated/server.ts";
import { Bots } from "./bots.ts";
import { BotsProcess, serveBots } from "./bots-process.ts";
import type { CrashData } from "./crash-socket.ts";
import { openDashboard } from "./dashboard.ts";
import { Arena, type Player } from "./game.ts";
import { type DemoOptions, help, parseOptions } from "./options.ts";
import { addTally, disagreement, emptyTally, type Summary } from "./report.ts";
import { Table } from "./table.ts";

const HOST = "127.0.0.1";
/** When the game is over and for so long nothing more has arrived, what is missing is missing. */
const SETTLE_MS = 5000;

/** Where people look; stdout is for the result alone when machines read it. */
function makeLog(options: DemoOptions): {
  stream: NodeJS.WriteStream;
  say: (text: string) => void;
} {
  const stream = options.json ? process.stderr : process.stdout;
  return { stream, say: (text) => void stream.write(`${text}\n`) };
}

/** Resolves when nobody reads what is printed any more (`| head`): that ends the demo, and is no fault. */
const readerGone = new Promise<void>((resolve) => {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      resolve();
    });
  }
});

/** Ends when the time is up, on Ctrl-C or SIGTERM, or when the parent or the reader is gone; a second Ctrl-C ends the process at once. */
class End {
  readonly promise: Promise<void>;
  #resolve!: () => void;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    let interrupted = 0;
    process.on("SIGINT", () => {
      if (++interrupted > 1) process.exit(130);
      this.now();
    });
    process.on("SIGTERM", () => this.now());
    void readerGone.then(() => this.now());
    const parent = process.ppid;
    this.#timers.push(
      setInterval(() => {
        if (process.ppid !== parent) this.now();
      }, 500),
    );
  }

  now(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#resolve();
  }

  /** From here on the duration counts. */
  startClock(durationS: number | undefined): void {
    if (durationS !== undefined) this.#timers.push(setTimeout(() => this.now(), durationS * 1000));
  }
}

/** Options of `listen` under which the worker of the first port dies. */
function crashing({ crashS, ports }: DemoOptions): Pick<Options, "wrapSocket" | "wrapSocketData"> {
  if (crashS === undefined) return {};
  const data: CrashData = { port: Number.parseInt(ports, 10), afterMs: crashS * 1000 };
  return { wrapSocket: new URL("./crash-socket.js", import.meta.url), wrapSocketData: data };
}

async function runServer(options: DemoOptions): Promise<number> {
  const { stream, say: sayBare } = makeLog(options);
  const table = new Table(stream);
  // What is said between two drawings is not drawn over.
  const say = (text: string): void => {
    table.leave();
    sayBare(text);
  };
  const complain = (message: string): void => {
    table.leave();
    process.stderr.write(`error: ${message}\n`);
  };
  let faults = 0;
  const fault = (message: string): void => {
    faults++;
    complain(message);
  };
  const end = new End();
  const server = await listen<Player>({
    host: HOST,
    ports: options.ports,
    resend: options.resend,
    authenticate: () => ({ accept: true, body: { motd: "Welcome to the pit." } }),
    state: (peer) => Arena.makePlayer(peer),
    ...crashing(options),
    onFault: (error, where) => {
      const isAsked =
        options.crashS !== undefined &&
        (error as { code?: string }).code === "STARDUST_WORKER_DIED";
      if (isAsked) say(`${(error as Error).message}; its peers leave, and its port is bound again`);
      else fault(`${where}: ${String(error)}`);
    },
  });
  const reasons = new Map<string, number>();
  server.on("leave", (_peer, { code }) => void reasons.set(code, (reasons.get(code) ?? 0) + 1));
  say(`The arena listens on ${HOST}, ports ${server.ports.join(", ")}. Ctrl-C ends it.`);
  say(`Every connection is sealed. The server's key, made for this run: ${server.publicKey}`);
  const arena = new Arena(server, complain);
  arena.start();
  if (options.dashboard !== undefined) {
    const { url } = await openDashboard(server, arena, options.dashboard);
    say(`Look at it: ${url} in a browser, or in a terminal: npx stardust top ${url}`);
  }
  const target = { host: HOST, ports: server.ports, serverKey: server.publicKey };
  const bots = options.bots > 0 ? new BotsProcess(options, target, complain) : undefined;
  const startedMs = performance.now();
  const drawing = setInterval(() => {
    void server.stats().then((stats) => table.draw(stats, bots?.report, reasons));
  }, 1000);
  // The clock of --duration starts when the bots are in, so that a lossy link's slow joins do not eat it.
  await Promise.race([bots?.joined, end.promise]);
  end.startClock(options.durationS);
  if (options.durationS !== undefined) {
    const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
    const joining = bots === undefined ? "" : `The bots took ${tookS} s to join. `;
    say(`${joining}Now ${options.durationS} s of play.`);
  }
  await end.promise;

  const ports = (await server.stats()).ports.map(({ port, peers, threadId }) => ({
    port,
    peers,
    threadId,
  }));
  arena.stop();
  bots?.finish();
  if (bots !== undefined) say("Waiting until what is under way has arrived.");
  const unsettled = bots === undefined ? 0 : await settle(arena, bots);
  await bots?.leave();
  clearInterval(drawing);
  await server.close();
  const { ports: portStats, joined, left } = await server.stats();

  const sum = (name: string): number =>
    portStats.reduce((total, port) => total + (port.counters[name] ?? 0), 0);
  const reliable = emptyTally();
  const report = bots?.report;
  for (const [peer, tally] of arena.tallies) {
    // A peer whose bot gave up joining before it learnt that it was in has nobody to hold its messages against.
    if (report === undefined || report.tallies[peer] !== undefined) addTally(reliable, tally);
  }
  for (const tally of Object.values(report?.tallies ?? {})) addTally(reliable, tally);
  const link = report?.link ?? {
    toServer: { dropped: 0, passed: 0 },
    toClients: { dropped: 0, passed: 0 },
  };
  const missingBots = bots === undefined ? 0 : options.bots - (report?.connected ?? 0);
  const summary: Summary = {
    ports,
    joined,
    left,
    sent: sum("session.messagesSent"),
    received: sum("session.messagesReceived"),
    datagrams: { sent: sum("datagramsSent"), received: sum("datagramsReceived") },
    lost: sum("session.datagramsLost") + (report?.lost ?? 0),
    resent: sum("session.messagesResent") + (report?.resent ?? 0),
    rttMs: report?.rttMs ?? 0,
    link: {
      dropped: link.toServer.dropped + link.toClients.dropped,
      passed: link.toServer.passed + link.toClients.passed,
      ...link,
    },
    reliable,
    errors:
      faults +
      arena.errors +
      (report?.errors ?? 0) +
      unsettled +
      reliable.duplicated +
      reliable.misordered +
      (bots?.died ? 1 : 0) +
      (options.durationS === undefined || options.crashS !== undefined ? 0 : missingBots),
  };
  print(summary, options, say);
  return summary.errors === 0 ? 0 : 1;
}

/** Waits until both sides agree on what was sent and received; returns how many messages they still disagree on. */
async function settle(arena: Arena, bots: BotsProcess): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  let deadlineMs = 0;
  for (;;) {
    await bots.nextReport();
    let missing = 0;
    for (const [peer, tally] of Object.entries(bots.report?.tallies ?? {})) {
      missing += disagreement(arena.tallies.get(Number(peer)) ?? emptyTally(), tally);
    }
    const now = performance.now();
    if (missing < best) {
      best = missing;
      deadlineMs = now + SETTLE_MS;
    }
    // What was reported before they fell silent says nothing of what they have sent since.
    const isSettled = missing === 0 && bots.report?.isSilent === true;
    if (isSettled || bots.died || now > deadlineMs) return missing;
  }
}

/** Bots alone, against a server of somebody else's. */
async function runBots(options: DemoOptions): Promise<number> {
  const { say } = makeLog(options);
  const { host, port } = options.join!;
  const end = new End();
  const target = { host, ports: [port], serverKey: options.serverKey };
  const bots = new Bots(options, target, (message) => {
    process.stderr.write(`error: ${message}\n`);
  });
  await Promise.race([bots.join(), end.promise]);
  if (bots.clients.length === 0 && options.bots > 0) {
    say(
      `No bot could join ${host}:${port}. ` +
        `Where nothing runs yet, \`npm start -- --ports ${port} --bots 0\` starts this demo's server.`,
    );
    return 1;
  }
  say(`${bots.clients.length} bots have joined ${host}:${port}. Ctrl-C ends them.`);
  const [first] = bots.clients;
  if (first?.security === "pinned") say("The server has the key that was given.");
  if (first?.security === "opportunistic")
    say(`Nobody has checked whose server that is; its key is ${first.serverKey}`);
  end.startClock(options.durationS);
  void Promise.all(bots.clients.map((client) => client.closed)).then(() => end.now());
  await end.promise;
  const ports = new Map<number, number>();
  for (const client of bots.clients) ports.set(client.port, (ports.get(client.port) ?? 0) + 1);
  await bots.leave();

  const counts: Record<string, number> = {};
  for (const client of bots.clients) {
    for (const [name, count] of Object.entries(client.stats().counters)) {
      counts[name] = (counts[name] ?? 0) + count;
    }
  }
  const report = bots.report();
  const reliable = emptyTally();
  for (const tally of Object.values(report.tallies)) addTally(reliable, tally);
  const { toServer, toClients } = report.link;
  const summary: Summary = {
    ports: [...ports]
      .sort(([a], [b]) => a - b)
      .map(([number, peers]) => ({ port: number, peers, threadId: 0 })),
    joined: report.connected,
    left: report.connected,
    sent: counts["session.messagesSent"] ?? 0,
    received: counts["session.messagesReceived"] ?? 0,
    datagrams: { sent: counts["datagramsSent"] ?? 0, received: counts["datagramsReceived"] ?? 0 },
    lost: report.lost,
    resent: report.resent,
    rttMs: report.rttMs,
    link: {
      dropped: toServer.dropped + toClients.dropped,
      passed: toServer.passed + toClients.passed,
      toServer,
      toClients,
    },
    reliable,
    errors: report.errors + reliable.duplicated + reliable.misordered,
  };
  print(summary, options, say);
  return summary.errors === 0 ? 0 : 1;
}

function print(summary: Summary, options: DemoOptions, say: (text: string) => void): void {
  const { reliable, datagrams, link } = summary;
  say(`peers       ${summary.ports.map(({ port, peers }) => `${port}: ${peers}`).join(", ")}`);
  say(`joined      ${summary.joined}, left ${summary.left}`);
  // Seen from this process: the two ways have nothing to do with each other.
  const [here, there] = options.join === undefined ? ["server", "clients"] : ["bots", "server"];
  const ways = (sent: number, received: number): string =>
    `${sent} from ${here} to ${there}, ${received} from ${there} to ${here}`;
  say(`messages    ${ways(summary.sent, summary.received)}`);
  say(`datagrams   ${ways(datagrams.sent, datagrams.received)}; ${summary.lost} taken for lost`);
  if (options.loss > 0 || options.delayMs > 0) {
    say(`link        dropped ${link.dropped} datagrams and passed ${link.passed}, of both ways`);
  }
  say(
    `reliable    ${reliable.sent} messages sent by both sides, ${reliable.received} received, ` +
      `${reliable.duplicated} of them twice, ${reliable.misordered} out of order; ${summary.resent} sent again`,
  );
  say(`RTT         ${summary.rttMs.toFixed(1)} ms, the median of the bots`);
  say(`errors      ${summary.errors}`);
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
}

async function main(): Promise<number> {
  let options: DemoOptions | "help";
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  if (options === "help") {
    process.stdout.write(help);
    return 0;
  }
  if (options.child) {
    serveBots();
    return await new Promise<never>(() => {});
  }
  return options.join === undefined ? runServer(options) : runBots(options);
}

main().then(
  (code) => {
    process.exitCode = code;
    // Nothing is left to do; a stray handle must not keep the terminal waiting.
    setTimeout(() => process.exit(code), 2000).unref();
  },
  (error: unknown) => {
    const { code, message } = error as { code?: string; message?: string };
    // `listen` names the option as the command line does.
    const wrongUse = code === "STARDUST_INVALID_OPTION";
    process.stderr.write(`${wrongUse ? "--" : "error: "}${message ?? String(error)}\n`);
    process.exit(wrongUse ? 2 : 1);
  },
);
