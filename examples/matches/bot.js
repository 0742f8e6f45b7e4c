/** A player: takes its turns one by one, and watches that nothing of its match is lost or comes twice. */
import { connect } from "./generated/client.js";

export async function play({ port, name, match, turns, paceMs, ...options }) {
  const problems = [];
  /** By player, the last turn that was told. */
  const seen = new Map();
  let mine = 0;
  const client = await connect({
    port,
    join: { name, match },
    reconnect: { delayMs: 50, maxDelayMs: 500, deadlineMs: 120_000 },
    ...options,
  });
  const take = async () => {
    if (mine >= turns) return;
    const turn = mine + 1;
    // Refused while there is no connection: what has counted by then is told when there is one.
    while (mine < turn && !client.send.move({ turn })) await client.drained();
  };
  const over = new Promise((resolve, reject) => {
    client.receive.over(() => resolve());
    client.on("lost", ({ code }) => reject(new Error(`${name} is lost: ${code}`)));
  });
  client.receive.moved(({ name: who, turn }) => {
    const last = seen.get(who);
    // Whoever comes in later has not seen the turns before.
    if (last !== undefined && turn !== last + 1)
      problems.push(`${name}: ${who} ${turn} behind ${last}`);
    seen.set(who, turn);
    if (who !== name) return;
    mine = turn;
    if (mine < turns) setTimeout(takeIfDue, paceMs, turn);
  });
  const takeIfDue = (turn) => {
    if (mine === turn) void take().catch(() => {});
  };
  client.on("reconnected", ({ isResumed }) => {
    // The same session goes on by itself. In a new one this player goes on behind what has counted.
    if (isResumed) return;
    if (client.accept.turn < mine) problems.push(`${name}: turn ${mine} is forgotten`);
    mine = client.accept.turn;
    seen.clear();
    void take().catch(() => {});
  });
  return { client, name, over, problems, begin: () => void take().catch(() => {}) };
}
