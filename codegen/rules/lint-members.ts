/** Lint rules about types and members: bounds, numbers that cost too much, enums, optional members, names. */
import { bitsFor } from "../kinds/kind.ts";
import { isLeaf, kindOf } from "../kinds/kinds.ts";
import { Lookup, withInner } from "../model/lookup.ts";
import type { MemberModel, Model, TypeModel } from "../model/model.ts";
import type { Documentation } from "../spec/documentation.ts";
import type { Finding, LintContext, LintRule } from "./lint-rule.ts";
import { entryOf, membersOf, nodeAt, wordsOf, writtenTypes } from "./walk.ts";

/** Longer than people type. */
const MAX_TEXT_BYTES = 16_384;
const MAX_ITEMS = 65_534;
const MAX_BLOB_BYTES = 1 << 22;

const set = (text: string): ReadonlySet<string> => new Set(text.split(" "));
/** Quantities whose range is known before anything is measured. */
const boundedWords = set(
  "angle heading yaw pitch roll bearing azimuth elevation throttle steering brake opacity alpha volume ratio fraction percent",
);
const clockWords = set("time timestamp clock");
const tickWords = set("tick ticks frame sequence seq");
const preciseWords = set(
  "time timestamp clock latitude longitude lat lon lng money price balance epoch",
);
const choiceWords = set("kind type mode action status category weapon team");
const secretWords = set("password passwd passphrase secret credential credentials apikey");
const secretPairs = set(
  "api_key private_key secret_key access_token auth_token session_token refresh_token access_key",
);

const inMessage = (message: string): string => `channels:
  sample:
    id: 0
    delivery: unreliable
    direction: client-to-server
    doc: An example.
    message: ${message}
`;

const growing = (message: string): string => `stardust: 1
protocol: { name: sample, version: 2 }
security: plain
channels:
  sample: { id: 0, delivery: reliable, direction: both, doc: An example., extensible: true, message: ${message} }
`;

