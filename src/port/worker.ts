/** Entry of a worker thread: serves a port there (served-port.ts), with the generated protocol imported by its URL. */
import { parentPort, threadId, workerData } from "node:worker_threads";
import { processAheadMs } from "../udp/process-clock.ts";
import { setClock } from "../udp/turn.ts";
import type { WorkerOptions } from "./posts.ts";
import { importProtocol, ServedPort } from "./served-port.ts";

const options = workerData as WorkerOptions;
const application = parentPort!;
// That of the server: a peer that comes from another worker brings times with it.
setClock(processAheadMs() - options.clockBeganMs);

const served = new ServedPort(options, {
  threadId,
  post: (message) => application.postMessage(message),
  listen: (take) => application.on("message", take),
  close: () => application.close(),
});
void served.open(importProtocol(options));
