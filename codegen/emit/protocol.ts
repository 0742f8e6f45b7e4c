/**
 * `protocol.ts`: everything a spec says but for the code of its messages, as one value. `client-protocol.ts` and
 * `server-protocol.ts`: the same with the code that one side calls, and none of what only the other side does.
 */
import {
  compatMaxBytes,
  payloadFixedBytes,
  payloadMaxBytes,
  receivedBy,
  sentBy,
} from "../model/channels.ts";
import type { Side } from "../model/delivery.ts";
import { systemHash } from "../model/hash.ts";
import { Lookup } from "../model/lookup.ts";
import type { KnownVersion, Model } from "../model/model.ts";
import type { Declaration } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { docComment, documentation, Lines, quote } from "../print/text.ts";
import { codecNames, systemCodecNames } from "./codecs.ts";

export function emitProtocol(
  model: Model,
  module: Module,
  versions: readonly KnownVersion[],
): Declaration[] {
  const lookup = Lookup.of(model);
  const out = new Lines();
  out.block(
    `export const protocol: ${module.type("stardust-udp/protocol", "Protocol")} =`,
    () => {
      out.add("stardust: 4,", `name: ${quote(model.name)},`, `version: ${model.version},`);
      out.add(`hash: ${quote(model.hash)},`, ...versionsText(versions));
      out.add(`security: ${quote(model.security)},`);
      if (model.cipher !== undefined) out.add(`cipher: ${quote(model.cipher)},`);
      out.block(
        "limits:",
        () => {
          for (const [name, value] of Object.entries(model.limits)) out.add(`${name}: ${value},`);
        },
        ",",
      );
      out.add(`${module.value("./header.ts", "header")},`, "channels: [");
      for (const c of model.channels) {
        out.add("  {");
        out.add(`    index: ${c.index},`, `    name: ${quote(c.name)},`, `    id: ${c.id},`);
        out.add(`    delivery: ${quote(c.delivery)},`, `    direction: ${quote(c.direction)},`);
        out.add(`    numbered: ${c.numbered},`, `    reliable: ${c.reliable},`);
        out.add(`    fragment: ${c.fragment},`);
        out.add(`    fixedBytes: ${payloadFixedBytes(c, lookup)},`);
        out.add(`    maxBytes: ${payloadMaxBytes(c)},`);
        out.add(`    compatMaxBytes: ${compatMaxBytes(model, c)},`);
        out.add(`    queueBytes: ${c.queueBytes},`, `    priority: ${c.priority},`);
        out.add(`    weight: ${c.weight},`);
        for (const option of ["maxAgeMs", "maxGapMs", "redundancy"] as const) {
          if (c[option] !== undefined) out.add(`    ${option}: ${c[option]},`);
        }
        if (c.notices) out.add("    notices: true,");
        if (c.request) out.add(`    asks: ${quote(c.request.asks)},`);
        out.add("  },");
      }
      out.add("],", `${module.value("./zero.ts", "zero")},`);
    },
    ";",
  );
  const doc = documentation(
    { ...(model.doc === undefined ? {} : { doc: model.doc }) },
    model.specFile,
    [
      `Protocol \`${quote(model.name).slice(1, -1).replaceAll("*/", "*\\/")}\`, version ${model.version}.`,
    ],
  );
  return [{ kind: "raw", text: docComment(doc) + out.text }];
}

/** `client-protocol.ts` and `server-protocol.ts`. */
export function emitSideProtocol(model: Model, module: Module, side: Side): Declaration[] {
  const isServer = side === "server";
  const type = module.type("stardust-udp/protocol", isServer ? "ServerProtocol" : "Protocol");
  const withCodecs = module.value("stardust-udp/protocol", "withCodecs");
  const facts = module.value("./protocol.ts", "protocol", "facts");
  const sent = new Set(sentBy(model, side));
  const received = new Set(receivedBy(model, side));
  const out = new Lines();
  out.add(`/** The protocol with what a ${side} sends encoded and what it receives decoded. */`);
  // Its workers import this file by its URL.
  const [head, tail] = isServer ? ["{ ...", "), url: import.meta.url"] : ["", ");"];
  out.add(`export const protocol: ${type} = ${head}${withCodecs}(${facts}, [`);
  codecNames(model).forEach(({ encoder, decoder }, index) => {
    const channel = model.channels[index]!;
    const halves: string[] = [];
    if (sent.has(channel)) halves.push(`encoder: ${module.value("./codecs.ts", encoder)}`);
    if (received.has(channel)) halves.push(`decoder: ${module.value("./codecs.ts", decoder)}`);
    out.add(`  { ${halves.join(", ")} },`);
  });
  if (!isServer) out.add(`]${tail}`);
  else if (model.system === undefined) out.add(`]${tail} };`);
  else {
    out.add(`]${tail}, system: [`, ...systemRows(model, module));
    out.add(`], systemHash: ${quote(systemHash(model)!)} };`);
  }
  return [{ kind: "raw", text: out.text }];
}

/** Messages between its threads: both encode and decode them, in the same process. */
function systemRows(model: Model, module: Module): string[] {
  const names = systemCodecNames(model);
  return (model.system ?? []).map(({ index, name, direction, maxBytes }) => {
    const { encoder, decoder } = names[index]!;
    const codec = (value: string) => module.value("./codecs.ts", value);
    return `  { index: ${index}, name: ${quote(name)}, direction: ${quote(direction)}, maxBytes: ${maxBytes}, encoder: ${codec(encoder)}, decoder: ${codec(decoder)} },`;
  });
}

function versionsText(versions: readonly KnownVersion[]): string[] {
  if (versions.length === 0) return ["versions: [],"];
  const rows = versions.map(({ version, hash, lacks, differs }) => {
    const parts = [`version: ${version}`, `hash: ${quote(hash)}`, `lacks: [${lacks.join(", ")}]`];
    if (differs !== undefined) parts.push(`differs: [${differs.map(quote).join(", ")}]`);
    return `  { ${parts.join(", ")} },`;
  });
  return ["versions: [", ...rows, "],"];
}
