/**
 * A thread of a load: has its peers join, gives each its turn to send, and posts what it has counted. All sends are due by
 * one clock, spread evenly over peers; what is more than a second late is dropped and counted, or a slow thread would send in
 * bursts. Worst case: as many joins under way as JOINS_AT_ONCE.
 */
import { createHistogram } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import { StardustError } from "../../src/errors.ts";
import { lossySocket } from "../../src/testing/lossy-socket.ts";
import { issueToken } from "../../src/tokens.ts";
import { UsageError } from "../usage.ts";
import { Peer } from "./peer.ts";
import type { FromThread, ThreadData, ToThread } from "./posts.ts";
import { count, emptyTally } from "./tally.ts";
import { type AnyClient, loadTraffic, type Traffic } from "./traffic.ts";

const TICK_MS = 5;
const POST_MS = 100;
/** Each peer's counters are read about so often. */
const SAMPLE_MS = 1000;
const JOINS_AT_ONCE = 64;
/** As it suffices for one client; the default is that of a server. */
const SOCKET_BUFFER_BYTES = 262_144;
const MAX_LATE_MS = 1000;

const { settings, thread, threads } = workerData as ThreadData;
const port = parentPort!;
const post = (message: FromThread): void => port.postMessage(message);
const latency = createHistogram();
const joins = createHistogram();
const tally = emptyTally();
const peers: Peer[] = [];
const joining = new Set<AbortController>();
let traffic: Traffic;
/** How many are to be connected, and how many of those never will be: they failed, or were lost. */
let wanted = 0;
let gone = 0;
let order = 0;
let started = 0;
let isQuiet = false;
let joinsOwed = 0;
let sendsOwed = 0;
let samplesOwed = 0;
let nextToSend = 0;
let nextToSample = 0;
let lastMs = performance.now();
let lastLoop = performance.eventLoopUtilization();

function tick(): void {
  const nowMs = performance.now();
  const elapsedMs = nowMs - lastMs;
  lastMs = nowMs;
  joinsOwed = Math.min(
    joinsOwed + (elapsedMs * settings.joinRate) / (1000 * threads),
    JOINS_AT_ONCE,
  );
  while (joinsOwed >= 1 && tally.joining < JOINS_AT_ONCE && open() < wanted) {
    joinsOwed--;
    void join();
  }
  if (!isQuiet) {
    const perMs = (settings.rate * peers.length) / 1000;
    sendsOwed += elapsedMs * perMs;
    const tooLate = Math.floor(sendsOwed - MAX_LATE_MS * perMs);
    if (tooLate > 0) {
      tally.late += tooLate;
      sendsOwed -= tooLate;
    }
    for (; sendsOwed >= 1; sendsOwed--) peers[nextToSend++ % peers.length]?.act();
  }
  samplesOwed = Math.min(samplesOwed + (elapsedMs * peers.length) / SAMPLE_MS, peers.length);
  for (; samplesOwed >= 1; samplesOwed--) peers[nextToSample++ % peers.length]?.sample();
}

/** Peers that are there, will be, or would be had they not been lost. */
function open(): number {
  return peers.length + tally.joining + gone;
}

async function join(): Promise<void> {
  const index = thread + threads * started++;
  const abort = new AbortController();
  joining.add(abort);
  tally.joining++;
  const atMs = performance.now();
  try {
    const client = await connect(index, abort.signal);
    tally.joined++;
    joins.record(Math.max(1, Math.round((performance.now() - atMs) * 1000)));
    const onGone = (peer: Peer): void => {
      const at = peers.indexOf(peer);
      if (at < 0) return;
      peers.splice(at, 1);
      gone++;
    };
    peers.push(new Peer({ client, index, settings, traffic, tally, latency, onGone }));
  } catch (error) {
    gone++;
    if (!abort.signal.aborted) failed(error as Error);
  } finally {
    joining.delete(abort);
    tally.joining--;
  }
}

async function connect(index: number, signal: AbortSignal): Promise<AnyClient> {
  const { script } = traffic;
  const { loss, delayMs, seed, host, serverKey } = settings;
  const token =
    (await script.token?.(index)) ?? (settings.token && issueToken(settings.token).token);
  return traffic.connect({
    host,
    port: settings.port,
    join: (await script.join?.(index)) ?? settings.join ?? traffic.exampleJoin(),
    serverKey,
    token,
    signal,
    socketBufferBytes: SOCKET_BUFFER_BYTES,
    onFault: (error, where) => count(tally.broken, `${where}: ${String(error)}`),
    wrapSocket: (socket) =>
      loss === 0 && delayMs === 0
        ? socket
        : lossySocket(socket, { loss, delayMs, seed: seed + index }),
  });
}

/** What `connect` says is the server's doing, or the network's; anything else is the load's own trouble. */
function failed(error: Error): void {
  if (!(error as Partial<StardustError>).code?.startsWith("STARDUST_CONNECT")) {
    count(tally.own, error.message);
    return;
  }
  const { code, reason, detail } = error as Error & Record<string, string | undefined>;
  if (reason === undefined) count(tally.failed, code!);
  else count(tally.failed, detail ? `rejected: ${reason} (${detail})` : `rejected: ${reason}`);
}

function postTally(): void {
  const loop = performance.eventLoopUtilization();
  const { active, idle } = performance.eventLoopUtilization(loop, lastLoop);
  lastLoop = loop;
  tally.busyMs += active;
  tally.elapsedMs += active + idle;
  tally.peers = peers.length;
  if (tally.joining === 0 && open() >= wanted) tally.reached = order;
  tally.waiting = isQuiet ? peers.filter((peer) => peer.isWaiting).length : 0;
  post({ type: "tally", tally });
}

port.on("message", (message: ToThread) => {
  switch (message.type) {
    case "aim":
      gone = 0;
      wanted = message.peers;
      order = message.order;
      for (const peer of peers.splice(wanted)) void peer.leave();
      return;
    case "quiet":
      isQuiet = true;
      wanted = 0;
      for (const abort of joining) abort.abort();
      return;
    case "leave":
      void leave();
      return;
  }
});

async function leave(): Promise<void> {
  for (const peer of peers) peer.giveUp();
  await Promise.all(peers.splice(0).map((peer) => peer.leave()));
  clearInterval(ticks);
  clearInterval(posts);
  post({ type: "left", tally });
  port.close();
}

let ticks: NodeJS.Timeout | undefined;
let posts: NodeJS.Timeout | undefined;
try {
  traffic = await loadTraffic(settings);
  post({ type: "ready", latency, joins, kind: traffic.kind });
  lastMs = performance.now();
  ticks = setInterval(tick, TICK_MS);
  posts = setInterval(postTally, POST_MS);
} catch (error) {
  const usage = error instanceof UsageError || error instanceof StardustError;
  post({
    type: "unusable",
    message: usage ? error.message : String((error as Error).stack),
    usage,
  });
  port.close();
}
