/**
 * Payloads next to good ones that every decoder refuses: cut off, a byte too many, a padding bit that is set; a map key
 * twice, a union tag that nobody has, a value one level too deep. Where a channel has `compress`, all that its first byte and
 * its stream may say wrong (vector-compression.ts). Keys, tags and levels are what a writer of a laxer model says,
 * and are kept only if the interpreter refuses them for that reason. Worst case: six of each message.
 */

import { ByteCursor, Problem } from "../bytes/cursor.ts";
import { storedPayload } from "../interpret/compression.ts";
import { readMessage } from "../interpret/read-message.ts";
import { put } from "../interpret/values.ts";
import { writeMessage } from "../interpret/write-message.ts";
import { Lookup, variantOf } from "../model/lookup.ts";
import type {
  ChannelModel,
  Model,
  RecursionModel,
  StructModel,
  TypeModel,
  UnionModel,
} from "../model/model.ts";
import { type Case, CaseMaker } from "./vector-cases.ts";
import { type RefusedPayload, refusedCompression } from "./vector-compression.ts";

/** The name of the extra variant with which unknown tags are made. */
const NOBODYS = "";

export class RefusedMaker {
  readonly #lookup: Lookup;
  /** A union of it has one variant more. */
  readonly #withVariant: Lookup;
  /** What holds itself may do so once more. */
  readonly #deeper: Lookup;
  readonly #deepCases: CaseMaker | undefined;

  constructor(model: Model) {
    this.#lookup = Lookup.of(model);
    this.#withVariant = Lookup.of({ ...model, unions: model.unions.map(withVariant) });
    this.#deeper = Lookup.of(deeper(model));
    const isRecursive = [...model.structs, ...model.unions].some((one) => one.recursion);
    this.#deepCases = isRecursive ? new CaseMaker(this.#deeper) : undefined;
  }

