/**
 * For tests of games and of Stardust itself, the entry point `stardust-udp/testing`: virtual time, simulated links, a
 * pair of endpoints, and a lossy network in front of a real socket.
 */
export type { ReceivedMessage } from "../received-message.ts";
export { Session, type SessionOptions, type SessionSink } from "../session/session.ts";
export type { TracedDatagram, TracedFrame, TraceMetrics } from "../trace/datagram.ts";
export { Bottleneck } from "./bottleneck.ts";
export {
  type BurstLoss,
  type Cut,
  type Fate,
  type LinkClock,
  type LinkCounts,
  type LinkObserver,
  type LinkOptions,
  SimulatedLink,
} from "./link.ts";
export type { LoadPeer, LoadScript } from "./load-script.ts";
export {
  type LossySocket,
  type LossySocketOptions,
  lossySocket,
  lossySocketUrl,
} from "./lossy-socket.ts";
export { type Endpoint, Pair, type PairOptions, runTogether } from "./pair.ts";
export { SeededRandom } from "./random.ts";
export {
  type DatagramEvent,
  Trace,
  type TraceEvent,
  type TraceOptions,
  type TraceSide,
} from "./trace.ts";
export { VirtualTime } from "./virtual-time.ts";
