/**
 * A game server as a host starts and stops it. What differs from place to place stands in the environment; on HTTP it says
 * whether it lives and whether it takes players; on SIGTERM it lets matches end, closes, and exits 0.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { listen } from "./generated/server.js";

const {
  /** Addresses that players use, separated by commas. */
  STARDUST_HOST: host = "0.0.0.0",
  STARDUST_PORTS: ports = "12341-12343",
  /** What they are called outside, in the same order, where that differs. */
  STARDUST_PUBLIC_PORTS: publicPorts,
  /** The file of `stardust keygen`; without it the key is another after each start. */
  STARDUST_IDENTITY: identity,
  STARDUST_HEALTH_PORT: healthPort = "8080",
  /** How long players may go on after SIGTERM. Whoever stops this process must wait for longer. */
  STARDUST_DRAIN_MS: drainMs = "60000",
} = process.env;

/** A probe that hangs is as bad as one that fails. */
const PROBE_MS = 1000;

const server = await listen({
  host: host.split(","),
  ports,
  publicPorts: publicPorts?.split(",").map(Number),
  identity: identity === undefined ? undefined : readFileSync(identity, "utf8"),
  onFault: (error, where, { peer }) => console.error(`${where}, peer ${peer ?? "none"}:`, error),
});
server.receive.say((_peer, message) => {
  server.broadcast.say(message);
});

let isDraining = false;

/** Whether every worker answers for itself. */
async function lives() {
  const silent = new Promise((resolve) => setTimeout(resolve, PROBE_MS, undefined).unref());
  const stats = await Promise.race([server.stats(), silent]);
  return stats !== undefined && stats.ports.length === server.ports.length;
}

const health = createServer(async ({ url }, response) => {
  const isGood =
    url === "/readyz" ? !isDraining && (await lives()) : url === "/healthz" && (await lives());
  response
    .writeHead(isGood ? 200 : 503)
    .end(`${JSON.stringify({ peers: server.peers.size, isDraining })}\n`);
}).listen(Number(healthPort));

async function stop() {
  // The second signal: whoever sends it waits no longer.
  if (isDraining) {
    await server.close({ reason: "shutting-down", lingerMs: 0 });
    return;
  }
  isDraining = true;
  console.log(`draining: ${server.peers.size} players may go on for ${drainMs} ms`);
  await server.close({ reason: "shutting-down", drainMs: Number(drainMs) });
  health.close();
  health.closeAllConnections();
  console.log("closed");
  process.exitCode = 0;
}
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => void stop());
console.log(`listening on ${host}, ports ${server.ports.join(", ")}`);
