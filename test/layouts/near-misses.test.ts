/**
 * Random layouts with one rule broken: each is diagnosed with the right code on the right line, and the generator never
 * throws. The seed of a layout is STARDUST_SEED plus its number.
 */
import { describe, expect, test } from "vitest";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { SeededRandom } from "#src/testing/index.js";
import type { LayoutField } from "../support/independent/layout.ts";
import { layoutSpecHead } from "../support/layout-world.ts";
import { layoutText, randomLayout } from "../support/random-layout.ts";

const LAYOUTS = 40;
const base = Number(process.env["STARDUST_SEED"] ?? 1000);

type List = "clear" | "sealed" | "frame";
type Field = { -readonly [K in keyof LayoutField]: LayoutField[K] };

/** A layout that can be changed. */
class Draft {
  readonly clear: Field[];
  readonly sealed: Field[];
  readonly frame: Field[];
  readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    const { clear, sealed, frame } = randomLayout(random);
    this.clear = clear.map((field) => ({ ...field }));
    this.sealed = sealed.map((field) => ({ ...field }));
    this.frame = frame.map((field) => ({ ...field }));
    this.random = random;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.integer(0, list.length - 1)]!;
  }

  has(list: List, role: string): boolean {
    return this[list].some((field) => field.role === role);
  }

  listOf(field: Field): List {
    return (["clear", "sealed", "frame"] as const).find((list) => this[list].includes(field))!;
  }

  of(list: List, role: string): Field {
    return this[list].find((field) => field.role === role)!;
  }

  insert(list: List, at: number, ...fields: Field[]): Field {
    this[list].splice(at, 0, ...fields);
    return fields[0]!;
  }

  /** Behind everything else that stands once. */
  append(field: Field): Field {
    return this.insert("sealed", this.sealed.length, field);
  }
}

/** Breaks one rule; returns the field, or the list, that the diagnostic must point at. Undefined: not this layout. */
type Breakage = (draft: Draft) => Field | List | undefined;

const own = (when: string[]): Field => ({ name: "zzz", type: "u8", when });
const fill = (bits: number, name = "zfill"): Field => ({ name, bits, role: "reserved" });

const required: [List, string][] = [
  ..."channel ack ack-now frames slice more limit packet-number"
    .split(" ")
    .map((role): [List, string] => ["clear", role]),
  ..."ack-largest ack-delay receive-limit"
    .split(" ")
    .map((role): [List, string] => ["sealed", role]),
  ..."same-channel slice more consecutive channel message-number slice-index slice-count length"
    .split(" ")
    .map((role): [List, string] => ["frame", role]),
];

function without(draft: Draft, list: List, role: string): List {
  const field = draft.of(list, role);
  const at = draft[list].indexOf(field);
  if (field.bits === undefined) draft[list].splice(at, 1);
  else draft[list][at] = fill(field.bits);
  return list;
}

const whole = required.filter(
  ([list, role]) => list === "sealed" || /^(channel|packet|message|slice-|length)/.test(role),
);

