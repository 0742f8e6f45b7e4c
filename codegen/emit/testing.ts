/**
 * `testing.ts`: for tests of programs that use the protocol. Validators and type guards that tell what is wrong where,
 * examples, fast-check arbitraries (fast-check is handed in) and bytes of messages. Nothing here is used at run time.
 * What is there for zero messages: testing-zero.ts.
 */
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, Model, SystemMessageModel } from "../model/model.ts";
import { constObject, type Declaration, type Func } from "../print/declarations.ts";
import { type Module, WIRE } from "../print/module.ts";
import { key, Lines, Names, pascal, quote } from "../print/text.ts";
import { codecNames, systemCodecNames } from "./codecs.ts";
import { isCapped, valueFunctions } from "./example-values.ts";
import { zeroTables } from "./testing-zero.ts";

export function emitTesting(model: Model, module: Module): Declaration[] {
  const lookup = Lookup.of(model);
  const codecs = codecNames(model);
  const functions = valueFunctions(model, lookup, module);
  const channels = model.channels;
  const type = (c: ChannelModel) => module.typeOf(c.message);
  const encoder = (c: ChannelModel) => module.codec(codecs[c.index]!.encoder);
  const decoder = (c: ChannelModel) => module.codec(codecs[c.index]!.decoder);
  const wire = (name: string) => module.value(WIRE, name);
  const outer = (name: string) => module.type("stardust-udp", name);
  // Where a channel takes less than its message could be, only messages that fit are made.
  const fitting = (c: ChannelModel) =>
    lookup.struct(c.message).maxBytes > c.maxBytes || isCapped(c.message, lookup)
      ? `.filter((message) => problemOf(${encoder(c)}, message) === null)`
      : "";
  const declarations: Declaration[] = [
    {
      kind: "interface",
      name: "Problem",
      doc: "What is wrong with a message: the first thing only.",
      members: [
        { name: "path", type: "string", readonly: true, doc: "The member, e.g. `entities[3].x`." },
        { name: "problem", type: "string", readonly: true },
      ],
    },
    ...helperFunctions(module),
    ...functions,
    constObject(
      "validate",
      "What is wrong with a value as a message of a channel; null where it is good.",
      channels.map((c) => [
        `${key(c.name)}(value: unknown): Problem | null {`,
        `  return problemOf(${encoder(c)}, value);`,
        "},",
      ]),
    ),
    constObject(
      "example",
      "A valid message of each channel, always the same but for what is handed in.",
      channels.map((c) => [
        `${key(c.name)}(members: Partial<${type(c)}> = {}): ${type(c)} {`,
        `  return { ...$example${c.message}(), ...members };`,
        "},",
      ]),
    ),
    constObject(
      "arbitrary",
      "Arbitrary messages of each channel; hand in fast-check.",
      channels.map((c) => [
        `${key(c.name)}(fc: ${outer("FastCheck")}): ${outer("Arbitrary")}<${type(c)}> {`,
        `  return $any${c.message}(fc)${fitting(c)};`,
        "},",
      ]),
    ),
    constObject(
      "encode",
      "The bytes of a message. Throws InvalidMessageError.",
      channels.map((c) => [
        `${key(c.name)}(message: ${type(c)}): Uint8Array {`,
        `  return bytesOf(${encoder(c)}, message);`,
        "},",
      ]),
    ),
    constObject(
      "decode",
      "The message in these bytes. Throws MalformedError.",
      channels.map((c) => [
        `${key(c.name)}(bytes: Uint8Array): ${type(c)} {`,
        `  return ${decoder(c)}.decode(${wire("Reader")}.of(bytes));`,
        "},",
      ]),
    ),
    ...requestTables(model, module, lookup),
    ...systemTables(model, module, lookup),
    ...zeroTables(model, module),
  ];
  // Last, when it is known which names the rest of the file has.
  const taken = [...module.localNames, ...declarations.flatMap(({ name }) => name ?? [])];
  return [...declarations, ...guardFunctions(model, module, taken)];
}

/** What tells whether something is a value of a struct, an example and arbitrary ones, each by a name. */
interface Row {
  readonly name: string;
  readonly struct: string;
  /** An expression: what is wrong with `value`, or null. */
  readonly problem: string;
}

