/**
 * Where a connection's life is decided: its states, what can happen to it, which state follows, and what each state
 * allows. Data only: `Connection` does what the tables say, docs/connection.md has the diagram that is made from them,
 * and a test walks every pair of state and event. Clients and servers have the same life; a server begins it later,
 * with a reservation.
 */
import type { Role } from "../protocol.ts";

/** From first to last. */
export const connectionStates = [
  /** The client asks to be let in. */
  "joining",
  /** One port has a reservation for the client, which is on its way there. */
  "attaching",
  /** Messages go both ways. */
  "open",
  /** Nothing was heard for too long, and the connection is kept for a while: nothing is sent, and whoever comes back is in it. */
  "away",
  /** This side will close: it takes no new messages, and delivers those that it has taken. */
  "lingering",
  /** The connection protocol sends close until it is acknowledged; the regular one is silent. */
  "closing",
  /** The other side has left or is silent. What came from it before is still handed on. */
  "draining",
  "closed",
] as const;

export type ConnectionState = (typeof connectionStates)[number];

/** The state in which a connection of each side begins. */
export const firstStates: Readonly<Record<Role, ConnectionState>> = {
  client: "joining",
  server: "attaching",
};

/** What can happen to a connection. */
export const connectionEvents = [
  /** The client has been let in and knows its port. */
  "accepted",
  /** The server does not know the client (any more), which joins anew. */
  "restarted",
  /** The server refuses to let the client in. */
  "rejected",
  /** Client: the handshake took too long. Server: no attach came for the reservation. */
  "expired",
  /** The client has reached its port, and the reservation is taken up. */
  "attached",
  /** The client's address is proven, or another that it has moved to. */
  "confirmed",
  /** This side's application wants it closed. */
  "closeRequested",
  /** All that was sent has been acknowledged, or the time for that is up. */
  "lingered",
  /** The other side has acknowledged close, or has not answered for too long. */
  "acknowledged",
  /** The other side has closed. */
  "remoteClosed",
  /** Nothing was heard for too long, and the other side may come back. */
  "silent",
  /** It was heard again, or has proven where it is. */
  "heard",
  /** Nothing was heard for too long. */
  "idle",
  /** All that came has been handed on. */
  "delivered",
  /** This side drops it and sends nothing: its connect is aborted, or the server closes and the time for that is up. */
  "abandoned",
] as const;

export type ConnectionEvent = (typeof connectionEvents)[number];

export type Transitions = {
  readonly [State in ConnectionState]: { readonly [Event in ConnectionEvent]?: ConnectionState };
};

/** A pair that is not here is counted by its name (`unexpected.<state>.<event>`), and changes nothing. */
export const transitions: Transitions = {
  joining: {
    accepted: "attaching",
    restarted: "joining",
    rejected: "closed",
    expired: "closed",
    abandoned: "closed",
  },
  attaching: {
    restarted: "joining",
    attached: "open",
    expired: "closed",
    remoteClosed: "closed",
    abandoned: "closed",
  },
  open: {
    confirmed: "open",
    closeRequested: "lingering",
    silent: "away",
    idle: "draining",
    remoteClosed: "draining",
    abandoned: "closed",
  },
  away: {
    confirmed: "away",
    heard: "open",
    closeRequested: "lingering",
    idle: "draining",
    remoteClosed: "draining",
    abandoned: "closed",
  },
  lingering: {
    confirmed: "lingering",
    closeRequested: "lingering",
    lingered: "closing",
    idle: "draining",
    remoteClosed: "draining",
    abandoned: "closed",
  },
  closing: {
    confirmed: "closing",
    closeRequested: "closing",
    acknowledged: "closed",
    abandoned: "closed",
  },
  draining: { closeRequested: "draining", delivered: "closed", abandoned: "closed" },
  closed: { closeRequested: "closed" },
};

/** What a state allows. */
export interface Allowed {
  /** Regular datagrams both ways, and the timers of their protocol. */
  readonly datagrams: boolean;
  /** New messages of this side's application. */
  readonly messages: boolean;
}

export const allowed: { readonly [State in ConnectionState]: Allowed } = {
  joining: { datagrams: false, messages: false },
  attaching: { datagrams: false, messages: false },
  open: { datagrams: true, messages: true },
  away: { datagrams: true, messages: true },
  lingering: { datagrams: true, messages: false },
  closing: { datagrams: false, messages: false },
  draining: { datagrams: false, messages: false },
  closed: { datagrams: false, messages: false },
};
