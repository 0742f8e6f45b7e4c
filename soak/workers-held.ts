/** What the heaps of the workers hold, asked over a channel of its own: a process's numbers are those of its main thread. */
import { BroadcastChannel } from "node:worker_threads";
import type { Used } from "./measures.ts";

/** Of this process: workers of another are not heard. */
export const CHANNEL = "stardust-soak-heaps";
/** Wraps the socket of each worker. */
export const workerHeapUrl: URL = new URL("worker-heap.js", import.meta.url);
/** Who has no answer then is broken. */
const ANSWER_MS = 30_000;

export interface Question {
  readonly ask: number;
}
interface Answer {
  readonly answer: number;
  readonly threadId: number;
  readonly used: Used;
}

let asked = 0;

/** By thread, of those that are named. */
export async function heldByWorkers(threads: readonly number[]): Promise<Map<number, Used>> {
  const ask = ++asked;
  const held = new Map<number, Used>();
  const channel = new BroadcastChannel(CHANNEL);
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      channel.onmessage = (event) => {
        const { data } = event as { data: Question | Answer };
        if (!("answer" in data) || data.answer !== ask) return;
        held.set(data.threadId, data.used);
        if (threads.every((thread) => held.has(thread))) resolve();
      };
      timer = setTimeout(() => {
        const silent = threads.filter((thread) => !held.has(thread));
        reject(new Error(`worker threads ${silent.join(", ")} do not say what they hold`));
      }, ANSWER_MS);
      channel.postMessage({ ask } satisfies Question);
    });
  } finally {
    clearTimeout(timer);
    channel.close();
  }
  return held;
}