export const memberRules: Readonly<Record<string, LintRule>> = {
  "bound-by-default": {
    severity: "warning",
    title: "a string, bytes or list without a bound of its own",
    why: "What is not bounded where it stands takes the generator's default (256 bytes, 1024 bytes, 64 items). That is rarely what a member needs, and the worst case of every message and of the server's memory is computed from it.",
    fix: "write the bound: `{ string: { maxBytes: 80 } }`, `{ list: { of: …, max: 32 } }`; or one for all under `limits` (defaultMaxStringBytes, defaultMaxBytesBytes, defaultMaxListItems)",
    bad: inMessage("{ text: string }"),
    good: inMessage("{ text: { string: { maxBytes: 80 } } }"),
    check: boundsByDefault,
  },

  "bound-too-generous": {
    severity: "warning",
    title: "a bound that is hardly one",
    why: "A receiver must be ready for the largest message that the spec allows. A bound such as 65535 usually means that nobody thought about it, and any client may use it up.",
    fix: "bound it by what the application really sends, or split it into several messages",
    bad: `channels:
  note:
    id: 0
    delivery: reliable
    direction: client-to-server
    doc: A note.
    message: { text: { string: { maxBytes: 65535 } } }
`,
    good: `channels:
  note:
    id: 0
    delivery: reliable
    direction: client-to-server
    doc: A note.
    message: { text: { string: { maxBytes: 2000 } } }
`,
    check: ({ model }) =>
      each(model, ({ member, type }) => {
        const found =
          type.kind === "string" && type.maxBytes > MAX_TEXT_BYTES
            ? `a string of ${type.maxBytes} bytes`
            : type.kind === "bytes" && type.maxBytes > MAX_BLOB_BYTES
              ? `${type.maxBytes} bytes`
              : type.kind === "list" && type.max > MAX_ITEMS
                ? `a list of ${type.max} items`
                : undefined;
        return found === undefined ? undefined : at(member, `\`${member.name}\` may be ${found}`);
      }),
  },

  "full-float": {
    severity: "warning",
    title: "a float where a quantised number would do",
    why: "An angle or a ratio has a known range. As f32 it takes 32 bits, and a receiver must expect NaN and 1e38; quantised it takes what its precision needs, and nothing outside of its range arrives.",
    fix: "write the range and the precision: `{ f32: { min: 0, max: 6.2832, bits: 10 } }` or `step: 0.01`",
    bad: inMessage("{ heading: f32 }"),
    good: inMessage("{ heading: { f32: { min: 0, max: 6.2832, bits: 10 } } }"),
    check: ({ model }) =>
      each(model, ({ member, type }) =>
        type.kind === "float" && boundedWords.has(wordsOf(member.name).at(-1) ?? "")
          ? at(member, `\`${member.name}\` is a full f${type.bytes * 8}, though its range is known`)
          : undefined,
      ),
  },

  "double-often": {
    severity: "warning",
    title: "f64 on an unreliable channel",
    why: "Unreliable channels carry what is sent often. f64 takes 8 bytes for a precision (15 digits) that the receiver of a position cannot use.",
    fix: "use f32, or a quantised number with the range of the world",
    bad: inMessage("{ x: f64, y: f64 }"),
    good: inMessage("{ x: { f32: { min: -512, max: 512, bits: 16 } }, y: f32 }"),
    check: ({ model }) =>
      each(
        model,
        ({ member, type }) =>
          type.kind === "float" &&
          type.bytes === 8 &&
          !wordsOf(member.name).some((w) => preciseWords.has(w))
            ? at(member, `\`${member.name}\` is an f64 in a message that is sent often`)
            : undefined,
        model.channels.filter((c) => !c.reliable),
      ),
  },

  "narrow-clock": {
    severity: "warning",
    title: "a clock or counter that runs out",
    why: "f32 counts milliseconds exactly for under five hours only, u16 for a minute; a u8 tick starts again after four seconds. It works in every test and fails in the long game.",
    fix: "use u32 (or `varint`, u64) and say in `unit` what it counts",
    bad: inMessage("{ time: f32 }"),
    good: inMessage("{ time: { type: u32, unit: ms } }"),
    check: ({ model }) =>
      each(model, ({ member, type }) => {
        const last = wordsOf(member.name).at(-1) ?? "";
        const clock = clockWords.has(last);
        if (!clock && !tickWords.has(last)) return undefined;
        const bytes = type.kind === "float" || type.kind === "integer" ? type.bytes : 8;
        if (type.kind === "float" ? bytes > 4 : bytes > (clock ? 2 : 1)) return undefined;
        const called = type.kind === "float" ? "f32" : `${bytes * 8}-bit number`;
        return at(member, `\`${member.name}\` is a ${called}, which a long session runs out of`);
      }),
  },

  "string-for-enum": {
    severity: "warning",
    title: "a string where an enum would do",
    why: "A kind, type or mode is one of a few words. As a string it costs a byte a letter, and every receiver must check it by hand; as an enum it costs a bit or two, and TypeScript knows its words.",
    fix: "use `{ enum: { first: 0, second: 1 } }`",
    bad: inMessage("{ kind: { string: { maxBytes: 16 } } }"),
    good: inMessage("{ kind: { enum: { hit: 0, miss: 1 } } }"),
    check: ({ model }) =>
      each(model, ({ member, type }) =>
        type.kind === "string" &&
        type === member.type &&
        choiceWords.has(wordsOf(member.name).at(-1) ?? "")
          ? at(member, `\`${member.name}\` is a string, though it is likely one of a few words`)
          : undefined,
      ),
  },

  "json-inside": {
    severity: "warning",
    title: "JSON inside of a message",
    why: "Text that is parsed again has no types, no bounds and several times the bytes: it is a second protocol inside of this one, which nothing checks.",
    fix: "write its members into the spec",
    bad: inMessage("{ json: { string: { maxBytes: 500 } } }"),
    good: inMessage("{ level: u8, score: u32 }"),
    check: ({ model }) =>
      each(model, ({ member, type }) =>
        (type.kind === "string" || type.kind === "bytes") && wordsOf(member.name).includes("json")
          ? at(member, `\`${member.name}\` carries JSON inside of a message`)
          : undefined,
      ),
  },

  "all-optional": {
    severity: "warning",
    title: "a struct all of whose members are optional",
    why: "It may be empty, and each receiver must handle every combination. Mostly it is several messages in one.",
    fix: "make a channel (or a struct) of each combination that really occurs; keep `optional` for the exception",
    bad: inMessage("{ hit: { type: u16, optional: true }, heal: { type: u16, optional: true } }"),
    good: inMessage("{ target: u16, heal: { type: u16, optional: true } }"),
    check: ({ model }) => {
      const structs = new Map([...membersOf(model)].map(({ struct }) => [struct.name, struct]));
      return [...structs.values()]
        .filter(({ members }) => members.length >= 2 && members.every((m) => m.optional))
        .map((struct) => at(struct.members[0]!, `every member of \`${struct.name}\` is optional`));
    },
  },

  "enum-without-zero": {
    severity: "warning",
    title: "an enum without a value 0",
    why: "Zero is what an absent or new member reads as. Without a 0 there is no natural default, and the enum often takes a bit more than it needs.",
    fix: "begin at 0; call it `none` or `unknown` where nothing is a good default",
    bad: inMessage("{ team: { enum: { red: 1, blue: 2 } } }"),
    good: inMessage("{ team: { enum: { none: 0, red: 1, blue: 2 } } }"),
    check: ({ model }) =>
      model.enums
        .filter(({ values }) => !values.some(({ value }) => value === 0))
        .map(({ name, values, line }) => ({
          line: line || values[0]!.line,
          word: name,
          message: `enum \`${name}\` has no value 0`,
        })),
  },

  "sparse-enum": {
    severity: "warning",
    title: "an enum with far more bits than values",
    why: "An enum takes the bits of its largest value in every message. Values such as 100, 200, 300 take nine bits where two would do.",
    fix: "number the values from 0 without holes; map foreign codes in the application",
    bad: inMessage("{ phase: { enum: { lobby: 0, play: 100, end: 200 } } }"),
    good: inMessage("{ phase: { enum: { lobby: 0, play: 1, end: 2 } } }"),
    check: ({ model }) =>
      model.enums.flatMap(({ name, values, bits, line }) => {
        const needed = bitsFor(values.length - 1);
        if (bits < needed + 2) return [];
        const message = `enum \`${name}\` takes ${bits} bits for ${values.length} values; ${needed} would do`;
        return [{ line: line || values[0]!.line, word: name, message }];
      }),
  },

  "name-style": {
    severity: "warning",
    title: "a name that reads foreign in TypeScript",
    why: "Names of the spec are names in the generated code: `client.send.playerMove({ moveX })`. There, channels and members are in camelCase and types in PascalCase.",
    fix: "rename it with `stardust rename`; names are part of the protocol's hash, so both ends are generated again together",
    bad: inMessage("{ move_x: u8 }"),
    good: inMessage("{ moveX: u8 }"),
    check: nameStyle,
  },

  "secret-in-the-clear": {
    severity: "error",
    title: "a secret in plain text",
    why: "With `security: plain` every byte can be read on the way; zero messages (join, accept) are readable always, but for what is marked secret. A password that travels there belongs to everybody on the path.",
    fix: "mark the member of join `secret: true`, where security is sealed; or log in over HTTPS, where a backend issues a connect token, which proves a key and lets in once (docs/guide.md#connect-tokens)",
    bad: `${inMessage("{ keys: u8 }")}zero:
  join:
    body:
      type: object
      properties:
        password: { type: string, maxLength: 32 }
`,
    good: `stardust: 1
protocol: { name: sample, version: 1 }
${inMessage("{ keys: u8 }")}zero:
  join:
    body:
      type: object
      properties:
        password: { type: string, maxLength: 32, secret: true }
`,
    check: secrets,
  },

  "deprecated-without-reason": {
    severity: "warning",
    title: "deprecated, but nothing says what to use",
    why: "The editor strikes the name through, and the reader is left alone with it.",
    fix: "add `replacedBy: …` or `reason: …`",
    bad: inMessage("{ keys: { type: u8, deprecated: { since: 2 } } }"),
    good: inMessage("{ keys: { type: u8, deprecated: { since: 2, reason: nobody reads it } } }"),
    check: ({ model }) =>
      documented(model).flatMap(({ line, name, deprecated }) =>
        deprecated && !deprecated.replacedBy && !deprecated.reason
          ? [
              {
                line,
                word: name,
                message: `\`${name}\` is deprecated without replacedBy or reason`,
              },
            ]
          : [],
      ),
  },

  "since-without-default": {
    severity: "warning",
    title: "an older peer says what nobody chose",
    why: "In a message of a peer that does not have the member yet, readers see its default. Without one that is the smallest value of an enum, or the end of a range that is nearest to 0, and looks like a choice.",
    fix: "write the `default` that an older peer means, or make the member optional",
    bad: growing("{ who: u16, weapon: { enum: { bow: 0, axe: 1 }, since: 2 } }"),
    good: growing("{ who: u16, weapon: { enum: { bow: 0, axe: 1 }, since: 2, default: axe } }"),
    check: ({ model }) =>
      [...membersOf(model)].flatMap(({ member }) => {
        const { name, line, type, since, optional } = member;
        if (since === undefined || optional || member.default !== undefined) return [];
        const value = unchosen(type, model);
        if (value === undefined) return [];
        const message = `\`${name}\` of peers before version ${since} is ${value}, without a \`default\` that says so`;
        return [{ line, word: name, message }];
      }),
  },

  "replacement-unknown": {
    severity: "error",
    title: "deprecated in favour of something that is not there",
    why: "`replacedBy` sends the reader to a name that the spec does not have.",
    fix: "name a member of the same struct, a channel or a type",
    bad: inMessage("{ keys: { type: u8, deprecated: { replacedBy: buttons } } }"),
    good: inMessage("{ keys: { type: u8, deprecated: { replacedBy: buttons } }, buttons: u16 }"),
    check: ({ model, spec }) => {
      const everywhere = new Set([
        ...model.channels.map((c) => c.name),
        ...spec.types.map((t) => t.name),
      ]);
      return documented(model).flatMap(({ line, name, deprecated, siblings }) => {
        const target = deprecated?.replacedBy;
        if (target === undefined || everywhere.has(target) || siblings.has(target)) return [];
        return [
          {
            line,
            word: name,
            message: `\`${name}\` is replaced by ${JSON.stringify(target)}, which is not there`,
          },
        ];
      });
    },
  },
};

