import { expect, test } from "vitest";
import { InvalidMessageError } from "#src/errors.js";
import { generate, typeProblems, typeScriptOf } from "./support/generate.ts";
import { kindsModel } from "./support/kinds.ts";

test("x", async () => {
  const g = await generate("kinds", kindsModel());
  expect(typeProblems(typeScriptOf([g]))).toEqual([]);
  const c = await g.load("codecs");
  try {
    c.bitsCodec.size(null);
  } catch (e) {
    console.log(e instanceof InvalidMessageError, e);
  }
});
