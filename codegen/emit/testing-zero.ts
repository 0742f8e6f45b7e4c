/**
 * The part of `testing.ts` about zero messages: a validator, a guard, an example and an arbitrary for the `sys` and the
 * `body` of each. Values follow from the JSON Schemas (schema-example.ts, schema-arbitrary.ts); what is legal is decided
 * by the validators alone.
 */
import type { JsonSchema, Model } from "../model/model.ts";
import type { Module } from "./module.ts";
import { arbitraryOf } from "./schema-arbitrary.ts";
import { exampleOf } from "./schema-example.ts";
import { constObject, type Declaration } from "./source.ts";
import { key, Lines, quote } from "./text.ts";
import { zeroNames } from "./zero.ts";

interface Part {
  readonly message: string;
  readonly name: "sys" | "body";
  /** Of its generated type. */
  readonly type: string;
  readonly schema: JsonSchema;
}

export function zeroTables(model: Model, module: Module): Declaration[] {
  const names = zeroNames(model);
  const typeOf = (name: string) => module.type("./zero.ts", name);
  const outer = (name: string) => module.type("stardust-udp", name);
  const tableOf = (name: string, doc: string, method: (part: Part) => string[]): Declaration => {
    const entries = model.zero.messages.map((m, i) => {
      const parts: Part[] = [
        { message: m.name, name: "sys", type: typeOf(`${names[i]}Sys`), schema: m.sys },
        { message: m.name, name: "body", type: typeOf(`${names[i]}Body`), schema: m.body },
      ];
      const lines = parts.flatMap(method).map((line) => `  ${line}`);
      return [`${key(m.name)}: {`, ...lines, "},"];
    });
    return constObject(name, doc, entries);
  };
  return [
    tableOf(
      "validateZero",
      "What is wrong with the parts of a zero message; members of a body that the spec lacks are removed.",
      ({ message, name }) => [
        `${name}(value: unknown): ${outer("ZeroProblem")} | null {`,
        `  return ${module.value("./zero.ts", "zero")}.messages[${quote(message)}]!.validate${name === "sys" ? "Sys" : "Body"}(value);`,
        "},",
      ],
    ),
    guardFunction(module),
    tableOf(
      "isZero",
      "Whether a value is a valid part of a zero message.",
      ({ message, name, type }) => [
        `${name}(value: unknown): value is ${type} {`,
        `  return isGood(validateZero[${quote(message)}].${name}, value);`,
        "},",
      ],
    ),
    tableOf("exampleZero", "Valid parts of each zero message.", ({ name, type, schema }) => [
      `${name}(): ${type} {`,
      `  return ${exampleOf(schema)};`,
      "},",
    ]),
    tableOf(
      "arbitraryZero",
      "Arbitrary parts of each zero message; hand in fast-check.",
      ({ name, type, schema }) => {
        const lines = `return ${arbitraryOf(schema)};`.split("\n").map((line) => `  ${line}`);
        return [
          `${name}(fc: ${outer("FastCheck")}): ${outer("Arbitrary")}<${type}> {`,
          ...lines,
          "},",
        ];
      },
    ),
  ];
}

function guardFunction(module: Module): Declaration {
  return {
    kind: "function",
    exported: false,
    name: "isGood",
    parameters: [
      {
        name: "problemOf",
        type: `(value: unknown) => ${module.type("stardust-udp", "ZeroProblem")} | null`,
      },
      { name: "value", type: "unknown" },
    ],
    returns: "boolean",
    body: new Lines().add(
      "try {",
      "  return problemOf(structuredClone(value)) === null;",
      "} catch {",
      "  return false; // a function, say: nothing that JSON could hold",
      "}",
    ).text,
    doc: "Asks about a copy, because a validator removes members that the spec lacks.",
  };
}
