/** Entry point of `src/session`: what other modules, tests and tools may import. */
export {
  type CongestionChoice,
  type CongestionFactory,
  type CongestionModule,
  type CongestionName,
  type CongestionSetup,
  congestionChoice,
  congestionControllers,
  congestionFactory,
  DEFAULT_CONGESTION,
} from "./congestion/choose.ts";
export type { CongestionController, RoundTrips } from "./congestion/controller.ts";
export { FixedController, type FixedOptions } from "./congestion/fixed.ts";
export { createSessionCounters, type SessionCounters } from "./counters.ts";
export { type DropReason, dropReasons } from "./drop-reason.ts";
export { RttEstimator } from "./rtt.ts";
export { Session, type SessionOptions, type SessionSink } from "./session.ts";
