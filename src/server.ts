/** `listen`, which the generated `listen` calls, and the types of what it takes and gives. The server is in running-server.ts. */
import { checkProtocol } from "./endpoint.ts";
import type { ServerFace, ServerFaceTypes } from "./face.ts";
import { type ListenOptions, listenOptions } from "./listen-options.ts";
import { checkOptions } from "./options.ts";
import type { ServerProtocol } from "./protocol.ts";
import { RunningServer } from "./running-server.ts";
import type { Server } from "./server-api.ts";

export type {
  Authentication,
  CloseOptions,
  CloseReason,
  FaultOrigin,
  JoinOrigin,
  JoinToken,
  Placing,
  PortLoad,
} from "./connection-contract.ts";
export type { ListenOptions, NewPeer, TokenOptions } from "./listen-options.ts";
export { emptiestPort, fullestPort, type PortFill } from "./pool/placement.ts";
export type { Server, ServerCloseOptions } from "./server-api.ts";
export type { ServerPeer } from "./server-peer.ts";
export type { ServerSystems } from "./server-systems.ts";
export type * from "./stats.ts";

/** Binds the ports, starts a worker on each and resolves when all are ready. Generated code gives it its types. */
export async function listen<F extends ServerFaceTypes>(
  protocol: ServerProtocol,
  face: ServerFace<F>,
  options: ListenOptions<F>,
): Promise<Server<F>> {
  checkProtocol(protocol, "server");
  checkOptions("listen", options, listenOptions);
  const server = new RunningServer<F>(protocol, face, options);
  await server.open();
  return server;
}
