/**
 * `vectors.json`: golden vectors. Messages, datagrams and zero messages as values and as bytes, worked out by walking the
 * model (interpret/), not by the generated code, so that both can be held against each other; for other people's
 * implementations too. Cases that the interpreter does not read back are a bug and throw.
 */

import { TooLarge } from "../bytes/sink.ts";
import { storedPayload, writePayload } from "../interpret/compression.ts";
import type { ReadOptions } from "../interpret/datagram.ts";
import { MAX_ACK_PAIRS, userFields } from "../interpret/header-items.ts";
import { DatagramReader } from "../interpret/read-datagram.ts";
import { hexOf, NOTATION, toJsonData } from "../interpret/values.ts";
import {
  type DatagramValues,
  type FrameValues,
  writeDatagram,
} from "../interpret/write-datagram.ts";
import { payloadFixedBytes, payloadMaxBytes } from "../model/channels.ts";
import { maySend } from "../model/delivery.ts";
import { hashedText } from "../model/hash.ts";
import { hasRole } from "../model/header-roles.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, HeaderFieldModel, HeaderRole, Model } from "../model/model.ts";
import { type Case, CaseMaker } from "./vector-cases.ts";
import { compatCases } from "./vector-compat.ts";
import { deflatedCases } from "./vector-compression.ts";
import { RefusedMaker } from "./vector-refused.ts";
import { SESSION_TAG, vectorKeys, zeroVectors } from "./vector-zero.ts";

/** Raised when readers of the file would have to change. */
const VECTORS_VERSION = 1;
/** No more cases of a message behind so many bytes of them. */
const MAX_MESSAGE_BYTES = 65_536;

const ABOUT = [
  `Golden vectors of this protocol. \`hex\` is the bytes of what stands beside it. ${NOTATION}`,
  "protocol: canonical is the JSON text that is hashed, hash the first 32 hex digits of the SHA-256 of its UTF-8 bytes.",
  "messages: payloads, by channel. datagrams: whole ones of the regular protocol; runs are those of the ack block, a run, a gap, a run and so on, downwards from the largest. zero: whole datagrams of the connection protocol; where an entry has a MAC, its key is the one of the sender's direction in keys, which are made from the ticket of accept.",
  "messages of a channel with compress stand there as they are stored; deflated, which only protocols with such channels have, are some as they may be deflated, to be read: every compressor makes other bytes.",
  "compatMessages, compatDatagrams: between peers of different versions, whose accept said compat. A message may lack the newest members (a reader gives them their defaults) or have more behind them (a reader skips it), and every frame that another follows says how long it is.",
  "refused: bytes that no decoder may accept; for messages the payload, else the datagram.",
];

const ABOUT_SEALED =
  "Where security is sealed, as here, datagrams stand as they are before they are sealed, without their tag; docs/sealing-vectors.json of Stardust has sealed ones. Both accepts answer the second join of which all members stand here; MAC keys and secrets in keys follow from that join and the accept of what is required.";

