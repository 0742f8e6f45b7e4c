/** The server as its user sees it: what the generated `listen` resolves with. What it does is running-server.ts's business. */
import type { CloseReason } from "./connection-contract.ts";
import type { ServerFaceTypes, Unsubscribe } from "./face.ts";
import type { Group } from "./groups.ts";
import type { ServerPeer } from "./server-peer.ts";
import type { ServerSystems } from "./server-systems.ts";
import type { ServerStats, StatsOptions } from "./stats.ts";

export interface ServerCloseOptions {
  /** The reason all peers are told; default `shutting-down`. */
  readonly reason?: string | undefined;
  /** How long reliable messages may still take; default 500. */
  readonly lingerMs?: number | undefined;
  /**
   * How long peers may stay before, milliseconds: nobody new is let in (`shutting-down`), and when the last has left, or
   * the time is up, the server closes. Default 0. Another `close` without it closes at once; Infinity: until the last has left.
   */
  readonly drainMs?: number | undefined;
}

export interface Server<F extends ServerFaceTypes = ServerFaceTypes> extends AsyncDisposable {
  /** The ports that are bound, in order. */
  readonly ports: readonly number[];
  /** The addresses on which each of them is bound, in the order of `host`. */
  readonly hosts: readonly string[];
  /** What clients are given as `serverKey`, 43 characters; undefined where the protocol is plain. */
  readonly publicKey: string | undefined;
  /** Peers by id: those whose join has been announced, and whose leave has not. */
  readonly peers: ReadonlyMap<number, ServerPeer<F>>;
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  /** What becomes of messages that were sent with a token; handlers by channel. */
  readonly notices: F["notices"];
  readonly broadcast: F["broadcast"];
  /** Puts what answers clients' requests on a channel; those of `listen({ responders })` are there before the first. */
  readonly respond: F["respond"];
  /** Fields of the user's own in the datagram header: set here, they stand in every datagram built from then on. */
  readonly header: F["header"];
  /** What is said to the systems in the workers, and heard from them: the section `system` of the spec. */
  readonly systems: ServerSystems<F>;
  /** Resolves when the server has closed. */
  readonly closed: Promise<CloseReason>;
  /** Peers under a name of your own, over all ports: a match, a room, a team. */
  group(name: string): Group<ServerPeer<F>, F["broadcast"]>;
  on(event: "join", listener: (peer: ServerPeer<F>) => void): Unsubscribe;
  /** It is not heard any more, and is kept for `resumeMs`; it is heard again. In between it is a peer as any other. */
  on(event: "away" | "back", listener: (peer: ServerPeer<F>) => void): Unsubscribe;
  /** It is at another port (`peer.moveTo`): `peer.port`; it was at `from`. */
  on(event: "moved", listener: (peer: ServerPeer<F>, from: number) => void): Unsubscribe;
  on(event: "leave", listener: (peer: ServerPeer<F>, reason: CloseReason) => void): Unsubscribe;
  /** Hands what was sent in this turn to the workers now rather than at the turn's end. */
  flush(): void;
  /**
   * The server's clock: milliseconds since `listen`, the same in all of its threads, never back. Clients know it as
   * `client.serverTime()`, where the header has a clock.
   */
  time(): number;
  /** Its numbers as they are now: each worker is asked, and answers between two turns. docs/counters.md. */
  stats(options?: StatsOptions): Promise<ServerStats>;
  /** Closes all peers, then the ports; with `drainMs`, when they have left. May be called twice. */
  close(options?: ServerCloseOptions): Promise<void>;
}
