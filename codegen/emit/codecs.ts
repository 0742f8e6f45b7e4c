/**
 * `codecs.ts`: for every struct and union its functions (size, encode, decode and, where messages are small, write), for
 * every enum two, all straight-line, and a `MessageCodec` for every channel.
 * The file puts the parts together; each function has a file of its own here (size.ts, encode.ts, write.ts, decode.ts).
 */
import type { ChannelModel, EnumModel, Model } from "../model/model.ts";
import { decodeFunction } from "./decode.ts";
import { readerType, unionDecodeFunction } from "./decode-value.ts";
import { encodeFunction, unionEncodeFunction } from "./encode.ts";
import { type Lookup, lookupOf, structNamed } from "./layout.ts";
import type { Module } from "./module.ts";
import { sizeFunction, unionSizeFunction } from "./size.ts";
import type { Declaration, Func } from "./source.ts";
import { camel, docComment, documentation, Lines, Names, one, quote } from "./text.ts";
import {
  FLOAT32_END,
  float32End,
  unionWriteFunction,
  writeFunction,
  writtenInOnePass,
} from "./write.ts";
import { zeroFunctions } from "./zero-value.ts";

/** The name of each channel's codec, by channel index. */
export function codecNames(model: Model): string[] {
  return Names.forAll(model.channels.map((c) => `${camel(c.name)}Codec`));
}

export function emitCodecs(model: Model, module: Module): Declaration[] {
  const lookup = lookupOf(model);
  const onePass = writtenInOnePass(model, lookup);
  const functions: Func[] = [
    ...zeroFunctions(model, lookup, module),
    ...model.unions.flatMap((u) => [
      unionSizeFunction(u, lookup, module),
      unionEncodeFunction(u, module),
      ...(onePass.has(u.name) ? [unionWriteFunction(u, lookup, module)] : []),
      unionDecodeFunction(u, lookup, module),
    ]),
    ...model.structs.flatMap((s) => [
      sizeFunction(s, lookup, module),
      encodeFunction(s, module),
      ...(onePass.has(s.name) ? [writeFunction(s, lookup, module)] : []),
      decodeFunction(s, lookup, module),
    ]),
  ];
  const names = codecNames(model);
  const codecs = model.channels.map((c) =>
    codecText(c, names[c.index]!, lookup, onePass, model.specFile, module),
  );
  const used = new Set(functions.flatMap((f) => [...(f.uses ?? [])]));
  // An enum that nothing holds has no use for its functions.
  const enums = model.enums
    .filter((e) => used.has(`valueOf${e.name}`) || used.has(`nameOf${e.name}`))
    .flatMap((e) => [
      valueOfFunction(e),
      ...(counts(e) ? [namesOfTable(e, module)] : []),
      nameOfFunction(e, module),
    ]);
  return [
    ...(used.has(FLOAT32_END) ? [{ kind: "raw", text: float32End } as const] : []),
    ...enums,
    ...functions,
    ...codecs.map((text) => ({ kind: "raw", text }) as const),
  ];
}

function valueOfFunction(e: EnumModel): Func {
  const out = new Lines();
  out.add("switch (name) {");
  for (const v of e.values) out.add(`  case ${quote(v.name)}:`, `    return ${v.value};`);
  out.add("  default:", "    return -1;", "}");
  return {
    kind: "function",
    name: `valueOf${e.name}`,
    exported: false,
    parameters: [{ name: "name", type: "string" }],
    returns: "number",
    body: out.text,
    doc: `The number of ${one(e.name)} on the wire; -1 for what is none.`,
  };
}

/** Whether the numbers of an enum are 0, 1, 2 … in this order: then a table has its names. */
function counts(e: EnumModel): boolean {
  return e.values.every((v, i) => v.value === i);
}

function namesOfTable(e: EnumModel, module: Module): Declaration {
  const head = `const namesOf${e.name}: readonly ${module.typeOf(e.name)}[] = [`;
  const names = e.values.map((v) => quote(v.name));
  const line = `${head}${names.join(", ")}];`;
  const lines = [head, ...names.map((name) => `  ${name},`), "];"];
  return { kind: "raw", text: line.length <= 100 ? line : lines.join("\n") };
}

function nameOfFunction(e: EnumModel, module: Module): Func {
  const out = new Lines();
  const refuse = `r.refuse(at, path, \`\${value} is no ${e.name}\`)`;
  if (counts(e)) out.add(`return namesOf${e.name}[value] ?? ${refuse};`);
  else {
    out.add("switch (value) {");
    for (const v of e.values) out.add(`  case ${v.value}:`, `    return ${quote(v.name)};`);
    out.add("  default:", `    return ${refuse};`, "}");
  }
  return {
    kind: "function",
    name: `nameOf${e.name}`,
    exported: false,
    parameters: [
      { name: "value", type: "number" },
      { name: "r", type: readerType(module) },
      { name: "at", type: "number" },
      { name: "path", type: "string" },
    ],
    returns: module.typeOf(e.name),
    body: out.text,
    doc: `The ${e.name} of a number that was read at byte \`at\`.`,
  };
}

function codecText(
  c: ChannelModel,
  name: string,
  lookup: Lookup,
  onePass: ReadonlySet<string>,
  specFile: string,
  module: Module,
): string {
  const struct = structNamed(lookup, c.message);
  const type = module.typeOf(c.message);
  const maxBytes = Math.min(struct.maxBytes, c.maxBytes);
  const out = new Lines();
  out.block(
    `export const ${name}: ${module.type("stardust-udp/protocol", "MessageCodec")}<${type}> =`,
    () => {
      out.add(`fixedBytes: ${struct.fixedBytes},`, `maxBytes: ${maxBytes},`);
      if (struct.maxBytes <= c.maxBytes) out.add(`size: size${c.message},`);
      else {
        out.block(
          `size(message: ${type}): number`,
          () => {
            out.add(`const size = size${c.message}(message);`);
            const problem = `\`takes \${size} bytes, ${c.maxBytes} are allowed\``;
            out.add(
              `if (size > ${c.maxBytes}) ${module.wire("invalid")}("", ${problem});`,
              "return size;",
            );
          },
          ",",
        );
      }
      out.add(`encode: encode${c.message},`);
      if (onePass.has(c.message) && struct.maxBytes <= c.maxBytes)
        out.add(`write: write${c.message},`);
      out.block(
        `decode(r: ${readerType(module)}): ${type}`,
        () => {
          out.add(`const message = decode${c.message}(r);`, "r.finish();", "return message;");
        },
        ",",
      );
    },
    ";",
  );
  const doc = documentation(c, specFile);
  return docComment(doc) + out.text;
}
