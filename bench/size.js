/**
 * How much `stardust generate` makes of a spec: files, lines and KiB, of the smallest legal spec, the arena and a spec of
 * 300 messages, each without what it may ask for beside the code (`generate: { with: [...] }`); and how much of it a bundler
 * leaves in a client. `--json` for machines. Build first. Nothing is timed: the figures are the same on every machine.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { emit } from "#codegen/emit/emit.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { MESSAGES, specText } from "./machine.js";

/** Half of what 300 messages were before, 5464 KiB with all that could be made beside the code. */
const TARGET_KIB = 2732;
const TARGET_LINES = 1200;

const arena = readFileSync(new URL("../protocol.yaml", import.meta.url), "utf8");
const smallest = [
  "stardust: 1",
  "protocol: { name: a }",
  "security: plain",
  "channels: { a: { id: 0, delivery: unreliable, message: {} } }\n",
].join("\n");

async function measure(name, text, target) {
  const model = resolveSpec(loadSpec(text, "protocol.yaml"));
  const files = [...(await emit(model, [], []))].map(([file, code]) => ({
    file,
    lines: code.split("\n").length - 1,
    bytes: Buffer.byteLength(code),
  }));
  const sum = (key) => files.reduce((total, file) => total + file[key], 0);
  return { name, files, lines: sum("lines"), bytes: sum("bytes"), ...target };
}

/** Bytes of what esbuild makes of the arena's client, and of one for channels that all go this way; without the runtime. */
async function bundled(name, direction) {
  const model = resolveSpec(loadSpec(arena, "protocol.yaml"));
  const channels = model.channels.map((c) => ({ ...c, direction: direction ?? c.direction }));
  const folder = fileURLToPath(new URL("tmp/size/", import.meta.url));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, code] of await emit({ ...model, channels }, [], [])) {
    writeFileSync(`${folder}${file}`, code);
  }
  const options = { bundle: true, write: false, format: "esm", packages: "external" };
  const entryPoints = [`${folder}client.ts`];
  const sizes = [false, true].map(async (minify) => {
    const { outputFiles } = await build({ ...options, entryPoints, minify });
    return outputFiles[0].contents.length;
  });
  const [bytes, minifiedBytes] = await Promise.all(sizes);
  return { name, bytes, minifiedBytes };
}

const bundles = [
  await bundled("the arena's client"),
  await bundled("  that only receives", "server-to-client"),
  await bundled("  that only sends", "client-to-server"),
];

const specs = [
  await measure("the smallest legal spec", smallest, { targetLines: TARGET_LINES }),
  await measure("the arena", arena, {}),
  await measure(`${MESSAGES} messages`, specText(), { targetBytes: TARGET_KIB * 1024 }),
];

if (process.argv.includes("--json")) console.log(JSON.stringify({ bench: "size", specs, bundles }));
else {
  const row = (name, files, lines, bytes, note = "") =>
    console.log(
      `${name.padEnd(26)}${files.padStart(6)}${String(lines).padStart(9)}${(bytes / 1024).toFixed(1).padStart(10)}${note}`,
    );
  console.log(`${"".padEnd(26)} files    lines       KiB`);
  for (const { name, files, lines, bytes, targetLines, targetBytes } of specs) {
    const met = lines <= (targetLines ?? lines) && bytes <= (targetBytes ?? bytes);
    const target = targetLines ? `${targetLines} lines` : targetBytes && `${TARGET_KIB} KiB`;
    row(
      name,
      `${files.length}`,
      lines,
      bytes,
      target && `   target ${target}: ${met ? "met" : "missed"}`,
    );
    for (const file of files) row(`  ${file.file}`, "", file.lines, file.bytes);
  }
  console.log(`\n${"bundled by esbuild".padEnd(26)}${"KiB".padStart(25)}  minified`);
  for (const { name, bytes, minifiedBytes } of bundles) {
    const [plain, small] = [bytes, minifiedBytes].map((size) => (size / 1024).toFixed(1));
    console.log(`${name.padEnd(26)}${plain.padStart(25)}${small.padStart(10)}`);
  }
}
