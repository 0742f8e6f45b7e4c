/** Entry point of the connection protocol, sans-IO: what other modules may import. */
export { ZeroClient } from "./client.ts";
export type { ZeroClientOptions, ZeroClientTransmit } from "./client-options.ts";
export {
  countedDatagrams,
  type ZeroCounter,
  type ZeroCounters,
  type ZeroDropReason,
  zeroDropReasons,
} from "./counters.ts";
export type { ZeroCrypto } from "./crypto.ts";
export type { ZeroClientEvent, ZeroServerEvent } from "./events.ts";
export type { PortRanges, RejectReason } from "./messages.ts";
export { ZeroServer } from "./server.ts";
export type { ZeroServerOptions, ZeroServerTransmit } from "./server-options.ts";
