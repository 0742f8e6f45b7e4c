/**
 * `testing.ts`: for tests of programs that use the protocol. Validators and type guards that tell what is wrong where,
 * examples, fast-check arbitraries (fast-check is handed in) and bytes of messages. Nothing here is used at run time.
 */
import type { ChannelModel, Model, StructModel, TypeModel } from "../model/model.ts";
import { codecNames } from "./codecs.ts";
import { enumNamed, integerRange, type Lookup, lookupOf, structNamed } from "./layout.ts";
import { exampleOf } from "./schema-example.ts";
import type { Declaration, Func } from "./source.ts";
import { key, Lines, Names, number, pascal, quote } from "./text.ts";
import { zeroNames } from "./zero.ts";

export function emitTesting(model: Model): Declaration[] {
  const lookup = lookupOf(model);
  const codecs = codecNames(model);
  const used = usedStructs(model, lookup);
  const structs = model.structs.filter((s) => used.has(s.name));
  const functions = structs.flatMap((s) => [exampleFunction(s, lookup), anyFunction(s, lookup)]);
  const guards = guardFunctions(model);
  const channels = model.channels;
  const type = (c: ChannelModel) => `types.${c.message}`;
  const codec = (c: ChannelModel) => `codecs.${codecs[c.index]!}`;
  // Where a channel takes less than its message could be, only messages that fit are made.
  const fitting = (c: ChannelModel) =>
    structNamed(lookup, c.message).maxBytes > c.maxBytes
      ? `.filter((message) => problemOf(${codec(c)}, message) === null)`
      : "";
  const text = functions.map((f) => f.body).join("\n");
  return [
    { kind: "import", from: "stardust-udp", types: ["Arbitrary", "FastCheck", "ZeroProblem"] },
    { kind: "import", from: "stardust-udp/protocol", types: ["MessageCodec"] },
    {
      kind: "import",
      from: "stardust-udp/wire",
      names: [
        ...(text.includes("dequantise(") ? ["dequantise"] : []),
        "InvalidMessageError",
        "Reader",
        "Writer",
      ],
    },
    { kind: "import", from: "./codecs.ts", namespace: "codecs" },
    { kind: "import", from: "./types.ts", namespace: "types", namespaceIsType: true },
    { kind: "import", from: "./zero.ts", names: ["zero"], types: zeroTypes(model) },
    {
      kind: "interface",
      name: "Problem",
      doc: "What is wrong with a message: the first thing only.",
      members: [
        { name: "path", type: "string", readonly: true, doc: "The member, e.g. `entities[3].x`." },
        { name: "problem", type: "string", readonly: true },
      ],
    },
    ...helperFunctions(),
    ...functions,
    table(
      "validate",
      "What is wrong with a value as a message of a channel; null where it is good.",
      channels.map((c) => [
        `${key(c.name)}(value: unknown): Problem | null {`,
        `  return problemOf(${codec(c)}, value);`,
        "},",
      ]),
    ),
    ...guards,
    table(
      "example",
      "A valid message of each channel, always the same but for what is handed in.",
      channels.map((c) => [
        `${key(c.name)}(members: Partial<${type(c)}> = {}): ${type(c)} {`,
        `  return { ...example${c.message}(), ...members };`,
        "},",
      ]),
    ),
    table(
      "arbitrary",
      "Arbitrary messages of each channel; hand in fast-check.",
      channels.map((c) => [
        `${key(c.name)}(fc: FastCheck): Arbitrary<${type(c)}> {`,
        `  return any${c.message}(fc)${fitting(c)};`,
        "},",
      ]),
    ),
    table(
      "encode",
      "The bytes of a message. Throws InvalidMessageError.",
      channels.map((c) => [
        `${key(c.name)}(message: ${type(c)}): Uint8Array {`,
        `  return bytesOf(${codec(c)}, message);`,
        "},",
      ]),
    ),
    table(
      "decode",
      "The message in these bytes. Throws MalformedError.",
      channels.map((c) => [
        `${key(c.name)}(bytes: Uint8Array): ${type(c)} {`,
        `  return ${codec(c)}.decode(Reader.of(bytes));`,
        "},",
      ]),
    ),
    ...zeroTables(model),
  ];
}

