/** What the owner of a port (owner.ts) is made of. Types alone. */
import type { PortLimits } from "../port-limits.ts";
import type { Protocol } from "../protocol.ts";
import type { DatagramSocket } from "../udp/socket.ts";
import type { SigningKey, ZeroCrypto } from "../zero/crypto.ts";
import type { JoinEvent } from "../zero/events.ts";
import type { ZeroServerOptions } from "../zero/server-options.ts";
import type { PortLink } from "./link.ts";
import type { PeerOptions } from "./peer-options.ts";
import type { SystemsHost } from "./systems-host.ts";

export interface PortOwnerOptions extends PeerOptions {
  readonly protocol: Protocol;
  readonly crypto: ZeroCrypto;
  /** Signs accept, where the protocol is sealed. */
  readonly identity?: SigningKey | undefined;
  /** Whose connect tokens let somebody ask to join; missing: all may. */
  readonly tokens?: ZeroServerOptions["tokens"];
  readonly resetKey?: Uint8Array | undefined;
  /** How long a peer is kept behind its idle timeout, milliseconds; 0: not at all. */
  readonly resumeMs: number;
  /** One for each address of the server; a path names its own by its index here. */
  readonly sockets: readonly DatagramSocket[];
  /** How long they may rest where many datagrams come, milliseconds; default 0: not at all. */
  readonly coalesceMs?: number | undefined;
  readonly link: PortLink;
  readonly maxPeers: number;
  readonly limits: PortLimits;
  readonly takesPieces?: ZeroServerOptions["takesPieces"];
  /** Joins that one address may have waiting; undefined: the default, which leaves loopback out. */
  readonly maxJoinsPerAddress: number | undefined;
  /** This port's number and the announced ranges, as clients dial them. */
  readonly publicPort: number;
  readonly publicPorts: readonly (readonly [number, number])[];
  readonly systems: SystemsHost | undefined;
  /** A join whose cookie is good, to be decided by the application. */
  readonly onJoin: (event: JoinEvent) => void;
  /** The client of a peer that is expected here has shown that it hears this port. */
  readonly onShown?: ((peer: number) => void) | undefined;
  /** A reservation was not taken up. */
  readonly onExpired: (peer: number) => void;
  /** Lines for a key log, where one is wanted. */
  readonly onKeys?: ((lines: readonly string[]) => void) | undefined;
  /** All peers are gone after `closeAll`. */
  readonly onEmpty: () => void;
}
