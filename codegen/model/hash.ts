/**
 * The protocol hash: two peers with the same one understand each other's bytes. Covered: the protocol's name, channels
 * (id, name, delivery, direction, fragmenting, compressing, bound, layout of the message), the header's layout, the zero schemas, and
 * the limits that one end relies on at the other. The names of members, enum values, variants and the user's own header
 * fields are not on the wire, but tell what its bytes mean: two that were exchanged must not go unnoticed. Not covered:
 * the version (two versions may be the same on the wire), the names of types and of header fields with a role, docs,
 * lines, unused types, and what only the sender decides (priority, weight, queues, credit, keep-alive, handshake times).
 */
import { createHash } from "node:crypto";
import {
  type DefinedList,
  type DefinedType,
  definedKinds,
  isDefined,
  isLeaf,
  kindOf,
} from "../kinds/kinds.ts";
import { canonicalJson } from "./canonical.ts";
import { conditionField } from "./header-roles.ts";
import { Lookup } from "./lookup.ts";
import type {
  HeaderFieldModel,
  HeaderModel,
  JsonSchema,
  Model,
  RecursionModel,
  TypeModel,
} from "./model.ts";

/** Raised when the meaning of the same bytes changes between generators. */
const WIRE_FORMAT = 1;

/** First 128 bits of SHA-256, 32 hex digits. */
export function protocolHash(model: Omit<Model, "hash">): string {
  return createHash("sha256").update(hashedText(model), "utf8").digest("hex").slice(0, 32);
}

/** The canonical JSON that the protocol hash is taken of. */
export function hashedText(model: Omit<Model, "hash">): string {
  return canonicalJson(wireForm(model, { names: true }));
}

/** What is hashed, as plain data; without names it is what the bytes look like, whatever they mean. */
export function wireForm(
  model: Omit<Model, "hash">,
  { names = false }: { readonly names?: boolean } = {},
): unknown {
  const layouts = new Layouts(model, names);
  const { maxDatagramBytes, sliceBytes, receiveBudgetBytes, idleTimeoutMs, maxAckDelayMs } =
    model.limits;
  return {
    format: WIRE_FORMAT,
    name: model.name,
    security: model.security,
    cipher: model.cipher,
    limits: { maxDatagramBytes, sliceBytes, receiveBudgetBytes, idleTimeoutMs, maxAckDelayMs },
    header: headerForm(model.header, names),
    channels: model.channels.map((channel) => ({
      id: channel.id,
      ...(names ? { name: channel.name } : {}),
      delivery: channel.delivery,
      direction: channel.direction,
      ...(channel.request ? { asks: channel.request.asks } : {}),
      fragment: channel.fragment,
      ...(channel.compress ? { compress: true } : {}),
      maxBytes: channel.maxBytes,
      message: layouts.struct(channel.message),
    })),
    structs: layouts.structs,
    ...(layouts.unions.length > 0 ? { unions: layouts.unions } : {}),
    ...filled(layouts.definitions),
    zero: model.zero.messages.map(({ name, from, sys, body }) => ({
      name,
      from,
      sys: schemaForm(sys),
      body: schemaForm(body),
    })),
  };
}

/** Without lists that are empty, of kinds that came after enums: a spec that has none keeps its hash. */
function filled(
  definitions: Readonly<Record<string, readonly unknown[]>>,
): Record<string, readonly unknown[]> {
  const rows = Object.entries(definitions);
  return Object.fromEntries(rows.filter(([list, { length }]) => list === "enums" || length > 0));
}

/**
 * Structs, unions and enums by number, in the order in which the channels come upon them: their names do not count. In a
 * cycle, a type that is not finished is told by how many levels up it stands.
 */
class Layouts {
  readonly structs: unknown[] = [];
  readonly unions: unknown[] = [];
  /** Definitions by the list that has them in a model. */
  readonly definitions: Record<DefinedList, unknown[]>;
  readonly #lookup: Lookup;
  readonly #numbers = new Map<string, number>();
  readonly #open: string[] = [];
  readonly #names: boolean;

  constructor(model: Omit<Model, "hash">, names: boolean) {
    this.#names = names;
    this.#lookup = Lookup.of(model);
    this.definitions = Object.fromEntries(
      definedKinds.map(({ list }): [string, unknown[]] => [list, []]),
    ) as Record<DefinedList, unknown[]>;
  }

  struct(name: string): unknown {
    return this.#number(name, this.structs, () => {
      const { members, extensible, recursion } = this.#lookup.struct(name);
      const form = members.map(({ name, optional, type, since }) => {
        const group = extensible?.groups.findIndex((g) => g.since === since);
        const form = { ...this.#name(name), optional, type: this.#type(type) };
        return since === undefined ? form : { ...form, group };
      });
      const bound = boundForm(name, recursion);
      if (!extensible && !bound) return form;
      return { members: form, extensible: extensible !== undefined, bound };
    });
  }

  #union(name: string): unknown {
    return this.#number(name, this.unions, () => {
      const { variants, recursion } = this.#lookup.union(name);
      const form = variants.map(({ tag, name, type }) => ({
        tag,
        ...this.#name(name),
        type: this.#type(type),
      }));
      return { variants: form, bound: boundForm(name, recursion) };
    });
  }

  #number(name: string, list: unknown[], form: () => unknown): unknown {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const open = this.#open.indexOf(name);
    if (open >= 0) return { up: this.#open.length - open };
    this.#open.push(name);
    const made = form();
    this.#open.pop();
    this.#numbers.set(name, list.length);
    return list.push(made) - 1;
  }

  #defined(type: DefinedType): unknown {
    const { name: of } = type;
    return this.#number(of, this.definitions[kindOf(type).list], () =>
      this.#lookup
        .definition(of)
        .values.map(({ name, value }) => (this.#names ? { name, value } : value)),
    );
  }

  #name(name: string): { readonly name?: string } {
    return this.#names ? { name } : {};
  }

  #type(type: TypeModel): unknown {
    if (isDefined(type)) {
      const { kind, bits } = type;
      return { kind, bits, [kind]: this.#defined(type) };
    }
    if (isLeaf(type)) return type;
    switch (type.kind) {
      case "struct":
        return { kind: "struct", struct: this.struct(type.name) };
      case "union":
        return { kind: "union", union: this.#union(type.name) };
      case "list":
      case "array":
        return { ...type, of: this.#type(type.of) };
      case "map":
        return { ...type, key: this.#type(type.key), value: this.#type(type.value) };
    }
  }
}

/** A recursion's bounds, where its head stands: what one end sends, the other must take. */
function boundForm(name: string, recursion: RecursionModel | undefined): unknown {
  if (recursion?.head !== name) return undefined;
  return { maxDepth: recursion.maxDepth, maxBytes: recursion.maxBytes };
}

/** Fields by role, the user's own by name; a condition on a field of the user's own by that field's index. */
function headerForm(header: HeaderModel, names: boolean): unknown {
  const once = [...header.clear, ...header.sealed];
  const form = (scope: readonly HeaderFieldModel[]) => (field: HeaderFieldModel) => ({
    role: field.role,
    ...(names && field.role === undefined ? { name: field.name } : {}),
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
  const field = conditionField(name, scope);
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
