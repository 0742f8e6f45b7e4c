/**
 * Zero messages: three zero bytes and one JSON object, taken apart member by member with their places in the bytes.
 * Held against what docs/connection.md says of the envelope and against the message's schemas. Whether a MAC is right
 * cannot be seen without its key. Worst case: one pass; nesting is bounded before it is followed.
 */

import { type ByteCursor, inBytes } from "../bytes/cursor.ts";
import { utf8 } from "../kinds/string.ts";
import type { Side } from "../model/delivery.ts";
import type { Model, ZeroMessageModel } from "../model/model.ts";
import { readableSchema, secretNames } from "../model/secrets.ts";
import type { Reading } from "./datagram.ts";
import { schemaProblem } from "./json-schema.ts";
import { put } from "./values.ts";

/** Levels of objects and arrays that the runtime looks into. */
export const MAX_ZERO_DEPTH = 6;
export const MAX_ZERO_BYTES = 1500;
export const FORBIDDEN_KEYS: readonly string[] = ["__proto__", "constructor", "prototype"];
/** 64 bytes of base64url, likewise. */
const SIGNATURE = /^[A-Za-z0-9_-]{85}[AQgw]$/;
/** 16 bytes of base64url: the last character has four bits that are not used, and zero. */
const ID = /^[A-Za-z0-9_-]{21}[AQgw]$/;

const notAnId = "is not 22 characters of base64url with unused bits zero";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Fills `reading`; throws a Problem. */
export function readZero(
  model: Model,
  s: ByteCursor,
  reading: Mutable<Reading>,
  from: Side | undefined,
): void {
  if (s.end > MAX_ZERO_BYTES) s.fail(`${s.end} bytes, at most ${MAX_ZERO_BYTES}`);
  s.take(3, "channel");
  s.leaf("channel", 0, { value: 0, text: "a zero message" });
  const start = s.at;
  const json = new JsonReading(s);
  const value = json.value("envelope", 1);
  const at = json.at;
  if (s.left > 0) s.fail(`${inBytes(s.left)} left over behind the JSON`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    s.fail("the JSON is not an object", "", start);
  }
  const envelope = value as Record<string, unknown>;
  reading.envelope = envelope;
  if (typeof envelope["msg"] === "string") reading.zero = envelope["msg"];
  const fail = (name: string, problem: string): never =>
    s.fail(problem, name, at.get(`envelope.${name}`) ?? start);
  checkEnvelope(envelope, s, fail);
  const name = envelope["msg"] as string;
  const message =
    model.zero.messages.find((one) => one.name === name) ??
    fail("msg", `${JSON.stringify(name)} is no message of the spec`);
  if (from !== undefined && message.from !== "both" && message.from !== from) {
    fail("msg", `${name} comes from the ${message.from}, but the ${from} sent it`);
  }
  checkFacts(message, envelope, fail);
  const { large = [] } = message;
  const sysOf = envelope["sys"] as Record<string, unknown>;
  const follows = message.hasBody && large.some((member) => Object.hasOwn(sysOf, member));
  if (follows && Object.keys(envelope["body"] as object).length > 0) {
    fail("body", "has members, and comes in pieces");
  }
  for (const part of follows ? (["sys"] as const) : (["sys", "body"] as const)) {
    const problem = schemaProblem(readableSchema(message[part]), envelope[part]);
    if (problem === undefined) continue;
    const path = `${part}${problem.path}`;
    s.fail(
      problem.problem,
      path,
      at.get(`envelope.${path}`) ?? at.get(`envelope.${part}`) ?? start,
    );
  }
}

