/**
 * Zero messages to throw at a machine: one of those that its pair has sent or that could be sent next, as it is, changed
 * as bytes, or changed as the JSON that it carries.
 */
import type { SeededRandom } from "#src/testing/random.js";
import { type BuildOptions, buildDatagram } from "#src/zero/envelope.js";
import {
  clientStates,
  type MessageName,
  messages,
  type SysOf,
  serverStates,
} from "#src/zero/own-messages.js";
import type { Input } from "./input.ts";
import { OTHER_PORT, PORT, type Side, type ZeroPair } from "./zero-pair.ts";

type Json = Record<string, unknown>;

const values: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  4294967295,
  4294967296,
  9007199254740992,
  "",
  "a".repeat(100),
  "a".repeat(1200),
  "\u0000",
  "\ud800",
  "\u{1f600}".repeat(32),
  "__proto__",
  [],
  {},
  [[[[[[1]]]]]],
  { a: { b: { c: { d: { e: 1 } } } } },
  { toString: 1 },
  Array.from({ length: 20 }, () => [1, 65535]),
  Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, i])),
];
const keys: readonly string[] = [
  "v",
  "cid",
  "msg",
  "seq",
  "ack",
  "sys",
  "body",
  "mac",
  "sig",
  "secret",
  "key",
  "identity",
  "pad",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hash",
  "port",
  "pieces",
  "piece",
  "data",
  "digest",
  "x",
];

const text22 = "AAECAwQFBgcICQoLDA0ODw";
const text43 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/** What each message may say, in either kind of security. */
const samples: { readonly [N in MessageName]: (hash: string, isSealed: boolean) => SysOf[N] } = {
  join: (hash, isSealed) => ({ hash, version: 1, ...(isSealed && { key: text43 }) }),
  challenge: () => ({ cookie: text43, joinKey: "A".repeat(171) }),
  processing: () => ({}),
  accept: (hash, isSealed) => ({
    ...(isSealed && { key: text43, identity: text43 }),
    port: OTHER_PORT,
    ports: [[PORT, OTHER_PORT]],
    ...(!isSealed && { ticket: text43, tag: 7 }),
    hash,
    peer: 7,
    reset: text22,
  }),
  reject: () => ({ reason: "denied", detail: "no" }),
  attach: (_, isSealed) => ({
    port: PORT,
    ...(!isSealed && { tag: 7 }),
    nonce: text22,
    counter: 1,
  }),
  attached: () => ({ nonce: text22 }),
  rebind: (_, isSealed) => ({
    port: PORT,
    ...(!isSealed && { tag: 7 }),
    nonce: text22,
    counter: 2,
    reset: text22,
  }),
  verify: () => ({ nonce: text22, counter: 2 }),
  move: () => ({ port: OTHER_PORT }),
  ack: () => ({ nonce: text22 }),
  close: () => ({ code: "done", reason: "" }),
  gone: () => ({ proof: text22 }),
};

/** The largest sequence number that a message is made with; the handshake ends with 2, and close may be 3. */
const MAX_SEQ = 4;

/** A datagram for that side; it may be a legal one. */
export function zeroDatagram(
  pair: ZeroPair,
  to: Side,
  random: SeededRandom,
  input: Input,
): Uint8Array {
  const bytes = choose(pair, to, random);
  switch (random.below(5)) {
    case 0:
      return bytes;
    case 1:
    case 2: {
      const others = pair.sent;
      input.set(bytes);
      do input.mutate(random, random.pick(others));
      while (random.once(3));
      return input.copy();
    }
    default:
      return changeJson(bytes, pair.sent, random);
  }
}

/** What is under way, what was there before from either side, or what nobody has sent. */
function choose(pair: ZeroPair, to: Side, random: SeededRandom): Uint8Array {
  const next = pair.underWay(to);
  if (next.length > 0 && random.once(2)) return random.pick(next);
  return random.once(2) ? random.pick(pair.sent) : made(pair, to, random);
}

/** Half of the time one that the state allows. */
function made(pair: ZeroPair, to: Side, random: SeededRandom): Uint8Array {
  const { hash, security, limits } = pair.protocol;
  const isSealed = security === "sealed";
  const table: Readonly<Record<string, object>> = to === "client" ? clientStates : serverStates;
  const allowed = Object.keys(table[pair.stateOf(to)]!);
  const names = allowed.length > 0 && random.once(2) ? allowed : Object.keys(messages);
  const msg = random.pick(names) as MessageName;
  const sample = samples[msg](random.once(4) ? "0".repeat(32) : hash, isSealed);
  const sys = msg === "ack" && !random.once(4) ? ackOf(pair) : sample;
  const cid = random.once(8) ? text22 : pair.client.cid || text22;
  const [seq, ack] = [random.below(MAX_SEQ + 1), random.below(MAX_SEQ + 1)];
  const { joinBytes } = pair.protocol.zero;
  // One that fits no datagram comes in pieces.
  const join = joinBytes === undefined || random.once(2) ? pair.bodies.join : {};
  const body = msg === "join" ? join : msg === "accept" ? pair.bodies.accept : {};
  const padBytes = random.pick([0, 200, limits.maxDatagramBytes]);
  const message = { cid, msg, seq, ack, sys, body };
  if (messages[msg].mac)
    return buildDatagram(pair.crypto, message, { key: pair.crypto.anyKey, padBytes });
  if (msg === "join" && seq === 1 && pair.protocol.zero.secrets !== undefined) {
    return buildDatagram(pair.crypto, message, { padBytes, secret: sealed(pair, random) });
  }
  const sign = isSealed && msg === "accept" ? () => new Uint8Array(64).fill(1) : undefined;
  return buildDatagram(pair.crypto, message, sign === undefined ? { padBytes } : { sign });
}

