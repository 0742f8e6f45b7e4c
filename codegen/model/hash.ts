/**
 * The protocol hash: two peers with the same one understand each other's bytes. Covered: the protocol's name, channels
 * (id, delivery, direction, fragmenting, bound, layout of the message), the header's layout, the zero schemas, and the
 * limits that one end relies on at the other. Not covered: the version (two versions may be the same on the wire), the
 * names of types, members, channels, enum values and header fields, docs, lines, unused types, and what only the sender
 * decides (priority, weight, queues, credit, keep-alive, handshake times).
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical.ts";
import type { HeaderFieldModel, HeaderModel, JsonSchema, Model, TypeModel } from "./model.ts";

/** Raised when the meaning of the same bytes changes between generators. */
const WIRE_FORMAT = 1;

/** First 128 bits of SHA-256, 32 hex digits. */
export function protocolHash(model: Omit<Model, "hash">): string {
  const text = canonicalJson(wireForm(model));
  return createHash("sha256").update(text, "utf8").digest("hex").slice(0, 32);
}

/** What is hashed, as plain data. */
export function wireForm(model: Omit<Model, "hash">): unknown {
  const layouts = new Layouts(model);
  const { maxDatagramBytes, sliceBytes, receiveBudgetBytes, idleTimeoutMs, maxAckDelayMs } =
    model.limits;
  return {
    format: WIRE_FORMAT,
    name: model.name,
    security: model.security,
    limits: { maxDatagramBytes, sliceBytes, receiveBudgetBytes, idleTimeoutMs, maxAckDelayMs },
    header: headerForm(model.header),
    channels: model.channels.map((channel) => ({
      id: channel.id,
      delivery: channel.delivery,
      direction: channel.direction,
      fragment: channel.fragment,
      maxBytes: channel.maxBytes,
      message: layouts.struct(channel.message),
    })),
    structs: layouts.structs,
    enums: layouts.enums,
    zero: model.zero.messages.map(({ name, from, sys, body }) => ({
      name,
      from,
      sys: schemaForm(sys),
      body: schemaForm(body),
    })),
  };
}

/** Structs and enums by number, in the order in which the channels come upon them: names do not count. */
class Layouts {
  readonly structs: unknown[] = [];
  readonly enums: unknown[] = [];
  readonly #model: Omit<Model, "hash">;
  readonly #numbers = new Map<string, number>();

  constructor(model: Omit<Model, "hash">) {
    this.#model = model;
  }

  struct(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const { members } = this.#model.structs.find((s) => s.name === name)!;
    const form = members.map(({ optional, type }) => ({ optional, type: this.#type(type) }));
    this.#numbers.set(name, this.structs.length);
    return this.structs.push(form) - 1;
  }

  #enum(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const { values } = this.#model.enums.find((e) => e.name === name)!;
    this.#numbers.set(name, this.enums.length);
    return this.enums.push(values.map(({ value }) => value)) - 1;
  }

  #type(type: TypeModel): unknown {
    if (type.kind === "struct") return { kind: "struct", struct: this.struct(type.name) };
    if (type.kind === "enum") return { kind: "enum", bits: type.bits, enum: this.#enum(type.name) };
    if (type.kind === "list") return { kind: "list", max: type.max, of: this.#type(type.of) };
    return type;
  }
}

/** Fields by role; a condition on a field of the user's own by that field's index. */
function headerForm(header: HeaderModel): unknown {
  const once = [...header.clear, ...header.sealed];
  const form = (scope: readonly HeaderFieldModel[]) => (field: HeaderFieldModel) => ({
    role: field.role,
    type: field.type,
    bits: field.bits,
    when: field.when.map((name) => conditionForm(name, scope)).sort(),
  });
  return {
    clear: header.clear.map(form(once)),
    sealed: header.sealed.map(form(once)),
    frame: header.frame.map(form(header.frame)),
  };
}

function conditionForm(name: string, scope: readonly HeaderFieldModel[]): string {
  const field = scope.find((f) => f.name === name);
  if (field === undefined) return name;
  return field.role ?? `user ${field.userIndex}`;
}

/** A schema without what is for people; lists whose order means nothing are sorted. */
function schemaForm(schema: JsonSchema): unknown {
  const { description: _, title: __, properties, required, items, ...rest } = schema;
  const form: Record<string, unknown> = { ...rest };
  if (properties !== undefined) {
    const members = Object.entries(properties as Record<string, JsonSchema>);
    form["properties"] = Object.fromEntries(members.map(([k, v]) => [k, schemaForm(v)]));
  }
  if (required !== undefined) form["required"] = [...(required as string[])].sort();
  if (items !== undefined) form["items"] = schemaForm(items as JsonSchema);
  if (Array.isArray(rest["enum"])) {
    form["enum"] = rest["enum"].map((value) => JSON.stringify(value)).sort();
  }
  return form;
}
