/**
 * `npm start`: a server on free ports and two bots, for a few seconds. Exits 0 only if both bots saw the score that
 * the server has: the example is also a check.
 */
import { setTimeout as wait } from "node:timers/promises";
import { play } from "./client.ts";
import { serve } from "./server.ts";

const DURATION_MS = 5000;
/** For the last score to arrive: on one machine it takes a millisecond. */
const SETTLE_MS = 3000;

const print = (line: string): void => console.log(line);

const server = await serve({ ports: { count: 2 } });
print(`pong listens on ports ${server.ports.join(" and ")}`);
const to = { port: server.ports[0]!, serverKey: server.publicKey, print };
const bots = [await play({ name: "ada", ...to }), await play({ name: "bob", ...to })];

await wait(DURATION_MS);
// What the bots must have seen; points made while we wait only raise what they see.
const { tick, score } = server.game;
const final = { ...score };
const agree = (): boolean =>
  bots.every((bot) => bot.score.left >= final.left && bot.score.right >= final.right);
const deadlineMs = performance.now() + SETTLE_MS;
while (!agree() && performance.now() < deadlineMs) await wait(10);
for (const bot of bots) await bot.client.close();
await server.close();

print(`${tick} steps, final score ${final.left} : ${final.right}`);
if (!agree() || final.left + final.right === 0) {
  console.error("error: the bots and the server do not agree, or nobody scored");
  process.exitCode = 1;
}
