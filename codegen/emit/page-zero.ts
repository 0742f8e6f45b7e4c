/** The connection protocol's part of `protocol.md`: zero messages with their members, and the state tables. */
import type { JsonSchema, Model, ZeroMessageModel } from "../model/model.ts";
import { about, code, prose, table } from "./markdown.ts";

export function zeroSection(model: Model): string[] {
  const intro =
    "## Zero messages\n\nThe connection protocol: three bytes of zero, then one JSON object " +
    '`{"v":1,"cid":…,"msg":…,"seq":…,"ack":…,"sys":{…},"body":{…},"pad":…,"mac":…}`. `sys` is the runtime\'s, `body` the application\'s.';
  const { maxDatagramBytes } = model.limits;
  const messages = model.zero.messages.map((message) => messageSection(message, maxDatagramBytes));
  return [intro, ...messages, states(model)];
}

/** `"token":"",` and `,"sig":"…"`, and the 128 bytes of a connect token beside its audience and claims. */
const TOKEN_OVERHEAD_BYTES: number = 11 + 8 + 86 + 1;
const EMPTY_TOKEN_BYTES = 128;

/** What is said of a body that may come in pieces. */
function bodyRoom({ bodyBytes }: ZeroMessageModel): string {
  if (bodyBytes === undefined) return "";
  return ` Its body takes at most ${bodyBytes} bytes; where it does not fit beside the rest, it follows in pieces.`;
}

/** What a connect token may say in the worst case. */
function tokenRoom(
  { spare, bodyBytes, maxBytes }: ZeroMessageModel,
  maxDatagramBytes: number,
): string {
  // A body that comes in pieces makes room for whatever the token says.
  if (spare === undefined || bodyBytes !== undefined) return "";
  const characters = maxDatagramBytes - maxBytes - TOKEN_OVERHEAD_BYTES;
  const room = Math.floor((characters * 3) / 4) - EMPTY_TOKEN_BYTES;
  const what =
    room < 2
      ? "no connect token fits"
      : `a connect token has room for ${room} bytes of audience and claims`;
  return ` Beside the largest one ${what}; beside a smaller one more does.`;
}

function messageSection(message: ZeroMessageModel, maxDatagramBytes: number): string {
  const from = message.from === "both" ? "either side" : `the ${message.from}`;
  const padding =
    message.name === "join"
      ? " Clients pad it to a whole datagram; a server only answers with nothing larger than what it was sent."
      : "";
  const facts = `From ${from}; at most ${message.maxBytes} bytes, padding not counted.${padding}${bodyRoom(message)}${tokenRoom(message, maxDatagramBytes)}`;
  const rows = [
    ...schemaRows("sys", message.sys, true),
    ...schemaRows("body", message.body, true),
  ].filter(([, type]) => type !== "object without members");
  const members =
    rows.length === 0 ? "No members." : table(["member", "type", "needed", "what"], rows);
  return [`### Message ${prose(message.name)}`, about(message), facts, members]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** A row for a schema and for each inside it; the root of sys and body only where it has no members. */
function schemaRows(path: string, schema: JsonSchema, needed: boolean): string[][] {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>);
  const required = (schema["required"] ?? []) as readonly string[];
  const doc = typeof schema["description"] === "string" ? schema["description"] : undefined;
  const own = [
    code(path),
    schemaText(schema),
    needed ? "yes" : "no",
    about(doc === undefined ? {} : { doc }),
  ];
  const inner = properties.flatMap(([name, member]) =>
    schemaRows(`${path}.${name}`, member, required.includes(name)),
  );
  const items = schema["items"];
  const elements = isSchema(items) ? schemaRows(`${path}[]`, items, true) : [];
  const root = path === "sys" || path === "body";
  return root && inner.length > 0 ? inner : [own, ...inner, ...elements];
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keywords of a schema in words. */
function schemaText(schema: JsonSchema): string {
  const type = String(schema["type"] ?? "any");
  if (type === "object" && Object.keys((schema["properties"] ?? {}) as object).length === 0) {
    return "object without members";
  }
  const parts = [type];
  const range = (least: string, most: string, unit: string): void => {
    const min = schema[least];
    const max = schema[most];
    if (min === undefined && max === undefined) return;
    if (min === max) parts.push(`${String(min)}${unit}`);
    else if (min === undefined) parts.push(`at most ${String(max)}${unit}`);
    else
      parts.push(
        max === undefined
          ? `at least ${String(min)}${unit}`
          : `${String(min)} to ${String(max)}${unit}`,
      );
  };
  range("minimum", "maximum", "");
  range("exclusiveMinimum", "exclusiveMaximum", " exclusive");
  range("minLength", "maxLength", " characters");
  if (typeof schema["format"] === "string") parts.push(schema["format"]);
  range("minItems", "maxItems", " items");
  if (Array.isArray(schema["enum"])) {
    parts.push(
      `one of ${schema["enum"].map((one) => code(JSON.stringify(one).replaceAll('"', ""))).join(" ")}`,
    );
  }
  if (schema["secret"] === true) parts.push("secret");
  if ("const" in schema) parts.push(`always ${prose(JSON.stringify(schema["const"]))}`);
  return parts.map((part, i) => (i === 0 ? prose(part) : part)).join(", ");
}

function states({ zero }: Model): string {
  const parts = (["client", "server"] as const).map((side) => {
    const rows = Object.entries(zero.states[side]).flatMap(([state, next]) =>
      Object.entries(next).map(([message, to]) => [code(state), code(message), code(to)]),
    );
    return `### States of the ${side}\n\n${table(["state", "message", "next state"], rows)}`;
  });
  return `${parts.join("\n\n")}\n\nA pair that is not here is dropped and counted.`;
}
