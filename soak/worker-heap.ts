/**
 * Runs in each worker of the soaked server, as what wraps its socket: tells what its heap holds when it is asked. Not in it: what
 * is done with the answers (workers-held.ts).
 */
import { BroadcastChannel, threadId } from "node:worker_threads";
import type { DatagramSocket } from "stardust-udp";
import { collect, memoryUsed } from "./measures.ts";
import { CHANNEL, type Question } from "./workers-held.ts";

const channel = new BroadcastChannel(CHANNEL);
channel.onmessage = (event) => {
  const { data } = event as { data: Question };
  if (!("ask" in data)) return;
  collect();
  channel.postMessage({ answer: data.ask, threadId, used: memoryUsed() });
};
// Its port's socket keeps the thread, and nothing else.
channel.unref();

export default (socket: DatagramSocket): DatagramSocket => socket;
