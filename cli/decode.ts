/**
 * The command `decode`: datagrams taken apart byte by byte, with the names of a spec. What is wrong is shown at its byte.
 * The reading is codegen/interpret's; here are inputs, the text and the JSON. Slices that complete a message in one
 * input are put together and shown as one.
 */

import { ByteCursor, type Part, Problem } from "../codegen/bytes/cursor.ts";
import { readPayload } from "../codegen/interpret/compression.ts";
import type { FrameReading, Reading, ReadOptions } from "../codegen/interpret/datagram.ts";
import { DatagramReader } from "../codegen/interpret/read-datagram.ts";
import { hexOf, toJsonData } from "../codegen/interpret/values.ts";
import type { Side } from "../codegen/model/delivery.ts";
import { resolveSpec } from "../codegen/model/resolve.ts";
import { type ErrorFormat, formatDiagnostics, printable } from "../codegen/spec/format.ts";
import { loadSpecFile } from "../codegen/spec/load.ts";
import type { Remarks } from "./capture-files.ts";
import { CaptureError, datagramsOf, type GivenDatagram } from "./captures.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { KeyRing } from "./key-log.ts";

export async function runDecode(invocation: Invocation): Promise<ExitCode> {
  const { flags, err } = invocation;
  const input = invocation.positionals[0];
  if (input === undefined) {
    err("stardust: decode needs hexadecimal, a file, or - for standard input\n");
    return 2;
  }
  const spec = (flags["spec"] as string | undefined) ?? "protocol.yaml";
  const loaded = loadSpecFile(spec);
  const model = resolveSpec(loaded);
  if (model === undefined) {
    const format = (flags["error-format"] as ErrorFormat | undefined) ?? "text";
    const options = { format, colour: invocation.colour };
    const { diagnostics, source } = loaded;
    err(formatDiagnostics(diagnostics.sorted(), source, options, diagnostics.dropped));
    return 1;
  }
  const from = flags["from"] as Side | undefined;
  const keyFile = flags["keys"] as string | undefined;
  const keys = keyFile === undefined ? undefined : new KeyRing(keyFile, model.cipher);
  const decoder = new Decoder(new DatagramReader(model), from, flags["compat"] === true, keys);
  const remarks: Remarks = { skipped: 0 };
  try {
    const problems = await printAll(datagramsOf(input, remarks), decoder, invocation);
    const { skipped, cut } = remarks;
    if (flags["json"] !== true && skipped > 0)
      err(`${skipped} packets are not UDP, or not whole\n`);
    if (keys !== undefined && decoder.unopened > 0)
      err(`${decoder.unopened} sealed datagrams do not open with the keys of ${keyFile}\n`);
    if (cut !== undefined)
      err(`stardust: ${printable(cut)}; this is what stands in front of that\n`);
    return problems || cut !== undefined ? 1 : 0;
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    err(`stardust: ${printable(error.message)}\n`);
    return 2;
  }
}

/** Datagrams between two checks whether the output is still read. */
const AT_ONCE = 64;

