/**
 * The part of `testing.ts` about zero messages: a validator, a guard, an example and an arbitrary for the `body` of each
 * that the application fills. Values follow from the JSON Schemas (schema-samples.ts); what is legal
 * is decided by the validators alone.
 */
import type { Model, ZeroMessageModel } from "../model/model.ts";
import { constObject, type Declaration } from "../print/declarations.ts";
import type { Module } from "../print/module.ts";
import { access, indented, key, Lines } from "../print/text.ts";
import { arbitraryOf, exampleOf } from "./schema-samples.ts";
import { withBody } from "./validators.ts";
import { bodyName } from "./zero.ts";

export function zeroTables(model: Model, module: Module): Declaration[] {
  const typeOf = (message: ZeroMessageModel) => module.type("./zero.ts", bodyName(message));
  const outer = (name: string) => module.type("stardust-udp", name);
  const tableOf = (
    name: string,
    doc: string,
    method: (message: ZeroMessageModel) => { head: string; body: string },
  ): Declaration => {
    const entries = withBody(model).map((message) => {
      const { head, body } = method(message);
      return [
        `${key(message.name)}: {`,
        `  body${head} {`,
        ...indented(body, 4).split("\n"),
        "  },",
        "},",
      ];
    });
    return constObject(name, doc, entries);
  };
  return [
    tableOf(
      "validateZero",
      "What is wrong with the body of a zero message; members that the spec lacks are removed.",
      ({ name }) => ({
        head: `(value: unknown): ${outer("ZeroProblem")} | null`,
        body: `return ${module.value("./zero.ts", "zero")}.bodies${access(name)}(value);`,
      }),
    ),
    guardFunction(module),
    tableOf("isZero", "Whether a value is a valid body of a zero message.", (message) => ({
      head: `(value: unknown): value is ${typeOf(message)}`,
      body: `return isGood(validateZero${access(message.name)}.body, value);`,
    })),
    tableOf("exampleZero", "A valid body of each zero message.", (message) => ({
      head: `(): ${typeOf(message)}`,
      body: `return ${exampleOf(message.body)};`,
    })),
    tableOf(
      "arbitraryZero",
      "Arbitrary bodies of each zero message; hand in fast-check.",
      (message) => ({
        head: `(fc: ${outer("FastCheck")}): ${outer("Arbitrary")}<${typeOf(message)}>`,
        body: `return ${arbitraryOf(message.body)};`,
      }),
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
