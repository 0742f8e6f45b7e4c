/** A leaf lives in its kind's file: the rest of the generator asks the table and does not know the kinds one by one. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { kinds, leafNames } from "#codegen/kinds/kinds.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { member } from "./specs.ts";

const root = fileURLToPath(new URL("../../codegen/", import.meta.url));

/** Opinions about kinds are not what a kind is: lint's rules name those that they are about. */
const mayNameKinds = /^(kinds\/|rules\/lint-)/;

test("nothing outside kinds/ asks whether a type is of one leaf kind", () => {
  const all = Object.keys(kinds).join("|");
  const asks = new RegExp(`kind === "(${all})"|case "(${all})":`);
  // JSON Schemas of zero messages and fields of the header have types of the same names, which are no kinds.
  const schemas =
    /zero-schema|json-schema|schema-samples|emit\/zero\.ts|read-datagram|own-messages/;
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !mayNameKinds.test(path) && !schemas.test(path));
  expect(files.length).toBeGreaterThan(50);
  const found = files.filter((path) => asks.test(readFileSync(root + path, "utf8")));
  expect(found).toEqual([]);
});

test.each([...leafNames].filter(([, { bare }]) => bare).map(([name]) => name))(
  "the bare name `%s` is a type of a kind in the table",
  (name) => {
    const model = resolveSpec(loadSpec(member(name), "a.yaml"))!;
    expect(Object.keys(kinds)).toContain(model.structs[0]!.members[0]!.type.kind);
  },
);
