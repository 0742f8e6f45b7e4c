/**
 * Peers of two versions of a spec, run against each other: each is the code that was generated from its version. What one
 * writes the other reads, as messages, over sessions in virtual time and as parts of zero messages. The judge of what
 * should arrive is meaning.ts, which works from the models alone.
 */

import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { MalformedError, Reader } from "stardust-udp/wire";
import { schemaProblem } from "#codegen/interpret/json-schema.js";
import type { ChannelModel, Model, ZeroMessageModel } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { bothSides } from "#fuzz/both-sides.js";
import type { NegotiatedVersion } from "#src/negotiated-version.js";
import type { Protocol, Role } from "#src/protocol.js";
import { Pair } from "#src/testing/index.js";
import { readVectors, toHex, type Vectors } from "../../support/revive.ts";
import { type Side, side } from "../../support/session-pair.ts";
import { complete } from "../examples.ts";
import { generateAll } from "./generate.ts";
import { translated } from "./meaning.ts";

// biome-ignore lint/suspicious/noExplicitAny: code that was just generated
type Any = any;

export interface Peer {
  readonly model: Model;
  readonly protocol: Protocol;
  readonly testing: Any;
  readonly vectors: Vectors;
}

/** What the code of a peer needs; servers and clients are not run. */
const modules = [
  ...["codecs", "header", "testing", "validators", "zero"],
  ...["protocol", "client-protocol", "server-protocol"],
];

