/**
 * Models made by hand, for the emitters' own tests: a few lines say the members, and the layout (bit offsets, sizes) is worked
 * out here in the plainest way. Stands in for the resolver of codegen/model, and is held against the design's text only.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { Definition } from "#codegen/kinds/kind.js";
import type {
  ChannelModel,
  HeaderFieldModel,
  HeaderModel,
  JsonSchema,
  MemberModel,
  Model,
  StructModel,
  TypeModel,
  UnionModel,
  VariantModel,
  ZeroMessageModel,
} from "#codegen/model/model.js";
import { sysSchemas } from "../../support/hand-zero.ts";

export const u8: TypeModel = { kind: "integer", bytes: 1, signed: false };
export const u16: TypeModel = { kind: "integer", bytes: 2, signed: false };
export const u32: TypeModel = { kind: "integer", bytes: 4, signed: false };
export const u64: TypeModel = { kind: "integer", bytes: 8, signed: false };
export const i8: TypeModel = { kind: "integer", bytes: 1, signed: true };
export const i16: TypeModel = { kind: "integer", bytes: 2, signed: true };
export const i32: TypeModel = { kind: "integer", bytes: 4, signed: true };
export const i64: TypeModel = { kind: "integer", bytes: 8, signed: true };
export const f32: TypeModel = { kind: "float", bytes: 4 };
export const f64: TypeModel = { kind: "float", bytes: 8 };
export const varint: TypeModel = { kind: "varint", signed: false };
export const zigzag: TypeModel = { kind: "varint", signed: true };
export const bool: TypeModel = { kind: "bool", bits: 1 };
export const string = (maxBytes: number): TypeModel => ({ kind: "string", maxBytes });
export const bytes = (maxBytes: number): TypeModel => ({ kind: "bytes", maxBytes });
export const list = (of: TypeModel, max: number): TypeModel => ({ kind: "list", of, max });
export const map = (key: TypeModel, value: TypeModel, max: number): TypeModel => ({
  kind: "map",
  key,
  value,
  max,
});
export const named = (name: string): TypeModel => ({ kind: "struct", name });
export const quantised = (
  min: number,
  max: number,
  bits: number,
  steps: number = 2 ** bits - 1,
  integer = false,
): TypeModel => ({ kind: "quantised", bits, min, max, steps, integer });

/** A member: its type, or that and more. */
export type Member = TypeModel | ({ type: TypeModel } & Partial<MemberModel>);

export class Spec {
  readonly enums: Definition[] = [];
  readonly structs: StructModel[] = [];
  readonly unions: UnionModel[] = [];
  readonly channels: ChannelModel[] = [];

  enum(name: string, values: Record<string, number>): TypeModel {
    const all = Object.entries(values).map(([n, value]) => ({ name: n, value, line: 1 }));
    const largest = Math.max(...all.map((v) => v.value));
    const bits = Math.max(1, largest.toString(2).length);
    this.enums.push({ name, values: all, bits, line: 1 });
    return { kind: "enum", bits, name };
  }

  /** Tags rise from 0; at most 128 variants. */
  union(
    name: string,
    variants: Record<string, Omit<VariantModel, "name" | "tag" | "line">>,
  ): TypeModel {
    const all = Object.entries(variants).map(([n, of], tag) => ({ ...of, name: n, tag, line: 1 }));
    const sizes = all.map(({ type }) => this.#elementBounds(type));
    const minBytes = 1 + Math.min(...sizes.map(([least]) => least));
    const maxBytes = 1 + Math.max(...sizes.map(([, most]) => most));
    const fixedBytes = minBytes === maxBytes ? minBytes : -1;
    this.unions.push({ name, variants: all, minBytes, maxBytes, fixedBytes, line: 1 });
    return { kind: "union", name };
  }

  struct(name: string, members: Record<string, Member>): TypeModel {
    let bit = 0;
    let min = 0;
    let max = 0;
    const all: MemberModel[] = [];
    for (const [memberName, given] of Object.entries(members)) {
      const more = "type" in given ? given : { type: given };
      const type = more.type;
      const optional = more.optional === true;
      const place: { presenceBit?: number; valueBit?: number } = {};
      if (optional) place.presenceBit = bit++;
      if ("bits" in type) {
        place.valueBit = bit;
        bit += type.bits;
      } else {
        const [least, most] = this.#bounds(type);
        min += optional ? 0 : least;
        max += most;
      }
      all.push({ ...more, name: memberName, optional, ...place, line: 1 });
    }
    const block = Math.ceil(bit / 8);
    this.structs.push({
      name,
      members: all,
      bitBlockBytes: block,
      minBytes: block + min,
      maxBytes: block + max,
      fixedBytes: min === max ? block + min : -1,
      line: 1,
    });
    return { kind: "struct", name };
  }

  #bounds(type: TypeModel): [number, number] {
    const head = (count: number) => (count < 128 ? 1 : count < 16384 ? 2 : 3);
    switch (type.kind) {
      case "integer":
      case "float":
        return [type.bytes, type.bytes];
      case "varint":
        return [1, 8];
      case "string":
      case "bytes":
        return [1, head(type.maxBytes) + type.maxBytes];
      case "list": {
        const of = this.#elementBounds(type.of);
        return [1, head(type.max) + type.max * of[1]];
      }
      case "map": {
        const entry = this.#elementBounds(type.key)[1] + this.#elementBounds(type.value)[1];
        return [1, head(type.max) + type.max * entry];
      }
      case "union": {
        const found = this.unions.find((u) => u.name === type.name)!;
        return [found.minBytes, found.maxBytes];
      }
      case "struct": {
        const found = this.structs.find((s) => s.name === type.name)!;
        return [found.minBytes, found.maxBytes];
      }
      default:
        throw new Error(`${type.kind} is not known here, or lies in the bit block`);
    }
  }

