/** The thread of a raw socket whose application is on another: what has come in a turn is posted at its end. */
import { parentPort, workerData } from "node:worker_threads";
import { openRaw } from "./raw-socket.js";

const socket = await openRaw({}, workerData);
let come = [];

function post() {
  parentPort.postMessage(come);
  come = [];
}

socket.listen((bytes, address, port) => {
  if (come.push({ bytes, address, port }) === 1) setImmediate(post);
});
parentPort.on("message", ({ bytes, port, address }) => socket.send(bytes, port, address));
parentPort.postMessage(socket.port);