/** Secret members, as they may be or not. */
function sealed({ bodies }: ZeroPair, random: SeededRandom): NonNullable<BuildOptions["secret"]> {
  const members = random.once(2) ? bodies.join : random.pick(values);
  const bytes = Buffer.concat([Buffer.from(JSON.stringify(members)), Buffer.alloc(16)]);
  return { bytes: bytes.length, seal: () => bytes };
}

/** The one that is due, from either side: it says the nonce that was given last. */
function ackOf({ sent }: ZeroPair): SysOf["ack"] {
  const given = sent.map(parsed).findLast(({ msg }) => msg === "attached" || msg === "verify");
  const nonce = get(child(given, "sys"), "nonce");
  return nonce === undefined ? {} : { nonce: nonce as string };
}

/** Another JSON than the datagram's, a few times over; it still ends in its MAC or signature most of the time. */
function changeJson(
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  random: SeededRandom,
): Uint8Array {
  const { mac, sig, ...message } = parsed(bytes);
  do changeOne(message, random, others);
  while (random.once(3));
  let text = JSON.stringify(message);
  // A key twice.
  if (random.once(6)) text = repeatKey(text, random);
  const [name, last] = sig === undefined ? ["mac", mac] : ["sig", sig];
  if (last !== undefined && !random.once(8)) {
    text = text === "{}" ? text : `${text.slice(0, -1)},"${name}":${JSON.stringify(last)}}`;
  }
  return Buffer.from(`\0\0\0${text}`);
}

function parsed(bytes: Uint8Array): Json {
  return JSON.parse(Buffer.from(bytes.subarray(3)).toString()) as Json;
}

/** One member of the message, of its sys or body, or of what is in them. */
function changeOne(message: Json, random: SeededRandom, others: readonly Uint8Array[]): void {
  let holder: Json = message;
  if (!random.once(3)) holder = child(message, random.once(3) ? "body" : "sys") ?? message;
  while (random.once(3)) {
    const inner = child(holder, random.pick(Object.keys(holder)));
    if (inner === undefined) break;
    holder = inner;
  }
  const own = Object.keys(holder);
  const key = own.length > 0 && !random.once(5) ? random.pick(own) : random.pick(keys);
  switch (random.below(5)) {
    case 0:
      delete holder[key];
      break;
    case 1:
      put(holder, key, structuredClone(random.pick(values)));
      break;
    case 2:
      put(holder, key, nearby(get(holder, key), random));
      break;
    case 3: {
      // What another message says under this name.
      const other = parsed(random.pick(others));
      put(holder, key, get(child(other, "sys"), key) ?? get(other, key));
      break;
    }
    default: {
      const value = get(holder, key);
      delete holder[key];
      put(holder, random.pick(keys), value ?? random.u32());
    }
  }
}

/** An own member, whatever its name. */
function put(holder: Json, key: string, value: unknown): void {
  Object.defineProperty(holder, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function get(holder: Json | undefined, key: string): unknown {
  return holder !== undefined && Object.hasOwn(holder, key) ? holder[key] : undefined;
}

function child(holder: Json | undefined, key: string | undefined): Json | undefined {
  const inner = key === undefined ? undefined : get(holder, key);
  return typeof inner === "object" && inner !== null ? (inner as Json) : undefined;
}

function nearby(value: unknown, random: SeededRandom): unknown {
  if (typeof value === "number") return value + random.pick([-1, 1, 0.5, 256]);
  if (typeof value === "string") {
    const at = random.below(value.length);
    const other = random.pick(["A", "-", "=", "é", "\n", ""]);
    return random.once(4) ? value + other : value.slice(0, at) + other + value.slice(at + 1);
  }
  if (Array.isArray(value)) return random.once(2) ? [...value, ...value] : value.slice(1);
  return random.u32();
}

/** Behind or before where it stands, with another value. */
function repeatKey(text: string, random: SeededRandom): string {
  const found = [...text.matchAll(/"([a-z]+)":/g)];
  if (found.length === 0) return text;
  const { index, 0: key } = random.pick(found);
  return `${text.slice(0, index)}${key}${JSON.stringify(random.pick(values))},${text.slice(index)}`;
}
