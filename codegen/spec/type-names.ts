/**
 * The names of types: those that are built in, how those that need options are written, and what other languages call
 * them, so that a name which does not exist gets an answer. Reading types is parse-types.ts's.
 */
import { leafNames } from "../kinds/kinds.ts";
import { suggest } from "./distance.ts";
import { namePattern } from "./names.ts";
import type { Node } from "./node.ts";

const leaves = [...leafNames];

/** How each type that is no bare name is written. */
export const typeForms: ReadonlyMap<string, string> = new Map([
  ["list", "{ list: { of: u8, max: 16 } }"],
  ["array", "{ array: { of: u8, length: 4 } }"],
  ["map", "{ map: { key: u16, value: string, max: 16 } }"],
  ...leaves.flatMap(([name, { form }]) => (form === undefined ? [] : [[name, form] as const])),
  ["struct", "{ struct: { x: f32, y: f32 } }"],
  ["union", "{ union: { a: u8, b: string } }"],
]);

/** Types that are written as a name alone. */
export const bareNames: readonly string[] = leaves.flatMap(([name, { bare }]) =>
  bare ? [name] : [],
);

/** Keys that make a type of an object. */
export const typeKeys: readonly string[] = [
  ...leaves.flatMap(([name, { options, form }]) => (options && !form ? [name] : [])),
  ...typeForms.keys(),
];

/** Names that a type of the spec cannot take. */
export const builtInTypes: ReadonlySet<string> = new Set([...bareNames, ...typeKeys]);

/** The built-in types in words. */
export const builtInList: string = `${bareNames.join(", ")}, and as objects ${[...typeForms.keys()].join(", ")}`;

/** By the type that is meant: what people write who come from elsewhere, in lower case. */
const namesElsewhere: readonly (readonly [name: string, elsewhere: string])[] = [
  ...leaves.map(([name, { elsewhere }]) => [name, elsewhere] as const),
  ["list", "vec vector slice sequence set"],
  ["map", "dict dictionary hashmap record"],
  ["struct", "object message class tuple"],
  ["union", "oneof variant either"],
];
const synonyms: ReadonlyMap<string, string> = new Map(
  namesElsewhere.flatMap(([type, names]) =>
    names.split(" ").map((name): [string, string] => [name, type]),
  ),
);

/** Extra help for a foreign type name whose replacement alone says too little. */
const advice: ReadonlyMap<string, string> = new Map([
  ["char", "text is a `string`"],
  ["number", "`f32` takes half the bytes; whole numbers are `u8` to `i32`, or `varint`"],
  ["record", "members with names of their own make a `struct`"],
  ...["date", "time", "datetime", "timestamp"].map((name): [string, string] => [
    name,
    "no type is for times; milliseconds since 1970 fit a `varint`",
  ]),
]);

/** What others have built in and a spec defines for itself, in lower case. */
const shapes: ReadonlyMap<string, string> = new Map([
  ["vec2", "{ struct: { x: f32, y: f32 } }"],
  ["vec3", "{ struct: { x: f32, y: f32, z: f32 } }"],
  ["vec4", "{ struct: { x: f32, y: f32, z: f32, w: f32 } }"],
  ["color", "{ struct: { r: u8, g: u8, b: u8 } }"],
  ["uuid", "{ array: { of: u8, length: 16 } }"],
]);
const shapeNames: ReadonlyMap<string, string> = new Map([
  ["vector2", "vec2"],
  ["vector3", "vec3"],
  ["vector4", "vec4"],
  ["quat", "vec4"],
  ["quaternion", "vec4"],
  ["colour", "color"],
  ["guid", "uuid"],
]);

export interface TypeGuess {
  readonly suggestion?: string | undefined;
  readonly help?: string;
}

/** What a name that is no type may have meant; `own` are the types of the spec. */
export function guessType(name: string, own: readonly string[]): TypeGuess {
  const form = notation(name);
  if (form !== undefined) return { help: `it is written \`${form}\`` };
  const word = name.toLowerCase();
  const shape = shapes.get(shapeNames.get(word) ?? word);
  if (shape !== undefined) return { help: `define it under \`types\`: \`${name}: ${shape}\`` };
  const suggestion =
    own.find((type) => type.toLowerCase() === word) ??
    synonyms.get(word) ??
    suggest(name, [...own, ...bareNames, ...typeForms.keys()]);
  if (suggestion === undefined) return { help: `built in are ${builtInList}` };
  const help = own.includes(suggestion) ? undefined : (advice.get(word) ?? formHelp(suggestion));
  return { suggestion, ...(help === undefined ? {} : { help }) };
}

/** How a type is written that is no bare name; `given` is what stands there instead of its options. */
export function formHelp(type: string, given?: Node): string | undefined {
  const form = typeForms.get(type);
  const word = given?.kind === "scalar" && typeof given.value === "string" ? given.value : "";
  if (form !== undefined) {
    // `{ list: u32 }`
    const isElement = (type === "list" || type === "array") && namePattern.test(word);
    return `it is written \`${isElement ? form.replace("u8", word) : form}\``;
  }
  // `{ u32, doc: … }`
  if (given?.kind === "scalar" && given.value === null) return `write \`type: ${type}\``;
  return undefined;
}

/** Types as other languages write them: `u32[]`, `u8[4]`, `list<u32>`, `map<u16, string>`, `u32?`. */
function notation(name: string): string | undefined {
  const [, of, length] = /^([A-Za-z]\w*)\[(\d*)\]$/.exec(name) ?? [];
  const [, element] =
    /^(?:array|list|vec|vector|readonlyarray|repeated)[< ]\s*([A-Za-z]\w*)>?$/i.exec(name) ?? [];
  const [, key, value] = /^(?:map|record|dict)<\s*(\w+)\s*,\s*(\w+)\s*>$/i.exec(name) ?? [];
  const [, optional] = /^([A-Za-z]\w*)\?$/.exec(name) ?? [];
  if (of !== undefined && length) return `{ array: { of: ${of}, length: ${length} } }`;
  if (of !== undefined || element !== undefined)
    return `{ list: { of: ${of ?? element}, max: 16 } }`;
  if (key !== undefined) return `{ map: { key: ${key}, value: ${value}, max: 16 } }`;
  return optional && `{ type: ${optional}, optional: true }`;
}

/** For a key that no type has: `{ float: { min: 0, max: 1, bits: 8 } }`. */
export function guessTypeKey(key: string, candidates: readonly string[]): string | undefined {
  const meant = synonyms.get(key.toLowerCase());
  return meant !== undefined && candidates.includes(meant) ? meant : suggest(key, candidates);
}
