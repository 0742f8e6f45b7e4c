/** A congestion controller that yields to nobody and tells what its session tells it: for a client, or as a module for workers. */
import { BroadcastChannel } from "node:worker_threads";

/** `tell` is given `{ roundTripMs, smoothedMs }`, `{ lost }` or `{ silent }`. */
export function recording(tell) {
  return {
    windowBytes: 1_000_000,
    pacingBytesPerMs: Number.POSITIVE_INFINITY,
    onSent() {},
    onAcknowledged() {},
    onLost(bytes) {
      tell({ lost: bytes });
    },
    onSpuriousLoss() {},
    onFeedback(roundTripMs, { smoothedMs }) {
      tell({ roundTripMs, smoothedMs });
    },
    onSilence() {
      tell({ silent: true });
    },
  };
}

export default function inWorker() {
  const channel = new BroadcastChannel("recording-congestion");
  channel.unref();
  return recording((told) => channel.postMessage(told));
}