export function emitVectors(model: Model): string {
  const vectors = new Vectors(model);
  const sections = [
    ["messages", vectors.messages()],
    ["datagrams", vectors.datagrams()],
    ["zero", vectors.zero()],
    ...(model.channels.some(({ compress }) => compress)
      ? ([["deflated", vectors.deflated()]] as const)
      : []),
    ["compatMessages", vectors.compatMessages()],
    ["compatDatagrams", vectors.compatDatagrams()],
    ["refused", vectors.refused()],
  ] as const satisfies readonly (readonly [string, unknown[]])[];
  const { name, version, hash } = model;
  const protocol = { name, version, hash, canonical: hashedText(model) };
  const head = [
    `  "stardust-vectors": ${VECTORS_VERSION}`,
    `  "about": ${JSON.stringify(model.security === "sealed" ? [...ABOUT, ABOUT_SEALED] : ABOUT)}`,
    `  "protocol": ${JSON.stringify(protocol)}`,
    `  "keys": ${JSON.stringify(vectors.keys)}`,
  ];
  const lists = sections.map(([section, rows]) => {
    const lines = rows.map((row) => `    ${JSON.stringify(row)}`);
    return `  "${section}": [${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n  `}]`;
  });
  return `{\n${[...head, ...lists].join(",\n")}\n}\n`;
}

class Vectors {
  readonly keys: Readonly<Record<string, string>>;
  readonly #model: Model;
  readonly #reader: DatagramReader;
  readonly #lookup: Lookup;
  readonly #maker: CaseMaker;
  readonly #refused: RefusedMaker;
  readonly #byStruct = new Map<string, readonly Case[]>();

  constructor(model: Model) {
    this.#model = model;
    this.#reader = new DatagramReader(model);
    this.#lookup = Lookup.of(model);
    this.#maker = new CaseMaker(this.#lookup);
    this.#refused = new RefusedMaker(model);
    this.keys = vectorKeys(model);
  }

  /** Worked out once: several sections use them. */
  #cases({ message }: ChannelModel): readonly Case[] {
    const known = this.#byStruct.get(message) ?? this.#maker.casesOf(message);
    this.#byStruct.set(message, known);
    return known;
  }

  /** The bytes of a case; undefined for one that is too long, or too deep in itself. */
  #bytes(channel: ChannelModel, value: unknown): Uint8Array | undefined {
    try {
      return writePayload(this.#lookup, channel, value);
    } catch (error) {
      if (error instanceof TooLarge) return undefined;
      throw error;
    }
  }

  messages(): unknown[] {
    return this.#model.channels.flatMap((channel) => {
      const rows: unknown[] = [];
      const seen = new Set<string>();
      let bytes = 0;
      const add = ({ name, value, apart }: Case): void => {
        if (bytes > MAX_MESSAGE_BYTES) return;
        const payload = this.#bytes(channel, value);
        if (payload === undefined) {
          apart?.().forEach(add);
          return;
        }
        const hex = hexOf(payload);
        if (seen.has(hex)) return;
        seen.add(hex);
        bytes += payload.length;
        rows.push({ channel: channel.name, case: name, value: toJsonData(value), hex });
      };
      this.#cases(channel).forEach(add);
      return rows;
    });
  }

  compatMessages(): unknown[] {
    return this.#model.channels.flatMap((channel) => {
      const struct = this.#lookup.struct(channel.message);
      const cases = this.#cases(channel);
      const typical = cases.find(({ name }) => name === "typical") ?? cases[0]!;
      if (this.#bytes(channel, typical.value) === undefined) return [];
      return compatCases(this.#model, struct, typical.value).map(({ name, value, bytes }) => ({
        channel: channel.name,
        case: name,
        value: toJsonData(value),
        hex: hexOf(channel.compress ? storedPayload(bytes) : bytes),
      }));
    });
  }

  /** Messages of channels with `compress` as a writer may deflate them. */
  deflated(): unknown[] {
    return this.#model.channels.flatMap((channel) =>
      deflatedCases(this.#lookup, channel, this.#cases(channel)).map(({ name, value, bytes }) => ({
        channel: channel.name,
        case: name,
        value: toJsonData(value),
        hex: hexOf(bytes),
      })),
    );
  }

  /** Those that are other bytes between peers of one version. */
  compatDatagrams(): unknown[] {
    const rows: unknown[] = [];
    this.#frameCases((name, header, frames) => {
      const row = this.#datagram(name, header, frames, true);
      const same = this.#datagram(name, header, frames);
      if (row !== undefined && row.hex !== same?.hex) rows.push(row);
    });
    return rows;
  }

  /** Undefined for what the layout cannot say, or has no room for. */
  #datagram(
    name: string,
    header: DatagramValues,
    frames: readonly FrameValues[],
    compat = false,
  ): { hex: string } | undefined {
    if (!this.#canSay(header, frames)) return undefined;
    header = { ...header, ...this.#tag };
    const bytes = writeDatagram(this.#model, header, frames, compat);
    if (bytes.length > this.#model.limits.maxDatagramBytes) return undefined;
    this.#check(name, bytes, { compat });
    return {
      case: name,
      ...this.#header(header),
      frames: frames.map(frameData),
      hex: hexOf(bytes),
    } as { hex: string };
  }

  datagrams(): unknown[] {
    const rows: unknown[] = [];
    const add = (
      name: string,
      header: DatagramValues,
      frames: readonly FrameValues[] = [],
    ): void => {
      const row = this.#datagram(name, header, frames);
      if (row !== undefined) rows.push(row);
    };
    const { ackBits, packetNumberBits } = this.#model.header;
    const largest = 2 ** ackBits - 1;
    const none = { packetNumber: 7, ackNow: true };
    const ack = { largest: 1000, delay: 4, runs: [1] };
    add("acknowledge at once, and nothing else", none);
    add("one packet acknowledged", { packetNumber: 0, ack });
    const { ackFieldBits } = this.#model.header;
    if (ackFieldBits === undefined) this.#ackRangeCases(add, largest);
    else {
      const ends = [1, ackFieldBits - 1, 1];
      add("all that a field can say", {
        packetNumber: 1,
        ack: { ...ack, runs: [ackFieldBits + 1] },
      });
      add("the last bit of the field", { packetNumber: 2, ack: { ...ack, runs: ends } });
      add("two gaps", { packetNumber: 3, ack: { largest, delay: 255, runs: [1, 2, 13, 1, 3] } });
    }
    for (const receiveLimit of [0, 128, Number.MAX_SAFE_INTEGER]) {
      add(`a receive limit of ${receiveLimit}`, { packetNumber: 5, ack, receiveLimit });
    }
    if (hasRole(this.#model.header.sealed, "clock")) {
      for (const clock of [0, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
        add(`a clock at ${clock}`, { packetNumber: 5, ack, receiveLimit: 128, clock });
      }
    }
    add("a ping with padding", { ...none, packetNumber: 6, padding: 3 });
    add("the largest short packet number", { ...none, packetNumber: 2 ** packetNumberBits - 1 });
    if (hasRole(this.#model.header.clear, "packet-number-high")) {
      const packetNumber = 2 ** packetNumberBits * 3 + 2;
      add("a wide packet number", { ...none, packetNumber, wide: true });
    }
    this.#userCases(add);
    this.#frameCases(add);
    return rows;
  }

  #ackRangeCases(add: (name: string, header: DatagramValues) => void, largest: number): void {
    const ack = { largest: 1000, delay: 4 };
    add("a run of 128, in one byte", { packetNumber: 1, ack: { ...ack, runs: [128] } });
    add("a run of 129, the long form", { packetNumber: 2, ack: { ...ack, runs: [129] } });
    add("two gaps", { packetNumber: 3, ack: { largest, delay: 255, runs: [1, 2, 130, 1, 300] } });
    const many = Array.from({ length: 2 * MAX_ACK_PAIRS + 1 }, (_, i) => 1 + (i % 3));
    add("as many ranges as there may be", {
      packetNumber: 4,
      ack: { largest, delay: 0, runs: many },
    });
  }

  /** Layouts may leave flags out; what they cannot say is no case. */
  #canSay(header: DatagramValues, frames: readonly FrameValues[]): boolean {
    const { clear } = this.#model.header;
    const needed: readonly (readonly [HeaderRole, boolean])[] = [
      ["ack", header.ack !== undefined],
      ["ack-now", header.ackNow === true],
      ["limit", header.receiveLimit !== undefined],
      ["wide", header.wide === true],
      ["more", frames.length > 1],
      ["slice", frames.some((frame) => frame.slice !== undefined)],
    ];
    return needed.every(([role, used]) => !used || hasRole(clear, role));
  }

  #userCases(add: (name: string, header: DatagramValues) => void): void {
    const fields = userFields(this.#model);
    if (fields.length === 0) return;
    for (const [name, pick] of [
      ["least", 0],
      ["largest", 1],
    ] as const) {
      const user = fields.map((field) => fieldRange(field)[pick]);
      add(`the ${name} of every field of one's own`, { packetNumber: 9, ackNow: true, user });
    }
  }

  #frameCases(
    add: (name: string, header: DatagramValues, frames: readonly FrameValues[]) => void,
  ): void {
    const header = { packetNumber: 10 };
    const last = 2 ** this.#model.header.messageNumberBits - 1;
    const shown = new Set<string>();
    for (const channel of this.#model.channels) {
      const one = (number: number): FrameValues => this.#frame(channel, number);
      const { minBytes } = this.#lookup.struct(channel.message);
      if (minBytes > this.#model.limits.sliceBytes) continue;
      add(`${channel.name}: alone`, header, [one(0)]);
      // What two frames leave out is the same on every channel of a kind.
      const kind = `${channel.numbered}, ${payloadFixedBytes(channel, this.#lookup) < 0}`;
      if (shown.has(kind)) continue;
      shown.add(kind);
      if (!channel.numbered) {
        add(`${channel.name}: twice`, header, [one(0), one(0)]);
        continue;
      }
      add(`${channel.name}: two in a row, across the last number`, header, [one(last), one(0)]);
      add(`${channel.name}: two with a gap`, header, [one(5), one(7)]);
    }
    for (const side of ["client", "server"] as const) {
      const frames = this.#model.channels
        .filter(({ direction }) => maySend(side, direction))
        .map((channel) => this.#frame(channel, 3));
      const fits = frames.slice(0, 12);
      if (fits.length > 1) add(`from the ${side}: every channel`, header, fits);
    }
    const { sliceBytes } = this.#model.limits;
    const sliced = this.#model.channels.find((c) => c.fragment && payloadMaxBytes(c) > sliceBytes);
    if (sliced === undefined) return;
    const tail = new Uint8Array(Math.min(3, payloadMaxBytes(sliced) - sliceBytes)).fill(0xa5);
    const slice = (index: number, payload: Uint8Array): FrameValues => ({
      channel: sliced,
      number: 1,
      slice: { index, count: 2 },
      payload,
    });
    add("a slice that is not the last", header, [slice(0, new Uint8Array(sliceBytes).fill(0x5a))]);
    add("the last slice", header, [slice(1, tail)]);
    add("a message behind the last slice", header, [slice(1, tail), { ...this.#frame(sliced, 2) }]);
  }

  #frame(channel: ChannelModel, number: number): FrameValues {
    const value = this.#cases(channel).find(({ name }) => name === "minimum")!.value;
    const payload = writePayload(this.#lookup, channel, value);
    return { channel, ...(channel.numbered ? { number } : {}), payload };
  }

  /** What the datagrams carry where the layout has a tag. */
  get #tag(): { sessionTag?: number } {
    return hasRole(this.#model.header.clear, "session-tag") ? { sessionTag: SESSION_TAG } : {};
  }

  #header(values: DatagramValues): object {
    const { sessionTag, packetNumber, wide, ackNow, ack, receiveLimit, clock, padding, user } =
      values;
    const names = userFields(this.#model).map((field) => field.name);
    return {
      ...(sessionTag === undefined ? {} : { sessionTag }),
      packetNumber,
      wide: wide === true,
      ackNow: ackNow === true,
      ...(ack === undefined ? {} : { ack }),
      ...(receiveLimit === undefined ? {} : { receiveLimit }),
      ...(receiveLimit === undefined || !hasRole(this.#model.header.sealed, "clock")
        ? {}
        : { clock: clock ?? 0 }),
      ...(padding === undefined ? {} : { padding }),
      user: names.map((name, i) => ({ name, value: user?.[i] ?? 0 })),
    };
  }

  zero(): unknown[] {
    return zeroVectors(this.#model, (name, bytes, from) => this.#check(name, bytes, { from }));
  }

  /** Bytes next to good ones that every decoder refuses, as far as this one does. */
  refused(): unknown[] {
    const rows: unknown[] = [];
    for (const channel of this.#model.channels) {
      const cases = this.#cases(channel);
      const named = (name: string) => cases.find((c) => c.name === name)!.value;
      const good =
        this.#bytes(channel, named("typical")) ?? this.#bytes(channel, named("minimum"))!;
      for (const { name, bytes } of this.#refused.payloads(channel, good, cases)) {
        rows.push({ channel: channel.name, case: name, hex: hexOf(bytes) });
      }
    }
    const first = { ...this.#tag, packetNumber: 0 };
    const silent = writeDatagram(this.#model, first, []);
    const quiet = writeDatagram(this.#model, { ...first, ackNow: true }, []);
    const ack = { largest: 0, delay: 0, runs: [1] };
    const acks = writeDatagram(this.#model, { ...first, ack }, []);
    const data: [string, Uint8Array][] = [
      ["a datagram that says nothing", silent],
      ["a header that is cut off", quiet.slice(0, -1)],
      ["padding that is not zero", Uint8Array.from([...quiet, 0, 1])],
      ["padding behind an acknowledgement", Uint8Array.from([...acks, 0])],
      ["a channel that is not in the spec", Uint8Array.from([0xff, 0xff, 0xfe, ...quiet.slice(3)])],
    ];
    for (const [name, bytes] of data) {
      if (this.#reader.read(bytes).problem !== undefined)
        rows.push({ case: name, hex: hexOf(bytes) });
    }
    return rows;
  }

  #check(name: string, bytes: Uint8Array, options: ReadOptions): void {
    const { problem } = this.#reader.read(bytes, options);
    if (problem === undefined) return;
    throw new Error(`vector ${name}: ${problem.problem} at byte ${problem.at} (${problem.path})`);
  }
}

function frameData({ channel, number, slice, payload }: FrameValues): object {
  return {
    channel: channel.name,
    ...(number === undefined ? {} : { number }),
    ...(slice === undefined ? {} : { slice }),
    payload: hexOf(payload),
  };
}

/** Least and largest value of a field of the user's own. */
function fieldRange({ bits, type }: HeaderFieldModel): [number, number] {
  if (bits !== undefined) return [0, 2 ** bits - 1];
  if (type === "varint") return [0, Number.MAX_SAFE_INTEGER];
  if (type === "f64") return [-Number.MAX_VALUE, Number.MAX_VALUE];
  const largest = (2 - 2 ** -23) * 2 ** 127;
  if (type === "f32") return [-largest, largest];
  const width = Number(type!.slice(1));
  if (type!.startsWith("i")) return [-(2 ** (width - 1)), 2 ** (width - 1) - 1];
  return [0, 2 ** width - 1];
}
