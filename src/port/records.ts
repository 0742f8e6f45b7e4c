/**
 * What the application's thread and a port's worker say to each other: records in the two rings (everything that must
 * stay in order with messages), and posted messages (the few things about joining that happen before a peer exists).
 * Layouts of records are private to the two threads; both run the same build, so nothing is checked twice, and a kind of
 * record or post that its reader does not know is an error of the compiler.
 */
import type { PortStats } from "../connection-contract.ts";
import type { RejectReason } from "../zero/messages.ts";
import type { PortMemory } from "./memory.ts";

/** Records from the application to the worker. First a u32 peer id, unless said otherwise. */
export const ToWorker = {
  /** peer u32, channel u16, payload. */
  send: 1,
  /** channel u16, count u16, that many peer ids that do not get it (u32), payload. */
  broadcast: 2,
  /** peer u32, lingerMs f64, code, reason: strings with a u16 length in front. */
  close: 3,
  /** field u16, value f64. */
  header: 4,
  /** peer u32: the application has seen the join; broadcasts reach it from here on. */
  joined: 5,
  /** peer u32: credit has come back that the worker is waiting for. */
  pump: 6,
  /** peer u32: a message of this peer could not be decoded. */
  malformed: 7,
  /** Nothing: the ring to the application was full and has room again. */
  ringDrained: 8,
} as const;
export type ToWorker = (typeof ToWorker)[keyof typeof ToWorker];

/** Records from the worker to the application. */
export const ToApplication = {
  /** peer u32, remote port u16, address: a string behind its varint length. */
  join: 1,
  /** peer u32, channel u16, the user's header fields (f64 each), payload. */
  message: 2,
  /** peer u32, by remote u8, code, reason: strings with a u16 length in front. */
  leave: 3,
  /** peer u32: a refused send may be tried again. */
  drained: 4,
  /** Nothing: the ring to the worker was full and has room again. */
  ringDrained: 5,
} as const;
export type ToApplication = (typeof ToApplication)[keyof typeof ToApplication];

/** What the system said, of an error that has to cross threads. */
export interface SystemFailure {
  readonly message: string;
  readonly code: string | undefined;
  readonly errno: number;
  readonly syscall: string | undefined;
}

/** Posted by the worker. */
export type WorkerPost =
  | { readonly type: "bound"; readonly port: number; readonly threadId: number }
  | { readonly type: "ready" }
  | {
      readonly type: "failed";
      readonly code: string;
      readonly message: string;
      readonly cause?: SystemFailure | undefined;
    }
  | {
      readonly type: "join";
      readonly cid: string;
      readonly address: string;
      readonly port: number;
      readonly body: unknown;
      readonly hash: string;
      readonly compat: boolean;
    }
  | { readonly type: "reserved"; readonly peer: number; readonly bytes: Uint8Array }
  | { readonly type: "refused"; readonly peer: number; readonly problem: string }
  | { readonly type: "expired"; readonly peer: number }
  | { readonly type: "stats"; readonly request: number; readonly stats: PortStats }
  /** The answer to `ask`. */
  | { readonly type: "alive" }
  | { readonly type: "fault"; readonly where: string; readonly error: string }
  | { readonly type: "closed" };

/** Posted by the application's thread. */
export type ApplicationPost =
  | {
      readonly type: "start";
      readonly publicPort: number;
      readonly ports: readonly (readonly [number, number])[];
    }
  | {
      readonly type: "reserve";
      readonly peer: number;
      readonly cid: string;
      readonly address: string;
      readonly port: number;
      readonly hash: string;
      readonly compat: boolean;
      readonly accept: unknown;
    }
  | { readonly type: "answer"; readonly cid: string; readonly bytes: Uint8Array }
  | {
      readonly type: "reject";
      readonly cid: string;
      readonly reason: RejectReason;
      readonly detail: string;
    }
  | { readonly type: "stats"; readonly request: number }
  /** Whether it still answers. */
  | { readonly type: "ask" }
  | { readonly type: "close"; readonly code: string; readonly lingerMs: number };

/** What a worker is started with. */
export interface WorkerOptions {
  readonly protocolUrl: string;
  readonly protocolHash: string;
  /** Its `versions` as JSON: both threads must know the same ones. */
  readonly protocolVersions: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly maxPeers: number;
  readonly memory: PortMemory;
  readonly systems: string | undefined;
  readonly wrapSocket: string | undefined;
  readonly wrapSocketData: unknown;
  readonly socketBufferBytes: number | undefined;
  /** Says so where the system grants smaller buffers; one port of a pool does, for all. */
  readonly warn: boolean;
  /** False only to prove that loss is noticed: nothing is ever resent. */
  readonly resend: boolean;
}
