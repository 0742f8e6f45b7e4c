/**
 * The published schema of `model.json`: what `model.schema.json` says of its own, with the leaves and the lists of
 * definitions that the table of kinds has put into it. `npm run docs` writes the file.
 */
import { definedKinds, isLeaf, kinds } from "../kinds/kinds.ts";
import { ref, type Schema } from "../spec/schema-parts.ts";

interface ModelSchema {
  readonly required: readonly string[];
  readonly properties: Schema;
  readonly definitions: { readonly type: { readonly oneOf: readonly TypeRow[] } };
}

interface TypeRow {
  readonly properties: { readonly kind: { readonly const?: string } };
}

/** The schema again, whatever leaves it had. */
export function withKinds(schema: ModelSchema): Schema {
  const { required, properties, definitions } = schema;
  const holders = definitions.type.oneOf.filter(({ properties: { kind } }) => {
    return kind.const === undefined || !isLeaf({ kind: kind.const });
  });
  const lists = definedKinds.map(({ list }) => list);
  const definitionList = { type: "array", items: ref("definition") };
  return {
    ...schema,
    required: [...new Set([...required, ...lists])],
    properties: {
      ...properties,
      ...Object.fromEntries(lists.map((list) => [list, definitionList])),
    },
    definitions: {
      ...definitions,
      type: {
        ...definitions.type,
        oneOf: [...Object.values(kinds).map(({ modelSchema }) => modelSchema), ...holders],
      },
    },
  };
}
