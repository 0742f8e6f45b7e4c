/**
 * Ends a run that hangs: a thread of its own looks whether the number of the case changes. A decoder that does not come
 * back cannot be stopped from its own thread, and this is the only thing that can still say which case it was.
 */
import { writeSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";

const HANGS_AFTER_MS = 20_000;
const LOOK_EVERY_MS = 1000;

interface ThreadData {
  readonly memory: SharedArrayBuffer;
  readonly reproduce: string;
}

export class HangDetector {
  readonly #number: Int32Array;
  readonly #worker: Worker;

  /** `reproduce`: the command that repeats a case, without the case's number. */
  constructor(reproduce: string) {
    const memory = new SharedArrayBuffer(4);
    this.#number = new Int32Array(memory);
    const data: ThreadData = { memory, reproduce };
    this.#worker = new Worker(new URL(import.meta.url), { workerData: data });
    this.#worker.unref();
  }

  readonly onCase = (number: number): void => {
    Atomics.store(this.#number, 0, number);
  };

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

if (!isMainThread && workerData !== null) {
  const { memory, reproduce } = workerData as ThreadData;
  const number = new Int32Array(memory);
  let last = -1;
  let since = Date.now();
  setInterval(() => {
    const now = Atomics.load(number, 0);
    if (now !== last) {
      last = now;
      since = Date.now();
    } else if (Date.now() - since > HANGS_AFTER_MS) {
      // The main thread answers no more: neither its streams nor its exit can be used.
      writeSync(2, `\nhangs in case ${now}: ${reproduce} --case ${now}\n`);
      process.kill(process.pid, "SIGKILL");
    }
  }, LOOK_EVERY_MS);
}
