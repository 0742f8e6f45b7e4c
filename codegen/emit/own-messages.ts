/**
 * `src/zero/own-messages.ts`: what the runtime knows of its own zero messages, from zero.yaml alone. Not a project's
 * file: `npm run generate:zero` writes it, it is kept in the repository, and a test compares. What a spec adds is
 * zero.ts's. Worst case: a schema in zero.yaml that says more than `ownType` knows throws.
 */
import { defaultZero } from "../model/defaults.ts";
import type { JsonSchema } from "../model/model.ts";
import type { ZeroFacts } from "../model/zero.ts";
import { toData } from "../spec/node.ts";
import { type Declaration, type Member, printFile } from "./source.ts";
import { documentation, key, Lines, pascal, quote } from "./text.ts";

interface OwnMessage {
  readonly name: string;
  readonly from: "client" | "server" | "both";
  readonly doc: string;
  readonly sys: JsonSchema;
  readonly facts: ZeroFacts;
}

const PREAMBLE = `/**
 * What zero.yaml says of the connection protocol's own messages, as types and tables. @generated from
 * codegen/model/zero.yaml: do not edit, run \`npm run generate:zero\`. Not how messages are read or checked.
 */

`;

/** The text of the file, not yet formatted. */
export function emitOwnMessages(): string {
  const messages = ownMessages();
  const named = (which: (message: OwnMessage) => boolean) =>
    messages.filter(which).map(({ name }) => name);
  return (
    PREAMBLE +
    printFile(
      [],
      [
        names(
          "MessageName",
          "The messages.",
          named(() => true),
        ),
        names(
          "ClientMessage",
          "What a client may send.",
          named(({ from }) => from !== "server"),
        ),
        names(
          "ServerMessage",
          "What a server may send.",
          named(({ from }) => from !== "client"),
        ),
        names(
          "PlainMessage",
          "Sent before there are keys, or by who has none: never with a MAC. All others always have one.",
          named(({ facts }) => !facts.mac),
        ),
        ...messages.map(sysOf),
        {
          kind: "interface",
          name: "SysOf",
          doc: "The runtime's part of each message.",
          members: messages.map(({ name }) => ({
            name: key(name),
            type: `${pascal(name)}Sys`,
            readonly: true,
          })),
        },
        { kind: "raw", text: messageTable(messages) },
        { kind: "raw", text: sequence(messages) },
        { kind: "raw", text: limits(messages) },
        ...states(),
      ],
    )
  );
}

function ownMessages(): OwnMessage[] {
  const { messages, facts } = defaultZero();
  return messages.map(({ name, from, docs, sys }) => ({
    name,
    from: from!.name as OwnMessage["from"],
    doc: docs.doc!,
    sys: toData(sys!) as JsonSchema,
    facts: facts[name]!,
  }));
}

function names(name: string, doc: string, all: readonly string[]): Declaration {
  return { kind: "alias", name, type: all.map(quote).join(" | "), doc };
}

function sysOf({ name, doc, sys }: OwnMessage): Declaration {
  if (sys["properties"] === undefined) {
    return { kind: "alias", name: `${pascal(name)}Sys`, type: "object", doc };
  }
  return { kind: "interface", name: `${pascal(name)}Sys`, members: membersOf(sys), doc };
}

function membersOf(schema: JsonSchema): Member[] {
  const required = (schema["required"] ?? []) as readonly string[];
  return Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>).map(
    ([name, inner]) => {
      const doc = documentation({ doc: inner["description"] as string }, "");
      return {
        name: key(name),
        type: ownType(inner),
        optional: !required.includes(name),
        readonly: true,
        ...(inner["description"] === undefined ? {} : { doc: doc! }),
      };
    },
  );
}

function ownType(schema: JsonSchema): string {
  if (Array.isArray(schema["enum"])) return schema["enum"].map(quote).join(" | ");
  switch (schema["type"]) {
    case "integer":
      return "number";
    case "string":
    case "boolean":
      return schema["type"];
    case "array": {
      const item = ownType(schema["items"] as JsonSchema);
      const { minItems, maxItems } = schema;
      const pair = minItems === 2 && maxItems === 2;
      return pair ? `readonly [${item}, ${item}]` : `readonly (${item})[]`;
    }
    default:
      throw new Error(
        `zero.yaml has a schema that no type is known for: ${JSON.stringify(schema)}`,
      );
  }
}

function messageTable(messages: readonly OwnMessage[]): string {
  const out = new Lines();
  const type = '{ readonly from: "client" | "server" | "both"; readonly mac: boolean }';
  out.block(
    `/** Who sends each, and whether with a MAC. */\nexport const messages: Readonly<Record<MessageName, ${type}>> =`,
    () => {
      for (const { name, from, facts } of messages) {
        out.add(`${key(name)}: { from: ${quote(from)}, mac: ${facts.mac} },`);
      }
    },
    ";",
  );
  return out.text;
}

/** Fixed numbers of the sequence: of a message that has two, the one inside it. */
function sequence(messages: readonly OwnMessage[]): string {
  const numbers = messages.flatMap(({ name, facts }) => {
    const seq = facts.seq?.at(-1) ?? 0;
    return seq === 0 ? [] : [`export const ${name.toUpperCase()}_SEQ = ${seq};`];
  });
  return [
    "/** Sequence numbers that the handshake gives its messages, each way. */",
    ...numbers,
  ].join("\n");
}

/** How long people's texts may be. */
function limits(messages: readonly OwnMessage[]): string {
  const out = new Lines();
  out.add("/** The most characters (code points) of texts of people's. */");
  for (const { name, sys, facts } of messages) {
    const properties = sys["properties"] as Record<string, JsonSchema> | undefined;
    for (const member of facts.text) {
      const constant = `MAX_${name}_${member}_CHARACTERS`.toUpperCase();
      out.add(`export const ${constant} = ${properties![member]!["maxLength"]};`);
    }
  }
  return out.text;
}

function states(): Declaration[] {
  const tables = defaultZero().states;
  return [
    ...(["client", "server"] as const).map((side) =>
      names(
        `${pascal(side)}State`,
        `What a connection may be in at the ${side}.`,
        Object.keys(tables[side]),
      ),
    ),
    {
      kind: "raw",
      text: [
        "/** states x messages -> next state, for the side that receives. A pair that is not there is dropped and counted. */",
        "export type StateTable<S extends string> = Readonly<",
        "  Record<S, Readonly<Partial<Record<MessageName, S>>>>",
        ">;",
      ].join("\n"),
    },
    ...(["client", "server"] as const).map((side): Declaration => {
      const out = new Lines();
      out.block(
        `export const ${side}States: StateTable<${pascal(side)}State> =`,
        () => {
          for (const [state, row] of Object.entries(tables[side])) {
            const pairs = Object.entries(row).map(([m, next]) => `${key(m)}: ${quote(next)}`);
            out.add(`${key(state)}: { ${pairs.join(", ")} },`);
          }
        },
        ";",
      );
      return { kind: "raw", text: out.text };
    }),
  ];
}