export function modelOf(sections: string): Model {
  const loaded = loadSpec(complete(sections), "spec.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.sorted(), null, 1));
  return model;
}

/** The peer of each spec, by the spec's text. */
export async function peersOf(name: string, specs: Iterable<string>): Promise<Map<string, Peer>> {
  const texts = [...new Set(specs)];
  const models = texts.map(modelOf);
  const all = await generateAll(name, models, modules);
  const peers = all.map(async (generated, i): Promise<[string, Peer]> => {
    const protocol = bothSides(
      (await generated.load("client-protocol")).protocol,
      (await generated.load("server-protocol")).protocol,
    );
    const testing = await generated.load("testing");
    const vectors = readVectors(generated.files.get("vectors.json")!);
    return [texts[i]!, { model: models[i]!, protocol, testing, vectors }];
  });
  return new Map(await Promise.all(peers));
}

/** How what one wrote was not what the other read. */
export interface Break {
  readonly shown: "message" | "session" | "zero";
  readonly what: string;
}

/** Messages of each channel: all golden vectors, and so many at random. */
const RANDOM_MESSAGES = 30;

/** Those that messages show, whoever writes. */
export function messageBreaks(a: Peer, b: Peer, seed: number, count = RANDOM_MESSAGES): Break[] {
  const found = [messageBreak(a, b, seed, count), messageBreak(b, a, seed, count)];
  return found.filter((one) => one !== undefined);
}

/** The first break of each kind, whoever writes; empty where two peers understand each other. */
export function breaksBetween(older: Peer, newer: Peer, seed: number): Break[] {
  const found = [
    ...messageBreaks(older, newer, seed),
    sessionBreak(older, newer, older, seed),
    sessionBreak(newer, older, older, seed),
    zeroBreak(older, newer),
    zeroBreak(newer, older),
  ];
  return found.filter((one) => one !== undefined);
}

/** The other version's channel: by name, or else by id where the name is new. */
export function counterpart(
  channel: ChannelModel,
  from: Model,
  to: Model,
): ChannelModel | undefined {
  const named = to.channels.find(({ name }) => name === channel.name);
  if (named !== undefined) return named;
  const there = to.channels.find(({ id }) => id === channel.id);
  return from.channels.some(({ name }) => name === there?.name) ? undefined : there;
}

function messagesOf(
  { testing, vectors }: Peer,
  channel: string,
  seed: number,
  count: number,
): Uint8Array[] {
  const golden = vectors.messages.filter((v) => v.channel === channel).map(({ value }) => value);
  const random: unknown[] = fc.sample(testing.arbitrary[channel](fc), {
    numRuns: count,
    seed,
  });
  return [...golden, ...random].map((message) => testing.encode[channel](message));
}

/** Reads as a peer of another version; undefined where the bytes are refused. */
function read({ protocol }: Peer, channel: string, bytes: Uint8Array): unknown {
  const { decoder } = protocol.channels.find(({ name }) => name === channel)!;
  try {
    return decoder!.decode(Object.assign(Reader.of(bytes), { compat: true }));
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function messageBreak(from: Peer, to: Peer, seed: number, count: number): Break | undefined {
  for (const channel of from.model.channels) {
    const other = counterpart(channel, from.model, to.model);
    if (other === undefined) continue;
    for (const bytes of messagesOf(from, channel.name, seed, count)) {
      const wanted = translated(from.testing.decode[channel.name](bytes), [
        { model: from.model, type: { kind: "struct", name: channel.message } },
        { model: to.model, type: { kind: "struct", name: other.message } },
      ]);
      const got = read(to, other.name, bytes);
      if (isDeepStrictEqual(got, wanted)) continue;
      const how = got === undefined ? "is refused" : `is read as ${shown(got)}`;
      return { shown: "message", what: `${toHex(bytes)}, ${shown(wanted)}, ${how}` };
    }
  }
  return undefined;
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_key, v) =>
    typeof v === "bigint" ? `${v}n` : v instanceof Map ? [...v] : v,
  ).slice(0, 300);
}

/** On each channel that a newer peer does not keep off, messages arrive as they were sent, in both roles. */
function sessionBreak(from: Peer, to: Peer, older: Peer, seed: number): Break | undefined {
  for (const role of ["client", "server"] as const) {
    const { sent, receiver } = exchange(from, to, older, role, seed);
    const misread = receiver.inbox.users.find(
      (user) => !isDeepStrictEqual(user, ownFields(from, to)),
    );
    if (misread !== undefined) {
      const what = `from the ${role}: own header fields were read as ${misread.join(", ")}`;
      return { shown: "session", what };
    }
    for (const [name, messages] of sent) {
      const arrived = receiver.inbox.of(name).map(toHex);
      if (isDeepStrictEqual(arrived, messages.map(toHex))) continue;
      const lengths = messages.map(({ length }) => length).join(" and ");
      const what = `from the ${role}: on \`${name}\` ${lengths} bytes were sent, ${arrived.length} messages came`;
      return { shown: "session", what };
    }
  }
  return undefined;
}

const ENOUGH_MS = 3000;

/** Each channel's largest message and its example, in as few datagrams as they fit. */
function exchange(
  from: Peer,
  to: Peer,
  older: Peer,
  role: Role,
  seed: number,
): { readonly sent: ReadonlyMap<string, readonly Uint8Array[]>; readonly receiver: Side } {
  const other = role === "client" ? "server" : "client";
  const sender = side(from.protocol, role, seed, {
    negotiated: negotiatedVersion(from, to, older),
  });
  const receiver = side(to.protocol, other, seed + 1, {
    negotiated: negotiatedVersion(to, from, older),
  });
  const pair = new Pair({ a: sender.session, b: receiver.session, seed });
  const { lacks } = negotiatedVersion(from, to, older);
  for (const [i, value] of ownFields(from, from).entries()) sender.session.setUserField(i, value);
  const sent = new Map<string, Uint8Array[]>();
  for (const channel of from.model.channels) {
    const { name, direction, index } = channel;
    if (lacks.includes(index) || !["both", `${role}-to-${other}`].includes(direction)) continue;
    const small: Uint8Array = from.testing.encode[name](from.testing.example[name]());
    const messages = [small, largest(from, channel), small];
    for (const message of messages) sender.send(name, message);
    sent.set(counterpart(channel, from.model, to.model)?.name ?? name, messages);
  }
  pair.run(ENOUGH_MS);
  return { sent, receiver };
}

/** What a peer sets its own header fields to, as the other one should see them: by name, or by place where that is new. */
function ownFields({ protocol: from }: Peer, { protocol: to }: Peer): number[] {
  const fields = from.header.userFields;
  return to.header.userFields.map(({ name }, i) => {
    const named = fields.findIndex((field) => field.name === name);
    const at = named < 0 ? i : named;
    return Math.min(at + 1, fields[at]?.max ?? 0);
  });
}

/** As join and accept settle it for `own`, were the two versions on record as ones that can talk. */
function negotiatedVersion(own: Peer, other: Peer, older: Peer): NegotiatedVersion {
  const { hash, version } = older.protocol;
  const compat = own.protocol.hash !== other.protocol.hash;
  const known = new Set(other.protocol.channels.map(({ id }) => id));
  const lacking = own.protocol.channels.filter(({ id }) => !known.has(id));
  const lacks = own === older ? [] : lacking.map(({ index }) => index);
  return { hash, version, compat, lacks };
}

/** A message with as much text and as many bytes as its own members may have. */
function largest({ model, testing }: Peer, channel: ChannelModel): Uint8Array {
  const message = testing.example[channel.name]();
  for (const { name, type } of model.structs.find((s) => s.name === channel.message)!.members) {
    if (type.kind === "string") message[name] = "x".repeat(type.maxBytes);
    if (type.kind === "bytes") message[name] = new Uint8Array(type.maxBytes).fill(7);
  }
  return testing.encode[channel.name](message);
}

/** Parts of zero messages that one side's validator lets through and the other's does not. */
function zeroBreak(from: Peer, to: Peer): Break | undefined {
  const problemOf = (
    { testing }: Peer,
    part: "sys" | "body",
    m: ZeroMessageModel,
    value: unknown,
  ) =>
    // The runtime checks its own members of sys alone; who reads along checks all that the spec says.
    part === "body" && m.hasBody
      ? testing.validateZero[m.name].body(structuredClone(value))
      : (schemaProblem(m[part], value) ?? null);
  for (const message of from.model.zero.messages) {
    const { name, from: sender } = message;
    const other = to.model.zero.messages.find((one) => one.name === name);
    if (other === undefined) return { shown: "zero", what: `${sender}'s ${name} is not known` };
    for (const part of ["sys", "body"] as const) {
      for (const value of valuesOf(message[part])) {
        if (problemOf(from, part, message, value) !== null) continue;
        const problem = problemOf(to, part, other, value);
        if (problem === null) continue;
        return { shown: "zero", what: `${part} of ${name}, ${shown(value)}: ${shown(problem)}` };
      }
    }
  }
  return undefined;
}

type Schema = Readonly<Record<string, Any>>;

/** The smallest and the largest value of a schema, and of an object also those with one optional member left out. */
function valuesOf(schema: Schema): unknown[] {
  if (schema["const"] !== undefined) return [schema["const"]];
  if (schema["enum"] !== undefined) return schema["enum"];
  switch (schema["type"]) {
    case "object": {
      const members = Object.entries(schema["properties"] as Record<string, Schema>);
      const build = (pick: (values: unknown[]) => unknown, but?: string) =>
        Object.fromEntries(
          members.filter(([name]) => name !== but).map(([name, of]) => [name, pick(valuesOf(of))]),
        );
      const first = (values: unknown[]) => values[0];
      const last = (values: unknown[]) => values.at(-1);
      return [build(first), ...members.map(([name]) => build(last, name)), build(last)];
    }
    case "array": {
      const values = valuesOf(schema["items"]);
      const some = (count: number) => Array.from({ length: count }, () => values.at(-1));
      return [some(schema["minItems"] ?? 0), some(schema["maxItems"])];
    }
    case "string":
      return [schema["minLength"] ?? 0, schema["maxLength"]].map((length) => "x".repeat(length));
    case "integer":
      return [schema["minimum"], schema["maximum"]];
    case "number":
      return [schema["minimum"] ?? -0.5, schema["maximum"] ?? 0.5];
    case "boolean":
      return [false, true];
    default:
      return [null];
  }
}
