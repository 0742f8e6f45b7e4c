/**
 * A layout as running code: generates the header of a spec with it, turns it into JavaScript, and puts a `Protocol` of
 * byte channels around it, so that sessions run on it; and moves datagrams through it in the plain form of
 * independent/layout.ts. Compiled once a layout, without type checks (the tests check a sample's types together).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { emitHeader } from "#codegen/emit/header.js";
import { compatMaxBytes } from "#codegen/model/channels.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { printFile } from "#codegen/print/declarations.js";
import { Module } from "#codegen/print/module.js";
import { loadSpec } from "#codegen/spec/load.js";
import type { HeaderCodec, Protocol } from "#src/protocol.js";
import { DatagramHeader, FrameHeader, Reader, Violation, Writer } from "#src/wire/index.js";
import { javaScriptOf } from "../codegen/support/generate.ts";
import { bytesCodec, handProtocol } from "./hand-protocol.ts";
import {
  Layout,
  type LayoutChannel,
  type LayoutLists,
  type PlainAcks,
  type PlainDatagram,
  type PlainFrame,
} from "./independent/layout.ts";
import { layoutText } from "./random-layout.ts";

export const layoutSpecHead = `stardust: 1
protocol: { name: layouts }
security: plain
channels:
  input: { id: 0, delivery: unreliable, message: { a: u32, b: u32 } }
  state: { id: 1, delivery: unreliable, extensible: true, message: { a: { bytes: { maxBytes: 600 } } } }
  pose: { id: 5, delivery: unreliable-sequenced, message: { a: { bytes: { maxBytes: 300 } } } }
  event: { id: 300, delivery: reliable, fragment: false, message: { a: { bytes: { maxBytes: 500 } } } }
  tick: { id: 301, delivery: reliable, message: { a: u32 } }
  chat: { id: 302, delivery: reliable-ordered, extensible: true, message: { a: { bytes: { maxBytes: 246 } } } }
  map:
    { id: 16777214, delivery: reliable-ordered, priority: 4, message: { a: { bytes: { maxBytes: 60000 } } } }
  order:
    { id: 9, delivery: reliable-ordered, direction: client-to-server, message: { a: { bytes: { maxBytes: 90 } } } }
`;

const folder = resolve("test/tmp/layouts");

export interface LayoutWorld {
  readonly model: Model;
  readonly protocol: Protocol;
  readonly channels: readonly LayoutChannel[];
  readonly independent: Layout;
  /** The same for peers of different versions. */
  readonly compat: Layout;
  /** The generated TypeScript. */
  readonly file: string;
}

/** Throws where the generator refuses the layout. */
export async function layoutWorld(name: string, lists: LayoutLists): Promise<LayoutWorld> {
  const loaded = loadSpec(layoutSpecHead + layoutText(lists), "layout.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list, undefined, 1));
  const module = new Module();
  const header = emitHeader(model, module);
  const text = printFile(module.imports, header);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, text);
  writeFileSync(join(folder, `${name}.js`), javaScriptOf(text));
  const loadedJs = await import(pathToFileURL(join(folder, `${name}.js`)).href);
  const channels = model.channels.map((c) => {
    const { fixedBytes } = model.structs.find((s) => s.name === c.message)!;
    return { ...c, fixedBytes, compatMaxBytes: compatMaxBytes(model, c) };
  });
  const protocol: Protocol = {
    ...handProtocol({ limits: model.limits }),
    header: loadedJs.header as HeaderCodec,
    channels: channels.map((c) => ({ ...c, ...bytesCodec(c.maxBytes, c.fixedBytes) })),
  };
  const { maxDatagramBytes } = model.limits;
  const independent = new Layout(lists, channels, maxDatagramBytes);
  const compat = new Layout(lists, channels, maxDatagramBytes, true);
  return { model, protocol, channels, independent, compat, file };
}

