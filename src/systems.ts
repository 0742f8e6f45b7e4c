/**
 * Systems: a module of the user's that is loaded inside every worker thread. Its handlers and its tick work on the
 * peers of their port directly, in parallel with the other ports, without a hop to the application's thread. This is
 * what the generated `systems(...)` returns and what such a module exports as its default.
 */
import type { RemoteClock } from "./clock.ts";
import type { CloseOptions, CloseReason } from "./connection-contract.ts";
import type { SystemsFace, SystemsFaceTypes } from "./face.ts";
import type { Group } from "./groups.ts";
import type { PeerStats } from "./stats.ts";

/** A peer as systems see it: inside the worker that owns it. */
export interface SystemsPeer<F extends SystemsFaceTypes = SystemsFaceTypes> {
  /** As on the server. */
  readonly id: number;
  /** `address:port` where it is now; an IPv6 address stands in brackets. */
  readonly address: string;
  /** The validated body of its join. */
  readonly join: F["join"];
  /** The body of accept, as `authenticate` has answered it; empty where it has given none. */
  readonly accept: F["accept"];
  state: F["state"];
  /**
   * The port where it was before `peer.moveTo` brought it here; undefined where it has joined here. There `leave` was told, with the code
   * `moved`; `join` is told here, and `state` is a structured clone of what it was there.
   */
  readonly movedFrom: number | undefined;
  /** As on the server: a `send` on an unreliable channel is refused meanwhile. */
  readonly isAway: boolean;
  /** The port that owns it. */
  readonly owner: SystemsPort<F>;
  /** Names of the groups of its port that it is in; those it was in while `leave` is told. */
  readonly groups: ReadonlySet<string>;
  readonly send: F["send"];
  /** Asks this client, on channels with `response`. */
  readonly request: F["request"];
  /** As on the server: of the older of the two sides. */
  readonly version: number;
  /** Whether the client has this channel; a send on one that it lacks throws STARDUST_CHANNEL_MISSING. */
  has(channel: Extract<keyof F["send"] | keyof F["request"], string>): boolean;
  /** Its numbers as they are now. */
  stats(): PeerStats;
  /** As on the server. */
  readonly clock: RemoteClock;
  close(options?: CloseOptions): void;
}

/** One port, to its systems. */
export interface SystemsPort<F extends SystemsFaceTypes = SystemsFaceTypes> {
  readonly port: number;
  readonly peers: ReadonlyMap<number, SystemsPeer<F>>;
  /** The server's clock, as `server.time()`. */
  time(): number;
  /** To all peers of this port. */
  readonly broadcast: F["broadcast"];
  /** What the section `system` of the spec lets systems say: to the application, */
  readonly toApplication: F["toApplication"];
  /** to the systems of one port (`toPort.name(port, message)`), */
  readonly toPort: F["toPort"];
  /** and to those of all other ports. */
  readonly toOtherPorts: F["toOtherPorts"];
  /** Peers of this port under a name of your own. The application's groups are others. */
  group(name: string): Group<SystemsPeer<F>, F["broadcast"]>;
}

export interface SystemsDefinition<F extends SystemsFaceTypes = SystemsFaceTypes> {
  /**
   * Makes the state of a new peer; default: `start`, a structured clone of what `authenticate` has answered as `state`.
   * It is the server's type, not the systems', and undefined where there is none. Not called for a peer that brings its state from another port.
   */
  state?: (peer: SystemsPeer<F>, start: unknown) => F["state"];
  join?: (peer: SystemsPeer<F>) => void;
  /** It is not heard any more, and is kept for `resumeMs`; it is heard again. In between it is a peer as any other. */
  away?: (peer: SystemsPeer<F>) => void;
  back?: (peer: SystemsPeer<F>) => void;
  leave?: (peer: SystemsPeer<F>, reason: CloseReason) => void;
  /** Channels that are handled here do not reach the application's thread. */
  receive?: Partial<F["handlers"]>;
  /** What answers requests; those of these channels do not reach the application's thread. */
  respond?: Partial<F["responders"]>;
  /** What is told of messages that were sent here with a token; the application is told of its own. */
  notices?: Partial<F["notices"]>;
  /** Handlers of what the application and other ports' systems say, by message of the section `system`. */
  system?: Partial<F["systemHandlers"]>;
  /** Called every `everyMs` milliseconds, with the time since it was called last. */
  tick?: {
    readonly everyMs: number;
    run(port: SystemsPort<F>, elapsedMs: number): void;
  };
}

/** What the worker finds as the default export of the user's module. */
export interface Systems<F extends SystemsFaceTypes = SystemsFaceTypes> {
  /** Hash of the protocol it was generated for; the worker compares it. */
  readonly hash: string;
  /** Of the messages between threads that it was generated for; missing where there are none. */
  readonly systemHash?: string;
  readonly face: SystemsFace<F>;
  readonly definition: SystemsDefinition<F>;
}
