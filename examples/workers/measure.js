/**
 * `node measure.js [--seconds S] [--players N] [--ports P]`: the same arenas and players twice, in the workers and on one
 * thread, and how each keeps up.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const seconds = option("seconds", 10);
const players = option("players", 30);
const ports = option("ports", 3);
const children = [];
function run(file, ...args) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return child;
}
// Whatever ends this, nothing of it goes on.
process.on("exit", () => {
  for (const child of children) child.kill();
});

async function measure(where) {
  const server = run("server.js", where, ports);
  const paces = [];
  const listening = new Promise((resolve) => {
    createInterface({ input: server.stdout }).on("line", (line) => {
      const said = JSON.parse(line);
      if (said.serverKey === undefined) paces.push(said);
      else resolve(said);
    });
  });
  const address = await Promise.race([listening, once(server, "exit").then(() => undefined)]);
  if (address === undefined) throw new Error(`the server ended with ${server.exitCode}`);
  const bots = run("bots.js", address.ports[0], address.serverKey, players, seconds);
  const [report] = await Promise.race([
    once(createInterface({ input: bots.stdout }), "line"),
    once(bots, "close").then(([code]) => {
      throw new Error(`the players ended with ${code}`);
    }),
  ]);
  // The first second is that of the joins.
  const full = paces.filter(({ peers }) => peers > 0).slice(ports);
  server.kill("SIGTERM");
  await once(server, "exit");
  if (full.length === 0) throw new Error(`${where}: no arena was heard of; measure for longer`);
  return { lateMs: Math.max(...full.map(({ lateMs }) => lateMs)), ...JSON.parse(report) };
}

console.log(`${ports} arenas of 20 steps a second, ${players} players, ${seconds} s each way\n`);
for (const where of ["one-thread", "workers"]) {
  const { lateMs, perSecondAndPlayer } = await measure(where);
  console.log(
    `${where.padEnd(10)}  a player was told ${perSecondAndPlayer.toFixed(1)} times a second; the latest step came ${lateMs.toFixed(0)} ms late`,
  );
}