/** By the generated code; also holds its sizes against what it writes. */
export function encodeWith(world: LayoutWorld, plain: PlainDatagram, compat = false): Uint8Array {
  const codec = world.protocol.header;
  const h = new DatagramHeader(codec.userFields.length);
  h.sessionTag = plain.tag;
  h.packetNumber = plain.packetNumber;
  h.wide = plain.wide;
  h.ackNow = plain.ackNow;
  h.frames = plain.frames.length > 0;
  h.ack = plain.acks !== undefined;
  h.limit = plain.limit !== undefined;
  h.receiveLimit = plain.limit ?? 0;
  h.clock = plain.clock ?? 0;
  if (plain.acks !== undefined) {
    h.acks.largest = plain.acks.largest;
    h.acks.delay = plain.acks.delay;
    const { runs } = plain.acks;
    h.acks.firstRun = runs[0]!;
    h.acks.pairs = (runs.length - 1) / 2;
    for (let i = 0; i < h.acks.pairs; i++) {
      h.acks.gaps[i] = runs[2 * i + 1]!;
      h.acks.runs[i] = runs[2 * i + 2]!;
    }
  }
  codec.userFields.forEach(({ name }, i) => {
    h.user[i] = plain.user[name]!;
  });
  const frames = plain.frames.map((f, i) =>
    frameHeader(world, f, i + 1 < plain.frames.length, compat),
  );
  const w = new Writer(new Uint8Array(100_000));
  codec.writeClear(h, frames[0] ?? askedFor(world, plain), w);
  codec.writeSealed(h, w);
  let expected = codec.size(h);
  frames.forEach((frame, i) => {
    if (w.at !== expected) throw new Error(`${w.at} bytes written, ${expected} announced`);
    expected += codec.frameSize(frame, frames[i - 1]) + frame.payloadBytes;
    codec.writeFrame(frame, frames[i - 1], w);
    w.raw(plain.frames[i]!.payload);
  });
  if (w.at !== expected) throw new Error(`${w.at} bytes written, ${expected} announced`);
  w.raw(new Uint8Array(plain.padding ?? 0));
  return w.bytes.slice(0, w.at);
}

/** What a datagram without frames names: a frame that is not there. */
function askedFor(world: LayoutWorld, { asks }: PlainDatagram): FrameHeader | undefined {
  if (asks === undefined) return undefined;
  const frame = new FrameHeader();
  frame.channel = world.channels.findIndex(({ id }) => id === asks);
  return frame;
}

function frameHeader(
  world: LayoutWorld,
  plain: PlainFrame,
  more: boolean,
  compat: boolean,
): FrameHeader {
  const frame = new FrameHeader();
  frame.compat = compat;
  frame.channel = world.channels.findIndex(({ id }) => id === plain.channel);
  frame.number = plain.number ?? 0;
  frame.more = more;
  frame.slice = plain.slice !== undefined;
  frame.sliceIndex = plain.slice?.index ?? 0;
  frame.sliceCount = plain.slice?.count ?? 0;
  frame.payloadBytes = plain.payload.length;
  return frame;
}

/** By the generated code; undefined where it refuses. */
export function decodeWith(
  world: LayoutWorld,
  bytes: Uint8Array,
  compat = false,
): PlainDatagram | undefined {
  const codec = world.protocol.header;
  const h = new DatagramHeader(codec.userFields.length);
  // What was read before must not shine through.
  h.user.fill(77);
  const frame = new FrameHeader();
  frame.number = 12_345;
  frame.compat = compat;
  const r = Reader.of(bytes);
  if (codec.readClear(h, frame, r) !== Violation.none) return undefined;
  if (codec.readSealed(h, r) !== Violation.none) return undefined;
  const frames: PlainFrame[] = [];
  for (let isFirst = true; h.frames && (isFirst || frame.more); isFirst = false) {
    if (codec.readFrame(frame, isFirst, r) !== Violation.none) return undefined;
    const channel = world.channels[frame.channel]!;
    const { sliceIndex, sliceCount, payloadStart, payloadBytes } = frame;
    frames.push({
      channel: channel.id,
      number: channel.numbered ? frame.number : undefined,
      slice: frame.slice ? { index: sliceIndex, count: sliceCount } : undefined,
      payload: bytes.slice(payloadStart, payloadStart + payloadBytes),
    });
  }
  if (r.at !== r.end) throw new Error("accepted, but not to the end");
  const padding = h.frames ? 0 : bytes.length - codec.size(h);
  return {
    padding: padding === 0 ? undefined : padding,
    asks: h.frames ? undefined : world.channels[frame.channel]?.id || undefined,
    tag: codec.hasSessionTag ? h.sessionTag : 0,
    packetNumber: h.packetNumber,
    wide: h.wide,
    ackNow: h.ackNow,
    acks: h.ack ? acksOf(h) : undefined,
    limit: h.limit ? h.receiveLimit : undefined,
    clock: h.limit && codec.hasClock ? h.clock : undefined,
    user: Object.fromEntries(codec.userFields.map(({ name }, i) => [name, h.user[i]!])),
    frames,
  };
}

function acksOf({ acks }: DatagramHeader): PlainAcks {
  const runs = [acks.firstRun];
  for (let i = 0; i < acks.pairs; i++) runs.push(acks.gaps[i]!, acks.runs[i]!);
  return { largest: acks.largest, delay: acks.delay, runs };
}