  /** Of what has a bit block of its own where it needs one. */
  #elementBounds(type: TypeModel): [number, number] {
    if (!("bits" in type)) return this.#bounds(type);
    const bytes = Math.ceil(type.bits / 8);
    return [bytes, bytes];
  }

  /** A channel whose message is the struct made last. */
  channel(name: string, more: Partial<ChannelModel> = {}): void {
    const message = this.structs.at(-1)!;
    const delivery = more.delivery ?? "unreliable";
    const reliable = delivery.startsWith("reliable");
    const fragment = more.fragment ?? false;
    this.channels.push({
      index: this.channels.length,
      name,
      id: this.channels.length,
      delivery,
      direction: "both",
      numbered: reliable || fragment,
      reliable,
      fragment,
      maxBytes: message.maxBytes,
      queueBytes: 65536,
      priority: 0,
      weight: 1,
      message: message.name,
      line: 1,
      ...more,
    });
  }

  model(more: Partial<Model> = {}): Model {
    return {
      name: "test",
      version: 1,
      security: "plain",
      specFile: "test.yaml",
      limits: {
        maxDatagramBytes: 1200,
        sliceBytes: 1136,
        receiveBudgetBytes: 1048576,
        creditBytes: 524288,
        idleTimeoutMs: 10000,
        keepAliveMs: 2500,
        handshakeTimeoutMs: 10000,
        authenticateTimeoutMs: 5000,
        maxAckDelayMs: 20,
      },
      header: headerModel(),
      structs: this.structs,
      unions: this.unions,
      enums: this.enums,
      flags: [],
      channels: this.channels,
      zero: zeroModel(),
      hash: "0123456789abcdef0123456789abcdef",
      ...more,
    };
  }
}

const arena = parse(readFileSync("test/specs/arena-plain.yaml", "utf8")) as {
  header: Record<"clear" | "sealed" | "frame", Omit<HeaderFieldModel, "line">[]>;
};
const zeroYaml = parse(readFileSync("codegen/model/zero.yaml", "utf8")) as {
  messages: Record<string, { from: ZeroMessageModel["from"]; doc: string; sys: JsonSchema }>;
  facts: Record<string, { mac: boolean; hasBody?: boolean }>;
  states: Model["zero"]["states"];
};

/** The default layout of plain datagrams, as a spec states it in full; `change` may swap or add fields. */
export function headerModel(
  change: Partial<Record<"clear" | "sealed" | "frame", Partial<HeaderFieldModel>[]>> = {},
  more: Partial<HeaderModel> = {},
): HeaderModel {
  const part = (name: "clear" | "sealed" | "frame"): HeaderFieldModel[] => {
    const fields = (change[name] ?? arena.header[name]) as HeaderFieldModel[];
    return fields.map((f) => ({ ...f, when: f.when ?? [], line: 1 }));
  };
  return {
    clear: part("clear"),
    sealed: part("sealed"),
    frame: part("frame"),
    packetNumberBits: 16,
    widePacketNumberBits: 32,
    ackBits: 16,
    messageNumberBits: 16,
    maxBytes: 16,
    ...more,
  };
}

export const arenaHeader = arena.header as Record<"clear" | "sealed" | "frame", HeaderFieldModel[]>;

/** The connection protocol's own messages; `bodies` are the application's. */
export function zeroModel(bodies: Record<string, JsonSchema> = {}): Model["zero"] {
  const messages = Object.entries(zeroYaml.messages).map(
    ([name, m]): ZeroMessageModel => ({
      name,
      from: m.from,
      doc: m.doc,
      sys: sysSchemas("plain")[name] as unknown as JsonSchema,
      body: bodies[name] ?? { type: "object", additionalProperties: false, properties: {} },
      hasBody: zeroYaml.facts[name]!.hasBody ?? false,
      mac: zeroYaml.facts[name]!.mac,
      maxBytes: 600,
      line: 1,
    }),
  );
  return { messages, states: zeroYaml.states };
}
