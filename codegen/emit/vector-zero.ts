/**
 * The zero messages of `vectors.json`: each as it stands in a conversation of one connection, with what is required and
 * with all its members. Values of the runtime's own members are such as it sends, and in its order; those of the
 * application's follow from the schema. That real machines take them is shown by a test.
 */

import { createHash } from "node:crypto";
import { sample } from "../interpret/json-schema.ts";
import {
  type ExchangedKeys,
  exchangedKeys,
  joinKeyText,
  privateKeys,
  publicKeys,
  sealJoin,
  signAccept,
} from "../interpret/key-exchange.ts";
import { hexOf } from "../interpret/values.ts";
import { keysOfTicket, writeZero, type ZeroValues } from "../interpret/write-datagram.ts";
import type { Side } from "../model/delivery.ts";
import type { Model, ZeroMessageModel } from "../model/model.ts";
import { readableSchema, secretSchema } from "../model/secrets.ts";

/** 16, 24 or 32 bytes that rise by one. */
function rising(from: number, count: number): string {
  return Buffer.from(Array.from({ length: count }, (_, i) => from + i)).toString("base64url");
}

const CID: string = rising(0, 16);
/** That the port of accept has lost the client. */
const RESET_PROOF: Buffer = Buffer.from(rising(96, 16), "base64url");
const TICKET: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
/** The tag of all datagrams; any other would do. */
export const SESSION_TAG = 0xf00d_cafe;
const OTHER_HASH = "0123456789abcdef".repeat(2);
const PORT = 40_001;

/** What the vectors of one model are made with. */
interface Conversation {
  /** MAC keys. */
  readonly keys: Readonly<Record<Side, Uint8Array>>;
  /** Where security is sealed: accept answers this join. */
  readonly join?: Uint8Array;
  /** For `keys` of the file. */
  readonly told: Readonly<Record<string, string>>;
}

function conversationOf(model: Model): Conversation {
  const hexAll = (all: object) =>
    Object.fromEntries(Object.entries(all).map(([name, bytes]) => [name, hexOf(bytes)]));
  if (model.security === "plain") {
    const keys = keysOfTicket(TICKET);
    return { keys, told: hexAll({ ticket: TICKET, ...keys }) };
  }
  const message = (name: string) => model.zero.messages.find((one) => one.name === name)!;
  const join = writeZero(sealed(valuesOf(model, message("join"), "client", true)));
  const accept = valuesOf(model, message("accept"), "server", false);
  let keys!: ExchangedKeys;
  writeZero({
    ...accept,
    sign: (head) => {
      keys = exchangedKeys(join, head);
      return signAccept(join, head);
    },
  });
  return { keys, join, told: hexAll({ ...privateKeys, ...keys }) };
}

/**
 * What the MACs are made with, for `keys` of the file: the ticket, or private keys and the secrets that follow from the join
 * with all members and the accept with what is required.
 */
export function vectorKeys(model: Model): Readonly<Record<string, string>> {
  return conversationOf(model).told;
}

/** What the runtime would send, by the member's name in `sys`. */
function ownValues({ name, version, hash }: Model): Readonly<Record<string, unknown>> {
  return {
    // That of a spec is never longer.
    protocol: name.slice(0, 64),
    version,
    hash,
    compatible: [OTHER_HASH],
    cookie: rising(64, 24),
    joinKey: joinKeyText(),
    port: PORT,
    ports: [[40_000, 40_003]],
    ticket: Buffer.from(TICKET).toString("base64url"),
    compat: true,
    peer: 65_537,
    tag: SESSION_TAG,
    nonce: rising(32, 16),
    counter: 1,
    clientVersion: version + 1,
    clientHash: OTHER_HASH,
    identity: publicKeys.identity,
    reset: createHash("sha256").update(RESET_PROOF).digest().subarray(0, 16).toString("base64url"),
    proof: RESET_PROOF.toString("base64url"),
  };
}

/** Answers why a datagram that was made is not one, or nothing. */
type Check = (name: string, bytes: Uint8Array, from: Side) => void;

