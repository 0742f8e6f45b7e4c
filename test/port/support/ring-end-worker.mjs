/** The worker's end of pressure between ring ends, or a worker that fills its ring when it is let, and then waits to be ended. */
import { parentPort, workerData } from "node:worker_threads";
import { fillRing, pressEnd } from "./ring-end-pressed.mjs";

// Waiting on a doorbell keeps no thread alive.
const alive = setInterval(() => {}, 1000);
if (workerData.fill !== undefined) fillRing(workerData);
else {
  const report = await pressEnd(workerData);
  clearInterval(alive);
  parentPort.postMessage(report);
}