function zeroTypes(model: Model): string[] {
  return zeroNames(model).flatMap((name) => [`${name}Sys`, `${name}Body`]);
}

/** The structs that channels' messages are made of. */
function usedStructs(model: Model, lookup: Lookup): Set<string> {
  const used = new Set<string>();
  const visit = (type: TypeModel) => {
    if (type.kind === "list") visit(type.of);
    if (type.kind !== "struct" || used.has(type.name)) return;
    used.add(type.name);
    for (const m of structNamed(lookup, type.name).members) visit(m.type);
  };
  for (const c of model.channels) visit({ kind: "struct", name: c.message });
  return used;
}

function table(name: string, doc: string, entries: string[][]): Declaration {
  const lines = new Lines();
  lines.block(
    `export const ${name} =`,
    () => {
      for (const entry of entries) lines.add(...entry);
    },
    ";",
  );
  return { kind: "raw", text: `/** ${doc} */\n${lines.text}` };
}

function helperFunctions(): Func[] {
  const generic = { kind: "function", exported: false, typeParameters: ["M"] } as const;
  return [
    {
      ...generic,
      name: "problemOf",
      parameters: [
        { name: "codec", type: "MessageCodec<M>" },
        { name: "value", type: "unknown" },
      ],
      returns: "Problem | null",
      body: new Lines()
        .add("try {", "  codec.size(value as M);", "  return null;", "} catch (error) {")
        .add("  if (!(error instanceof InvalidMessageError)) throw error;")
        .add("  return { path: error.path, problem: error.problem };", "}").text,
    },
    {
      ...generic,
      name: "bytesOf",
      parameters: [
        { name: "codec", type: "MessageCodec<M>" },
        { name: "message", type: "M" },
      ],
      returns: "Uint8Array",
      body: new Lines()
        .add("const bytes = new Uint8Array(codec.size(message));")
        .add("codec.encode(message, new Writer(bytes));", "return bytes;").text,
    },
  ];
}

function guardFunctions(model: Model): Func[] {
  const names = Names.forAll(model.channels.map((c) => `is${pascal(c.name)}`));
  return model.channels.map((c, i) => ({
    kind: "function",
    name: names[i]!,
    parameters: [{ name: "value", type: "unknown" }],
    returns: `value is types.${c.message}`,
    body: `return validate[${quote(c.name)}](value) === null;`,
    doc: "Whether a value is a message that can be sent on this channel.",
  }));
}

function objectText(head: string, struct: StructModel, value: (t: TypeModel, n: string) => string) {
  const lines = new Lines();
  const isFunction = head.endsWith("(");
  lines.block(
    head,
    () => {
      for (const m of struct.members) lines.add(`${key(m.name)}: ${value(m.type, m.name)},`);
    },
    isFunction ? ", { noNullPrototype: true });" : ";",
  );
  return lines.text.replace("( {", "({");
}

function exampleFunction(struct: StructModel, lookup: Lookup): Func {
  return {
    kind: "function",
    name: `example${struct.name}`,
    exported: false,
    parameters: [],
    returns: `types.${struct.name}`,
    body: objectText("return", struct, (type, name) => exampleText(type, name, lookup)),
  };
}

function exampleText(type: TypeModel, name: string, lookup: Lookup): string {
  switch (type.kind) {
    case "integer":
      return type.bytes === 8 ? "7n" : "7";
    case "varint":
      return "300";
    case "float":
      return "0.5";
    case "bool":
      return "true";
    case "quantised":
      return indexText(type, String(Math.floor(type.steps / 2)));
    case "enum":
      return quote(enumNamed(lookup, type.name).values[0]!.name);
    case "string": {
      const text = name.replace(/[^\x20-\x7e]/g, "") || "text";
      return quote(text.slice(0, type.maxBytes));
    }
    case "bytes":
      return `Uint8Array.of(${[1, 2, 3].slice(0, type.maxBytes).join(", ")})`;
    case "list": {
      const item = exampleText(type.of, name, lookup);
      return `[${Array.from({ length: Math.min(2, type.max) }, () => item).join(", ")}]`;
    }
    case "struct":
      return `example${type.name}()`;
  }
}

