/** The other thread of pressure.test.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { exchangePressed } from "./pressed.mjs";

// Waiting on a doorbell keeps no thread alive.
const alive = setInterval(() => {}, 1000);
const report = await exchangePressed(workerData);
clearInterval(alive);
parentPort.postMessage(report);
