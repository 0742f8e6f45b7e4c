/**
 * The application's thread: decides where a match lives, has it go elsewhere, and keeps what has counted, so that players who
 * come back go on. It sees no move: those are the workers' business.
 */
import { listen } from "./generated/server.js";

/** A port for each match, the same for all its players, as few of them on each port as can be. */
export class Homes {
  #ports = new Map();

  portOf(match, ports) {
    const home = ports.find(({ port }) => port === this.#ports.get(match));
    // A worker that is not there has no room: its matches move to others.
    if (home !== undefined && home.room > 0) return home.port;
    const loads = ports.filter(({ room }) => room > 0).map(({ port }) => [this.count(port), port]);
    loads.sort(([a], [b]) => a - b);
    const port = loads[0]?.[1];
    if (port !== undefined) this.set(match, port);
    return port;
  }

  get(match) {
    return this.#ports.get(match);
  }

  set(match, port) {
    this.#ports.set(match, port);
  }

  /** The matches of a port are to find another. */
  leave(port) {
    for (const [match, home] of this.#ports) if (home === port) this.#ports.delete(match);
  }

  count(port) {
    return [...this.#ports.values()].filter((home) => home === port).length;
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function startServer({ ports, players, turns, ...options }) {
  const homes = new Homes();
  /** By match and player, the last turn that counts. */
  const matches = new Map();
  const problems = [];
  const scores = (match) => {
    if (!matches.has(match)) matches.set(match, new Map());
    return matches.get(match);
  };
  const server = await listen({
    ports: { count: ports },
    systems: new URL("./systems.js", import.meta.url),
    resumeMs: 30_000,
    authenticate: ({ match, name }) => {
      const turn = scores(match).get(name) ?? 0;
      return { accept: true, body: { turn }, state: { turn } };
    },
    place: ({ join, ports: loads }) => homes.portOf(join.match, loads),
    onFault: (error, where) => {
      if (error.code !== "STARDUST_WORKER_DIED") problems.push(`${where}: ${error.message}`);
    },
    systemHandlers: {
      counted: (port, { match, name, turn }) => {
        const score = scores(match);
        if (turn !== (score.get(name) ?? 0) + 1) problems.push(`${name}: ${turn} of ${port}`);
        score.set(name, turn);
        tellIfOver(match, port);
      },
    },
    ...options,
  });
  function tellIfOver(match, port) {
    const score = [...scores(match).values()];
    if (score.length < players || score.some((turn) => turn < turns)) return;
    server.systems.send.finished(port, { match, turns: players * turns });
  }
  // Who comes back to a match that has ended meanwhile has to hear so.
  server.on("join", (peer) => {
    server.group(peer.join.match).add(peer);
    tellIfOver(peer.join.match, peer.port);
  });
  server.on("leave", ({ port }, { code }) => {
    if (code === "worker-died") homes.leave(port);
  });

  /** A match goes to another port, in the middle of the game: nobody joins anew, and no turn is lost. */
  async function moveMatch(match, to) {
    const from = homes.get(match);
    const tell = async (port, what) => {
      while (!server.systems.send[what](port, { match })) await server.systems.drained();
    };
    // Where a match is in two workers for a moment, its turns wait with their players.
    await tell(from, "hold");
    await tell(to, "hold");
    homes.set(match, to);
    const isThere = ({ port }) => port === to;
    for (;;) {
      const others = [...server.group(match)].filter((peer) => !isThere(peer));
      if (others.length === 0) break;
      // Whoever cannot go just now, because nothing is heard of them say, is asked again.
      const asked = await Promise.allSettled(others.map((peer) => peer.moveTo(to)));
      if (asked.some(({ status }) => status === "rejected")) await sleep(100);
    }
    await tell(to, "release");
  }
  return { server, homes, problems, moveMatch };
}
