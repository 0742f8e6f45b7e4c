/**
 * `src/zero/own-messages.ts` and `own-checks.ts`: what the runtime knows of its own zero messages, from zero.yaml alone.
 * Not a project's files: `npm run generate:zero` writes them, they are kept in the repository, and a test compares. What a
 * spec adds is zero.ts's. Worst case: a schema in zero.yaml that says more than is known here throws.
 */
import { defaultZero } from "../model/defaults.ts";
import type { JsonSchema, ZeroMessageModel } from "../model/model.ts";
import { resolveZero } from "../model/zero.ts";
import { schemaData } from "../model/zero-schema.ts";
import { type Declaration, type Member, printFile } from "../print/declarations.ts";
import { access, documentation, key, Lines, pascal, quote } from "../print/text.ts";
import { loadSpec } from "../spec/load.ts";

/** A spec that says nothing of the zero messages. */
const SILENT_SPEC = `stardust: 1
protocol: { name: own }
security: plain
channels: { a: { id: 0, delivery: unreliable, message: {} } }
`;

const MADE_FROM =
  "@generated from codegen/model/zero.yaml: do not edit, run `npm run generate:zero`.";

const ABOUT_MESSAGES = `/**
 * What zero.yaml says of the connection protocol's own messages, as types and tables. Not how messages are checked.
 * ${MADE_FROM}
 */

`;

const ABOUT_CHECKS = `/**
 * Whether the \`sys\` of a message is what its schema in zero.yaml says; members that are not known are ignored.
 * ${MADE_FROM}
 */

`;

/** Both files, by name; their texts are not yet formatted. */
export function emitOwnFiles(): ReadonlyMap<string, string> {
  const messages = neutralMessages();
  return new Map([
    ["src/zero/own-messages.ts", ABOUT_MESSAGES + emitMessages(messages)],
    ["src/zero/own-checks.ts", ABOUT_CHECKS + emitChecks(messages)],
  ]);
}

/** With the members and the worst cases of every kind of security. */
function neutralMessages(): ZeroMessageModel[] {
  const defaults = defaultZero();
  const { spec, diagnostics } = loadSpec(SILENT_SPEC, "silent.yaml");
  const [plain, sealed] = (["plain", "sealed"] as const).map(
    (security) => resolveZero({ ...spec!, security }, defaults, diagnostics).messages,
  );
  return plain!.map((message, i) => ({
    ...message,
    sys: schemaData(defaults.messages[i]!.sys!, true),
    maxBytes: Math.max(message.maxBytes, sealed![i]!.maxBytes),
  }));
}

function emitMessages(messages: readonly ZeroMessageModel[]): string {
  const named = (name: string, doc: string, which: (message: ZeroMessageModel) => boolean) =>
    alias(
      name,
      doc,
      messages.filter(which).map(({ name }) => name),
    );
  const sysOf: Declaration = {
    kind: "interface",
    name: "SysOf",
    doc: "The runtime's part of each message.",
    members: messages.map(({ name }) => {
      return { name: key(name), type: `${pascal(name)}Sys`, readonly: true };
    }),
  };
  return printFile(
    [{ kind: "import", from: "../protocol.ts", types: ["Security"] }],
    [
      named("MessageName", "The messages.", () => true),
      named("ClientMessage", "What a client may send.", ({ from }) => from !== "server"),
      named("ServerMessage", "What a server may send.", ({ from }) => from !== "client"),
      named(
        "PlainMessage",
        "Messages that never carry a MAC. All others always do.",
        (m) => !m.mac,
      ),
      named("BodyMessage", "Whose body the application may fill.", ({ hasBody }) => hasBody),
      ...messages.map(sysType),
      sysOf,
      { kind: "raw", text: messageTable(messages) },
      { kind: "raw", text: securityTable() },
      { kind: "raw", text: numbers(messages) },
      { kind: "raw", text: limits(messages) },
      ...states(),
    ],
  );
}

function alias(name: string, doc: string, all: readonly string[]): Declaration {
  return { kind: "alias", name, type: all.map(quote).join(" | "), doc };
}

function sysType({ name, doc, sys }: ZeroMessageModel): Declaration {
  const members = membersOf(sys);
  const about = { name: `${pascal(name)}Sys`, ...(doc === undefined ? {} : { doc }) };
  return members.length === 0
    ? { kind: "alias", type: "object", ...about }
    : { kind: "interface", members, ...about };
}

function propertiesOf(schema: JsonSchema): [name: string, schema: JsonSchema, required: boolean][] {
  const required = (schema["required"] ?? []) as readonly string[];
  const properties = (schema["properties"] ?? {}) as Record<string, JsonSchema>;
  return Object.entries(properties).map(([name, inner]) => [name, inner, required.includes(name)]);
}

function membersOf(schema: JsonSchema): Member[] {
  return propertiesOf(schema).map(([name, inner, required]) => {
    const { description } = inner;
    const doc =
      typeof description === "string" ? documentation({ doc: description }, "") : undefined;
    return {
      name: key(name),
      // A message is one literal, with all members that it may have: JSON leaves out what is undefined.
      type: required ? ownType(inner) : `${ownType(inner)} | undefined`,
      optional: !required,
      readonly: true,
      ...(doc === undefined ? {} : { doc }),
    };
  });
}

function ownType(schema: JsonSchema): string {
  const { type, enum: choices, items, minItems, maxItems } = schema;
  if (Array.isArray(choices)) return choices.map(quote).join(" | ");
  if (type === "integer") return "number";
  if (type === "string" || type === "boolean") return type;
  if (type !== "array") throw unknown(schema);
  const item = ownType(items as JsonSchema);
  const isPair = minItems === 2 && maxItems === 2;
  return isPair ? `readonly [${item}, ${item}]` : `readonly (${item})[]`;
}

