/**
 * Zero messages by docs/connection.md and the schemas of the spec: three zero bytes and one JSON object. Imports
 * nothing of src/ or generated/. Not covered: whether a MAC is right (its keys are not in the capture), and the order
 * of a conversation beyond what one message says about itself.
 */
import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { parseDocument } from "yaml";
import { Cursor, fail } from "./bytes.ts";
import { isMap, type Yaml } from "./messages.ts";

export type Side = "client" | "server";

export interface ZeroCapture {
  readonly kind: "zero";
  readonly message: string;
  readonly envelope: Readonly<Record<string, unknown>>;
}

const ORDER = ["v", "cid", "msg", "seq", "ack", "sys", "body", "pad", "secret", "sig", "mac"];
const REQUIRED = ["v", "cid", "msg", "seq", "ack", "sys"];
const WITHOUT_MAC = new Set(["join", "challenge", "processing", "accept", "reject", "gone"]);
/** Messages whose place in the sequence is written down. */
const FIXED_SEQ: Readonly<Record<string, number>> = {
  challenge: 0,
  ack: 0,
  gone: 0,
  attach: 2,
  rebind: 0,
  verify: 0,
};
/** Joins and attach are padded, because what they ask for may be larger than they are. */
const PADDED = new Set(["join", "attach"]);
const CHARACTERS_22 = /^[A-Za-z0-9_-]{22}$/;
const CHARACTERS_86 = /^[A-Za-z0-9_-]{85}[AQgw]$/;

interface Definition {
  readonly from: string;
  readonly sys: ValidateFunction;
  readonly body: ValidateFunction;
}

/** The handshake's own messages, for what a spec leaves out: one YAML file in the same form as a spec's `zero`. */
const defaultsUrl = new URL("../../../codegen/model/zero.yaml", import.meta.url);

export class ZeroParser {
  readonly #definitions = new Map<string, Definition>();
  readonly #maxDatagramBytes: number;
  readonly #isSealed: boolean;
  /** By connection id: the bytes of the largest attach, which no attached may exceed. */
  readonly #attaches = new Map<string, number>();