/** MAC, sequence number and acknowledgement, as far as the message settles them. */
function checkFacts(
  { name, mac, sig = false, spare = [], large = [], seq, ack, body }: ZeroMessageModel,
  envelope: Record<string, unknown>,
  fail: (name: string, problem: string) => never,
): void {
  const hasMac = envelope["mac"] !== undefined;
  if (mac && !hasMac) fail("mac", `is missing: every ${name} carries one`);
  if (!mac && hasMac) fail("mac", `${name} carries none`);
  const isSigned = envelope["sig"] !== undefined;
  const sys = envelope["sys"] as Record<string, unknown>;
  const extra = spare.find((member) => Object.hasOwn(sys, member));
  const why = extra === undefined ? "where security is sealed" : `where it has a ${extra}`;
  const mustBe = sig || extra !== undefined;
  if (mustBe && !isSigned) fail("sig", `is missing: ${name} is signed ${why}`);
  if (!mustBe && isSigned) fail("sig", `${name} carries none here`);
  const isSecond = name === "join" && Object.hasOwn(sys, "cookie");
  const follows = large.some((member) => Object.hasOwn(sys, member));
  const mustKeep = isSecond && !follows && secretNames(body).length > 0;
  if (mustKeep !== (name === "join" && envelope["secret"] !== undefined)) {
    fail("secret", mustKeep ? "is missing: a join has secret members" : "has no place here");
  }
  for (const member of secretNames(body)) {
    if (!Object.hasOwn(envelope["body"] as object, member)) continue;
    fail(`body.${member}`, "is secret, and stands where all can read it");
  }
  for (const [member, all] of [
    ["seq", seq],
    ["ack", ack],
  ] as const) {
    if (all === undefined) continue;
    // A message with two is told by its cookie; where it has none, either may be right.
    const isTold = name === "join" && all.length > 1;
    const right = isTold ? [all["cookie" in sys ? 1 : 0]!] : all;
    if (right.includes(envelope[member] as number)) continue;
    fail(member, `is ${String(envelope[member])}, and that of ${name} is ${right.join(" or ")}`);
  }
}

function checkEnvelope(
  envelope: Record<string, unknown>,
  s: ByteCursor,
  fail: (name: string, problem: string) => never,
): void {
  const { v, cid, msg, seq, ack, sys, body, pad, secret, mac, sig } = envelope;
  if (v !== 1) fail("v", "is not 1");
  if (typeof cid !== "string" || !ID.test(cid)) {
    fail("cid", notAnId);
  }
  if (typeof msg !== "string") fail("msg", "is not a string");
  for (const [name, value] of Object.entries({ seq, ack })) {
    if (!Number.isSafeInteger(value) || (value as number) < 0) fail(name, "is not a count");
  }
  for (const [name, value] of Object.entries({ sys, body })) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      fail(name, "is not an object");
    }
  }
  if (pad !== undefined && typeof pad !== "string") fail("pad", "is not a string");
  const raw = Buffer.from(s.bytes.subarray(3, s.end)).toString("latin1");
  if (!raw.startsWith(`{"v":1,"cid":"${cid as string}",`)) fail("cid", "is not at its offset");
  if (msg === "join" && secret !== undefined) {
    if (typeof secret !== "string" || !/^[\w-]+$/.test(secret)) fail("secret", "is not base64url");
    const end = sig === undefined ? "}" : `,"sig":"${sig as string}"}`;
    if (!raw.endsWith(`,"secret":"${secret as string}"${end}`)) {
      fail("secret", "is not at its offset");
    }
  }
  if (sig !== undefined) {
    if (typeof sig !== "string" || !SIGNATURE.test(sig)) {
      fail("sig", "is not 86 characters of base64url with unused bits zero");
    }
    if (!raw.endsWith(`,"sig":"${sig as string}"}`)) fail("sig", "is not at its offset");
  }
  if (mac === undefined) return;
  if (typeof mac !== "string" || !ID.test(mac)) fail("mac", notAnId);
  if (!raw.endsWith(`,"mac":"${mac as string}"}`)) fail("mac", "is not at its offset");
}

/** Strict JSON over bytes: what JSON.parse takes, with the place of every value. */
class JsonReading {
  /** Byte of every value by its path. */
  readonly at = new Map<string, number>();
  readonly #s: ByteCursor;
  #path = "";

