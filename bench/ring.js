/**
 * What a message costs between two threads: through the ring of src/port, and by one postMessage each, in the same
 * run. Prints a table, or JSON with `--json`. Build first (`npm run build:lib`). Both threads burn CPU here, so the
 * figure is CPU of the whole process per message; wall time stands beside it.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { createDoorbell, Doorbell } from "#src/port/doorbell.js";
import { createRing, Drained, RingReader, RingWriter } from "#src/port/ring.js";
import { asJson, isQuick, machine as machineOf, median } from "./options.js";

const BYTES = 40;
const BURST = 256;
/** Times cheaper than postMessage. */
const TARGET = 20;
const RUNS = isQuick ? 1 : 5;
const COUNTS = isQuick
  ? { ring: 10_000, postMessage: 1000 }
  : { ring: 1_000_000, postMessage: 100_000 };

function receive() {
  let received = 0;
  let sum = 0;
  const took = (view, start) => {
    sum += view.getUint32(start);
    if (++received % workerData.count === 0) parentPort.postMessage(sum);
    return true;
  };
  parentPort.on("message", (bytes) => took(new DataView(bytes.buffer, bytes.byteOffset), 0));
  const reader = new RingReader(workerData.ring);
  new Doorbell(workerData.bell).wait(
    () => !reader.isEmpty,
    () => reader.drain(1024, (_kind, _bytes, view, start) => took(view, start)) === Drained.more,
  );
}

/** Sends `count` messages in bursts, a turn of the event loop between them, until the worker has them all. */
function run(worker, count, sendOne, endOfBurst) {
  return new Promise((resolve) => {
    const cpu = process.cpuUsage();
    const start = performance.now();
    worker.once("message", () => {
      const { user, system } = process.cpuUsage(cpu);
      resolve({
        cpuUs: (user + system) / count,
        wallUs: ((performance.now() - start) * 1000) / count,
      });
    });
    let sent = 0;
    const burst = () => {
      for (let i = 0; i < BURST && sent < count; i++) {
        if (!sendOne(sent)) break;
        sent++;
      }
      endOfBurst();
      if (sent < count) setImmediate(burst);
    };
    burst();
  });
}

async function measure(name) {
  const ring = createRing(1 << 20);
  const memory = createDoorbell();
  const count = COUNTS[name];
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { ring, bell: memory, count },
  });
  const writer = new RingWriter(ring);
  const bell = new Doorbell(memory);
  const payload = new Uint8Array(BYTES);
  const view = new DataView(payload.buffer);
  const senders = {
    ring: (number) => {
      const w = writer.reserve(1, BYTES);
      if (w === undefined) return false;
      w.u32(number);
      w.at += BYTES - 4;
      writer.commit();
      return true;
    },
    postMessage: (number) => {
      view.setUint32(0, number);
      worker.postMessage(payload);
      return true;
    },
  };
  const end = name === "ring" ? () => bell.ring() : () => {};
  await run(worker, count, senders[name], end);
  const results = [];
  for (let i = 0; i < RUNS; i++) results.push(await run(worker, count, senders[name], end));
  await worker.terminate();
  const cpu = results.map((result) => result.cpuUs);
  return {
    name,
    cpuUs: median(cpu),
    lowUs: Math.min(...cpu),
    highUs: Math.max(...cpu),
    wallUs: median(results.map((result) => result.wallUs)),
  };
}

if (isMainThread) {
  const rows = [await measure("ring"), await measure("postMessage")];
  const ratio = rows[1].cpuUs / rows[0].cpuUs;
  const machine = machineOf();
  if (asJson) {
    console.log(
      JSON.stringify({
        bench: "ring",
        bytes: BYTES,
        burst: BURST,
        runs: RUNS,
        machine,
        rows,
        ratio,
      }),
    );
  } else {
    console.log(`${BYTES}-byte messages, bursts of ${BURST}, both threads, median of ${RUNS} runs`);
    console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}\n`);
    for (const row of rows) {
      console.log(
        `${row.name.padEnd(12)} ${row.cpuUs.toFixed(3)} us CPU a message (${row.lowUs.toFixed(3)} to ` +
          `${row.highUs.toFixed(3)}), ${row.wallUs.toFixed(3)} us wall`,
      );
    }
    console.log(
      `\nThe ring is ${ratio.toFixed(1)} times cheaper (target ${TARGET}: ${ratio >= TARGET ? "met" : "missed"}).`,
    );
  }
} else {
  receive();
}
