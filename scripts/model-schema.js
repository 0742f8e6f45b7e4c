// The JSON Schema of model.json out of the TypeScript types of the model (codegen/model/model.ts, and the kinds' own):
// `npm run docs` writes it. A number is a whole one from 0 on unless its doc comment says otherwise, with `@minimum`,
// `@maximum`, `@pattern`, `@minItems` as JSON Schema has them, or `@type number` for any number. A type that this file
// does not know is an error.
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** What types do not say: how members depend on each other. */
const between = {
  MemberModel: {
    if: { properties: { optional: { const: true } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nobody awaits it.
    then: { required: ["presenceBit"] },
    else: { not: { required: ["presenceBit"] } },
  },
  HeaderFieldModel: { oneOf: [{ required: ["type"] }, { required: ["bits"] }] },
  IntegerType: {
    if: { required: ["as"] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nobody awaits it.
    then: { properties: { bytes: { const: 8 } } },
  },
};

const COUNT = "#/definitions/count";
const count = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

export function modelSchema() {
  const file = fileURLToPath(new URL("../codegen/model/model.ts", import.meta.url));
  const program = ts.createProgram([file], {
    strict: true,
    exactOptionalPropertyTypes: true,
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts"],
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    types: [],
    noEmit: true,
  });
  return new SchemaMaker(program, file).root();
}

class SchemaMaker {
  #checker;
  #file;
  /** By name, in the order in which they are met. */
  #definitions = new Map([["count", count]]);

  constructor(program, file) {
    this.#checker = program.getTypeChecker();
    this.#file = program.getSourceFile(file);
  }

  root() {
    const exported = this.#checker.getExportsOfModule(
      this.#checker.getSymbolAtLocation(this.#file),
    );
    const model = exported.find(({ name }) => name === "Model");
    const { type, required, properties, additionalProperties } = this.#object(
      this.#checker.getDeclaredTypeOfSymbol(model),
    );
    return {
      $schema: "http://json-schema.org/draft-07/schema#",
      title: "A resolved Stardust protocol",
      description:
        "What `stardust generate` writes as model.json. Sizes are bytes unless the name says bits; `line` is the line of the spec, 1-based, or 0 for what the generator's defaults say.",
      type,
      required: ["stardust-model", ...required],
      additionalProperties,
      properties: {
        "stardust-model": {
          const: 1,
          description: "Raised when a reader of the old shape would go wrong.",
        },
        ...properties,
      },
      definitions: Object.fromEntries(this.#definitions),
    };
  }

  /** Of any type. What has a name of its own becomes a definition. */
  #schema(type) {
    if (type.aliasSymbol?.name === "JsonSchema")
      return { type: "object", description: "A JSON Schema." };
    const alias = type.aliasSymbol ?? type.symbol;
    const isNamed =
      type.aliasSymbol !== undefined ||
      (type.flags & ts.TypeFlags.Object && !(type.symbol.flags & ts.SymbolFlags.TypeLiteral));
    if (type.flags & ts.TypeFlags.StringLike && type.isStringLiteral())
      return { const: type.value };
    if (type.isNumberLiteral()) return { const: type.value };
    if (type.flags & ts.TypeFlags.BooleanLiteral)
      return { const: this.#checker.typeToString(type) === "true" };
    if (type.flags & ts.TypeFlags.String) return { type: "string" };
    if (type.flags & ts.TypeFlags.Number) return { $ref: COUNT };
    if (type.flags & ts.TypeFlags.Boolean) return { type: "boolean" };
    if (this.#checker.isArrayType(type)) {
      return { type: "array", items: this.#schema(this.#checker.getTypeArguments(type)[0]) };
    }
    const make = () => (type.isUnion() ? this.#union(type) : this.#object(type));
    if (!isNamed || alias.name === "Readonly" || alias.name === "Record") return make();
    return this.#define(alias, make);
  }

  #define(symbol, make) {
    const name = definitionName(symbol.name);
    if (!this.#definitions.has(name)) {
      // Held before it is made: types hold each other.
      this.#definitions.set(name, undefined);
      this.#definitions.set(name, {
        ...this.#documented(symbol),
        ...make(),
        ...between[symbol.name],
      });
    }
    return { $ref: `#/definitions/${name}` };
  }

  #union(type) {
    const members = type.types;
    if (members.every((t) => t.isStringLiteral() || t.isNumberLiteral())) {
      return { enum: members.map(({ value }) => value) };
    }
    const isPlain = (t) =>
      t.flags & (ts.TypeFlags.String | ts.TypeFlags.Number | ts.TypeFlags.BooleanLike);
    if (members.every(isPlain)) {
      // The two booleans count as one; numbers among others are any number.
      return {
        type: [
          ...new Set(
            members.map((t) =>
              this.#checker.typeToString(this.#checker.getBaseTypeOfLiteralType(t)),
            ),
          ),
        ].sort(),
      };
    }
    return { oneOf: members.map((t) => this.#schema(t)) };
  }

  #object(type) {
    const index = this.#checker.getIndexTypeOfType(type, ts.IndexKind.String);
    if (index !== undefined) return { type: "object", additionalProperties: this.#schema(index) };
    const required = [];
    const properties = {};
    for (const property of this.#checker.getPropertiesOfType(type)) {
      const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      if (!isOptional) required.push(property.name);
      properties[property.name] = this.#property(property);
    }
    return {
      type: "object",
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
      properties,
    };
  }

  #property(property) {
    const type = this.#checker.getTypeOfSymbolAtLocation(property, this.#file);
    const schema = this.#schema(this.#checker.getNonNullableType(type));
    const said = this.#documented(property);
    // Beside a `$ref` nothing but a description counts.
    const isBounded = Object.keys(said).some((key) => key !== "description");
    return { ...(isBounded && schema.$ref === COUNT ? count : schema), ...said };
  }

  /** The doc comment, and what its tags say. */
  #documented(symbol) {
    const doc = ts.displayPartsToString(symbol.getDocumentationComment(this.#checker));
    const said = doc === "" ? {} : { description: doc.replace(/\s+/g, " ") };
    for (const { name, text } of symbol.getJsDocTags(this.#checker)) {
      const value = ts.displayPartsToString(text);
      if (name === "type")
        Object.assign(said, { type: value, minimum: undefined, maximum: undefined });
      else said[name] = name === "pattern" ? value : Number(value);
    }
    return said;
  }
}

/** `StructModel` is `struct`, `HeaderRole` is `headerRole`. */
function definitionName(name) {
  const short = name.replace(/Model$/, "");
  return short.slice(0, 1).toLowerCase() + short.slice(1);
}
