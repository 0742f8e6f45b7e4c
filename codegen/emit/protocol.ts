/** `protocol.ts`: everything a spec says as one value of the runtime's `Protocol`. The rest of the files hang on it. */
import { compatMaxBytes } from "../model/channels.ts";
import type { KnownVersion, Model } from "../model/model.ts";
import { codecNames } from "./codecs.ts";
import type { Module } from "./module.ts";
import type { Declaration } from "./source.ts";
import { docComment, documentation, Lines, quote } from "./text.ts";

export function emitProtocol(
  model: Model,
  module: Module,
  versions: readonly KnownVersion[],
): Declaration[] {
  const codecs = codecNames(model).map((name) => module.value("./codecs.ts", name));
  const out = new Lines();
  out.block(
    `export const protocol: ${module.type("stardust-udp/protocol", "Protocol")} =`,
    () => {
      out.add("stardust: 4,", `name: ${quote(model.name)},`, `version: ${model.version},`);
      out.add(`hash: ${quote(model.hash)},`, ...versionsText(versions), "url: import.meta.url,");
      out.add(`security: ${quote(model.security)},`);
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
        out.add(`    fragment: ${c.fragment},`, `    maxBytes: ${c.maxBytes},`);
        out.add(`    compatMaxBytes: ${compatMaxBytes(model, c)},`);
        out.add(`    queueBytes: ${c.queueBytes},`, `    priority: ${c.priority},`);
        out.add(`    weight: ${c.weight},`, `    codec: ${codecs[c.index]!},`, "  },");
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

function versionsText(versions: readonly KnownVersion[]): string[] {
  if (versions.length === 0) return ["versions: [],"];
  const rows = versions.map(({ version, hash, lacks, differs }) => {
    const parts = [`version: ${version}`, `hash: ${quote(hash)}`, `lacks: [${lacks.join(", ")}]`];
    if (differs !== undefined) parts.push(`differs: [${differs.map(quote).join(", ")}]`);
    return `  { ${parts.join(", ")} },`;
  });
  return ["versions: [", ...rows, "],"];
}
