/**
 * The other thread of threads.test.ts: sends `count` records with checksums, receives as many, and says what it saw.
 * Plain JavaScript, because a worker on Node 20 cannot run TypeScript.
 */
import { parentPort, workerData } from "node:worker_threads";
import { exchange } from "./exchange.mjs";

// Waiting on a doorbell keeps no thread alive.
const alive = setInterval(() => {}, 1000);
const report = await exchange(workerData);
clearInterval(alive);
parentPort.postMessage(report);
