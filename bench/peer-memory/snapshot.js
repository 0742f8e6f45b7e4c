/** Heap snapshots of V8: bytes and counts of what is alive, by kind. Not here: who takes them (systems.js). */
import { readFileSync } from "node:fs";
import { stateClasses } from "../../dist/src/session/hand-over.js";

export const KINDS = [
  "the session and its parts",
  "connection, connection protocol, port and systems",
  "other objects, and the counters",
  "lists, without what is in them",
  "what is in lists and maps",
  "arrays of bytes, with their memory",
  "numbers with fractions, which V8 puts into a box each",
  "strings",
  "code that was compiled meanwhile, and V8's own",
];
const [SESSION, HOLDERS, OBJECTS, LISTS, ELEMENTS, BYTES, NUMBERS, STRINGS, REST] = KINDS;

const ofSession = new Set(stateClasses.map(({ type }) => type.name));
const ofBytes =
  /^(?:(?:Ui|I)nt\d+Array|Uint8ClampedArray|Float\d+Array|ArrayBuffer|DataView|Buffer|FastBuffer)$/;

function kindOf(type, name) {
  if (type === "number") return NUMBERS;
  if (type.endsWith("string")) return STRINGS;
  if (type === "array") return ELEMENTS;
  if (type === "native") return BYTES;
  if (type !== "object") return REST;
  if (ofSession.has(name)) return SESSION;
  if (ofBytes.test(name)) return BYTES;
  if (name === "Array" || name === "Map" || name === "Set") return LISTS;
  if (name === "Object" || name.startsWith("{")) return OBJECTS;
  return /^system \/|^$/.test(name) ? REST : HOLDERS;
}

/** Of a file that `v8.writeHeapSnapshot` has written: `[bytes, count]` by kind. */
export function readSnapshot(path) {
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(path, "utf8"));
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, name, size] = ["type", "name", "self_size"].map((field) => fields.indexOf(field));
  const alive = new Map(KINDS.map((kind) => [kind, { bytes: 0, count: 0 }]));
  for (let at = 0; at < nodes.length; at += fields.length) {
    const sum = alive.get(kindOf(types[type][nodes[at + type]], strings[nodes[at + name]]));
    sum.bytes += nodes[at + size];
    sum.count++;
  }
  return alive;
}