  constructor(zero: Yaml, maxDatagramBytes: number, security: "plain" | "sealed") {
    this.#maxDatagramBytes = maxDatagramBytes;
    this.#isSealed = security === "sealed";
    const file = parseDocument(readFileSync(defaultsUrl, "utf8")).toJS() as Yaml;
    const defaults = file["messages"] as Yaml;
    const members = file["security"] as Record<string, Record<string, string[]>>;
    const ajv = new Ajv({ strict: false });
    const bySecurity = (name: string): object[] => {
      const mine = members[security]?.[name] ?? [];
      const others = Object.values(members).flatMap((all) => all[name] ?? []);
      const absent = others.filter((member) => !mine.includes(member));
      return [{ required: mine }, ...absent.map((member) => ({ not: { required: [member] } }))];
    };
    for (const name of new Set([...Object.keys(defaults), ...Object.keys(zero)])) {
      const own = (zero[name] ?? {}) as Yaml;
      const base = (defaults[name] ?? {}) as Yaml;
      this.#definitions.set(name, {
        from: String(own["from"] ?? base["from"]),
        sys: ajv.compile({
          allOf: [own["sys"] ?? base["sys"] ?? { type: "object" }, ...bySecurity(name)],
        }),
        body: ajv.compile(
          (own["body"] ?? { type: "object", additionalProperties: false }) as object,
        ),
      });
    }
  }

  parse(bytes: Uint8Array, from: Side): ZeroCapture {
    const text = new Cursor(bytes, 3).utf8(bytes.length - 3, "zero message");
    const envelope = parseObject(text);
    const keys = Object.keys(envelope);
    for (const name of REQUIRED) if (!keys.includes(name)) fail(`zero message: ${name} is missing`);
    for (const key of keys) if (!ORDER.includes(key)) fail(`zero message: member ${key}`);
    const sorted = [...keys].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
    if (sorted.join() !== keys.join()) fail(`zero message: members in the order ${keys.join()}`);

    const { cid, msg, mac } = envelope;
    if (envelope["v"] !== 1) fail("zero message: v is not 1");
    if (typeof cid !== "string" || !CHARACTERS_22.test(cid)) return fail("zero message: cid");
    if (!text.startsWith(`{"v":1,"cid":"${cid}"`)) fail("zero message: cid is not at its offset");
    if (typeof msg !== "string") return fail("zero message: msg");
    const definition = this.#definitions.get(msg);
    if (definition === undefined) return fail(`zero message: ${msg} is not in the spec`);
    if (definition.from !== "both" && definition.from !== from) fail(`${msg}: sent by the ${from}`);
    this.#sequence(envelope, msg);
    validate(definition.sys, envelope["sys"], `${msg}.sys`);
    validate(definition.body, envelope["body"] ?? {}, `${msg}.body`);

    if (mac === undefined && !WITHOUT_MAC.has(msg)) fail(`${msg}: has no mac`);
    if (mac !== undefined) {
      if (WITHOUT_MAC.has(msg)) fail(`${msg}: has a mac`);
      if (typeof mac !== "string" || !CHARACTERS_22.test(mac)) fail(`${msg}: mac`);
      if (!text.endsWith(`,"mac":"${mac}"}`)) fail(`${msg}: mac is not at its offset`);
    }
    if (envelope["secret"] !== undefined && msg !== "join") fail(`${msg}: secret`);
    const { sig } = envelope;
    const hasToken = msg === "join" && (envelope["sys"] as Yaml)["token"] !== undefined;
    const isSigned = hasToken || (this.#isSealed && msg === "accept");
    if ((sig !== undefined) !== isSigned) fail(`${msg}: sig`);
    if (sig !== undefined) {
      if (typeof sig !== "string" || !CHARACTERS_86.test(sig)) fail(`${msg}: sig`);
      if (!text.endsWith(`,"sig":"${sig}"}`)) fail(`${msg}: sig is not at its offset`);
    }
    this.#padding(envelope, msg, bytes.length);
    return { kind: "zero", message: msg, envelope };
  }

  #sequence(envelope: Yaml, msg: string): void {
    for (const name of ["seq", "ack"]) {
      const value = envelope[name];
      if (!Number.isSafeInteger(value) || (value as number) < 0) fail(`${msg}: ${name}`);
    }
    let expected = FIXED_SEQ[msg];
    if (msg === "join") {
      expected = isMap(envelope["sys"]) && envelope["sys"]["cookie"] !== undefined ? 1 : 0;
    }
    if (expected !== undefined && envelope["seq"] !== expected) {
      fail(`${msg}: seq is ${String(envelope["seq"])}, not ${expected}`);
    }
    if (msg === "attach" && (envelope["ack"] as number) < 1) fail("attach: acknowledges no accept");
  }

  #padding(envelope: Yaml, msg: string, bytes: number): void {
    const { cid, pad } = envelope as { cid: string; pad?: unknown };
    if (pad !== undefined && typeof pad !== "string") fail(`${msg}: pad`);
    if (pad !== undefined && !PADDED.has(msg)) fail(`${msg}: is padded`);
    if (bytes > this.#maxDatagramBytes) fail(`${msg}: ${bytes} bytes`);
    if (msg === "join" && bytes !== this.#maxDatagramBytes) {
      fail(`join: ${bytes} bytes, not padded to ${this.#maxDatagramBytes}`);
    }
    if (msg === "attach") {
      this.#attaches.set(cid, Math.max(bytes, this.#attaches.get(cid) ?? 0));
    }
    const attach = this.#attaches.get(cid);
    if (msg === "attached" && attach !== undefined && bytes > attach) {
      fail(`attached: ${bytes} bytes answer the ${attach} of attach`);
    }
  }
}

/** Exactly one JSON object, no member twice at any depth, nothing before or behind it. */
function parseObject(text: string): Yaml {
  if (!text.startsWith("{") || !text.endsWith("}")) fail("zero message: not one JSON object");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(`zero message: ${(error as Error).message}`);
  }
  if (!isMap(value)) return fail("zero message: not a JSON object");
  // JSON.parse keeps the last of two members of one name; YAML, which JSON is part of, refuses them.
  const twice = parseDocument(text, { uniqueKeys: true, logLevel: "silent" }).errors[0];
  if (twice?.code === "DUPLICATE_KEY") fail("zero message: a member stands there twice");
  return value;
}

function validate(check: ValidateFunction, value: unknown, what: string): void {
  if (check(value)) return;
  const error = check.errors?.[0];
  fail(`${what}${error?.instancePath ?? ""}: ${error?.message ?? "does not match"}`);
}