function at(member: MemberModel, message: string): Finding {
  return { line: member.line, word: member.name, message };
}

/** Each member once, with each type that it is made of; what `check` answers is a finding. */
function each(
  model: LintContext["model"],
  check: (found: { member: MemberModel; type: TypeModel }) => Finding | undefined,
  channels = model.channels,
): Finding[] {
  const findings: Finding[] = [];
  for (const { member } of membersOf(model, channels)) {
    for (const type of withInner(member.type)) {
      const finding = check({ member, type });
      if (finding) findings.push(finding);
    }
  }
  return findings;
}

const defaults: Readonly<Record<string, readonly [limit: string, key: string]>> = {
  string: ["defaultMaxStringBytes", "maxBytes"],
  bytes: ["defaultMaxBytesBytes", "maxBytes"],
  list: ["defaultMaxListItems", "max"],
};

function boundsByDefault({ root, spec, source }: LintContext): Finding[] {
  const limits = nodeAt(root, "limits");
  return [...writtenTypes(root)].flatMap(({ name, options, start }) => {
    const row = Object.hasOwn(defaults, name) ? defaults[name] : undefined;
    if (row === undefined || entryOf(limits, row[0]) || entryOf(options, row[1])) return [];
    const value = spec.limits[row[0] as "defaultMaxStringBytes"];
    const message = `this \`${name}\` has no \`${row[1]}\`, so it gets the default ${value}`;
    return [{ line: source.position(start).line, word: name, message }];
  });
}

