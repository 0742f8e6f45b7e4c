/** The server's side of the network benchmarks inside Stardust's workers. */
import { getEnvironmentData, threadId } from "node:worker_threads";
import { channelOf, generated } from "./stardust.js";
import { Counts, liveBytes, ServerWork, warmUpTickMs } from "./work.js";

const { options, memory } = getEnvironmentData("bench");
const { systems } = await import(new URL("systems.js", generated(options)).href);
const counts = new Counts(memory, threadId);
const work = new ServerWork(options, counts);
const up = channelOf(options, options.upBytes);
const down = channelOf(options, options.downBytes ?? options.upBytes);

/** Collects garbage where the thread that measures memory has asked for it: it can do so in its own heap alone. */
let collected = 0;
function collect() {
  const asked = counts.sum("collections");
  if (asked === collected) return;
  collected = asked;
  const { heap, outside } = liveBytes();
  counts.set("heap", heap);
  counts.set("outside", outside);
}

function broadcast(port) {
  if (port.peers.size === 0 || counts.sum("started") === 0) return;
  work.tick((sequence, atUs) => {
    port.broadcast[down.name](down.make(sequence, atUs));
    return port.peers.size;
  });
}

/** Ticks beside those of the game, until the code is warm. */
let warming;
function warmUp(port) {
  if (!options.warms || warming !== undefined) return;
  warming = setInterval(() => {
    if (counts.sum("steady") > 0) clearInterval(warming);
    else broadcast(port);
  }, warmUpTickMs(options));
}

export default systems({
  state: () => work.connected(),
  leave: () => work.left(),
  receive: {
    [up.name](peer, message) {
      up.read(message, (sequence, atUs, good) => {
        if (work.take(peer.state, sequence, good, atUs))
          peer.send[down.name](down.make(sequence, atUs));
      });
    },
  },
  ...(options.collects ? { tick: { everyMs: 100, run: collect } } : {}),
  ...(options.work === "game"
    ? {
        tick: {
          everyMs: 1000 / options.hz,
          run(port) {
            warmUp(port);
            broadcast(port);
          },
        },
      }
    : {}),
});
