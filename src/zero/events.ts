/** What the machines of the connection protocol tell their owner. */
import type { JoinToken } from "../connection-contract.ts";
import type { NegotiatedVersion } from "../negotiated-version.ts";
import type { TrafficSecrets } from "../traffic-secrets.ts";
import type { JoinKey } from "./key-exchange.ts";
import type { RejectReason } from "./messages.ts";
import type { NetworkPath } from "./network-path.ts";

export type ZeroServerEvent =
  /** A client asks to join and waits for `answer` or `reject`. */
  | (NetworkPath & {
      readonly type: "join";
      readonly cid: string;
      /** Validated; members that the spec does not name are gone. */
      readonly body: unknown;
      /** Hash of the version that both will use, and whether the client has another one than this side. */
      readonly hash: string;
      readonly compat: boolean;
      /** Sealed: the client's part of the key exchange, for `reserve`. */
      readonly key?: JoinKey | undefined;
      /** The client could not reach another port, and asks to be kept on this one. */
      readonly stay: boolean;
      /** Where the server asks for one: whether it has been used is not known here. */
      readonly token?: JoinToken | undefined;
    })
  /** A client has attached. Until confirmed, an address that is not `proven` gets at most three times what it sent. */
  | (NetworkPath & {
      readonly type: "attached";
      readonly peer: number;
      readonly proven: boolean;
      /** What every regular datagram of the connection carries; 0 where they are sealed. */
      readonly tag: number;
      /** What the session's keys are derived from, where it is sealed, and the id that a key log names it by. */
      readonly secrets?: TrafficSecrets | undefined;
      readonly cid?: string;
    })
  /** The address of a peer, from here on: its first, or one that it has moved to. */
  | (NetworkPath & {
      readonly type: "confirmed";
      readonly peer: number;
      /** It has proven another address before. */
      readonly moved: boolean;
    })
  /** The client of a peer that is expected here hears this port. */
  | { readonly type: "shown"; readonly peer: number }
  | {
      readonly type: "closed";
      readonly peer: number;
      readonly code: string;
      readonly reason: string;
      readonly by: "remote" | "local";
    }
  /** No attach came for a reservation in time. */
  | { readonly type: "expired"; readonly peer: number };

export type JoinEvent = Extract<ZeroServerEvent, { type: "join" }>;

/** What accept says of the connection that is to be. */
export interface ClientAttachment {
  /** The server's port that owns it. */
  readonly port: number;
  /** This client's id at the server. */
  readonly peer: number;
  /** The validated body of accept. */
  readonly accept: unknown;
  readonly negotiated: NegotiatedVersion;
  /** What every regular datagram of the connection carries; 0 where they are sealed. */
  readonly tag: number;
  /** What the session's keys are derived from, where it is sealed. */
  readonly secrets?: TrafficSecrets | undefined;
  /** Where it is sealed: the key that the server has signed with, as base64url. */
  readonly serverKey?: string | undefined;
  /** How long the server keeps a peer behind its idle timeout, where it does. */
  readonly resumeMs?: number | undefined;
}

export type ZeroClientEvent =
  /** The server has let the client in, and has sent it to this port. */
  | (ClientAttachment & { readonly type: "accepted" })
  /** The server does not know the client (any more): the client joins anew, with another connection id. */
  | { readonly type: "restarted" }
  /** The connection is open. */
  | (ClientAttachment & { readonly type: "attached" })
  /** The server has found the client where it is now. */
  | { readonly type: "rebound" }
  /** The server's port is another one from here on. */
  | { readonly type: "moved"; readonly port: number }
  /** Several rebinds in a row have had no answer: it may be this side's own socket that is of no use any more. */
  | { readonly type: "unheard" }
  | {
      readonly type: "rejected";
      readonly reason: RejectReason;
      readonly detail: string;
      /** The server's protocol, where that is the reason: its name, version and hash. */
      readonly protocol?: string;
      readonly version?: number;
      readonly hash?: string;
    }
  /** Whoever answers has this key, which is none of those that were given. */
  | { readonly type: "untrusted"; readonly serverKey: string }
  /** The handshake's deadline passed. `unreached`: the port that did not answer either, before the client asked to stay. */
  | { readonly type: "timeout"; readonly unreached: number | undefined }
  | {
      readonly type: "closed";
      readonly code: string;
      readonly reason: string;
      readonly by: "remote" | "local";
    };