function table(
  name: string,
  doc: string,
  rows: readonly Row[],
  module: Module,
  lookup: Lookup,
): Declaration {
  const outer = (type: string) => module.type("stardust-udp", type);
  const lines = (of: (row: Row) => readonly string[]) =>
    rows.flatMap((row) => of(row).map((line) => `  ${line}`));
  const validate = lines(({ name: own, problem }) => [
    `${key(own)}(value: unknown): Problem | null {`,
    `  return ${problem};`,
    "},",
  ]);
  const example = lines(({ name: own, struct }) => [
    `${key(own)}(members: Partial<${module.typeOf(struct)}> = {}): ${module.typeOf(struct)} {`,
    `  return { ...$example${struct}(), ...members };`,
    "},",
  ]);
  const arbitrary = lines(({ name: own, struct }) => {
    const fits = isCapped(struct, lookup)
      ? `.filter((message) => ${name}.validate[${quote(own)}](message) === null)`
      : "";
    return [
      `${key(own)}(fc: ${outer("FastCheck")}): ${outer("Arbitrary")}<${module.typeOf(struct)}> {`,
      `  return $any${struct}(fc)${fits};`,
      "},",
    ];
  });
  return constObject(name, doc, [
    ["validate: {", ...validate, "},"],
    ["example: {", ...example, "},"],
    ["arbitrary: {", ...arbitrary, "},"],
  ]);
}

/** What is asked and what is answered on channels with requests, without what the runtime puts around it. */
function requestTables(model: Model, module: Module, lookup: Lookup): Declaration[] {
  const codecs = codecNames(model);
  const rows = (kind: "request" | "response"): Row[] =>
    model.channels.flatMap(({ name, index, request }) => {
      if (request === undefined) return [];
      const encoder = module.codec(codecs[index]!.encoder);
      const problem = `problemWithin(${encoder}, ${quote(kind)}, value)`;
      return [{ name, struct: request[kind], problem }];
    });
  if (rows("request").length === 0) return [];
  const wire = (name: string) => module.type("stardust-udp/protocol", name);
  const within: Func = {
    kind: "function",
    exported: false,
    typeParameters: ["M"],
    name: "problemWithin",
    parameters: [
      { name: "encoder", type: `${wire("MessageEncoder")}<M>` },
      { name: "kind", type: "string" },
      { name: "value", type: "unknown" },
    ],
    returns: "Problem | null",
    body: [
      "const found = problemOf(encoder, { id: 0, body: { kind, value } });",
      'return found && { ...found, path: found.path.replace(/^body\\.value\\.?/, "") };',
    ].join("\n"),
  };
  const what = "of each channel with requests: validators, examples and arbitraries";
  return [
    within,
    table("requests", `What is asked ${what}.`, rows("request"), module, lookup),
    table("responses", `What is answered ${what}.`, rows("response"), module, lookup),
  ];
}

function systemTables(model: Model, module: Module, lookup: Lookup): Declaration[] {
  if (model.system === undefined) return [];
  const codecs = systemCodecNames(model);
  const row = ({ name, index, message }: SystemMessageModel): Row => ({
    name,
    struct: message,
    problem: `problemOf(${module.codec(codecs[index]!.encoder)}, value)`,
  });
  const doc = "Messages of the section `system`: validators, examples and arbitraries.";
  return [table("system", doc, model.system.map(row), module, lookup)];
}

function helperFunctions(module: Module): Func[] {
  const wire = (name: string) => module.value(WIRE, name);
  const encoder = {
    name: "encoder",
    type: `${module.type("stardust-udp/protocol", "MessageEncoder")}<M>`,
  };
  const generic = { kind: "function", exported: false, typeParameters: ["M"] } as const;
  return [
    {
      ...generic,
      name: "problemOf",
      parameters: [encoder, { name: "value", type: "unknown" }],
      returns: "Problem | null",
      body: new Lines()
        .add(
          "try {",
          `  ${wire("encodeOnce")}(encoder, value as M);`,
          "  return null;",
          "} catch (error) {",
        )
        .add(`  if (!(error instanceof ${wire("InvalidMessageError")})) throw error;`)
        .add("  return { path: error.path, problem: error.problem };", "}").text,
    },
    {
      ...generic,
      name: "bytesOf",
      parameters: [encoder, { name: "message", type: "M" }],
      returns: "Uint8Array",
      body: `return ${wire("encodeOnce")}(encoder, message).slice();`,
    },
  ];
}

/** The guard of a channel whose guard's name the file needs for something else has a number behind it: `isZero2`. */
function guardFunctions(model: Model, module: Module, taken: readonly string[]): Func[] {
  const wanted = model.channels.map((c) => `is${pascal(c.name)}`);
  const names = Names.forAll(wanted, taken);
  return model.channels.map((c, i) => ({
    kind: "function",
    name: names[i]!,
    parameters: [{ name: "value", type: "unknown" }],
    returns: `value is ${module.typeOf(c.message)}`,
    body: `return validate[${quote(c.name)}](value) === null;`,
    doc: "Whether a value is a message that can be sent on this channel.",
  }));
}
