/**
 * `testing.ts`: for tests of programs that use the protocol. Validators and type guards that tell what is wrong where,
 * examples, fast-check arbitraries (fast-check is handed in) and bytes of messages. Nothing here is used at run time.
 * What is there for zero messages: testing-zero.ts.
 */
import type { ChannelModel, Model } from "../model/model.ts";
import { codecNames } from "./codecs.ts";
import { isCapped, valueFunctions } from "./example-values.ts";
import { lookupOf, structNamed } from "./layout.ts";
import type { Declaration, Func } from "./source.ts";
import { zeroTables } from "./testing-zero.ts";
import { codeOf, key, Lines, Names, pascal, quote } from "./text.ts";
import { zeroNames } from "./zero.ts";

export function emitTesting(model: Model): Declaration[] {
  const lookup = lookupOf(model);
  const codecs = codecNames(model);
  const functions = valueFunctions(model, lookup);
  const guards = guardFunctions(model);
  const channels = model.channels;
  const type = (c: ChannelModel) => `types.${c.message}`;
  const codec = (c: ChannelModel) => `codecs.${codecs[c.index]!}`;
  // Where a channel takes less than its message could be, only messages that fit are made.
  const fitting = (c: ChannelModel) =>
    structNamed(lookup, c.message).maxBytes > c.maxBytes || isCapped(c.message, lookup)
      ? `.filter((message) => problemOf(${codec(c)}, message) === null)`
      : "";
  const text = codeOf(functions.map((f) => f.body).join("\n"));
  return [
    { kind: "import", from: "stardust-udp", types: ["Arbitrary", "FastCheck", "ZeroProblem"] },
    { kind: "import", from: "stardust-udp/protocol", types: ["MessageCodec"] },
    {
      kind: "import",
      from: "stardust-udp/wire",
      names: [
        ...["dequantise", "fromHalf"].filter((name) => text.includes(`${name}(`)),
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

export function table(name: string, doc: string, entries: string[][]): Declaration {
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
