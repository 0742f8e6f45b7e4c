// Makes what the repository tells its readers out of the tables that the code uses. In docs/ it fills what stands
// between `<!-- made: … -->` and `<!-- /made -->`. With `--check` it only compares, names the files that are out of date
// and ends with 1. Needs what `npm run build:lib` makes.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { counterFamilies } from "../dist/cli/counters.js";
import { entries, wrap } from "../dist/cli/explain.js";
import { allDiagnostics } from "../dist/codegen/spec/diagnostics.js";
import { editorSchema } from "../dist/codegen/spec/editor-schema.js";
import { firstStates, transitions } from "../dist/src/connection/lifecycle.js";
import { clientStates, serverStates } from "../dist/src/zero/own-messages.js";
import { modelSchema } from "./model-schema.js";

const root = new URL("../", import.meta.url);
const WIDTH = 115;
/** Examples that go on for longer are cut: they show an excess. */
const MAX_LINES = 12;
const MAX_COLUMNS = 160;

/** The made texts, each by the name that its mark in a document has. */
const parts = new Map();
const whats = { "zero-drop-reasons": "what became of the datagram", "session-drop-reasons": "why" };
for (const { id, prefix, table: counters } of counterFamilies) {
  const rows = Object.entries(counters).map(([name, doc]) => [`\`${prefix}${name}\``, doc]);
  parts.set(`counters ${id}`, table(["name", whats[id] ?? "what it counts"], rows));
}
const diagnostics = allDiagnostics();
const all = [...entries().values()];
const runTime = all.filter(({ code }) => code.startsWith("STARDUST_"));
parts.set("errors run", runTime.map(section).join("\n"));
for (const group of new Set([...diagnostics.keys()].map((code) => code.slice(2, 4)))) {
  const ofGroup = all.filter(({ code }) => code.startsWith(`SD${group}`));
  parts.set(`errors ${group}`, ofGroup.map(section).join("\n"));
}

parts.set("states of a connection", stateDiagram(firstStates, transitions));

/** What leads from one state of zero messages to another beside the messages of the other side. */
const moves = {
  client: {
    joining: { deadline: "closed", "we close": "closed" },
    proving: { deadline: "closed", "we close": "closed" },
    waiting: { deadline: "closed", "we close": "closed" },
    attaching: { deadline: "closed", "we close": "closing", "sealed datagram": "open" },
    open: { "we close": "closing", silence: "closed" },
    closing: { deadline: "closed" },
    draining: { deadline: "closed" },
  },
  server: {
    pending: { "decided elsewhere": "answered", "decided here": "reserved" },
    answered: { deadline: "closed" },
    reserved: { deadline: "answered", "we close": "answered" },
    attached: { "we close": "closing", silence: "closed" },
    open: { "we close": "closing", silence: "closed" },
    closing: { deadline: "closed" },
    draining: { deadline: "closed" },
  },
};
for (const [side, table, first] of [
  ["client", clientStates, "joining"],
  ["server", serverStates, "listening"],
]) {
  const nexts = Object.entries(table).map(([state, row]) => [
    state,
    { ...row, ...moves[side][state] },
  ]);
  const diagram = stateDiagram({ "": first }, Object.fromEntries(nexts));
  parts.set(`states of the ${side}`, diagram);
}

/** In Mermaid, one arrow for each pair of states; an event that leaves the state as it is has none. */
function stateDiagram(begins, nexts) {
  const lines = Object.entries(begins).map(([who, state]) =>
    who === "" ? `  [*] --> ${state}` : `  [*] --> ${state}: ${who}`,
  );
  for (const [state, events] of Object.entries(nexts)) {
    const arrows = new Map();
    for (const [event, next] of Object.entries(events)) {
      if (next !== state) arrows.set(next, [...(arrows.get(next) ?? []), event]);
    }
    for (const [next, names] of arrows) lines.push(`  ${state} --> ${next}: ${names.join(", ")}`);
    if (arrows.size === 0) lines.push(`  ${state} --> [*]`);
  }
  return `${["```mermaid", "stateDiagram-v2", ...lines, "```"].join("\n")}\n`;
}

function table(heads, rows) {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |\n`;
  return [heads, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("");
}

/** What `stardust explain` says of a code, in Markdown. */
function section({ code, title, kind, means, fix, language, examples }) {
  const isRunTime = code.startsWith("STARDUST_");
  const heading = kind === "run-time warning" ? `Warning: ${code}` : code;
  const blocks = [isRunTime ? `### ${heading}` : `### ${code}: ${title}`];
  const message = diagnostics.get(code)?.message;
  if (message !== undefined) blocks.push(`Says: ${codeSpan(message)}`);
  blocks.push(wrap(linked(means), WIDTH));
  for (const [head, text] of examples) {
    // A spec that is wrong on purpose says so, for whoever checks the examples of the documents.
    const wrong = head.startsWith("Wrong") ? " wrong" : "";
    blocks.push(`${head}:`, `\`\`\`${language}${wrong}\n${cut(text.trimEnd())}\n\`\`\``);
  }
  blocks.push(wrap(linked(`What to do: ${fix}.`), WIDTH));
  return `${blocks.join("\n\n")}\n`;
}

function codeSpan(text) {
  if (!text.includes("`")) return `\`${text}\``;
  const pad = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `\`\`${pad}${text}${pad}\`\``;
}

/** Explanations name a document by its path from the root, with the anchor behind it. */
function linked(text) {
  return text.replace(/docs\/([\w-]+\.md)(#[\w-]+)?/g, "[$1]($1$2)");
}

function cut(text) {
  const lines = text.split("\n").map((line) => {
    return line.length > MAX_COLUMNS ? `${line.slice(0, MAX_COLUMNS / 2)} …` : line;
  });
  if (lines.length <= MAX_LINES) return lines.join("\n");
  return [...lines.slice(0, MAX_LINES - 4), "  …", ...lines.slice(-3)].join("\n");
}

/** By path from the root: what the file has to be, given what it is. */
const files = new Map();
const used = new Set();
for (const name of readdirSync(new URL("docs/", root))) {
  if (name.endsWith(".md")) files.set(`docs/${name}`, filled);
}

function filled(text, path) {
  const mark = /^<!-- made: (.*) -->\n[\s\S]*?^<!-- \/made -->$/gm;
  return text.replace(mark, (_, what) => {
    const part = parts.get(what);
    if (part === undefined) throw new Error(`${path}: nothing is called ${what}`);
    used.add(what);
    return `<!-- made: ${what} -->\n\n${part}\n<!-- /made -->`;
  });
}

for (const [path, schema] of [
  ["codegen/spec/protocol.schema.json", editorSchema],
  ["codegen/model/model.schema.json", modelSchema],
]) {
  files.set(path, () => `${JSON.stringify(schema(), null, 2)}\n`);
}

const check = process.argv.includes("--check");
for (const [path, make] of files) {
  const text = readFileSync(new URL(path, root), "utf8");
  const wanted = make(text, path);
  if (wanted === text) continue;
  console.log(`${path} ${check ? "is out of date: npm run docs" : "is written"}`);
  if (check) process.exitCode = 1;
  else writeFileSync(new URL(path, root), wanted);
}
const unused = [...parts.keys()].filter((what) => !used.has(what));
if (unused.length > 0) throw new Error(`no document has a place for ${unused.join(", ")}`);
