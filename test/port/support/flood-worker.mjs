/**
 * Writes records into a ring without end, as fast as there is room, small and large ones, until it is terminated. With
 * `stopAfter` it stops in the middle of the record after so many: half of it is written and nothing published.
 */
import { parentPort, workerData } from "node:worker_threads";
import { RingWriter } from "#src/port/ring.js";
import { payloadBytes } from "./records.mjs";

const writer = new RingWriter(workerData.ring);
const { stopAfter = Number.POSITIVE_INFINITY } = workerData;
const never = new Int32Array(new SharedArrayBuffer(4));
let written = 0;

function write() {
  for (;;) {
    const bytes = payloadBytes(written);
    const w = writer.reserve(written & 0xff, bytes);
    if (w === undefined) break;
    w.u32(written);
    if (written === stopAfter) {
      parentPort.postMessage("in the middle");
      Atomics.wait(never, 0, 0);
    }
    for (let i = 4; i < bytes; i++) w.u8((written + i) & 0xff);
    writer.commit();
    written++;
  }
  setImmediate(write);
}
parentPort.postMessage("writing");
write();
