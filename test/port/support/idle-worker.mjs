/** Waits on a doorbell, and echoes what it is sent, until it is terminated. A timer keeps it alive: the bell does not. */
import { parentPort, workerData } from "node:worker_threads";
import { Doorbell } from "#src/port/doorbell.js";
import { Drained, RingReader, RingWriter } from "#src/port/ring.js";

const reader = new RingReader(workerData.in);
const writer = new RingWriter(workerData.out);
const bell = new Doorbell(workerData.bell);
const other = new Doorbell(workerData.otherBell);
if (workerData.keepAlive) setInterval(() => {}, 1000);
bell.wait(
  () => !reader.isEmpty,
  () => {
    const result = reader.drain(1024, (kind, bytes, _view, start, end) =>
      writer.write(kind, bytes.subarray(start, end)),
    );
    other.ring();
    return result === Drained.more;
  },
);
parentPort.postMessage("waiting");
