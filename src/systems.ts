/**
 * Systems: a module of the user's that is loaded inside every worker thread. Its handlers and its tick work on the
 * peers of their port directly, in parallel with the other ports, without a hop to the application's thread. This is
 * what the generated `systems(...)` returns and what such a module exports as its default.
 */
import type { CloseOptions, CloseReason } from "./connection-contract.ts";
import type { BroadcastTarget, SendTarget } from "./face.ts";

/** A peer as systems see it: inside the worker that owns it. */
export interface SystemsPeer<Send extends object, State> {
  readonly id: number;
  state: State;
  readonly send: Send;
  /** As on the server: of the older of the two sides. */
  readonly version: number;
  /** Whether the client has this channel; a send on one that it lacks throws STARDUST_CHANNEL_MISSING. */
  has(channel: Extract<keyof Send, string>): boolean;
  close(options?: CloseOptions): void;
}

/** One port, to its systems. */
export interface SystemsPort<Send extends object, Broadcast extends object, State> {
  readonly port: number;
  readonly peers: ReadonlyMap<number, SystemsPeer<Send, State>>;
  /** To all peers of this port. */
  readonly broadcast: Broadcast;
}

export interface SystemsDefinition<
  Send extends object,
  Broadcast extends object,
  Handlers extends object,
  State,
  Notices extends object = object,
> {
  /** Makes the state of a new peer. */
  state?: (peer: SystemsPeer<Send, State>) => State;
  join?: (peer: SystemsPeer<Send, State>) => void;
  leave?: (peer: SystemsPeer<Send, State>, reason: CloseReason) => void;
  /** Channels that are handled here do not reach the application's thread. */
  receive?: Partial<Handlers>;
  /** What is told of messages that were sent here with a token; the application is told of its own. */
  notices?: Partial<Notices>;
  /** Called every `everyMs` milliseconds, with the time since it was called last. */
  tick?: {
    readonly everyMs: number;
    run(port: SystemsPort<Send, Broadcast, State>, elapsedMs: number): void;
  };
}

/** What the worker finds as the default export of the user's module. */
export interface Systems<
  Send extends object = object,
  Broadcast extends object = object,
  Handlers extends object = object,
  State = unknown,
  Notices extends object = object,
> {
  /** Hash of the protocol it was generated for; the worker compares it. */
  readonly hash: string;
  readonly face: {
    send(target: SendTarget): Send;
    broadcast(target: BroadcastTarget): Broadcast;
    /** Wraps `context.header`. */
    header(values: import("./face.ts").HeaderValues): object;
  };
  readonly definition: SystemsDefinition<Send, Broadcast, Handlers, State, Notices>;
}
