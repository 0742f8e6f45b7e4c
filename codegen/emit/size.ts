/**
 * The `size…` function of a struct: full validation of a value that may be anything, and the bytes that it takes. One
 * check for each member, each with the member's path as a constant.
 */
import type { StructModel, TypeModel } from "../model/model.ts";
import {
  elementFixedBytes,
  enumNamed,
  integerRange,
  isBits,
  type Lookup,
  nameList,
  scalarBytes,
} from "./layout.ts";
import type { Func } from "./source.ts";
import { access, camel, Lines, Names, number, one, quote } from "./text.ts";

interface Scope {
  readonly lines: Lines;
  readonly names: Names;
  readonly lookup: Lookup;
}

export function sizeFunction(struct: StructModel, lookup: Lookup): Func {
  const scope: Scope = { lines: new Lines(), names: new Names(["message", "size"]), lookup };
  let constant = struct.bitBlockBytes;
  for (const member of struct.members) {
    const value = `message${access(member.name)}`;
    const path = quote(member.name);
    if (!member.optional) {
      constant += valueSize(scope, member.type, value, path, camel(member.name));
      continue;
    }
    scope.lines.when(`${value} !== undefined`, () => {
      const more = valueSize(scope, member.type, value, path, camel(member.name));
      if (more > 0) scope.lines.add(`size += ${more};`);
    });
  }
  const body = new Lines().add("checkObject(message);");
  if (scope.lines.uses("size")) {
    body.add(`let size = ${constant};`, ...split(scope.lines.text), "return size;");
  } else body.add(...split(scope.lines.text), `return ${constant};`);
  return {
    kind: "function",
    name: `size${struct.name}`,
    parameters: [{ name: "message", type: `types.${struct.name}` }],
    returns: "number",
    body: body.text,
    doc: `The bytes ${one(struct.name)} takes. Throws InvalidMessageError with the path of a wrong member.`,
  };
}

function split(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

/** Adds the checks of one value and what it adds to `size`; returns the bytes that are always there. */
function valueSize(
  scope: Scope,
  type: TypeModel,
  value: string,
  path: string,
  base: string,
): number {
  const { lines } = scope;
  switch (type.kind) {
    case "integer": {
      const [min, max] = integerRange(type);
      const check = type.bytes === 8 ? "checkBigint" : "checkInteger";
      lines.add(`${check}(${path}, ${value}, ${min}, ${max});`);
      return type.bytes;
    }
    case "float":
      lines.add(`checkFloat${type.bytes * 8}(${path}, ${value});`);
      return type.bytes;
    case "varint":
      lines.add(`size += size${type.signed ? "Zigzag" : "Varint"}(${path}, ${value});`);
      return 0;
    case "bool":
      lines.add(`checkBool(${path}, ${value});`);
      return 0;
    case "quantised": {
      const check = type.integer ? "checkInteger" : "checkNumber";
      lines.add(`${check}(${path}, ${value}, ${number(type.min)}, ${number(type.max)});`);
      return 0;
    }
    case "enum": {
      const names = quote(nameList(enumNamed(scope.lookup, type.name).values));
      lines.add(`if (valueOf${type.name}(${value}) < 0) invalidEnum(${path}, ${value}, ${names});`);
      return 0;
    }
    case "string":
      lines.add(`size += sizeString(${path}, ${value}, ${type.maxBytes});`);
      return 0;
    case "bytes":
      lines.add(`size += sizeBytes(${path}, ${value}, ${type.maxBytes});`);
      return 0;
    case "struct":
      if (path === '""') {
        lines.add(`size += size${type.name}(${value});`);
        return 0;
      }
      lines.block("try", () => lines.add(`size += size${type.name}(${value});`));
      lines.chain("catch (error)", () => lines.add(`rethrowWithin(error, ${path});`));
      return 0;
    case "list":
      listSize(scope, type, value, path, base);
      return 0;
  }
}

function listSize(
  scope: Scope,
  type: Extract<TypeModel, { kind: "list" }>,
  value: string,
  path: string,
  base: string,
): void {
  const { lines, names, lookup } = scope;
  const list = names.take(base);
  const index = names.take("i");
  lines.add(`const ${list} = ${value};`, `checkList(${path}, ${list}, ${type.max});`);
  const inline = isBits(type.of) || scalarBytes(type.of) > 0;
  const bytes = elementFixedBytes(type.of, lookup);
  const each = inline ? ` + ${list}.length${bytes === 1 ? "" : ` * ${bytes}`}` : "";
  lines.add(`size += varintSize(${list}.length)${each};`, `let ${index} = 0;`);
  lines.block("try", () => {
    lines.block(`for (; ${index} < ${list}.length; ${index}++)`, () => {
      const item = names.take("item");
      lines.add(`const ${item} = ${list}[${index}]!;`);
      valueSize(scope, type.of, item, '""', "inner");
    });
  });
  lines.chain("catch (error)", () => {
    lines.add(`rethrowWithin(error, ${indexPath(path, index)});`);
  });
}

/** The path of a list's element: `"entities"` and `i` as a template. */
export function indexPath(path: string, index: string): string {
  const outer = path.slice(1, -1).replaceAll("`", "\\`").replaceAll("${", "\\${");
  return `\`${outer}[\${${index}}]\``;
}
