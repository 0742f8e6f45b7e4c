/**
 * What the machines know about the messages of a join: the runtime's part (`sys`) of each as a type, and which of
 * them travel without a MAC. The schemas in the protocol say the same and are what is checked; the generator has
 * refused a spec whose sys lacks a member that stands here.
 */
import { InvalidMessageError } from "../errors.ts";
import type { ZeroMessageDefinition, ZeroStateTable } from "../protocol.ts";

/** Why a server refuses a join; the schema of `reject` has the same list. */
export type RejectReason =
  | "protocol"
  | "full"
  | "denied"
  | "timeout"
  | "shutting-down"
  | "internal";

export interface JoinSys {
  readonly cookie?: string;
  readonly hash: string;
  readonly version: number;
  /** Hashes of older versions whose peers the client can talk to. */
  readonly compatible?: readonly string[];
}

export interface ChallengeSys {
  readonly cookie: string;
}

/** Inclusive ranges of public port numbers. */
export type PortRanges = readonly (readonly [number, number])[];

export interface AcceptSys {
  readonly port: number;
  readonly ports: PortRanges;
  readonly ticket: string;
  /** Of the version that both use. */
  readonly hash: string;
  /** The two were generated from different versions. */
  readonly compat?: boolean;
  readonly peer: number;
}

export interface RejectSys {
  readonly reason: RejectReason;
  /** For the reason `protocol`: names of what differs, where the server's record knows the client's version. */
  readonly detail?: string;
  /** The server's own, where the reason is `protocol`. */
  readonly version?: number;
  readonly hash?: string;
  /** The client's, as the server saw them. */
  readonly clientVersion?: number;
  readonly clientHash?: string;
}

export interface AttachSys {
  readonly port: number;
  readonly nonce: string;
  readonly counter: number;
}

export interface AttachedSys {
  readonly nonce: string;
}

export interface AckSys {
  readonly nonce?: string;
}

export interface CloseSys {
  readonly code: string;
  readonly reason?: string;
}

/** Sent before there are keys, or by who has none. All others always carry a MAC. */
const plainMessages: ReadonlySet<string> = new Set([
  "join",
  "challenge",
  "processing",
  "accept",
  "reject",
  "gone",
]);

export function isPlain(msg: string): boolean {
  return plainMessages.has(msg);
}

/** Sequence numbers that the handshake gives its messages, each way. */
export const JOIN_SEQ = 1;
export const ACCEPT_SEQ = 1;
export const ATTACH_SEQ = 2;
export const ATTACHED_SEQ = 2;

/** Characters of the texts in reject and close, as their schemas have them. */
const MAX_CODE_CHARACTERS = 32;
const MAX_TEXT_CHARACTERS = 96;

/** Cut to what the schemas allow: they count code points. */
export function cutCode(code: string): string {
  return code === "" ? "closed" : cut(code, MAX_CODE_CHARACTERS);
}

export function cutText(text: string): string {
  return cut(text, MAX_TEXT_CHARACTERS);
}

function cut(text: string, characters: number): string {
  if (text.length <= characters) return text;
  return Array.from(text.slice(0, characters * 2))
    .slice(0, characters)
    .join("");
}

/** The state after `msg` in `state`; undefined where the table has no such pair. */
export function nextState(table: ZeroStateTable, state: string, msg: string): string | undefined {
  const row = Object.hasOwn(table, state) ? table[state] : undefined;
  return row !== undefined && Object.hasOwn(row, msg) ? row[msg] : undefined;
}

/**
 * The application's part of a message as it will be sent: a copy, without members that the spec does not name.
 * Throws `InvalidMessageError` with the path of a wrong member.
 */
export function outgoingBody(definition: ZeroMessageDefinition, body: unknown): unknown {
  let copy: unknown;
  try {
    copy = JSON.parse(JSON.stringify(body ?? {}));
  } catch (error) {
    throw new InvalidMessageError(
      "",
      `${definition.name} is not JSON: ${(error as Error).message}`,
    );
  }
  const found = definition.validateBody(copy);
  if (found !== null) throw new InvalidMessageError(memberPath(found.path), found.problem);
  return copy;
}

/** `/entities/3/x` as the other errors write it: `entities[3].x`. */
function memberPath(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((path, part) => {
      if (/^\d+$/.test(part)) return `${path}[${part}]`;
      return path === "" ? part : `${path}.${part}`;
    }, "");
}
