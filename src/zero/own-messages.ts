/**
 * What zero.yaml says of the connection protocol's own messages, as types and tables. Not how messages are checked.
 * @generated from codegen/model/zero.yaml: do not edit, run `npm run generate:zero`.
 */

import type { Security } from "../protocol.ts";

/** The messages. */
export type MessageName =
  | "join"
  | "challenge"
  | "processing"
  | "accept"
  | "reject"
  | "attach"
  | "attached"
  | "rebind"
  | "verify"
  | "move"
  | "ack"
  | "close"
  | "gone";

/** What a client may send. */
export type ClientMessage = "join" | "attach" | "rebind" | "ack" | "close";

/** What a server may send. */
export type ServerMessage =
  | "challenge"
  | "processing"
  | "accept"
  | "reject"
  | "attached"
  | "verify"
  | "move"
  | "ack"
  | "close"
  | "gone";

/** Messages that never carry a MAC. All others always do. */
export type PlainMessage = "join" | "challenge" | "processing" | "accept" | "reject" | "gone";

/** Whose body the application may fill. */
export type BodyMessage = "join" | "accept";

/** Asks to be let in. The first has no cookie; the second repeats the challenge's. */
export interface JoinSys {
  readonly version: number;
  readonly hash: string;
  /** Hashes of older versions whose peers the client can talk to. */
  readonly compatible?: readonly string[] | undefined;
  readonly cookie?: string | undefined;
  /** The client's for this connection alone. */
  readonly key?: string | undefined;
  /** A connect token. */
  readonly token?: string | undefined;
  /** The client could not reach another port than this one. */
  readonly stay?: boolean | undefined;
  /** The body is in so many further joins. */
  readonly pieces?: number | undefined;
  /** The bytes of that body. */
  readonly bytes?: number | undefined;
  /** Its SHA-256, where it is not sealed. */
  readonly digest?: string | undefined;
  /** The number of the piece that this join brings. */
  readonly piece?: number | undefined;
  /** The piece. */
  readonly data?: string | undefined;
}

/** Proves nothing, stores nothing; the client repeats the cookie from the same address. */
export interface ChallengeSys {
  readonly cookie: string;
  /** What secret members of join are sealed to. */
  readonly joinKey?: string | undefined;
}

/** The join has arrived and is being decided, or its body is awaited; an ack of join, outside the sequence. */
export interface ProcessingSys {
  /** Pieces of the body that have come with none missing before them. */
  readonly pieces?: number | undefined;
}

/** The join is accepted, on this port; the hash is that of the version both will use. */
export interface AcceptSys {
  /** The server's for this connection alone. */
  readonly key?: string | undefined;
  /** The key that the server signs with. */
  readonly identity?: string | undefined;
  readonly port: number;
  /** Inclusive ranges of public port numbers. */
  readonly ports: readonly (readonly [number, number])[];
  readonly ticket?: string | undefined;
  /** Of the version that both use. */
  readonly hash: string;
  /** The two were generated from different versions. */
  readonly compat?: boolean | undefined;
  readonly peer: number;
  /** What every regular datagram of the connection carries. */
  readonly tag?: number | undefined;
  /** The hash of what gone proves with that the port has lost the connection. */
  readonly reset?: string | undefined;
  /** How long the peer is kept for a client that is not heard any more. */
  readonly resumeMs?: number | undefined;
}

/** The join is refused. For another protocol it names both, and what differs where the server's record knows that. */
export interface RejectSys {
  readonly reason: "protocol" | "full" | "denied" | "timeout" | "shutting-down" | "internal";
  /** For `protocol`: names of what differs, where the server's record knows the client's version. */
  readonly detail?: string | undefined;
  /** The server's name, version and hash, where the reason is `protocol`. */
  readonly protocol?: string | undefined;
  readonly version?: number | undefined;
  readonly hash?: string | undefined;
  /** The client's, as the server saw it. */
  readonly clientVersion?: number | undefined;
  readonly clientHash?: string | undefined;
}

/** Takes the reservation on the port of accept; the MAC is the proof. */
export interface AttachSys {
  readonly port: number;
  readonly tag?: number | undefined;
  readonly nonce: string;
  readonly counter: number;
}

/** The peer exists. The client repeats the nonce in an ack, and the address of that ack is the peer's. */
export interface AttachedSys {
  readonly nonce: string;
}

/** The client's address may be another one now; the MAC is the proof. The counter goes on from attach's. */
export interface RebindSys {
  readonly port: number;
  readonly tag?: number | undefined;
  readonly nonce: string;
  readonly counter: number;
  /** As accept gave it, or the move to this port. */
  readonly reset?: string | undefined;
  /** The sequence number of that move. */
  readonly move?: number | undefined;
}

/** Answers the rebind of this counter. The client repeats the nonce in an ack, and the address of that ack is the peer's. */
export interface VerifySys {
  readonly nonce: string;
  readonly counter: number;
}

/** The client is to go on at this port of the range, once it has shown by a rebind there that it hears that port. */
export interface MoveSys {
  readonly port: number;
  /** As in accept, of that port and this move. */
  readonly reset?: string | undefined;
}

