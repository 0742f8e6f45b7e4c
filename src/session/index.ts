/** The session room's own entry: what peer, tests and tools may use of it. */
export {
  type CongestionController,
  FixedController,
  type FixedControllerOptions,
} from "./controller.ts";
export { DatagramOutcome, SessionCounters } from "./outcome.ts";
export { RttEstimator } from "./rtt.ts";
export { Session, type SessionOptions, type SessionSink } from "./session.ts";
