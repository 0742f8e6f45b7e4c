/**
 * The server: `node server.js workers` has each port's arena in its worker, `node server.js one-thread` has all of them on the
 * application's thread. Prints how the arenas keep up, a line of JSON a second and port.
 */
import { Arena, STEP_MS } from "./arena.js";
import { listen } from "./generated/server.js";

const [where = "workers", ports = "3"] = process.argv.slice(2);
if (where !== "workers" && where !== "one-thread") {
  console.error("usage: node server.js [workers|one-thread] [PORTS]");
  process.exit(2);
}
const inWorkers = where === "workers";
const say = (port, pace) => console.log(JSON.stringify({ port, ...pace }));

const arenas = new Map();
let stepping;
const server = await listen({
  ports: { count: Number(ports) },
  ...(inWorkers ? { systems: new URL("./systems.js", import.meta.url) } : {}),
  state: ({ port }) => (inWorkers ? undefined : arenas.get(port).enter()),
});

if (inWorkers) {
  server.systems.receive.pace((port, pace) => say(port, pace));
} else {
  for (const port of server.ports) arenas.set(port, new Arena());
  server.receive.push((peer, message) => arenas.get(peer.port).push(peer.state, message));
  server.on("leave", (peer) => arenas.get(peer.port).leave(peer.state));
  stepping = setInterval(() => {
    for (const arena of arenas.values()) arena.step();
    const peers = new Map(server.ports.map((port) => [port, 0]));
    for (const peer of server.peers.values()) {
      peer.send.around(arenas.get(peer.port).around(peer.state));
      peers.set(peer.port, peers.get(peer.port) + 1);
    }
    for (const [port, arena] of arenas) {
      if (arena.ticks % (1000 / STEP_MS) === 0) say(port, arena.pace(peers.get(port)));
    }
  }, STEP_MS);
}

console.log(JSON.stringify({ ports: server.ports, serverKey: server.publicKey }));
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    clearInterval(stepping);
    void server.close().then(() => process.exit(0));
  });
}