  constructor(s: ByteCursor) {
    this.#s = s;
  }

  /** Reads a value at the cursor and adds its part. */
  value(name: string, depth: number): unknown {
    const s = this.#s;
    this.#space();
    const outer = this.#path;
    this.#path = outer === "" || name.startsWith("[") ? outer + name : `${outer}.${name}`;
    this.at.set(this.#path, s.at);
    try {
      const start = s.at;
      const byte = s.left > 0 ? s.bytes[s.at] : -1;
      if (byte === 0x7b || byte === 0x5b) {
        if (depth > MAX_ZERO_DEPTH) s.fail(`JSON more than ${MAX_ZERO_DEPTH} levels deep`, name);
        return s.group(name, () => (byte === 0x7b ? this.#object(depth) : this.#array(depth)));
      }
      const value = byte === 0x22 ? this.#string() : this.#word(name);
      s.leaf(name, start, { value });
      return value;
    } finally {
      this.#path = outer;
    }
  }

  #object(depth: number): Record<string, unknown> {
    const s = this.#s;
    const object: Record<string, unknown> = {};
    s.at++;
    this.#space();
    if (this.#next("}")) return object;
    for (;;) {
      this.#space();
      const at = s.at;
      if (s.bytes[at] !== 0x22 || s.left === 0) s.fail("a name in quotes expected");
      const key = this.#string();
      if (FORBIDDEN_KEYS.includes(key)) s.fail(`the name ${key} is refused everywhere`, "", at);
      if (Object.hasOwn(object, key))
        s.fail(`the name ${JSON.stringify(key)} stands twice`, "", at);
      this.#space();
      if (!this.#next(":")) s.fail("a colon expected");
      put(object, key, this.value(key, depth + 1));
      this.#space();
      if (this.#next("}")) return object;
      if (!this.#next(",")) s.fail("a comma or } expected");
    }
  }

  #array(depth: number): unknown[] {
    const s = this.#s;
    const array: unknown[] = [];
    s.at++;
    this.#space();
    if (this.#next("]")) return array;
    for (;;) {
      array.push(this.value(`[${array.length}]`, depth + 1));
      this.#space();
      if (this.#next("]")) return array;
      if (!this.#next(",")) s.fail("a comma or ] expected");
    }
  }

  #next(character: string): boolean {
    if (this.#s.left === 0 || this.#s.bytes[this.#s.at] !== character.charCodeAt(0)) return false;
    this.#s.at++;
    return true;
  }

  #space(): void {
    // The runtime refuses control characters, so a space is all the white space there is.
    while (this.#s.left > 0 && this.#s.bytes[this.#s.at] === 0x20) this.#s.at++;
  }

  #string(): string {
    const s = this.#s;
    const start = s.at;
    for (let at = start + 1; at < s.end; at++) {
      const byte = s.bytes[at]!;
      if (byte < 0x20) s.fail("a control character in a string", "", at);
      if (byte === 0x5c) at++;
      if (byte !== 0x22) continue;
      const text = utf8(s.bytes.subarray(start, at + 1));
      if (text === undefined) return s.fail("a string that is not valid UTF-8");
      s.at = at + 1;
      try {
        return JSON.parse(text) as string;
      } catch {
        return s.fail("a string with an escape that JSON does not have", "", start);
      }
    }
    return s.fail("a string without its end", "", start);
  }

  #word(name: string): unknown {
    const s = this.#s;
    let end = s.at;
    while (end < s.end && /[-+.0-9A-Za-z]/.test(String.fromCharCode(s.bytes[end]!))) end++;
    const text = Buffer.from(s.bytes.subarray(s.at, end)).toString("latin1");
    try {
      const value: unknown = JSON.parse(text);
      s.at = end;
      return value;
    } catch {
      return s.fail("a JSON value expected", name);
    }
  }
}
