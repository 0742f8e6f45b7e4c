/**
 * A thread of ours that stands still for 300 ms under traffic, over real sockets and workers: what it reads afterwards came
 * in time, and is taken for neither round trip, queueing delay nor loss.
 */
import { BroadcastChannel } from "node:worker_threads";
import type { CongestionController } from "stardust-udp";
import { expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import {
  type Client,
  narrowClient,
  narrowServer,
  narrowSystems,
  type Server,
} from "../support/narrow.ts";

const STALL_MS = 300;
const workerController = new URL("../support/recording-congestion.mjs", import.meta.url);

type Tell = (told: Told) => void;
const { recording } = (await import(workerController.href)) as {
  recording(tell: Tell): CongestionController;
};

interface Told {
  readonly roundTripMs?: number;
  readonly smoothedMs?: number;
  readonly lost?: number;
  readonly silent?: boolean;
}

/** The longest round trip, smoothed or not, that a controller was told of. */
function longestMs(told: readonly Told[]): number {
  return Math.max(0, ...told.flatMap((one) => [one.roundTripMs ?? 0, one.smoothedMs ?? 0]));
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

async function world(): Promise<{
  server: Server;
  client: Client;
  ofClient: Told[];
  ofWorker: Told[];
}> {
  const ofWorker: Told[] = [];
  const channel = new BroadcastChannel("recording-congestion");
  channel.onmessage = (event) => void ofWorker.push((event as { data: Told }).data);
  closing({ [Symbol.asyncDispose]: async () => channel.close() });
  const ofClient: Told[] = [];
  const server = await narrowServer({
    systems: narrowSystems,
    congestion: { module: workerController },
  });
  const congestion = () => recording((told) => void ofClient.push(told));
  const client = await narrowClient(server, { congestion });
  return { server, client, ofClient, ofWorker };
}

it("a client's own thread: of what it reads then, none says anything of the path, at either end", async () => {
  const { server, client, ofClient, ofWorker } = await world();
  let echoes = 0;
  client.receive.line(() => void echoes++);
  const sendMany = (): void => {
    // Each is answered by the worker while this thread stands still.
    for (let n = 0; n < 40; n++) client.send.order({ what: "echo" });
  };
  sendMany();
  await until(() => echoes === 40);
  ofClient.length = 0;
  for (let round = 1; round <= 3; round++) {
    sendMany();
    // The end of this turn sends them; then it stands still.
    await new Promise(setImmediate);
    block(STALL_MS);
    await until(() => echoes === 40 * (round + 1));
  }
  await until(() => ofClient.length > 0 && ofWorker.length > 0);
  expect(longestMs(ofClient)).toBeLessThan(STALL_MS);
  expect(longestMs(ofWorker)).toBeLessThan(STALL_MS);
  expect(client.stats().rttMs).toBeLessThan(STALL_MS);
  expect(ofClient.filter((told) => told.lost !== undefined || told.silent === true)).toEqual([]);
  expect(client.stats().counters["session.datagramsLost"] ?? 0).toBe(0);
  expect(server.peers.size).toBe(1);
});

it("a worker's thread: of what it reads then, none says anything of the path, at either end", async () => {
  const { server, client, ofClient, ofWorker } = await world();
  await until(() => server.peers.size === 1);
  const [peer] = server.peers.values();
  const other = await narrowClient(server);
  let lines = 0;
  let answers = 0;
  other.receive.line(() => void answers++);
  // The ack of the line, held back a little, comes while the worker does what the other client has told it.
  client.receive.line(() => {
    lines++;
    other.send.order({ what: "pause" });
  });
  for (let n = 1; n <= 5; n++) {
    peer!.send.line({ n, text: "" });
    await until(() => lines === n);
    // An answer: the pause is over, and what has waited was read.
    other.send.order({ what: "echo" });
    await until(() => answers === n);
  }
  await until(() => ofClient.length + ofWorker.length > 0);
  expect(longestMs(ofWorker)).toBeLessThan(STALL_MS);
  expect(longestMs(ofClient)).toBeLessThan(STALL_MS);
  expect(ofWorker.filter((told) => told.lost !== undefined)).toEqual([]);
});
