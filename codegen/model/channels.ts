/**
 * Channels of the model: ids unique, sizes within what a datagram, a train of slices and the budgets can hold.
 */
import type { ChannelAst, SpecAst } from "../spec/ast.ts";
import { MAX_CHANNEL_ID } from "../spec/bounds.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import { wordList } from "../spec/fields.ts";
import { isReliable, maySend, type Side } from "./delivery.ts";
import { grows, Lookup } from "./lookup.ts";
import type {
  ChannelModel,
  ChannelOptions,
  Model,
  RequestModel,
  StructModel,
  TypeModel,
} from "./model.ts";
import { roomHelp, type SizedTypes } from "./room-help.ts";

/** What every message costs in a budget besides its payload; the runtime's MESSAGE_OVERHEAD_BYTES. */
export const MESSAGE_OVERHEAD_BYTES = 64;

/** What a payload of a channel with `compress` has in front. */
const COMPRESSION_BYTES = 1;

function withCompression(channel: Pick<ChannelModel, "compress">, bytes: number): number {
  return channel.compress ? bytes + COMPRESSION_BYTES : bytes;
}

/** The largest payload: compressed messages are never longer than this. */
export function payloadMaxBytes(channel: ChannelModel): number {
  return withCompression(channel, channel.maxBytes);
}

/** Bytes of every payload, or -1 where they differ. */
export function payloadFixedBytes(channel: ChannelModel, lookup: Lookup): number {
  return channel.compress ? -1 : lookup.struct(channel.message).fixedBytes;
}

/**
 * The largest message that a peer of another version may have, before it is compressed. It cannot be more than what fits
 * a payload: it may be stored.
 */
export function compatMessageBytes(model: Omit<Model, "hash">, channel: ChannelModel): number {
  return compatMaxBytes(model, channel) - withCompression(channel, 0);
}

/**
 * The largest payload that a peer of another version may send on a channel. What may have grown there has no bound of
 * its own here: the receive budget, which both versions have, bounds it, and how many slices there can be.
 */
export function compatMaxBytes(model: Omit<Model, "hash">, channel: ChannelModel): number {
  const message: TypeModel = { kind: "struct", name: channel.message };
  if (!grows(message, Lookup.of(model))) return payloadMaxBytes(channel);
  const { receiveBudgetBytes, sliceBytes, maxDatagramBytes } = model.limits;
  const most = channel.fragment ? MAX_SLICES * sliceBytes : maxDatagramBytes;
  return Math.min(receiveBudgetBytes - MESSAGE_OVERHEAD_BYTES, most);
}

/** Channels that `side` may send on. */
export function sentBy(model: Model, side: Side): ChannelModel[] {
  return model.channels.filter(({ direction }) => maySend(side, direction));
}

/** Channels of plain messages that `side` may send. */
export function toldBy(model: Model, side: Side): ChannelModel[] {
  return sentBy(model, side).filter(({ request }) => request === undefined);
}

/** Channels of plain messages that `side` may be sent. */
export function toldTo(model: Model, side: Side): ChannelModel[] {
  return toldBy(model, side === "client" ? "server" : "client");
}

/** Channels with requests on which `side` asks. */
export function askedBy(model: Model, side: Side): ChannelModel[] {
  return model.channels.filter(({ request }) => request && maySend(side, request.asks));
}

/** Channels with requests on which `side` is asked. */
export function answeredBy(model: Model, side: Side): ChannelModel[] {
  return askedBy(model, side === "client" ? "server" : "client");
}

/** Channels that `side` may be sent messages on. */
export function receivedBy(model: Model, side: Side): ChannelModel[] {
  return sentBy(model, side === "client" ? "server" : "client");
}

/** Slice index and count are varints of at most two bytes: the header's longest form counts on it. */
export const MAX_SLICES = 16_383;
/** A queue holds at least this, or two messages. */
const DEFAULT_QUEUE_BYTES = 65_536;

/** The types of a channel. */
export interface ChannelTypes {
  readonly message: StructModel;
  readonly request?: RequestModel;
}

export function resolveChannels(
  spec: SpecAst,
  messages: ReadonlyMap<ChannelAst, ChannelTypes>,
  types: SizedTypes,
  sliceBytes: number | undefined,
  d: Diagnostics,
): ChannelModel[] {
  const resolved = spec.channels.flatMap((ast) => {
    const message = messages.get(ast);
    return message ? [resolveChannel(ast, message, spec, types, sliceBytes, d)] : [];
  });
  checkSequenced(spec, resolved, d);
  return resolved.sort((a, b) => a.id - b.id).map((channel, index) => ({ ...channel, index }));
}

/**
 * What a receiver holds of `reliable-sequenced` channels is bounded by their `maxBytes`, and all of them together by the
 * budget: else each could hold half of what another waits for.
 */
