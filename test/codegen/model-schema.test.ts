/** The schema of model.json: what a spec generates is what it says, and what is broken is not. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { emitModelJson } from "#codegen/emit/model-json.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { goodSpecs } from "./good-specs.ts";
import { kindsModel } from "./support/kinds.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const schema = JSON.parse(readFileSync(`${root}codegen/model/model.schema.json`, "utf8"));
const validate = new Ajv({ strict: true, strictTypes: false, strictRequired: false }).compile(
  schema,
);

// biome-ignore lint/suspicious/noExplicitAny: JSON that is about to be broken
type Any = any;

const files = readdirSync(`${root}test/specs`).filter((file) => file.endsWith(".yaml"));
const codecs = readdirSync(`${root}test/specs/codec`);
const robot = readFileSync(`${root}test/specs/robot.yaml`, "utf8");
const texts: Record<string, string> = {
  "an ack field": robot.replace("type: ack-ranges, role: ack-ranges", "type: u64, role: ack-bits"),
  ...Object.fromEntries(
    codecs.map((f) => [`codec/${f}`, readFileSync(`${root}test/specs/codec/${f}`, "utf8")]),
  ),
  ...goodSpecs,
  arena: readFileSync(`${root}protocol.yaml`, "utf8"),
  ...Object.fromEntries(files.map((f) => [f, readFileSync(`${root}test/specs/${f}`, "utf8")])),
};

describe("model.json", () => {
  it.each(Object.entries(texts))("is what its schema says: %s", (_, text) => {
    const model = resolveSpec(loadSpec(text, "protocol.yaml"));
    expect(model).toBeDefined();
    const written = emitModelJson(model!);
    expect(validate(JSON.parse(written)), JSON.stringify(validate.errors)).toBe(true);
    const { "stardust-model": version, ...rest } = JSON.parse(written);
    expect(version).toBe(1);
    expect(rest).toEqual(JSON.parse(JSON.stringify(model)));
  });

  it("is the same text every time", () => {
    expect(emitModelJson(kindsModel())).toBe(emitModelJson(kindsModel()));
  });
});

/** Every object of a JSON value, outermost first; what is free in form is left out. */
function objects(value: Any, found: Any[] = []): Any[] {
  if (typeof value !== "object" || value === null) return found;
  if (!Array.isArray(value)) found.push(value);
  for (const [name, member] of Object.entries(value)) {
    if (name !== "sys" && name !== "body" && name !== "states") objects(member, found);
  }
  return found;
}

describe("the schema of model.json", () => {
  const text = emitModelJson(kindsModel());
  const modelText = (name: string) => {
    return emitModelJson(resolveSpec(loadSpec(texts[name]!, "protocol.yaml"))!);
  };
  /** Members that may be missing, wherever they stand. */
  const optional = new Set(
    "doc why unit deprecated role userIndex valueBit recursion extensible since default as ackFieldBits seq ack spare large bodyBytes".split(
      " ",
    ),
  );

  it("accepts the model that is about to be broken", () => {
    expect(validate(JSON.parse(text)), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each([
    ["every kind", text, 500],
    ["an ack field", modelText("an ack field"), 200],
    ["unions and recursion", modelText("codec/chat.yaml"), 400],
    ["later versions", modelText("codec/hostile.yaml"), 500],
  ])(
    "refuses a model of %s with a member missing, of another type, or too many",
    (_, text, least) => {
      const count = objects(JSON.parse(text)).length;
      let broken = 0;
      for (let i = 0; i < count; i += 3) {
        const names = Object.keys(objects(JSON.parse(text))[i]);
        for (const name of names) {
          const other = JSON.parse(text);
          const { [name]: old } = objects(other)[i];
          objects(other)[i][name] = typeof old === "object" ? 1 : { what: 1 };
          if (validate(other)) throw new Error(`accepts another ${name} in ${names}`);
          const isOptional =
            names.includes("head") || names.includes("groups")
              ? name === "maxBytes"
              : optional.has(name) && !(name === "since" && names.includes("first"));
          if (isOptional) continue;
          const lacking = JSON.parse(text);
          delete objects(lacking)[i][name];
          if (validate(lacking)) throw new Error(`accepts no ${name} in ${names}`);
          broken += 2;
        }
        const more = JSON.parse(text);
        objects(more)[i].surplus = 1;
        if (validate(more)) throw new Error(`accepts more in ${names}`);
      }
      expect(broken).toBeGreaterThan(least);
    },
  );

  it.each<[string, (model: Any) => void]>([
    ["another version", (m) => (m["stardust-model"] = 2)],
    ["a hash that is none", (m) => (m.hash = "xyz")],
    ["a kind that does not exist", (m) => (m.structs[0].members[0].type.kind = "u8")],
    ["an id above the largest", (m) => (m.channels[0].id = 2 ** 24 - 1)],
    ["a delivery that does not exist", (m) => (m.channels[0].delivery = "sometimes")],
    [
      "an optional member without its bit",
      (m) => (m.structs[1].members[1].presenceBit = undefined),
    ],
    ["no channels", (m) => (m.channels = [])],
    ["an integer of five bytes", (m) => (m.structs[1].members[0].type.bytes = 5)],
    ["a field that is both", (m) => (m.header.clear[0].bits = 8)],
    ["a size that is no number of bytes", (m) => (m.structs[0].minBytes = 1.5)],
    ["a name that no type can have", (m) => (m.structs[0].name = "vec 2")],
  ])("refuses %s", (_, change) => {
    const model = JSON.parse(text);
    change(model);
    expect(validate(JSON.parse(JSON.stringify(model)))).toBe(false);
  });
});
