/**
 * What the application's thread and a port's worker post to each other: the few things about joining that happen before
 * a peer exists, statistics, the beginning and the end. What must stay in order with messages goes through the rings
 * (records-to-worker.ts, records-to-application.ts). Both threads run the same build, so nothing is checked twice, and a
 * kind of post that its reader does not know is an error of the compiler.
 */
import type { FaultOrigin, JoinToken } from "../connection-contract.ts";
import type { CounterName } from "../counters.ts";
import type { PortLimits } from "../port-limits.ts";
import type { CongestionChoice } from "../session/congestion/choose.ts";
import type { PeerStats } from "../stats.ts";
import type { TraceCommand } from "../trace/recorder.ts";
import type { SocketKind } from "../udp/socket.ts";
import type { JoinKey } from "../zero/key-exchange.ts";
import type { RejectReason } from "../zero/messages.ts";
import type { ExpectedPeer } from "../zero/moves.ts";
import type { NetworkPath } from "../zero/network-path.ts";
import type { TokenRules } from "../zero/token.ts";
import type { Admission } from "./hosted-peer.ts";
import type { PortMemory } from "./memory.ts";
import type { Expecting, PeerState } from "./peer-state.ts";
import type { WorkerStats } from "./port-stats.ts";
import type { RefusedCounts } from "./refusals.ts";
import type { OwnJoin, ReserveAnswer } from "./reserve-answer.ts";

/** A system error, as it is posted between threads. */
export interface SystemFailure {
  readonly message: string;
  readonly code: string | undefined;
  readonly errno: number;
  readonly syscall: string | undefined;
}

/** The problem of a reservation whose client has sent a key that gives no shared secret. */
export const KEY_REFUSED = "the key of the join gives no shared secret";

/** The problem of a reservation whose connection id has a place on that port. */
export const ID_TAKEN = "the connection id of the join has a place already";

/** Posted by the worker. */
export type WorkerPost =
  | { readonly type: "bound"; readonly port: number; readonly threadId: number }
  | { readonly type: "ready" }
  | {
      readonly type: "failed";
      readonly code: string;
      readonly message: string;
      readonly cause?: SystemFailure | undefined;
      /** What could not be bound, where that is what failed. */
      readonly bind?: { readonly host: string; readonly port: number } | undefined;
    }
  | (NetworkPath & {
      readonly type: "join";
      readonly cid: string;
      readonly body: unknown;
      readonly hash: string;
      readonly compat: boolean;
      readonly stay: boolean;
      readonly key?: JoinKey | undefined;
      readonly token?: JoinToken | undefined;
    })
  | { readonly type: "reserved"; readonly peer: number; readonly answer: ReserveAnswer }
  | { readonly type: "expired"; readonly peer: number }
  /** For the key log, where there is one. */
  | { readonly type: "keys"; readonly lines: readonly string[] }
  /** What an `ask` has asked for; undefined: there is none. */
  | {
      readonly type: "told";
      readonly request: number;
      readonly answer: Answer;
    }
  /** The client of a peer that is expected has shown that it hears this port. */
  | { readonly type: "shown"; readonly peer: number }
  /** Nobody has asked: they are the last. */
  | { readonly type: "lastStats"; readonly stats: WorkerStats }
  /** The answer to `ping`, and what was refused since the one before. */
  | { readonly type: "pong"; readonly refused: RefusedCounts | undefined }
  | {
      readonly type: "fault";
      readonly where: string;
      readonly error: string;
      readonly origin: FaultOrigin;
    }
  | { readonly type: "closed" };

/** What a worker can be asked about itself. */
export type Question =
  | { readonly what: "stats"; readonly withPeers: boolean }
  | { readonly what: "peerStats"; readonly peer: number }
  | {
      readonly what: "trace";
      readonly peer: number;
      readonly command: TraceCommand;
      readonly maxEvents: number;
    }
  /** What the other port is to know of a peer that is to go there: ExpectedPeer; undefined: it cannot go now. */
  | { readonly what: "offer"; readonly peer: number }
  /** Expects it: Expecting. */
  | { readonly what: "expect"; readonly expected: ExpectedPeer }
  | { readonly what: "unexpect"; readonly peer: number }
  /** Tells its client to show itself at that port: empty, or undefined where it cannot be told. */
  | {
      readonly what: "tell";
      readonly peer: number;
      readonly port: number;
      readonly reset: string | undefined;
    }
  /** It is gone: PeerState, and the record `letGo` behind all that came of it. Undefined: it is not, since it is ending. */
  | { readonly what: "letGo"; readonly peer: number }
  /** It is here: empty, or the problem. */
  | {
      readonly what: "adopt";
      readonly peer: number;
      readonly slot: number;
      readonly state: PeerState;
    };

