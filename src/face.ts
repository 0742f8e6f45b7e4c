/**
 * The interface between generated faces (typed `send.chat(...)`) and the runtime (channel numbers). A generated face is
 * a class of one-line methods that call a target here with a constant index; it holds no state of its own.
 */

import type { DeclaredError, Declined } from "./errors.ts";

/** Whom a message is for: a peer of the server, or a client's server. */
export interface SendTarget {
  /**
   * False: not taken, the queue is full. Throws InvalidMessageError, or StardustError STARDUST_CLOSED. `token` names the
   * message in the notice of what became of it, on channels with `notices`; without one there is none.
   */
  send(channel: number, message: unknown, token?: number): boolean;
}

/** How a request is made. */
export interface RequestOptions {
  /** Gives it up: it rejects with STARDUST_REQUEST_ABORTED, and the `signal` of whoever answers fires. */
  readonly signal?: AbortSignal | undefined;
  /** How long an answer is waited for, milliseconds; default 10,000. Infinity: as long as the other side is there. */
  readonly timeoutMs?: number | undefined;
}

/** Whom a request is for. */
export interface RequestTarget {
  /** Resolves with the response. Rejects, and never throws. */
  // biome-ignore lint/suspicious/noExplicitAny: the generated face gives each response its type
  request(channel: number, message: unknown, options?: RequestOptions): Promise<any>;
}

/** Where what answers requests is registered, one for each channel. */
export interface RespondTarget {
  // biome-ignore lint/suspicious/noExplicitAny: the generated face gives each responder its type
  respond(channel: number, responder: (...args: any[]) => unknown): Unsubscribe;
}

/** What a responder learns beside the message. It may be kept until the request is answered. */
export interface RespondContext<Header extends object, E extends DeclaredError> {
  /** The user's own header fields of the datagram that completed the request. */
  readonly header: Readonly<Header>;
  /** Fires when the answer is of no use any more: whoever asked has given up, or has gone. */
  readonly signal: AbortSignal;
  /** Makes the answer that declines the request with an error of the spec: to be returned, or thrown. */
  decline<K extends E["kind"]>(error: K, ...body: ErrorBody<E, K>): Declined<E>;
}

/** What an error tells; may be left out where that is nothing. */
export type ErrorBody<E extends DeclaredError, K extends E["kind"]> = Extract<
  E,
  { readonly kind: K }
>["value"] extends infer V
  ? Partial<Record<keyof V, never>> extends V
    ? [body?: V]
    : [body: V]
  : never;

/** What a responder may return. */
export type Answer<Response, E> = Response | Declined<E> | Promise<Response | Declined<E>>;

/**
 * What became of a message that was sent with a token. `delivered`: the other side has acknowledged all of it; that its
 * application has handled it is not said. On an unreliable channel it may still drop what comes out of order, or what it
 * has no room for. `lost`: nothing says that it arrived, and it is not sent again: a datagram of it was lost, it was too
 * old, a newer one took its place, it found no room, or the connection has ended. It may have arrived all the same.
 */
export type DeliveryOutcome = "delivered" | "lost";

/** Where notices are listened for. A server's handlers take (peer, token, outcome), a client's (token, outcome). */
export interface NoticesTarget {
  // biome-ignore lint/suspicious/noExplicitAny: the generated face gives each handler its type
  notices(channel: number, handler: (...args: any[]) => void): Unsubscribe;
}

/** What a broadcast leaves out. */
export interface BroadcastOptions {
  /** This peer, or these, do not get it. */
  readonly except?: { readonly id: number } | Iterable<{ readonly id: number }> | undefined;
}

/** The same on a channel with `notices`. */
export interface NoticedBroadcastOptions extends BroadcastOptions {
  /** Names the message in the notices, one for each peer that it is queued for. A whole number from 0 to 2^53 - 1. */
  readonly token?: number | undefined;
}

/** What became of a broadcast. */
export interface BroadcastResult {
  /** Peers it was queued for; those of an older version that lack the channel are in neither list. */
  readonly sent: number;
  /** Ids of peers without credit, which did not get it (reliable channels; unreliable ones may drop silently). */
  readonly skipped: readonly number[];
}

export interface BroadcastTarget {
  broadcast(channel: number, message: unknown, options?: NoticedBroadcastOptions): BroadcastResult;
}

/** Where messages between the threads of a server go to and come from: the section `system` of the spec. */
export interface SystemTarget {
  /** To one port, or where none is given to all that it can go to. False: a ring is full, nothing was taken. Throws InvalidMessageError. */
  send(message: number, value: unknown, port?: number): boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the generated face gives each handler its type
  receive(message: number, handler: (...args: any[]) => void): Unsubscribe;
}

/** Undoes a registration; also works with `using`. */
export interface Unsubscribe {
  (): void;
  [Symbol.dispose](): void;
}

/**
 * Where handlers are registered. Their arguments are the face's: a server's takes (peer, message, context), a client's
 * (message, context).
 */
export interface ReceiveTarget {
  // biome-ignore lint/suspicious/noExplicitAny: the generated face gives each handler its type
  receive(channel: number, handler: (...args: any[]) => void): Unsubscribe;
}