function checkSequenced(spec: SpecAst, channels: readonly ChannelModel[], d: Diagnostics): void {
  const limit = spec.limits.receiveBudgetBytes;
  for (const side of ["client-to-server", "server-to-client"] as const) {
    const held = channels.filter(
      ({ delivery, direction }) =>
        delivery === "reliable-sequenced" && (direction === side || direction === "both"),
    );
    const bytes = held.reduce(
      (sum, channel) => sum + payloadMaxBytes(channel) + MESSAGE_OVERHEAD_BYTES,
      0,
    );
    const last = held.at(-1);
    // One alone is SD1207's.
    if (bytes <= limit || last === undefined || held.length < 2) continue;
    const span = spec.channels.find(({ name }) => name === last.name)!.span;
    d.report("SD1213", span, {
      names: wordList(held.map(({ name }) => name)),
      bytes,
      limit,
    });
    return;
  }
}

/** Ids are unique, and none is reserved. */
export function checkIds(spec: SpecAst, d: Diagnostics): void {
  const taken = new Map<number, ChannelAst>();
  for (const channel of spec.channels) {
    const { id, idSpan } = channel;
    const other = taken.get(id);
    if (other) {
      const params = { id, other: other.name, line: other.docs.line };
      d.report("SD1202", idSpan, params, freeIds(spec));
    } else taken.set(id, channel);
    const reserved = spec.reserved.get(id);
    if (reserved) {
      d.report("SD1209", idSpan, { id, line: d.source.position(reserved.start).line });
    }
  }
}

/** Behind all that are in use or were: those between may belong to channels that were removed. */
function freeIds(spec: SpecAst): { help?: string } {
  const used = [...spec.channels.map(({ id }) => id), ...spec.reserved.keys()];
  const free = 1 + used.reduce((most, id) => Math.max(most, id));
  return free > MAX_CHANNEL_ID ? {} : { help: `${free} is free, and so are all above it` };
}

function resolveChannel(
  ast: ChannelAst,
  { message, request }: ChannelTypes,
  spec: SpecAst,
  types: SizedTypes,
  sliceBytes: number | undefined,
  d: Diagnostics,
): ChannelModel {
  const worst = message.maxBytes;
  // More than the message takes is allowed: room for versions to come. Less would refuse messages that type-check.
  if (ast.maxBytes && ast.maxBytes.value < worst) {
    const params = { channel: ast.name, maxBytes: ast.maxBytes.value, worst };
    d.report("SD1205", ast.maxBytes.span, params);
  }
  const maxBytes = Math.max(ast.maxBytes?.value ?? worst, worst);
  const reliable = isReliable(ast.delivery);
  const compress = ast.compress ? ({ compress: true } as const) : {};
  const payload = withCompression(compress, maxBytes);
  if (!ast.fragment && sliceBytes !== undefined && payload > sliceBytes) {
    const params = { channel: ast.name, worst: payload, room: sliceBytes };
    const help = roomHelp(ast, message, types, sliceBytes - withCompression(compress, 0));
    d.report("SD1206", ast.maxBytes?.span ?? ast.span, params, { help });
  }
  checkRoom(ast, payload, spec, sliceBytes, d);
  const least = payload + MESSAGE_OVERHEAD_BYTES;
  const queueBytes = ast.queueBytes?.value ?? Math.max(DEFAULT_QUEUE_BYTES, 2 * least);
  if (ast.queueBytes && queueBytes < least) {
    d.report("SD1208", ast.queueBytes.span, { queueBytes, worst: least });
  }
  return {
    ...ast.docs,
    index: 0,
    name: ast.name,
    id: ast.id,
    delivery: ast.delivery,
    // Answers go the other way.
    direction: request === undefined ? ast.direction : "both",
    numbered: reliable || ast.delivery === "unreliable-ordered" || ast.fragment,
    reliable,
    fragment: ast.fragment,
    ...compress,
    maxBytes,
    queueBytes,
    priority: ast.priority,
    weight: ast.weight,
    ...optionsOf(ast),
    message: message.name,
    ...(request === undefined ? {} : { request }),
  };
}

function optionsOf({ maxAgeMs, maxGapMs, redundancy, notices }: ChannelAst): ChannelOptions {
  return {
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
    ...(maxGapMs === undefined ? {} : { maxGapMs }),
    ...(redundancy === undefined ? {} : { redundancy }),
    ...(notices ? { notices } : {}),
  };
}

function checkRoom(
  ast: ChannelAst,
  worst: number,
  spec: SpecAst,
  sliceBytes: number | undefined,
  d: Diagnostics,
): void {
  const channel = ast.name;
  const span = ast.maxBytes?.span ?? ast.span;
  if (ast.fragment && sliceBytes !== undefined && worst > MAX_SLICES * sliceBytes) {
    d.report("SD1211", span, { channel, worst, limit: MAX_SLICES, sliceBytes });
  }
  for (const budget of ["receiveBudgetBytes", "creditBytes"] as const) {
    const limit = spec.limits[budget];
    if (worst + MESSAGE_OVERHEAD_BYTES > limit) {
      d.report("SD1207", span, { channel, worst, budget, limit });
    }
  }
}