/** What is said to a question; undefined: there is nothing to be said. */
export type Answer =
  | WorkerStats
  | PeerStats
  | ExpectedPeer
  | Expecting
  | PeerState
  | string
  | undefined;

/** Posted by the application's thread. */
export type ApplicationPost =
  | {
      readonly type: "start";
      readonly publicPort: number;
      readonly ports: readonly (readonly [number, number])[];
    }
  | (NetworkPath & {
      readonly type: "reserve";
      readonly peer: number;
      readonly cid: string;
      readonly hash: string;
      readonly compat: boolean;
      readonly key?: JoinKey | undefined;
      readonly accept: unknown;
      /** For the systems, where there are any. */
      readonly admission: Admission | undefined;
      readonly own: OwnJoin | undefined;
    })
  /** Ends a reservation: `expired` follows. Where a peer has come of it, nothing happens. */
  | { readonly type: "withdraw"; readonly peer: number }
  | {
      readonly type: "answer";
      readonly cid: string;
      readonly bytes: Uint8Array;
      /** What the asked port counts. */
      readonly counter: CounterName | undefined;
    }
  | {
      readonly type: "reject";
      readonly cid: string;
      readonly reason: RejectReason;
      readonly detail: string;
      /** What the asked port counts. */
      readonly counter: CounterName | undefined;
    }
  /** The connection id of a join is somebody's: its client is to take another. */
  | { readonly type: "turnAway"; readonly cid: string }
  /** Asks for `told`. */
  | { readonly type: "ask"; readonly request: number; readonly question: Question }
  /** Asks for `pong`. */
  | { readonly type: "ping" }
  | { readonly type: "close"; readonly code: string; readonly lingerMs: number };

/** What a worker is started with. */
export interface WorkerOptions {
  /** The seed of the server's signing key, where the protocol is sealed. */
  readonly identity: Uint8Array | undefined;
  /** Whose connect tokens let somebody ask to join; undefined: all may. */
  readonly tokens: TokenRules | undefined;
  /** What proves that a worker has lost its peers: all workers of a server have the same, those started again too. */
  readonly resetKey: Uint8Array;
  /** It is served on the application's thread, not in a worker. */
  readonly ownThread: boolean;
  /** When the server's clock began, on the clock of the process (udp/process-clock.ts). */
  readonly clockBeganMs: number;
  /** How long a peer is kept behind its idle timeout, milliseconds; 0: not at all. */
  readonly resumeMs: number;
  readonly protocolUrl: string;
  readonly protocolHash: string;
  /** Of the messages between threads; missing where the spec has none. */
  readonly systemHash: string | undefined;
  /** Its `versions` as JSON: both threads must know the same ones. */
  readonly protocolVersions: string;
  /** The server's addresses; each has a socket. */
  readonly hosts: readonly string[];
  /** 0: any free port. */
  readonly port: number;
  readonly maxPeers: number;
  readonly limits: PortLimits;
  /** Whether somebody has a use for bodies of join that come in pieces. */
  readonly takesPieces: boolean;
  /** Joins that one address may have waiting; undefined: the default, which leaves loopback out. */
  readonly maxJoinsPerAddress: number | undefined;
  readonly memory: PortMemory;
  readonly systems: string | undefined;
  /** Of the systems with one peer, both ways; undefined: the default. */
  readonly maxOpenRequests: number | undefined;
  readonly wrapSocket: string | undefined;
  readonly wrapSocketData: unknown;
  readonly socketBufferBytes: number | undefined;
  readonly sockets: SocketKind | undefined;
  /** How long they may rest where many datagrams come, milliseconds; 0: not at all. */
  readonly coalesceMs: number;
  /** Of the worker's heap; a worker that needs more ends. */
  readonly heapBytes: number;
  /** Says so where the system grants smaller buffers; one port of a pool does, for all. */
  readonly warn: boolean;
  /** False only to prove that loss is noticed: nothing is ever resent. */
  readonly resend: boolean;
  readonly logsKeys: boolean;
  /** A controller that is there, or the address of a module that exports a factory by default. */
  readonly congestion: CongestionChoice | { readonly module: string } | undefined;
}
