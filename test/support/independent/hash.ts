/**
 * The protocol hash as docs/wire.md tells it ("The protocol hash"), from the published `model.json` alone. Written from
 * the page, not from the generator: both must come to the same 32 digits.
 */
import { createHash } from "node:crypto";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };
// biome-ignore lint/suspicious/noExplicitAny: the file is read as it stands
type Any = any;

/** Keys by their UTF-16 code units, no spaces, what is undefined left out. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const rows = Object.keys(value)
    .sort((a, b) => (a < b ? -1 : 1))
    .filter((key) => value[key] !== undefined)
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key]!)}`);
  return `{${rows.join(",")}}`;
}

/** The numbers that types get in the order in which the channels come upon them. */
class Numbering {
  readonly structs: Json[] = [];
  readonly unions: Json[] = [];
  readonly enums: Json[] = [];
  readonly flags: Json[] = [];
  readonly #model: Any;
  readonly #done = new Map<string, number>();
  /** The structs and unions whose members are being looked at, the outermost first. */
  readonly #around: string[] = [];

  constructor(model: Any) {
    this.#model = model;
  }

  named(kind: "structs" | "unions" | "enums" | "flags", name: string): Json {
    const before = this.#done.get(name);
    if (before !== undefined) return before;
    const depth = this.#around.lastIndexOf(name);
    if (depth !== -1) return { up: this.#around.length - depth };
    this.#around.push(name);
    const found = this.#model[kind].find((type: Any) => type.name === name);
    const row =
      kind === "structs"
        ? this.#struct(found)
        : kind === "unions"
          ? this.#union(found)
          : found.values.map((v: Any) => ({ name: v.name, value: v.value }));
    this.#around.pop();
    this[kind].push(row);
    this.#done.set(name, this[kind].length - 1);
    return this[kind].length - 1;
  }

  #struct(struct: Any): Json {
    const versions: number[] = [
      ...new Set<number>(struct.members.flatMap((m: Any) => (m.since ? [m.since] : []))),
    ].sort((a, b) => a - b);
    const members = struct.members.map((m: Any) => ({
      name: m.name,
      optional: m.optional,
      type: this.type(m.type),
      group: m.since === undefined ? undefined : versions.indexOf(m.since),
    }));
    const bound = boundOf(struct);
    const plain = struct.extensible === undefined && bound === undefined;
    return plain ? members : { members, extensible: struct.extensible !== undefined, bound };
  }

  #union(union: Any): Json {
    const variants = union.variants.map((v: Any) => ({
      tag: v.tag,
      name: v.name,
      type: this.type(v.type),
    }));
    return { variants, bound: boundOf(union) };
  }

  type(type: Any): Json {
    const { kind } = type;
    switch (kind) {
      case "integer":
        return { kind, bytes: type.bytes, signed: type.signed, as: type.as };
      case "varint":
        return { kind, signed: type.signed };
      case "float":
        return { kind, bytes: type.bytes, nan: type.nan };
      case "bool":
        return { kind, bits: 1 };
      case "quantised": {
        const { bits, min, max, steps, integer } = type;
        return { kind, bits, min, max, steps, integer };
      }
      case "string":
      case "bytes":
        return { kind, maxBytes: type.maxBytes };
      case "enum":
        return { kind, bits: type.bits, enum: this.named("enums", type.name) };
      case "flags":
        return { kind, bits: type.bits, flags: this.named("flags", type.name) };
      case "list":
        return { kind, max: type.max, of: this.type(type.of) };
      case "array":
        return { kind, length: type.length, of: this.type(type.of) };
      case "map":
        return { kind, max: type.max, key: this.type(type.key), value: this.type(type.value) };
      case "struct":
        return { kind, struct: this.named("structs", type.name) };
      case "union":
        return { kind, union: this.named("unions", type.name) };
      default:
        throw new Error(`docs/wire.md has no type ${kind}`);
    }
  }
}

function boundOf({ name, recursion }: Any): Json | undefined {
  if (recursion === undefined || recursion.head !== name) return undefined;
  return { maxDepth: recursion.maxDepth, maxBytes: recursion.maxBytes };
}

function headerOf({ clear, sealed, frame }: Any): Json {
  const list = (fields: Any[], scope: Any[]): Json =>
    fields.map((field) => ({
      role: field.role,
      name: field.role === undefined ? field.name : undefined,
      type: field.type,
      bits: field.bits,
      when: field.when.map((word: string) => conditionOf(word, scope)).sort(),
    }));
  const once = [...clear, ...sealed];
  return { clear: list(clear, once), sealed: list(sealed, once), frame: list(frame, frame) };
}

/** A flag by its role, or by its place among the user's own. */
function conditionOf(word: string, scope: Any[]): string {
  const field = scope.find(({ name }) => name === word);
  if (field === undefined) return word;
  if (field.role !== undefined) return field.role;
  return `user ${scope.filter(({ role }) => role === undefined).indexOf(field)}`;
}

function schemaOf(schema: Any): Json {
  const out: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries<Any>(schema)) {
    if (key === "description" || key === "title") continue;
    if (key === "properties") {
      out[key] = Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, schemaOf(inner)]),
      );
    } else if (key === "required") out[key] = [...value].sort();
    else if (key === "items") out[key] = schemaOf(value);
    else if (key === "enum") out[key] = value.map((one: Json) => JSON.stringify(one)).sort();
    else out[key] = value;
  }
  return out;
}

/** The hash of what `model.json` holds. */
export function independentHash(modelJson: string): string {
  return createHash("sha256").update(independentText(modelJson)).digest("hex").slice(0, 32);
}

/** The canonical JSON of what `model.json` holds. */
export function independentText(modelJson: string): string {
  const model: Any = JSON.parse(modelJson);
  const numbering = new Numbering(model);
  const { maxDatagramBytes, sliceBytes, receiveBudgetBytes, idleTimeoutMs, maxAckDelayMs } =
    model.limits;
  const channels: Json = [...model.channels]
    .sort((a: Any, b: Any) => a.id - b.id)
    .map((c: Any) => ({
      id: c.id,
      name: c.name,
      delivery: c.delivery,
      direction: c.direction,
      ...(c.request ? { asks: c.request.asks } : {}),
      fragment: c.fragment,
      ...(c.compress ? { compress: true } : {}),
      maxBytes: c.maxBytes,
      message: numbering.named("structs", c.message),
    }));
  const { structs, unions, enums, flags } = numbering;
  const value: Json = {
    format: 1,
    name: model.name,
    security: model.security,
    cipher: model.cipher,
    limits: { maxDatagramBytes, sliceBytes, receiveBudgetBytes, idleTimeoutMs, maxAckDelayMs },
    header: headerOf(model.header),
    channels,
    structs,
    unions: unions.length > 0 ? unions : undefined,
    enums,
    flags: flags.length > 0 ? flags : undefined,
    zero: model.zero.messages.map((m: Any) => ({
      name: m.name,
      from: m.from,
      sys: schemaOf(m.sys),
      body: schemaOf(m.body),
    })),
  };
  return canonical(value);
}
