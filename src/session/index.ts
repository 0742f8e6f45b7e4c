/** Entry point of `src/session`: what other modules, tests and tools may import. */
export {
  type CongestionController,
  FixedController,
  type FixedControllerOptions,
} from "./controller.ts";
export { createSessionCounters, type SessionCounters } from "./counters.ts";
export { type DropReason, dropReasons } from "./drop-reason.ts";
export { RttEstimator } from "./rtt.ts";
export { Session, type SessionOptions, type SessionSink } from "./session.ts";
