/**
 * What the client's and the server's machine ask about zero messages: which carry no MAC, who sends them, what state
 * they lead to; texts cut to what their schemas allow, and bodies as they are sent. What zero.yaml says stands in
 * own-messages.ts.
 */
import { InvalidMessageError } from "../errors.ts";
import type { Protocol } from "../protocol.ts";
import { emptied } from "../wire/json.ts";
import type { Envelope, EnvelopeOf } from "./envelope.ts";
import { sysChecks, type Unchecked } from "./own-checks.ts";
import {
  type AcceptSys,
  type BodyMessage,
  type ClientMessage,
  MAX_CLOSE_CODE_CHARACTERS,
  MAX_CLOSE_REASON_CHARACTERS,
  MAX_REJECT_DETAIL_CHARACTERS,
  type MessageName,
  messages,
  type PlainMessage,
  type RejectSys,
  type ServerMessage,
  type StateTable,
  type SysOf,
  securityMembers,
} from "./own-messages.ts";
import { loneSurrogate } from "./scan.ts";

/** Why a server refuses a join. */
export type RejectReason = RejectSys["reason"];

/** Inclusive ranges of public port numbers. */
export type PortRanges = AcceptSys["ports"];

/** A message whose `sys` is what zero.yaml says. */
export type ValidMessage<M extends MessageName = MessageName> = {
  [N in M]: EnvelopeOf<N> & { readonly sys: SysOf[N] };
}[M];

/** Whether the message carries no MAC: it is sent before there are keys, or by a side that has none. */
export function isPlain(message: Envelope): message is Envelope<PlainMessage> {
  return !messages[message.msg].mac;
}

/** What a client may send. */
export function isOfClient(message: Envelope): message is Envelope<ClientMessage> {
  return messages[message.msg].from !== "server";
}

/** What a server may send. */
export function isOfServer(message: Envelope): message is Envelope<ServerMessage> {
  return messages[message.msg].from !== "client";
}

export function hasValidSys<M extends MessageName>(
  message: Envelope<M>,
): message is ValidMessage<M> {
  return sysChecks[message.msg](message.sys as Unchecked);
}

/** Whether `sys` has all members that belong to this protocol's kind of security, and none of another kind's. */
export function hasSecurityMembers(
  { security }: Protocol,
  { msg, sys }: { readonly msg: MessageName; readonly sys: object },
): boolean {
  const own = securityMembers[security][msg] ?? [];
  const others = securityMembers[security === "plain" ? "sealed" : "plain"][msg] ?? [];
  return (
    own.every((name) => Object.hasOwn(sys, name)) &&
    others.every((name) => own.includes(name) || !Object.hasOwn(sys, name))
  );
}

/** Whether the application's part is what the spec says; members that it does not name are removed. */
export function hasValidBody(
  { zero }: Protocol,
  { msg, body }: { readonly msg: MessageName; readonly body: object },
): boolean {
  const validate = msg === "join" || msg === "accept" ? zero.bodies[msg] : emptied;
  return validate(body) === null;
}

/** Cut to what the schemas allow: they count code points. Half of a surrogate pair becomes U+FFFD: nobody would take it. */
export function cutCode(code: string): string {
  return code === "" ? "closed" : cut(code, MAX_CLOSE_CODE_CHARACTERS);
}

export function cutReason(text: string): string {
  return cut(text, MAX_CLOSE_REASON_CHARACTERS);
}

export function cutDetail(text: string): string {
  return cut(text, MAX_REJECT_DETAIL_CHARACTERS);
}

function cut(text: string, characters: number): string {
  const sound = text.toWellFormed();
  if (sound.length <= characters) return sound;
  return Array.from(sound.slice(0, characters * 2))
    .slice(0, characters)
    .join("");
}

/** The state after `msg` in `state`; undefined where the table has no such pair. */
export function nextState<S extends string>(
  table: StateTable<S>,
  state: S,
  msg: MessageName,
): S | undefined {
  return table[state][msg];
}

/**
 * The application's part of a message as it will be sent: a copy, without members that the spec does not name.
 * Throws `InvalidMessageError` with the path of a wrong member.
 */
export function outgoingBody({ zero }: Protocol, msg: BodyMessage, body: unknown): object {
  let copy: unknown;
  try {
    copy = JSON.parse(JSON.stringify(body ?? {}));
  } catch (error) {
    throw new InvalidMessageError("", `is not JSON: ${(error as Error).message}`, msg);
  }
  const found = zero.bodies[msg](copy);
  if (found !== null) throw new InvalidMessageError(memberPath(found.path), found.problem, msg);
  const half = loneSurrogate(copy);
  if (half !== undefined) {
    throw new InvalidMessageError(memberPath(half), "has a surrogate without its partner", msg);
  }
  return copy as object;
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