/** A pure acknowledgement, outside the sequence. With a nonce it confirms an address, and is answered by one with the same. */
export interface AckSys {
  readonly nonce?: string | undefined;
}

/** The end of the connection, with the reason. */
export interface CloseSys {
  readonly code: string;
  readonly reason?: string | undefined;
}

/** Nobody of this connection id is known here; start again. With a proof, a client that was there has been lost. */
export interface GoneSys {
  /** Its hash is the reset of accept. */
  readonly proof?: string | undefined;
}

/** The runtime's part of each message. */
export interface SysOf {
  readonly join: JoinSys;
  readonly challenge: ChallengeSys;
  readonly processing: ProcessingSys;
  readonly accept: AcceptSys;
  readonly reject: RejectSys;
  readonly attach: AttachSys;
  readonly attached: AttachedSys;
  readonly rebind: RebindSys;
  readonly verify: VerifySys;
  readonly move: MoveSys;
  readonly ack: AckSys;
  readonly close: CloseSys;
  readonly gone: GoneSys;
}

/** What is said of each message beside its members. */
export interface MessageFacts {
  readonly from: "client" | "server" | "both";
  readonly mac: boolean;
  /** Worst case of a datagram whose body is empty, escapes included, padding not. */
  readonly maxBytes: number;
}

export const messages: Readonly<Record<MessageName, MessageFacts>> = {
  join: { from: "client", mac: false, maxBytes: 659 },
  challenge: { from: "server", mac: false, maxBytes: 424 },
  processing: { from: "server", mac: false, maxBytes: 165 },
  accept: { from: "server", mac: false, maxBytes: 759 },
  reject: { from: "server", mac: false, maxBytes: 990 },
  attach: { from: "client", mac: true, maxBytes: 251 },
  attached: { from: "server", mac: true, maxBytes: 196 },
  rebind: { from: "client", mac: true, maxBytes: 308 },
  verify: { from: "server", mac: true, maxBytes: 221 },
  move: { from: "server", mac: true, maxBytes: 205 },
  ack: { from: "both", mac: true, maxBytes: 191 },
  close: { from: "both", mac: true, maxBytes: 950 },
  gone: { from: "server", mac: false, maxBytes: 192 },
};

/** Members of `sys` that one kind of security has, all of them, and no other may have. */
export const securityMembers: Readonly<
  Record<Security, Readonly<Partial<Record<MessageName, readonly string[]>>>>
> = {
  plain: { accept: ["ticket", "tag"], attach: ["tag"], rebind: ["tag"] },
  sealed: { join: ["key"], accept: ["key", "identity"] },
};

/** Sequence numbers that the handshake gives its messages, each way. */
export const JOIN_SEQ = 1;
export const ACCEPT_SEQ = 1;
export const REJECT_SEQ = 1;
export const ATTACH_SEQ = 2;
export const ATTACHED_SEQ = 2;

/** The longest human-readable texts, in characters (code points). */
export const MAX_REJECT_DETAIL_CHARACTERS = 96;
export const MAX_CLOSE_CODE_CHARACTERS = 32;
export const MAX_CLOSE_REASON_CHARACTERS = 96;

/** What a connection may be in at the client. */
export type ClientState =
  | "joining"
  | "proving"
  | "waiting"
  | "attaching"
  | "open"
  | "closing"
  | "draining"
  | "closed";

/** What a connection may be in at the server. */
export type ServerState =
  | "listening"
  | "pending"
  | "answered"
  | "reserved"
  | "attached"
  | "open"
  | "expected"
  | "closing"
  | "draining"
  | "closed";

/** states x messages -> next state, for the side that receives. A pair that is not there is dropped and counted. */
export type StateTable<S extends string> = Readonly<
  Record<S, Readonly<Partial<Record<MessageName, S>>>>
>;

export const clientStates: StateTable<ClientState> = {
  joining: { challenge: "proving", reject: "closed", gone: "joining" },
  proving: { processing: "waiting", accept: "attaching", reject: "closed", gone: "joining" },
  waiting: { processing: "waiting", accept: "attaching", reject: "closed", gone: "joining" },
  attaching: { accept: "attaching", attached: "open", close: "draining", gone: "joining" },
  open: {
    ack: "open",
    attached: "open",
    verify: "open",
    move: "open",
    close: "draining",
    gone: "closed",
  },
  closing: { ack: "closed", attached: "closing", close: "draining", gone: "closed" },
  draining: { close: "draining" },
  closed: {},
};

export const serverStates: StateTable<ServerState> = {
  listening: { join: "pending", attach: "listening", rebind: "listening" },
  pending: { join: "pending" },
  answered: { join: "answered", attach: "answered", rebind: "answered" },
  reserved: { join: "reserved", attach: "attached", close: "draining" },
  attached: {
    join: "attached",
    attach: "attached",
    rebind: "attached",
    ack: "open",
    close: "draining",
  },
  open: { join: "open", attach: "open", rebind: "open", ack: "open", close: "draining" },
  expected: { join: "expected", rebind: "expected", ack: "expected" },
  closing: {
    join: "closing",
    attach: "closing",
    rebind: "closing",
    ack: "closed",
    close: "draining",
  },
  draining: { join: "draining", close: "draining" },
  closed: {},
};
