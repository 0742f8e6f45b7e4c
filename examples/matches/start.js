/**
 * All of it: 160 bots in 40 matches on 4 ports. A tenth of all packets is lost each way. In the middle of the games a match goes to
 * another port, a worker is ended, and one bot's network is gone for longer than the idle timeout. Exits 0 only if every bot ends its game
 * with nothing lost or doubled: the example is also a check. `node start.js [matches] [turns]`
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { lossySocketUrl } from "stardust-udp/testing";
import { startServer } from "./server.js";

const MATCHES = Number(process.argv[2] ?? 40);
const TURNS = Number(process.argv[3] ?? 20);
const PLAYERS = 4;
const PACE_MS = 100;
const LOSS = 0.1;

const { server, homes, problems, moveMatch } = await startServer({
  ports: 4,
  players: PLAYERS,
  turns: TURNS,
  wrapSocket: lossySocketUrl,
  wrapSocketData: { loss: LOSS, seed: 1 },
});
const count = MATCHES * PLAYERS;
const bots = fork(fileURLToPath(new URL("./bots.js", import.meta.url)));
const ended = new Promise((resolve) => bots.once("exit", resolve));

/** What the bots say next of that kind. */
function heard(what) {
  return new Promise((resolve, reject) => {
    bots.on("message", (message) => {
      if (message.what === what) resolve(message);
      if (message.what === "failed") reject(new Error(message.message));
    });
    bots.once("exit", () => reject(new Error("the bots have ended")));
  });
}

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Each match is wholly in one worker. */
function checkPlaces() {
  const ports = new Map();
  for (const { join, port } of server.peers.values()) {
    const known = ports.get(join.match) ?? port;
    if (known !== port) problems.push(`${join.match} is on ports ${known} and ${port}`);
    ports.set(join.match, known);
  }
}

const joined = heard("joined");
const over = heard("over");
const { ports } = server;
bots.send({
  what: "join",
  ports,
  count,
  players: PLAYERS,
  turns: TURNS,
  paceMs: PACE_MS,
  loss: LOSS,
});
await joined;
await until(() => server.peers.size === count);
checkPlaces();
const loads = ports.map((port) => homes.count(port)).join(", ");
console.log(`${count} bots in ${MATCHES} matches, ${loads} by port`);
bots.send({ what: "begin" });

const from = homes.get("match 0");
const to = ports.find((port) => port !== from);
await moveMatch("match 0", to);
checkPlaces();
console.log(`match 0 went from port ${from} to ${to} in the middle of the game`);

const unlucky = [...server.peers.values()].find(({ join }) => join.name === `bot ${count - 1}`);
bots.send({ what: "network", isUp: false });
const dying = ports.find((port) => port !== unlucky.port && port !== to && homes.count(port) > 0);
const onDying = [...server.peers.values()].filter(({ port }) => port === dying);
server.systems.send.crash(dying, {});
await until(() => unlucky.isAway);
bots.send({ what: "network", isUp: true });

await over;
// Whoever was on the ended worker and had nothing to do any more comes back, too.
await until(() => server.peers.size === count);
checkPlaces();
const reported = heard("report");
bots.send({ what: "report" });
const { bots: ends } = await reported;
for (const end of ends) problems.push(...end.problems);
if (ends.slice(0, PLAYERS).some(({ port }) => port !== to)) problems.push("a bot has not moved");
const numberOf = ({ join }) => Number(join.name.slice("bot ".length));
if (!onDying.every((peer) => ends[numberOf(peer)].reconnects > 0))
  problems.push("a bot has not noticed that its worker was ended");
if (ends.at(-1).reconnects > 0 || server.peers.get(unlucky.id) !== unlucky)
  problems.push("the bot that was away is another peer");
console.log(
  `a worker was ended: its ${onDying.length} bots joined again, and their matches went on`,
);
console.log("a bot was away for longer than the idle timeout: it is the same peer");
console.log(`${count} games are over, and each player's ${TURNS} turns have counted once`);

for (const problem of problems) console.error(`error: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
bots.send({ what: "close" });
await ended;
await server.close({ lingerMs: 0 });