/** The value of a quantised number at an index, as the decoder computes it. */
function indexText(type: Extract<TypeModel, { kind: "quantised" }>, index: string): string {
  const { min, max, steps } = type;
  if (!type.integer) return `dequantise(${index}, ${number(min)}, ${number(max)}, ${steps})`;
  const step = (max - min) / steps;
  const scaled = step === 1 ? index : `${index} * ${step}`;
  return min === 0 ? scaled : `${number(min)} + ${scaled}`;
}

function anyFunction(struct: StructModel, lookup: Lookup): Func {
  const body = objectText("return fc.record(", struct, (type, name) => {
    const of = anyText(type, lookup);
    const optional = struct.members.find((m) => m.name === name)?.optional === true;
    return optional ? `fc.option(${of}, { nil: undefined })` : of;
  });
  return {
    kind: "function",
    name: `any${struct.name}`,
    exported: false,
    parameters: [{ name: "fc", type: "FastCheck" }],
    returns: `Arbitrary<types.${struct.name}>`,
    body,
  };
}

function anyText(type: TypeModel, lookup: Lookup): string {
  const finite = "{ noNaN: true, noDefaultInfinity: true }";
  switch (type.kind) {
    case "integer": {
      const [min, max] = integerRange(type);
      return `fc.${type.bytes === 8 ? "bigInt" : "integer"}({ min: ${min}, max: ${max} })`;
    }
    case "varint":
      return type.signed
        ? "fc.integer({ min: -4503599627370496, max: 4503599627370495 })"
        : "fc.integer({ min: 0, max: 9007199254740991 })";
    case "float":
      return `fc.${type.bytes === 4 ? "float" : "double"}(${finite})`;
    case "bool":
      return "fc.boolean()";
    case "quantised": {
      const index = `fc.integer({ min: 0, max: ${type.steps} })`;
      const value = indexText(type, "i");
      return value === "i" ? index : `${index}.map((i) => ${value})`;
    }
    case "enum": {
      const names = enumNamed(lookup, type.name).values.map((v) => quote(v.name));
      return `fc.constantFrom(${names.join(", ")})`;
    }
    case "string": {
      const ascii = `fc.string({ unit: "binary-ascii", maxLength: ${type.maxBytes} })`;
      const all = `fc.string({ unit: "binary", maxLength: ${Math.floor(type.maxBytes / 4)} })`;
      return type.maxBytes < 4 ? ascii : `fc.oneof(${ascii}, ${all})`;
    }
    case "bytes":
      return `fc.uint8Array({ maxLength: ${type.maxBytes} })`;
    case "list":
      return `fc.array(${anyText(type.of, lookup)}, { maxLength: ${type.max} })`;
    case "struct":
      return `any${type.name}(fc)`;
  }
}

function zeroTables(model: Model): Declaration[] {
  const names = zeroNames(model);
  const { messages } = model.zero;
  const part = (name: string, suffix: "Sys" | "Body") => [
    `${suffix.toLowerCase()}(value: unknown): ZeroProblem | null {`,
    `  return zero.messages[${quote(name)}]!.validate${suffix}(value);`,
    "},",
  ];
  const inner = (lines: string[]) => lines.map((line) => `  ${line}`);
  return [
    table(
      "validateZero",
      "What is wrong with the parts of a zero message; members of a body that the spec lacks are removed.",
      messages.map((m) => [
        `${key(m.name)}: {`,
        ...inner([...part(m.name, "Sys"), ...part(m.name, "Body")]),
        "},",
      ]),
    ),
    table(
      "exampleZero",
      "Valid parts of each zero message.",
      messages.map((m, i) => [
        `${key(m.name)}: {`,
        ...inner([
          `sys(): ${names[i]}Sys {`,
          `  return ${exampleOf(m.sys)};`,
          "},",
          `body(): ${names[i]}Body {`,
          `  return ${exampleOf(m.body)};`,
          "},",
        ]),
        "},",
      ]),
    ),
  ];
}
