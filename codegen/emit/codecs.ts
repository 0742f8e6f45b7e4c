/**
 * `codecs.ts`: for every struct and union its functions (write and decode), for every enum
 * two, all straight-line, and an encoder and a decoder for every channel, apart, so that a bundler leaves out
 * what a side does not call.
 * The file puts the parts together; each function has a file of its own here (write.ts, decode.ts).
 */
import { definedKinds, kinds } from "../kinds/kinds.ts";
import { compatMessageBytes } from "../model/channels.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, Model } from "../model/model.ts";
import type { Declaration, Func } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { camel, Lines, Names } from "../print/text.ts";
import { decodeFunctions } from "./decode.ts";
import { readerType, unionDecodeFunction } from "./decode-value.ts";
import { isWrittenInPlace, unionWriteFunction, writeFunctions, writtenTypes } from "./write.ts";
import { zeroFunctions } from "./zero-value.ts";

/** The names of what encodes and decodes the messages of a channel. */
export interface CodecNames {
  readonly encoder: string;
  readonly decoder: string;
}

/** By channel index; those of system messages follow by theirs. */
function allCodecNames(model: Model): CodecNames[] {
  const names = new Names();
  return [...model.channels, ...(model.system ?? [])].map(({ name }) => ({
    encoder: names.take(`${camel(name)}Encoder`),
    decoder: names.take(`${camel(name)}Decoder`),
  }));
}

/** By channel index. */
export function codecNames(model: Model): CodecNames[] {
  return allCodecNames(model).slice(0, model.channels.length);
}

/** By index of the system message. */
export function systemCodecNames(model: Model): CodecNames[] {
  return allCodecNames(model).slice(model.channels.length);
}

export function emitCodecs(model: Model, module: Module): Declaration[] {
  const lookup = Lookup.of(model);
  const written = writtenTypes(model, lookup);
  const functions: Func[] = [
    ...zeroFunctions(model, lookup, module),
    ...model.unions.flatMap((u) => [
      ...(written.has(u.name) ? [unionWriteFunction(u, lookup, module)] : []),
      unionDecodeFunction(u, lookup, module),
    ]),
    ...model.structs.flatMap((s) => [
      ...(written.has(s.name) ? writeFunctions(s, lookup, module) : []),
      ...decodeFunctions(s, lookup, module),
    ]),
  ];
  const names = codecNames(model);
  const systemNames = systemCodecNames(model);
  const codecs = [
    ...model.channels.flatMap((c) => {
      const { encoder, decoder } = names[c.index]!;
      return [encoderText(c, encoder, lookup, module), decoderText(c, decoder, model, module)];
    }),
    ...(model.system ?? []).flatMap((m) => {
      const { encoder, decoder } = systemNames[m.index]!;
      return [encoderText(m, encoder, lookup, module), plainDecoder(m.message, decoder, module)];
    }),
  ];
  const used = new Set(functions.flatMap((f) => [...(f.uses ?? [])]));
  // A type that nothing holds has no use for its functions.
  const helpers = definedKinds.flatMap((kind) =>
    model[kind.list].flatMap((one) => kind.functions(one, used, module)),
  );
  const constants = Object.values(kinds).flatMap((kind) => kind.constants ?? []);
  return [
    ...constants
      .filter(({ name }) => used.has(name))
      .map(({ text }) => ({ kind: "raw", text }) as const),
    ...helpers,
    ...functions,
    ...codecs.map((text) => ({ kind: "raw", text }) as const),
  ];
}

function encoderText(
  c: Pick<ChannelModel, "message" | "maxBytes" | "compress">,
  name: string,
  lookup: Lookup,
  module: Module,
): string {
  const type = module.typeOf(c.message);
  const maxBytes = Math.min(lookup.struct(c.message).maxBytes, c.maxBytes);
  const head = `export const ${name}: ${module.type("stardust-udp/protocol", "MessageEncoder")}<${type}> =`;
  const write = `write${c.message}`;
  if (c.compress) return `${head} ${compressed("compressedEncoder", [maxBytes, write], module)};`;
  const out = new Lines();
  out.block(
    head,
    () => {
      out.add(`maxBytes: ${maxBytes},`);
      out.add(`inPlace: ${isWrittenInPlace(c, lookup)},`, `write: ${write},`);
    },
    ";",
  );
  return out.text;
}

function decoderText(c: ChannelModel, name: string, model: Model, module: Module): string {
  if (!c.compress) return plainDecoder(c.message, name, module);
  const most = [c.maxBytes, compatMessageBytes(model, c)];
  const made = compressed("compressedDecoder", [...most, `decode${c.message}`], module);
  return `${decoderHead(c.message, name, module)} ${made};`;
}

function decoderHead(message: string, name: string, module: Module): string {
  const decoder = module.type("stardust-udp/protocol", "MessageDecoder");
  return `export const ${name}: ${decoder}<${module.typeOf(message)}> =`;
}

function plainDecoder(message: string, name: string, module: Module): string {
  const out = new Lines();
  out.block(
    decoderHead(message, name, module),
    () => {
      out.block(
        `decode(r: ${readerType(module)}): ${module.typeOf(message)}`,
        () => {
          out.add(`const message = decode${message}(r);`, "r.finish();", "return message;");
        },
        ",",
      );
    },
    ";",
  );
  return out.text;
}

/** The call that makes a codec of a channel with `compress`. A bundler may leave it out with its result. */
function compressed(made: string, given: readonly (string | number)[], module: Module): string {
  const call = module.value("stardust-udp/compression", made);
  return `/* @__PURE__ */ ${call}(${given.join(", ")})`;
}