/** Prints each as it comes, so that captures of any size are read; answers whether one has a problem. */
async function printAll(
  datagrams: Iterable<GivenDatagram>,
  decoder: Decoder,
  { flags, out, err, closed }: Invocation,
): Promise<boolean> {
  const json = flags["json"] === true;
  let problems = false;
  let count = 0;
  let first: Result | undefined;
  const print = (result: Result): void => {
    if (json) out(`${count === 1 ? "[\n" : ",\n"}${JSON.stringify(jsonOf(result))}`);
    else out(`${count > 2 ? "\n" : ""}${textOf(result, true)}`);
  };
  for (const datagram of datagrams) {
    count++;
    const result = decoder.decode(datagram);
    problems ||= result.reading.problem !== undefined;
    // A single datagram is printed without its place: so the first is held until there is a second.
    if (json || count > 2) print(result);
    else if (count === 1) first = result;
    else out(`${textOf(first!, true)}\n${textOf(result, true)}`);
    if (count % AT_ONCE !== 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    if (closed()) break;
  }
  if (json) out(count === 0 ? "[\n\n]\n" : "\n]\n");
  else if (count === 1) out(textOf(first!, false));
  else if (count === 0) err("no datagram in it\n");
  return problems;
}

interface Result {
  readonly given: GivenDatagram;
  readonly from?: Side;
  readonly reading: Reading;
  /** Its bytes where it was sealed and has been opened: plain text in the place of the sealed part, then the tag. */
  readonly opened?: Uint8Array;
  /** Messages that a slice of this datagram completed. */
  readonly assembled: readonly Assembled[];
}

interface Assembled {
  readonly channel: string;
  readonly number: number;
  readonly bytes: number;
  readonly message?: Record<string, unknown>;
  readonly problem?: Pick<Problem, "at" | "path" | "problem">;
}

/** Behind what is sealed. */
const TAG_BYTES = 16;
/** Messages of which some slices have come; the oldest goes first. */
const MAX_PARTIAL = 64;
/** Addresses of a capture that are remembered; the oldest goes first. */
const MAX_ADDRESSES = 1 << 16;

/** Reads datagrams in order; remembers who is a client, and slices. */
class Decoder {
  readonly #reader: DatagramReader;
  readonly #from: Side | undefined;
  readonly #allCompat: boolean;
  /** Clients whose accept said that their version is another, or not. */
  readonly #compat = new Map<string, boolean>();
  /** Addresses of a capture, by what they sent. */
  readonly #sides = new Map<string, Side>();
  readonly #partial = new Map<string, Map<number, Uint8Array>>();
  readonly #keys: KeyRing | undefined;
  /** The connection id that zero messages between two addresses had last. */
  readonly #cids = new Map<string, string>();
  /** Sealed datagrams that no key has opened. */
  unopened = 0;

  constructor(
    reader: DatagramReader,
    from: Side | undefined,
    compat: boolean,
    keys: KeyRing | undefined,
  ) {
    this.#keys = keys;
    this.#reader = reader;
    this.#from = from;
    this.#allCompat = compat;
  }

  decode(given: GivenDatagram): Result {
    const from = given.from ?? this.#from ?? this.#sideOf(given);
    const compat = this.#isCompat(given);
    const side = from === undefined ? {} : { from };
    const sealed = this.#reader.model.security === "sealed";
    const closed = this.#reader.read(given.bytes, { ...side, compat, sealed });
    this.#noteCid(given, closed);
    const opened = sealed ? this.#open(given, closed, from) : undefined;
    const reading = opened === undefined ? closed : this.#readOpened(opened, { ...side, compat });
    if (reading.zero === "accept" && given.destination !== undefined) {
      const sys = reading.envelope?.["sys"] as { compat?: unknown } | undefined;
      remember(this.#compat, given.destination, sys?.compat === true);
    }
    const learnt = from ?? this.#learn(given, reading);
    const assembled = reading.frames.flatMap((frame) => this.#slice(given, learnt, frame));
    return {
      given,
      ...(learnt === undefined ? {} : { from: learnt }),
      reading,
      ...(opened === undefined ? {} : { opened }),
      assembled,
    };
  }

  #noteCid({ source, destination }: GivenDatagram, { envelope }: Reading): void {
    const cid = envelope?.["cid"];
    if (typeof cid !== "string" || source === undefined) return;
    remember(this.#cids, [source, destination].sort().join(), cid);
  }

  #open(
    { bytes, source, destination }: GivenDatagram,
    closed: Reading,
    from: Side | undefined,
  ): Uint8Array | undefined {
    const { clearBytes, packetNumber, packetNumberBits, keyPhase = false } = closed;
    if (this.#keys === undefined || closed.kind === "zero" || closed.problem !== undefined)
      return undefined;
    const cid = this.#cids.get([source, destination].sort().join());
    const opened = this.#keys.open(cid, {
      bytes,
      clearBytes: clearBytes!,
      packetNumber: packetNumber!,
      packetNumberBits: packetNumberBits!,
      keyPhase,
      from,
    });
    if (opened === undefined) this.unopened++;
    return opened;
  }

  /** As a plain one is read, with its tag named behind it. */
  #readOpened(opened: Uint8Array, options: ReadOptions): Reading {
    const at = opened.length - TAG_BYTES;
    const reading = this.#reader.read(opened.subarray(0, at), options);
    const tag = { name: "tag", at, bytes: TAG_BYTES };
    return { ...reading, bytes: opened.length, parts: [...reading.parts, tag] };
  }

  #isCompat({ source = "", destination = "" }: GivenDatagram): boolean {
    const known = this.#compat.get(source) ?? this.#compat.get(destination);
    return known ?? this.#allCompat;
  }

  #sideOf({ source, destination }: GivenDatagram): Side | undefined {
    if (source === undefined || destination === undefined) return undefined;
    const other = this.#sides.get(destination);
    return (
      this.#sides.get(source) ??
      (other === undefined ? undefined : other === "client" ? "server" : "client")
    );
  }

  /** A message that only one side sends tells which side an address is. */
  #learn({ source, destination }: GivenDatagram, reading: Reading): Side | undefined {
    if (reading.problem !== undefined) return undefined;
    const message = this.#reader.model.zero.messages.find(({ name }) => name === reading.zero);
    const says = message?.from ?? reading.frames[0]?.channel.direction.replace(/-to-.*/, "");
    if (says !== "client" && says !== "server") return undefined;
    const other = says === "client" ? "server" : "client";
    if (source !== undefined) remember(this.#sides, source, says);
    if (destination !== undefined) remember(this.#sides, destination, other);
    return says;
  }

  #slice(given: GivenDatagram, from: Side | undefined, frame: FrameReading): Assembled[] {
    const { channel, slice, number = 0, payload } = frame;
    if (slice === undefined) return [];
    const key = [given.source, given.destination, from, channel.name, number, slice.count].join();
    const slices = this.#partial.get(key) ?? new Map<number, Uint8Array>();
    slices.set(slice.index, payload);
    this.#partial.set(key, slices);
    if (slices.size < slice.count) {
      if (this.#partial.size > MAX_PARTIAL)
        this.#partial.delete(this.#partial.keys().next().value!);
      return [];
    }
    this.#partial.delete(key);
    const whole = Buffer.concat(Array.from({ length: slice.count }, (_, i) => slices.get(i)!));
    const done = { channel: channel.name, number, bytes: whole.length };
    try {
      const source = new ByteCursor(Uint8Array.from(whole), this.#isCompat(given));
      const { message } = readPayload(this.#reader.model, channel, source);
      return [{ ...done, message }];
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { at, path, problem } = error;
      return [{ ...done, problem: { at, path, problem } }];
    }
  }
}

function remember<T>(map: Map<string, T>, address: string, value: T): void {
  map.set(address, value);
  if (map.size > MAX_ADDRESSES) map.delete(map.keys().next().value!);
}

const BYTES_A_LINE = 8;
/** Longer texts and bytes are cut in the text, not in the JSON. */
const MAX_TEXT = 60;

function textOf({ given, from, reading, opened, assembled }: Result, many: boolean): string {
  const shownBytes = opened ?? given.bytes;
  const lines: string[] = [];
  const regular = opened === undefined ? "regular" : "regular, opened";
  const kind = reading.kind === "zero" ? `zero message ${reading.zero ?? ""}`.trim() : regular;
  const route = given.source === undefined ? "" : `, ${given.source} to ${given.destination}`;
  const side = from === undefined ? "" : `, from the ${from}`;
  const head = `${reading.bytes} bytes, ${printable(kind)}${side}${route}`;
  lines.push(many ? `${given.place}: ${head}` : head);
  let shown = false;
  const { problem } = reading;
  const mark = (): void => {
    if (problem === undefined || shown) return;
    shown = true;
    const path = problem.path === "" ? "" : `${problem.path}: `;
    lines.push(
      `${offset(problem.at)}  ${"^^".padEnd(BYTES_A_LINE * 3)} ${printable(path + problem.problem)}`,
    );
  };
  const visit = (part: Part, depth: number): void => {
    // At the byte that is wrong, behind what was read of it.
    if (problem !== undefined && part.at > problem.at) mark();
    lines.push(line(part, depth, shownBytes));
    for (const inner of part.parts ?? []) visit(inner, depth + 1);
  };
  for (const part of reading.parts) visit(part, 0);
  mark();
  for (const { channel, inflated, message } of reading.frames) {
    if (inflated === undefined) continue;
    const what = short(JSON.stringify(toJsonData(message)), 400);
    lines.push(printable(`${channel.name} inflated, ${inflated.length} bytes: ${what}`));
  }
  for (const one of assembled) {
    const { channel, number, bytes, message, problem: wrong } = one;
    const what = wrong
      ? `byte ${wrong.at}, ${wrong.path}: ${wrong.problem}`
      : short(JSON.stringify(toJsonData(message)), 400);
    lines.push(printable(`message ${number} of ${channel} is complete, ${bytes} bytes: ${what}`));
  }
  return `${lines.join("\n")}\n`;
}

function offset(at: number): string {
  return at.toString(16).padStart(4, "0");
}

function line(part: Part, depth: number, bytes: Uint8Array): string {
  const meaning = `${"  ".repeat(depth)}${part.name}${valueText(part)}`;
  const left = part.parts === undefined ? hexText(part, bytes) : "";
  return `${offset(part.at)}  ${left.padEnd(BYTES_A_LINE * 3)} ${printable(meaning)}`.trimEnd();
}

/** The bytes of a part; of a part of one byte, its bits. */
function hexText({ at, bytes: count, bits }: Part, bytes: Uint8Array): string {
  if (bits !== undefined && count === 1 && bits.width < 8) {
    const text = bytes[at]!.toString(2).padStart(8, "0");
    const { offset: from, width } = bits;
    return `${".".repeat(from)}${text.slice(from, from + width)}${".".repeat(8 - from - width)}`;
  }
  const shown = Math.min(count, BYTES_A_LINE);
  const text = Array.from(bytes.subarray(at, at + shown), (b) => b.toString(16).padStart(2, "0"));
  if (count > shown) text[shown - 1] = "…";
  return text.join(" ");
}

function valueText({ value, text, unit, parts }: Part): string {
  const said = text === undefined ? "" : ` (${text})`;
  if (parts !== undefined || value === undefined) return said;
  const measured = unit === undefined ? "" : ` ${unit}`;
  return `: ${short(plain(value))}${measured}${said}`;
}

function plain(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "bigint") return String(value);
  return JSON.stringify(toJsonData(value)) ?? "";
}

function short(text: string, most = MAX_TEXT): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function jsonOf({ given, from, reading, opened, assembled }: Result): unknown {
  const { kind, bytes, zero, parts, problem, frames, limit } = reading;
  return {
    place: given.place,
    ...(from === undefined ? {} : { from }),
    ...(given.source === undefined ? {} : { source: given.source, destination: given.destination }),
    kind,
    bytes,
    hex: hexOf(given.bytes),
    ...(opened === undefined ? {} : { opened: hexOf(opened) }),
    ...(zero === undefined ? {} : { zero }),
    ...(reading.sessionTag === undefined ? {} : { sessionTag: reading.sessionTag }),
    ...(reading.packetNumber === undefined ? {} : { packetNumber: reading.packetNumber }),
    ...(limit === undefined
      ? {}
      : { limit: { channel: limit.channel.name, handedOnBytes: limit.handedOnBytes } }),
    frames: frames.map(({ channel, number, slice, message, inflated }) => ({
      channel: channel.name,
      ...(number === undefined ? {} : { number }),
      ...(slice === undefined ? {} : { slice }),
      ...(message === undefined ? {} : { message: toJsonData(message) }),
      ...(inflated === undefined ? {} : { inflated: hexOf(inflated) }),
    })),
    ...(assembled.length === 0 ? {} : { assembled: assembled.map((one) => toJsonData(one)) }),
    parts: parts.map(partData),
    ...(problem === undefined ? {} : { problem }),
  };
}

function partData({ value, parts, ...rest }: Part): unknown {
  return {
    ...rest,
    ...(value === undefined ? {} : { value: toJsonData(value) }),
    ...(parts === undefined ? {} : { parts: parts.map(partData) }),
  };
}
