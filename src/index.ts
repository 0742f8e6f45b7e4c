/** `stardust-udp`: the runtime's errors and types. Typed `listen` and `connect` come from the generated code. */

export type { Arbitrary, FastCheck } from "./arbitrary.ts";
export type {
  Client,
  ClientStats,
  ConnectionSecurity,
  ConnectOptions,
  ForAttempt,
  KeyLog,
  Reconnected,
  Reconnecting,
  ReconnectOptions,
} from "./client.ts";
export { MAX_CLOCK_DRIFT, type RemoteClock } from "./clock.ts";
export type * from "./connection-contract.ts";
export type { ConnectionTrace, TraceRunOptions } from "./connection-trace.ts";
export type * from "./diagnostics.ts";
export * from "./errors.ts";
export type * from "./face.ts";
export type { Group } from "./groups.ts";
export {
  type Histogram,
  type HistogramBucket,
  mergeHistograms,
  percentile,
  sinceHistogram,
} from "./histogram.ts";
export type * from "./protocol.ts";
export type {
  ListenOptions,
  NewPeer,
  Server,
  ServerCloseOptions,
  ServerPeer,
  TokenOptions,
} from "./server.ts";
export type {
  CongestionChoice,
  CongestionFactory,
  CongestionModule,
  CongestionName,
  CongestionSetup,
} from "./session/congestion/choose.ts";
export type { CongestionController, RoundTrips } from "./session/congestion/controller.ts";
export type { FixedOptions } from "./session/congestion/fixed.ts";
export type * from "./stats.ts";
export type { Systems, SystemsDefinition, SystemsPeer, SystemsPort } from "./systems.ts";
export { type PathTimes, type RenderTime, Ticks, type TicksOptions } from "./ticks.ts";
export type { DatagramListener, DatagramSocket, SocketKind } from "./udp/socket.ts";