const breakages: Record<string, [code: string, breakage: Breakage]> = {
  "a role that is missing": ["SD1402", (d) => without(d, ...d.pick(required))],
  "neither form of acks": [
    "SD1402",
    (d) => without(d, "sealed", d.has("sealed", "ack-bits") ? "ack-bits" : "ack-ranges"),
  ],
  "a role that does not exist": [
    "SD1401",
    (d) => {
      const field = d.of(...d.pick(required));
      field.role = `${field.role}s`;
      return field;
    },
  ],
  "a role twice": [
    "SD1403",
    (d) => {
      const [list, role] = d.pick(required);
      const field = d.of(list, role);
      const at = d[list].indexOf(field);
      const copy = { ...field, name: "zzz" };
      const padding = copy.bits === undefined ? [] : [fill(8 - copy.bits)];
      d.insert(list, at + 1, copy, ...padding);
      return copy;
    },
  ],
  "both forms of acks": [
    "SD1421",
    (d) => {
      const ack = [d.of("clear", "ack").name];
      const form = d.has("sealed", "ack-bits")
        ? { type: "ack-ranges", role: "ack-ranges" }
        : { type: "u32", role: "ack-bits" };
      return d.append({ name: "zzz", when: ack, ...form });
    },
  ],
  "a role in another list": [
    "SD1404",
    (d) => {
      const role = d.pick(["message-number", "slice-index", "length", "packet-number"]);
      const from = role === "packet-number" ? "clear" : "frame";
      const field = d.of(from, role);
      d[from].splice(d[from].indexOf(field), 1);
      return d.append({ ...field, name: "zzz", when: [] });
    },
  ],
  "a type that a role cannot have": [
    "SD1405",
    (d) => {
      const field = d.of(...d.pick(whole));
      field.type = d.pick(["i8", "f32", "f64"]);
      return field;
    },
  ],
  "bits for a role of whole bytes": [
    "SD1405",
    (d) => {
      const field = d.of("clear", "channel");
      delete field.type;
      field.bits = 24;
      return field;
    },
  ],
  "a flag of more bits": [
    "SD1405",
    (d) => {
      const list = d.pick(["clear", "frame"] as const);
      const field = d.of(list, d.pick(["slice", "more"]));
      field.bits = d.random.integer(2, 9);
      return field;
    },
  ],
  "another field in front of the channel": [
    "SD1406",
    (d) => d.insert("clear", 0, d.pick([{ name: "zzz", type: "u8" }, fill(8)])),
  ],
  "a condition too few": [
    "SD1407",
    (d) => {
      const [list, role] = d.pick(required.filter(([l, r]) => d.of(l, r).when !== undefined));
      const field = d.of(list, role);
      field.when = field.when!.slice(1);
      return field;
    },
  ],
  "a condition too many": [
    "SD1407",
    (d) => {
      const field = d.of("frame", d.pick(["message-number", "slice-index", "length"]));
      field.when = [...field.when!, d.of("frame", "same-channel").name];
      return field;
    },
  ],
  "a role that is conditional on a flag of the user's": [
    "SD1407",
    (d) => {
      const flag = [...d.clear, ...d.sealed].find((f) => f.bits === 1 && f.role === undefined);
      if (flag === undefined) return undefined;
      const field = d.of("sealed", "ack-delay");
      d.sealed.splice(d.sealed.indexOf(field), 1);
      field.when = [...field.when!, flag.name];
      return d.append(field);
    },
  ],
  "a condition that does not exist": ["SD1408", (d) => d.append(own(["nobody"]))],
  "a flag of the frame outside": [
    "SD1408",
    (d) => {
      const { name } = d.of("frame", "consecutive");
      if ([...d.clear, ...d.sealed].some((f) => f.name === name)) return undefined;
      return d.append(own([name]));
    },
  ],
  "a condition that stands later": [
    "SD1409",
    (d) => d.insert("clear", 1, own([d.of("clear", d.pick(["ack", "frames", "limit"])).name])),
  ],
  "a role before its flag": [
    "SD1409",
    (d) => {
      const high = d.clear.find((f) => f.role === "packet-number-high");
      if (high === undefined) return undefined;
      const low = d.of("clear", "packet-number");
      d.clear.splice(d.clear.indexOf(high), 2);
      return d.insert("clear", 1, high, low);
    },
  ],
  "bits that do not fill a byte": [
    "SD1410",
    (d) => {
      const list = d.pick(["clear", "frame"] as const);
      const run = d[list].find((field) => field.bits !== undefined)!;
      d.insert(list, d[list].indexOf(run) + 1, fill(d.random.integer(1, 7)));
      return run;
    },
  ],
  "type and bits": [
    "SD1411",
    (d) => {
      const field = d.pick(d.clear);
      field.bits ??= 8;
      field.type ??= "u8";
      return field;
    },
  ],
  "neither type nor bits": [
    "SD1411",
    (d) => {
      const field = d.pick(d.sealed);
      delete field.bits;
      delete field.type;
      return field;
    },
  ],
  "conditional bits": [
    "SD1412",
    (d) => {
      const field = { ...fill(8), when: [d.of("clear", "ack").name] };
      return d.insert("sealed", d.sealed.length, field);
    },
  ],
  "bits of a frame behind its channel": [
    "SD1413",
    (d) => d.insert("frame", d.frame.length - d.random.integer(0, 2), fill(8)),
  ],
  "a field between a frame's bits and its channel": [
    "SD1414",
    (d) => {
      const channel = d.of("frame", "channel");
      d.frame.splice(d.frame.indexOf(channel), 1);
      return d.insert("frame", d.frame.length - d.random.integer(0, 3), channel);
    },
  ],
  "wide without a high half": [
    "SD1415",
    (d) => {
      if (!d.has("clear", "wide")) return undefined;
      d.clear.splice(d.clear.indexOf(d.of("clear", "packet-number-high")), 1);
      return d.of("clear", "wide");
    },
  ],
  "a high half without wide": [
    "SD1415",
    (d) => {
      if (d.has("clear", "wide")) return undefined;
      const at = d.clear.indexOf(d.of("clear", "packet-number"));
      return d.insert("clear", at, { name: "zzz", type: "u16", role: "packet-number-high" });
    },
  ],
  "something between the halves": [
    "SD1415",
    (d) => {
      if (!d.has("clear", "wide")) return undefined;
      const low = d.clear.indexOf(d.of("clear", "packet-number"));
      d.insert("clear", low, { name: "zzz", type: "u8" });
      return d.of("clear", "packet-number-high");
    },
  ],
  "a wider low half": [
    "SD1415",
    (d) => {
      if (!d.has("clear", "wide")) return undefined;
      const low = d.of("clear", "packet-number");
      low.type = "u32";
      return low;
    },
  ],
  "a field of one's own in a frame": [
    "SD1416",
    (d) => d.insert("frame", d.frame.length, { name: "zzz", type: "u8" }),
  ],
  "a name twice": [
    "SD1417",
    (d) => d.append({ name: d.pick([...d.clear, ...d.sealed]).name, type: "u16" }),
  ],
  "a header that leaves no room": [
    "SD1418",
    (d) => {
      for (let i = 0; i < 120; i++) d.append({ name: `long${i}`, type: "f64" });
      return "clear";
    },
  ],
  "a condition of several bits": [
    "SD1419",
    (d) => {
      d.append({ name: "two", bits: 2 });
      d.append(fill(6));
      return d.append(own(["two"]));
    },
  ],
  "a condition that is reserved, or settled too late": [
    "SD1419",
    (d) => {
      const flags = d.clear.filter(
        (f) => f.bits === 1 && ["reserved", "slice", "more"].includes(f.role ?? ""),
      );
      return d.append(own([d.pick(flags).name]));
    },
  ],
  "a condition of frames outside": [
    "SD1419",
    (d) => d.append(own([d.pick(["numbered", "unsized"])])),
  ],
  "a type that a field of one's own cannot have": [
    "SD1420",
    (d) => d.append({ name: "zzz", type: d.pick(["varint", "u64", "ack-ranges", "u40", "bool"]) }),
  ],
  "the name of a computed condition": [
    "SD1107",
    (d) => d.append({ name: d.pick(["numbered", "unsized"]), type: "u8" }),
  ],
};

describe("a layout that breaks one rule", () => {
  test.each(Object.entries(breakages))("%s", (_, [code, breakage]) => {
    let tried = 0;
    for (let i = 0; i < LAYOUTS; i++) {
      const draft = new Draft(new SeededRandom(base + i));
      const where = breakage(draft);
      if (where === undefined) continue;
      tried++;
      const text = layoutSpecHead + layoutText(draft);
      const loaded = loadSpec(text, "layout.yaml");
      const model = resolveSpec(loaded);
      expect(model, text).toBeUndefined();
      const list = typeof where === "string" ? where : draft.listOf(where);
      const key = text.split("\n").indexOf(`  ${list}:`) + 1;
      const line = typeof where === "string" ? key : key + 1 + draft[list].indexOf(where);
      const found = loaded.diagnostics.list.map((d) => `${d.code} on line ${d.line}`);
      expect(found, `seed ${base + i}\n${text}`).toContain(`${code} on line ${line}`);
    }
    expect(tried).toBeGreaterThan(5);
  });
});
