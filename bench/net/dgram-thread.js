/** One port of raw `node:dgram` where each has a thread of its own: what `dgram.js` does on one thread, ticks included. */
import { parentPort, threadId, workerData } from "node:worker_threads";
import { serveHere } from "./dgram.js";
import { Counts, ServerWork, warmUpTickMs } from "./work.js";

const { options, memory } = workerData;
const counts = new Counts(memory, threadId);
const work = new ServerWork(options, counts);
const served = await serveHere(options, work);

function tick() {
  if (counts.sum("started") > 0) work.tick(served.broadcast);
}

if (options.work === "game") {
  setInterval(tick, 1000 / options.hz);
  const warming = setInterval(() => {
    if (!options.warms || counts.sum("steady") > 0) clearInterval(warming);
    else tick();
  }, warmUpTickMs(options));
}
parentPort.postMessage(served.port);