function unknown(schema: JsonSchema): Error {
  return new Error(`zero.yaml has a schema that is not known here: ${JSON.stringify(schema)}`);
}

function messageTable(messages: readonly ZeroMessageModel[]): string {
  const out = new Lines();
  out.add("/** What is said of each message beside its members. */");
  out.block("export interface MessageFacts", () => {
    out.add('readonly from: "client" | "server" | "both";', "readonly mac: boolean;");
    out.add("/** Worst case of a datagram whose body is empty, escapes included, padding not. */");
    out.add("readonly maxBytes: number;");
  });
  out.add("");
  out.block(
    "export const messages: Readonly<Record<MessageName, MessageFacts>> =",
    () => {
      for (const { name, from, mac, maxBytes } of messages) {
        out.add(`${key(name)}: { from: ${quote(from)}, mac: ${mac}, maxBytes: ${maxBytes} },`);
      }
    },
    ";",
  );
  return out.text;
}

function securityTable(): string {
  const out = new Lines();
  out.add(
    "/** Members of `sys` that one kind of security has, all of them, and no other may have. */",
  );
  out.block(
    "export const securityMembers: Readonly<Record<Security, Readonly<Partial<Record<MessageName, readonly string[]>>>>> =",
    () => {
      for (const [kind, byMessage] of Object.entries(defaultZero().security)) {
        const rows = Object.entries(byMessage).map(
          ([name, members]) => `${key(name)}: [${members.map(quote).join(", ")}]`,
        );
        out.add(`${kind}: { ${rows.join(", ")} },`);
      }
    },
    ";",
  );
  return out.text;
}

/** Fixed numbers of the sequence: of a message that has two, the one inside it. */
function numbers(messages: readonly ZeroMessageModel[]): string {
  const constants = messages.flatMap(({ name, seq }) => {
    const inside = seq?.at(-1) ?? 0;
    return inside === 0 ? [] : [`export const ${name.toUpperCase()}_SEQ = ${inside};`];
  });
  const doc = "/** Sequence numbers that the handshake gives its messages, each way. */";
  return [doc, ...constants].join("\n");
}

/** How long people's texts may be. */
function limits(messages: readonly ZeroMessageModel[]): string {
  const { facts } = defaultZero();
  const constants = messages.flatMap(({ name, sys }) =>
    propertiesOf(sys)
      .filter(([member]) => facts[name]!.text.includes(member))
      .map(([member, { maxLength }]) => {
        const constant = `MAX_${name}_${member}_CHARACTERS`.toUpperCase();
        return `export const ${constant} = ${maxLength};`;
      }),
  );
  const doc = "/** The longest human-readable texts, in characters (code points). */";
  return [doc, ...constants].join("\n");
}

function states(): Declaration[] {
  const tables = defaultZero().states;
  const sides = ["client", "server"] as const;
  const type = [
    "/** states x messages -> next state, for the side that receives. A pair that is not there is dropped and counted. */",
    "export type StateTable<S extends string> = Readonly<",
    "  Record<S, Readonly<Partial<Record<MessageName, S>>>>",
    ">;",
  ];
  return [
    ...sides.map((side) =>
      alias(
        `${pascal(side)}State`,
        `What a connection may be in at the ${side}.`,
        Object.keys(tables[side]),
      ),
    ),
    { kind: "raw", text: type.join("\n") },
    ...sides.map((side): Declaration => {
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

/** Functions of src/zero/checks.ts. */
const helpers = ["isBoolean", "isInteger", "isList", "isOneOf", "isText"] as const;
type Helper = (typeof helpers)[number];

function emitChecks(messages: readonly ZeroMessageModel[]): string {
  const out = new Lines();
  out.add(`import { ${helpers.join(", ")} } from "./checks.ts";`);
  out.add('import type { MessageName } from "./own-messages.ts";', "");
  out.add("/** `sys` as it was received: an object whose members are not known yet. */");
  out.add("export type Unchecked = Readonly<Record<string, unknown>>;", "");
  out.block(
    "export const sysChecks: Readonly<Record<MessageName, (sys: Unchecked) => boolean>> =",
    () => {
      for (const { name, sys } of messages) {
        const checks = propertiesOf(sys).map(([member, inner, required]) => {
          const value = `sys${access(member)}`;
          const good = check(inner, value);
          return required ? good : `(${value} === undefined || ${good})`;
        });
        const parameters = checks.length === 0 ? "()" : "(sys)";
        out.add(`${key(name)}: ${parameters} => ${checks.join(" && ") || "true"},`);
      }
    },
    ";",
  );
  return `${out.text}\n`;
}

/** An expression that is true for what a schema allows. */
function check(schema: JsonSchema, value: string): string {
  const { type, enum: choices, items, description: _, ...bounds } = schema;
  if (Array.isArray(choices)) return `isOneOf(${value}, [${choices.map(quote).join(", ")}])`;
  if (type === "boolean") return `isBoolean(${value})`;
  const between = (helper: Helper, low: string, high: string, ...more: string[]): string => {
    const { [low]: least = 0, [high]: most, ...rest } = bounds;
    if (most === undefined || Object.keys(rest).length > 0) throw unknown(schema);
    return `${helper}(${[value, least, most, ...more].join(", ")})`;
  };
  if (type === "integer") return between("isInteger", "minimum", "maximum");
  if (type === "string") return between("isText", "minLength", "maxLength");
  if (type !== "array") throw unknown(schema);
  const each = value === "item" ? "inner" : "item";
  const good = `(${each}) => ${check(items as JsonSchema, each)}`;
  return between("isList", "minItems", "maxItems", good);
}
