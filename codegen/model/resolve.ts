/**
 * A SpecAst to the Model: every name, id, size, layout and hash decided. Nothing is emitted here, and nothing of the
 * spec's structure is checked again. Never throws for a spec's sake: what is wrong goes to the diagnostics.
 */
import { basename } from "node:path";
import type { SpecAst } from "../spec/ast.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import type { LoadedSpec } from "../spec/load.ts";
import { checkIds, resolveChannels } from "./channels.ts";
import { layOutTypes } from "./cycles.ts";
import { defaultHeader, defaultZero } from "./defaults.ts";
import { protocolHash } from "./hash.ts";
import { resolveHeader } from "./header.ts";
import { Lookup } from "./lookup.ts";
import type { HeaderModel, LimitsModel, Model } from "./model.ts";
import { type Exchange, TypeResolver } from "./types.ts";
import { resolveZero } from "./zero.ts";

/** Kept free in every datagram: an ack block with the receive limit, and the tag of a sealed session (in plain too). */
export const ACK_RESERVE_BYTES = 32;
const TAG_BYTES = 16;
/** A ring between two threads has room for some of the largest: more memory than this is not for one message. */
const MAX_SYSTEM_BYTES = 1024 * 1024;
/** A header that leaves less is refused. */
const MIN_SLICE_BYTES = 256;

/** The model, or undefined where `loaded.diagnostics` (which this adds to) has an error. */
export function resolveSpec(loaded: LoadedSpec): Model | undefined {
  const { spec, diagnostics, source } = loaded;
  if (spec === undefined) return undefined;
  const model = resolve(spec, basename(source.name), diagnostics);
  return diagnostics.failed ? undefined : model;
}

function resolve(spec: SpecAst, specFile: string, d: Diagnostics): Model | undefined {
  const header = resolveHeader(spec.header ?? defaultHeader(spec.security), spec, d);
  const sliceBytes = header && sliceRoom(spec, header, d);
  const types = new TypeResolver(spec, d);
  types.resolveAll();
  const messages = spec.channels.map((c): Partial<Exchange> | undefined =>
    c.request
      ? types.exchange(c, c.request)
      : onlyMessage(types.message(c.name, c.message, c.docs)),
  );
  const systemMessages = spec.system.map((m) =>
    types.message(m.name, m.message, m.docs, "system message"),
  );
  checkIds(spec, d);
  const laidOut = layOutTypes(types, d);
  const made = {
    structs: laidOut?.structs ?? [],
    unions: laidOut?.unions ?? [],
    ...types.definitionsOf(laidOut?.defined ?? []),
  };
  const structs = new Map(made.structs.map((struct) => [struct.name, struct]));
  const named = spec.channels.flatMap((channel, i) => {
    const { message = "", request } = messages[i] ?? {};
    const struct = structs.get(message);
    return struct ? [[channel, { message: struct, ...(request ? { request } : {}) }] as const] : [];
  });
  const sized = [...made.structs, ...made.unions];
  const sizes = new Map(sized.map((one) => [one.name, { min: one.minBytes, max: one.maxBytes }]));
  const sizedTypes = { lookup: Lookup.of(made), sizes };
  const channels = resolveChannels(spec, new Map(named), sizedTypes, sliceBytes, d);
  const system = spec.system.flatMap(({ name, direction, docs, span }, index) => {
    const struct = structs.get(systemMessages[index] ?? "");
    if (struct === undefined) return [];
    const { maxBytes } = struct;
    if (maxBytes > MAX_SYSTEM_BYTES) {
      d.report("SD1214", span, { name, worst: maxBytes, limit: MAX_SYSTEM_BYTES });
    }
    return [{ ...docs, index, name, direction, maxBytes, message: struct.name }];
  });
  const zero = resolveZero(spec, defaultZero(), d);
  if (d.failed || header === undefined || sliceBytes === undefined) return undefined;
  if (laidOut === undefined) return undefined;
  const model: Omit<Model, "hash"> = {
    name: spec.name,
    version: spec.version,
    ...(spec.doc === undefined ? {} : { doc: spec.doc }),
    security: spec.security,
    ...(spec.cipher === undefined ? {} : { cipher: spec.cipher }),
    specFile,
    limits: limitsOf(spec, sliceBytes),
    header,
    ...made,
    channels,
    ...(system.length === 0 ? {} : { system }),
    zero,
  };
  return { ...model, hash: protocolHash(model) };
}

function onlyMessage(message: string | undefined): { message: string } | undefined {
  return message === undefined ? undefined : { message };
}

function sliceRoom(spec: SpecAst, header: HeaderModel, d: Diagnostics): number | undefined {
  const taken = header.maxBytes + ACK_RESERVE_BYTES + TAG_BYTES;
  const room = spec.limits.maxDatagramBytes - taken;
  if (room >= MIN_SLICE_BYTES) return room;
  d.report("SD1418", spec.header?.span ?? spec.limitsSpan, { room, least: MIN_SLICE_BYTES });
  return undefined;
}

function limitsOf(spec: SpecAst, sliceBytes: number): LimitsModel {
  const { defaultMaxStringBytes: _, defaultMaxBytesBytes: __, ...rest } = spec.limits;
  const { defaultMaxListItems: ___, defaultMaxMapItems: ____, ...limits } = rest;
  return { ...limits, sliceBytes };
}
