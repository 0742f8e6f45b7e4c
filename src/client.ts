/**
 * `connect`, which the generated `connect` calls, and the types of what it takes and gives. Not here: the client
 * (running-client.ts) and its connection (client-link.ts), which run on the thread that called.
 */
import type { Client } from "./client-api.ts";
import { type ConnectOptions, connectOptions } from "./connect-options.ts";
import { checkProtocol } from "./endpoint.ts";
import { StardustError } from "./errors.ts";
import type { ClientFace, ClientFaceTypes } from "./face.ts";
import { checkOptions } from "./options.ts";
import type { Protocol } from "./protocol.ts";
import { RunningClient } from "./running-client.ts";
import { checkKeyLog } from "./udp/key-log.ts";
import "./udp/node-text.ts";

export type {
  Client,
  ClientStats,
  ConnectionSecurity,
  Reconnected,
  Reconnecting,
} from "./client-api.ts";
export type { ConnectOptions, ForAttempt } from "./connect-options.ts";
export type { FaultOrigin } from "./connection-contract.ts";
export type { ReconnectOptions } from "./reconnect-options.ts";
export type * from "./stats.ts";
export type { KeyLog } from "./udp/key-log.ts";

/** Joins a server and resolves when the connection is open. Generated code gives it its types. */
export async function connect<F extends ClientFaceTypes>(
  protocol: Protocol,
  face: ClientFace<F>,
  options: ConnectOptions<F>,
): Promise<Client<F>> {
  checkProtocol(protocol, "client");
  checkOptions("connect", options, connectOptions);
  if (options.port === undefined) {
    throw new StardustError("STARDUST_INVALID_OPTION", "port: any port of the server's range");
  }
  checkKeyLog(protocol, options.keyLog);
  const client = new RunningClient<F>(protocol, face, options);
  await client.start();
  return client;
}
