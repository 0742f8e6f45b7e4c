/**
 * All bots, in a process of their own; start.js forks it. The first message it gets says how many there are and where they
 * join, the others what happens to them. A part of all packets is lost each way.
 */
import { lossySocket } from "stardust-udp/testing";
import { play } from "./bot.js";

/** So many join at once. */
const AT_ONCE = 16;
const bots = [];
/** The network of the last bot. */
let isUp = true;

const broken = (socket) => ({
  port: socket.port,
  address: socket.address,
  send: (...datagram) => void (isUp && socket.send(...datagram)),
  listen: (listener) => socket.listen((...datagram) => void (isUp && listener(...datagram))),
  close: () => socket.close(),
});

async function joinAll({ ports, count, players, turns, paceMs, loss }) {
  const join = (i) =>
    play({
      port: ports[i % ports.length],
      name: `bot ${i}`,
      match: `match ${Math.floor(i / players)}`,
      turns,
      paceMs,
      wrapSocket: (socket) => {
        const lossy = lossySocket(socket, { loss, seed: 100 + i });
        return i === count - 1 ? broken(lossy) : lossy;
      },
    });
  while (bots.length < count) {
    const next = Math.min(AT_ONCE, count - bots.length);
    bots.push(
      ...(await Promise.all(Array.from({ length: next }, (_, i) => join(bots.length + i)))),
    );
  }
  process.send({ what: "joined", ports: bots.map(({ client }) => client.port) });
  await Promise.all(bots.map(({ over }) => over));
  process.send({ what: "over" });
}

const commands = {
  join: (options) => joinAll(options),
  begin: () => {
    for (const bot of bots) bot.begin();
  },
  network: (options) => {
    isUp = options.isUp;
  },
  report: () => {
    process.send({
      what: "report",
      bots: bots.map(({ client, problems }) => {
        const { reconnects } = client.stats().counters;
        return { reconnects, port: client.port, problems };
      }),
    });
  },
  close: async () => {
    await Promise.all(bots.map(({ client }) => client.close({ lingerMs: 0 })));
    process.disconnect();
  },
};

process.on("message", async ({ what, ...options }) => {
  try {
    await commands[what](options);
  } catch (error) {
    process.send({ what: "failed", message: error.message });
  }
});