function nameStyle({ model, spec }: LintContext): Finding[] {
  const camel = /^_?[a-z][A-Za-z0-9]*$/;
  const pascal = /^[A-Z][A-Za-z0-9]*$/;
  const finding = (what: string, name: string, line: number, style: string): Finding => {
    const parts = wordsOf(name).map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
    const joined = parts.join("");
    const better =
      style === "camelCase" ? joined.slice(0, 1).toLowerCase() + joined.slice(1) : joined;
    return { line, word: name, message: `${what} \`${name}\` is not in ${style}: \`${better}\`` };
  };
  return [
    ...model.channels
      .filter((c) => !camel.test(c.name))
      .map((c) => finding("channel", c.name, c.line, "camelCase")),
    ...spec.types
      .filter((t) => !pascal.test(t.name))
      .map((t) => finding("type", t.name, t.docs.line, "PascalCase")),
    ...[...membersOf(model)]
      .filter(({ member }) => !camel.test(member.name))
      .map(({ member }) => finding("member", member.name, member.line, "camelCase")),
  ];
}

function isSecret(name: string): boolean {
  const parts = wordsOf(name);
  if (parts.some((part) => secretWords.has(part))) return true;
  return parts.some((part, i) => secretPairs.has(`${part}_${parts[i + 1]}`));
}

function secrets({ model, root, source }: LintContext): Finding[] {
  const plain = model.security === "plain";
  const findings = each(model, ({ member, type }) =>
    plain && type.kind === "string" && isSecret(member.name)
      ? at(member, `\`${member.name}\` is readable on the wire: security is plain`)
      : undefined,
  );
  for (const message of ["join", "accept"]) {
    const properties = nodeAt(root, "zero", message, "body", "properties");
    if (properties?.kind !== "map") continue;
    for (const { key, keySpan } of properties.entries) {
      if (!isSecret(key) || nodeAt(properties, key, "secret") !== undefined) continue;
      const { line } = source.position(keySpan.start);
      const mark = message === "join" && !plain ? ": mark it `secret: true`" : "";
      findings.push({
        line,
        word: key,
        message: `\`${key}\` in the body of ${message} is readable on the wire${mark}`,
      });
    }
  }
  return findings;
}

type Documented = Documentation & { readonly name: string; readonly siblings: ReadonlySet<string> };

/** Everything that may be deprecated. */
function documented(model: LintContext["model"]): Documented[] {
  const alone = new Set<string>();
  return [
    ...model.channels.map((c) => ({ ...c, siblings: alone })),
    ...[...membersOf(model)].map(({ struct, member }) => ({
      ...member,
      siblings: new Set(struct.members.map((m) => m.name)),
    })),
  ];
}

/** The value of a type that no zero stands for, where nothing else is said. */
function unchosen(type: TypeModel, model: Model): string | undefined {
  return isLeaf(type) ? kindOf(type).unchosen?.(type, Lookup.of(model)) : undefined;
}