/** What a bounded iterator does when it is full. */
export type Overflow = "drop-oldest" | "drop-newest" | "wait" | "close";

export interface MessagesOptions {
  /** Messages held for a slow reader; default 64. A client's iterator holds no more than the channel's `queueBytes` either. */
  readonly limit?: number | undefined;
  /**
   * Default: `wait` on reliable channels (credits are not given back, so the sender waits), `drop-oldest` on others.
   * `close` ends the iterator with STARDUST_CLOSED.
   */
  readonly overflow?: Overflow | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a server's iterator yields; a client's yields the message alone. */
export interface Received<Peer, Message> {
  readonly peer: Peer;
  readonly message: Message;
}

export interface MessagesTarget {
  /** On a server each item is a `Received`, on a client the message. */
  // biome-ignore lint/suspicious/noExplicitAny: the generated face gives each iterator its type
  messages(channel: number, options?: MessagesOptions): AsyncIterableIterator<any>;
}

/** The user's own header fields: read in a handler's context, set on a server or client. */
export interface HeaderValues {
  get(field: number): number;
  set(field: number, value: number): void;
}

/** What generated code hands to `listen`: how to wrap each target in typed methods. `F` collects the face's types. */
export interface ServerFace<F extends ServerFaceTypes> {
  send(target: SendTarget): F["send"];
  broadcast(target: BroadcastTarget): F["broadcast"];
  receive(target: ReceiveTarget): F["receive"];
  messages(target: MessagesTarget): F["messages"];
  /** Missing where no channel that this side sends on has notices. */
  notices?(target: NoticesTarget): F["notices"];
  /** Wraps values that can be set (`server.header`). */
  header(values: HeaderValues): F["header"];
  /** Missing where the spec has no channel on which this side asks, */
  request?(target: RequestTarget): F["request"];
  /** or is asked. */
  respond?(target: RespondTarget): F["respond"];
  /** Missing where the spec has no section `system`. */
  systemSend?(target: SystemTarget): F["systemSend"];
  systemBroadcast?(target: SystemTarget): F["systemBroadcast"];
  systemReceive?(target: SystemTarget): F["systemReceive"];
}

export interface ServerFaceTypes {
  /** Typed `peer.send`. */
  send: object;
  broadcast: object;
  receive: object;
  messages: object;
  notices: object;
  header: object;
  /** The body of join, validated. */
  join: object;
  /** The body of accept. */
  accept: object;
  /** The handlers option of `listen`: channel name -> (peer, message, context). */
  handlers: object;
  /** The user's own state of a peer. */
  state: unknown;
  /** Typed `peer.request` and `server.respond`, and the option `responders`. */
  request: object;
  respond: object;
  responders: object;
  /** Typed `server.systems.send`, `broadcast`, `receive`, and the option `systemHandlers`. */
  systemSend: object;
  systemBroadcast: object;
  systemReceive: object;
  systemHandlers: object;
}

/** Types of what a module of systems is given, inside the workers. */
export interface SystemsFaceTypes {
  send: object;
  broadcast: object;
  notices: object;
  header: object;
  join: object;
  accept: object;
  handlers: object;
  /** The state that the systems keep of a peer; the application's is another. */
  state: unknown;
  /** Typed `peer.request`, and what answers requests. */
  request: object;
  responders: object;
  /** Typed `port.toApplication`, `toPort` and `toOtherPorts`, and what handles the messages of others. */
  toApplication: object;
  toPort: object;
  toOtherPorts: object;
  systemHandlers: object;
}

/** How the systems' targets are dressed, in each worker. */
export interface SystemsFace<F extends SystemsFaceTypes> {
  send(target: SendTarget): F["send"];
  broadcast(target: BroadcastTarget): F["broadcast"];
  /** Wraps `context.header`. */
  header(values: HeaderValues): F["header"];
  request?(target: RequestTarget): F["request"];
  /** Missing where the spec has no section `system`. */
  toApplication?(target: SystemTarget): F["toApplication"];
  toPort?(target: SystemTarget): F["toPort"];
  toOtherPorts?(target: SystemTarget): F["toOtherPorts"];
}

/** What generated code hands to `connect`. */
export interface ClientFace<F extends ClientFaceTypes> {
  send(target: SendTarget): F["send"];
  receive(target: ReceiveTarget): F["receive"];
  messages(target: MessagesTarget): F["messages"];
  notices?(target: NoticesTarget): F["notices"];
  header(values: HeaderValues): F["header"];
  request?(target: RequestTarget): F["request"];
  respond?(target: RespondTarget): F["respond"];
}

export interface ClientFaceTypes {
  send: object;
  receive: object;
  messages: object;
  notices: object;
  header: object;
  join: object;
  /** Body of accept, validated. */
  accept: object;
  handlers: object;
  request: object;
  respond: object;
  responders: object;
}

/** What a handler learns beside the message. The object is reused: valid during the call only. */
export interface MessageContext<Header extends object> {
  /** The user's own header fields of the datagram that completed the message. */
  readonly header: Readonly<Header>;
}
