/** A congestion controller of a user's own, as a module for workers: a window that never changes. Tells that it was made. */
import { BroadcastChannel } from "node:worker_threads";

const made = new BroadcastChannel("own-congestion");
made.unref();

export default function ownController({ maxDatagramBytes }) {
  made.postMessage(maxDatagramBytes);
  return {
    windowBytes: 8 * maxDatagramBytes,
    pacingBytesPerMs: Number.POSITIVE_INFINITY,
    onSent() {},
    onAcknowledged() {},
    onLost() {},
    onSpuriousLoss() {},
    onFeedback() {},
    onSilence() {},
  };
}