export function zeroVectors(model: Model, check: Check): unknown[] {
  const conversation = conversationOf(model);
  return model.zero.messages.flatMap((message) => {
    const sides: Side[] = message.from === "both" ? ["client", "server"] : [message.from];
    return sides.flatMap((from) =>
      [false, true].map((full) => zeroCase(model, conversation, message, from, full, check)),
    );
  });
}

function zeroCase(
  model: Model,
  { keys, join }: Conversation,
  message: ZeroMessageModel,
  from: Side,
  full: boolean,
  check: Check,
): unknown {
  const { name, mac, sig } = message;
  const values = valuesOf(model, message, from, full);
  const bytes = writeZero({
    ...sealed(values),
    ...(mac ? { key: keys[from] } : {}),
    ...(sig ? { sign: (head) => signAccept(join!, head) } : {}),
  });
  check(`${name} from the ${from}`, bytes, from);
  const which = full ? "all members" : "what is required";
  const signed = sig ? { sig } : {};
  return {
    case: `${name} from the ${from}: ${which}`,
    from,
    mac,
    ...signed,
    ...values,
    hex: hexOf(bytes),
  };
}

/** A message as the vectors say it: with what is sealed in it, as it is before that. */
interface Said extends ZeroValues {
  readonly secretMembers?: unknown;
}

function sealed({ secretMembers, ...values }: Said): ZeroValues {
  return secretMembers === undefined ? values : { ...values, secret: sealJoin(secretMembers) };
}

/** All of a message but its MAC or signature. */
function valuesOf(model: Model, message: ZeroMessageModel, from: Side, full: boolean): Said {
  const { name } = message;
  const key = from === "client" ? publicKeys.client : publicKeys.server;
  const own: Readonly<Record<string, unknown>> = { ...ownValues(model), key };
  const size = full ? "full" : "least";
  const secret = secretSchema(message.body);
  const sampled = Object.entries(sample(message.sys, size) as Record<string, unknown>);
  const members = sampled
    .filter(([key]) => ![message.spare, message.large].some((names) => names?.includes(key)))
    .map(([key, value]) => [key, Object.hasOwn(own, key) ? own[key] : value]);
  const sys: Record<string, unknown> = inOrder(Object.fromEntries(members));
  // Versions and hashes are said where, and only where, they are the reason.
  if (name === "reject") sys["reason"] = full ? "protocol" : "full";
  // They come behind an attach.
  if (name === "rebind" || name === "verify") sys["counter"] = 2;
  return {
    cid: CID,
    msg: name,
    ...sequence(message, sys),
    sys,
    body: sample(readableSchema(message.body), size),
    ...(secret && Object.hasOwn(sys, "cookie") && { secretMembers: sample(secret, size) }),
    padBytes: padBytes(model, name),
  };
}

/** A join with a cookie begins with it and the hash: there the server looks for them, before it reads any JSON. */
function inOrder(sys: Record<string, unknown>): Record<string, unknown> {
  if (!Object.hasOwn(sys, "cookie") || !Object.hasOwn(sys, "hash")) return sys;
  const { cookie, hash, ...rest } = sys;
  return { cookie, hash, ...rest };
}

/**
 * Where a message stands in the conversation: what has no fixed numbers comes right behind the handshake. An ack
 * without a nonce is that of the other side's close, which comes there.
 */
function sequence({ name, seq, ack }: ZeroMessageModel, sys: object): { seq: number; ack: number } {
  if (name === "ack" && !Object.hasOwn(sys, "nonce")) return { seq: 0, ack: 3 };
  const isFirst = seq?.length === 2 && !Object.hasOwn(sys, "cookie");
  const pick = (numbers: readonly number[]): number => numbers[isFirst ? 0 : numbers.length - 1]!;
  return { seq: pick(seq ?? [3]), ack: pick(ack ?? [2]) };
}

function padBytes(model: Model, name: string): number {
  if (name === "join") return model.limits.maxDatagramBytes;
  const attached = model.zero.messages.find((message) => message.name === "attached");
  return name === "attach" ? (attached?.maxBytes ?? 0) : 0;
}