  /** `good` is the payload of a usual case, or of the least one. */
  payloads(channel: ChannelModel, good: Uint8Array, cases: readonly Case[]): RefusedPayload[] {
    const { message, compress } = channel;
    if (!compress) return this.#messages(message, good, cases);
    const stored = this.#messages(message, good.subarray(1), cases).map(({ name, bytes }) => ({
      name,
      bytes: storedPayload(bytes),
    }));
    return [...stored, ...refusedCompression(this.#lookup, channel, cases)];
  }

  #messages(struct: string, good: Uint8Array, cases: readonly Case[]): RefusedPayload[] {
    const named = (name: string, bytes: Uint8Array | undefined): RefusedPayload[] =>
      bytes === undefined ? [] : [{ name, bytes }];
    const all = [
      ...named("cut off", good.length > 0 ? good.slice(0, -1) : undefined),
      ...named("a byte too many", Uint8Array.from([...good, 0])),
      ...named("the last bit of the bit block is set", this.#padded(struct, good)),
    ].filter(({ bytes }) => this.#problem(struct, bytes) !== undefined);
    return [
      ...all,
      ...named("a map key twice", this.#keyTwice(struct, cases)),
      ...named("a union tag that no variant has", this.#unknownTag(struct, cases)),
      ...named("one level too deep", this.#tooDeep(struct)),
    ];
  }

  #padded(struct: string, good: Uint8Array): Uint8Array | undefined {
    const { bitBlockBytes, extensible } = this.#lookup.struct(struct);
    if (bitBlockBytes === 0) return undefined;
    const padded = good.slice();
    // Behind the byte length of an extensible one, which ends with the first byte below 128.
    const start = extensible === undefined ? 0 : good.findIndex((byte) => byte < 0x80) + 1;
    padded[start + bitBlockBytes - 1]! |= 1;
    return padded;
  }

  #keyTwice(struct: string, cases: readonly Case[]): Uint8Array | undefined {
    const twice: Mutation = (type, value) => {
      if (type.kind !== "map") return undefined;
      const [first] = value as ReadonlyMap<unknown, unknown>;
      return first === undefined ? undefined : [first, first];
    };
    return this.#changed(struct, cases, this.#lookup, twice, "a key that came before");
  }

  #unknownTag(struct: string, cases: readonly Case[]): Uint8Array | undefined {
    const nobodys: Mutation = (type) =>
      type.kind === "union" ? { kind: NOBODYS, value: false } : undefined;
    return this.#changed(struct, cases, this.#withVariant, nobodys, "is no variant of");
  }

  /** The first case in which something can be changed, as `names` write it. */
  #changed(
    struct: string,
    cases: readonly Case[],
    lookup: Lookup,
    change: Mutation,
    reason: string,
  ): Uint8Array | undefined {
    for (const { value } of cases) {
      const bad = new Mutator(this.#lookup, change).changed(
        { kind: "struct", name: struct },
        value,
      );
      if (bad === undefined) continue;
      const bytes = writeMessage(lookup, struct, bad);
      if (this.#problem(struct, bytes)?.includes(reason)) return bytes;
    }
    return undefined;
  }

  #tooDeep(struct: string): Uint8Array | undefined {
    for (const { value, apart } of this.#deepCases?.casesOf(struct) ?? []) {
      for (const one of [value, ...(apart?.() ?? []).map((single) => single.value)]) {
        const bytes = writeMessage(this.#deeper, struct, one);
        if (this.#problem(struct, bytes)?.includes("levels are allowed")) return bytes;
      }
    }
    return undefined;
  }

  /** Why a payload is refused. */
  #problem(struct: string, payload: Uint8Array): string | undefined {
    try {
      readMessage(this.#lookup, struct, new ByteCursor(payload));
      return undefined;
    } catch (error) {
      if (error instanceof Problem) return error.problem;
      throw error;
    }
  }
}

/** What a value of a type becomes; undefined to leave it, and look inside. */
type Mutation = (type: TypeModel, value: unknown) => unknown;

/** A value with one change, at the first place where there is something to change. */
class Mutator {
  readonly #lookup: Lookup;
  readonly #change: Mutation;

  constructor(lookup: Lookup, change: Mutation) {
    this.#lookup = lookup;
    this.#change = change;
  }

  changed(type: TypeModel, value: unknown): unknown {
    return this.#change(type, value) ?? this.#inside(type, value);
  }

  #inside(type: TypeModel, value: unknown): unknown {
    switch (type.kind) {
      case "list":
      case "array": {
        const list = [...(value as readonly unknown[])];
        const bad = list.length === 0 ? undefined : this.changed(type.of, list[0]);
        return bad === undefined ? undefined : [bad, ...list.slice(1)];
      }
      case "map": {
        const [first, ...rest] = value as ReadonlyMap<unknown, unknown>;
        const bad = first === undefined ? undefined : this.changed(type.value, first[1]);
        return bad === undefined ? undefined : new Map([[first![0], bad], ...rest]);
      }
      case "union": {
        const { kind, value: of } = value as { kind: string; value: unknown };
        const variant = variantOf(this.#lookup.union(type.name), kind);
        const bad = this.changed(variant.type, of);
        return bad === undefined ? undefined : { kind, value: bad };
      }
      case "struct":
        return this.#member(this.#lookup.struct(type.name), value as Record<string, unknown>);
      default:
        return undefined;
    }
  }

  #member({ members }: StructModel, value: Record<string, unknown>): unknown {
    for (const { name, type } of members) {
      if (!Object.hasOwn(value, name)) continue;
      const bad = this.changed(type, value[name]);
      if (bad === undefined) continue;
      const copy: Record<string, unknown> = {};
      for (const [key, of] of Object.entries(value)) put(copy, key, key === name ? bad : of);
      return copy;
    }
    return undefined;
  }
}

function withVariant(union: UnionModel): UnionModel {
  const tags = new Set(union.variants.map(({ tag }) => tag));
  let tag = 0;
  while (tags.has(tag)) tag++;
  const variant = { name: NOBODYS, tag, type: { kind: "bool", bits: 1 }, line: 0 } as const;
  return { ...union, variants: [...union.variants, variant] };
}

function deeper(model: Model): Model {
  const type = <T extends { readonly recursion?: RecursionModel }>(one: T): T => {
    if (one.recursion === undefined) return one;
    const { head, maxDepth } = one.recursion;
    return { ...one, recursion: { head, maxDepth: maxDepth + 1 } };
  };
  return { ...model, structs: model.structs.map(type), unions: model.unions.map(type) };
}
