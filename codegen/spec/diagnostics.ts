/**
 * Every problem that a spec can have: one table of stable codes, and the collector that all stages report to. Codes are
 * never renumbered and never used again. How a diagnostic is printed is format.ts's. Worst case: MAX_DIAGNOSTICS are
 * kept, further ones only counted.
 */
import type { Source, Span } from "./source.ts";
import { type UnsupportedFeature, unsupported } from "./unsupported.ts";

export type Severity = "error" | "warning";

export interface DiagnosticRow {
  readonly severity: Severity;
  /** A few words, the same for every occurrence. */
  readonly title: string;
  /** What is printed; `{name}` is filled in. */
  readonly message: string;
}

/** 10 file and YAML, 11 structure and names, 12 channels, 13 types, 14 header, 15 zero messages, 16 limits. */
export const diagnosticTable = {
  SD1001: { title: "file cannot be read", message: "cannot read the spec: {reason}" },
  SD1002: {
    title: "file too large",
    message: "the spec has {bytes} bytes, more than the {limit} that are read",
  },
  SD1003: { title: "not UTF-8", message: "the spec is not valid UTF-8" },
  SD1004: { title: "YAML syntax", message: "not valid YAML: {problem}" },
  SD1005: {
    title: "several documents",
    message: "a spec is one YAML document, here a second begins",
  },
  SD1006: {
    title: "alias",
    message: "aliases are not allowed, write out what `*{name}` stands for",
  },
  SD1007: {
    title: "merge key",
    message: "the merge key `<<` is not allowed, write the members out",
  },
  SD1008: { title: "tag", message: "the tag {tag} is not allowed" },
  SD1009: { title: "key twice", message: "the key {key} is there already, on line {line}" },
  SD1010: { title: "nested too deeply", message: "nested deeper than {limit} levels" },
  SD1011: { title: "key is not text", message: "a key must be text on one line" },
  SD1012: { title: "directive", message: "YAML directives are not allowed" },

  SD1101: { title: "unknown key", message: "{key} is not a key of {place}" },
  SD1102: { title: "missing key", message: "{place} lacks the key `{key}`" },
  SD1103: { title: "wrong kind of value", message: "{place} must be {expected}, not {actual}" },
  SD1104: {
    title: "number out of range",
    message: "{place} must be {low} to {high}, not {actual}",
  },
  SD1105: { title: "unknown format", message: "this generator reads `stardust: 1`, not {actual}" },
  SD1106: {
    title: "illegal name",
    message:
      "{name} cannot be the name of {place}: letters, digits and _ only, a letter before any digit, at most {limit}",
  },
  SD1107: {
    title: "reserved name",
    message: "{name} cannot be the name of {place}: it is reserved",
  },
  SD1108: { title: "unknown word", message: "{value} is not {what}" },
  SD1109: {
    title: "unusable name",
    message:
      "{name} cannot be the name of {place}: at least 1 and at most {limit} characters, no half of a surrogate pair",
  },
  SD1110: { title: "word twice", message: "`{word}` stands here already, on line {line}" },
  SD1111: {
    title: "question mark behind a name",
    message: "the ? behind {name} makes nothing optional: it would be a part of the name",
  },
  SD1112: {
    title: "cipher without sealing",
    message: "`cipher` does nothing where security is plain",
  },

  SD1201: {
    title: "channel id out of range",
    message: "a channel id must be 0 to {high}, not {actual}",
  },
  SD1202: {
    title: "channel id twice",
    message: "id {id} is the id of channel `{other}` (line {line})",
  },
  SD1203: { title: "unknown delivery", message: "{value} is not a delivery mode" },
  SD1204: { title: "unknown direction", message: "{value} is not a direction" },
  SD1205: {
    title: "maxBytes too small",
    message: "maxBytes is {maxBytes}, but a message of channel `{channel}` may take {worst} bytes",
  },
  SD1206: {
    title: "message above a datagram",
    message: "a message of channel `{channel}` may take {worst} bytes, a datagram holds {room}",
  },
  SD1207: {
    title: "message above a budget",
    message:
      "a message of channel `{channel}` may take {worst} bytes (and 64), more than limits.{budget} = {limit}",
  },
  SD1208: {
    title: "queue too small",
    message: "queueBytes is {queueBytes}, less than one message (and 64), {worst}",
  },
  SD1209: { title: "channel id reserved", message: "id {id} is reserved (line {line})" },
  SD1210: { title: "no channels", message: "a protocol needs at least one channel" },
  SD1211: {
    title: "too many slices",
    message:
      "a message of channel `{channel}` may take {worst} bytes, that is more than {limit} slices of {sliceBytes}",
  },
  SD1212: {
    title: "option of another delivery",
    message: "`{option}` does nothing on a channel of delivery {delivery}: it is for {those}",
  },
  SD1213: {
    title: "sequenced channels above the budget",
    message:
      "together {names} may hold {bytes} bytes at a receiver, more than limits.receiveBudgetBytes ({limit})",
  },
  SD1214: {
    title: "system message too large",
    message: "system message `{name}` can take {worst} bytes; at most {limit} are possible",
  },
  SD1215: {
    title: "requests on an unreliable channel",
    message: "a channel with `response` has the delivery {those}, not {delivery}",
  },
  SD1216: {
    title: "option that does not go with requests",
    message: "`{key}` does nothing on a channel {where} `response`",
  },

  SD1301: { title: "unknown type", message: "there is no type {name}" },
  SD1302: {
    title: "not one type",
    message: "{place} must name exactly one type, here are {found}",
  },
  SD1303: {
    title: "type names clash",
    message: "{what} would be called `{name}` in TypeScript, but so is {other}",
  },
  SD1304: { title: "type name taken", message: "{name} is built in and cannot be defined" },
  SD1305: { title: "empty range", message: "min must be below max, but {min} is not below {max}" },
  SD1306: { title: "range outside the type", message: "{value} does not fit in {type}" },
  SD1307: {
    title: "steps do not fit",
    message: "{min} to {max} in steps of {step} makes {steps} steps: {problem}",
  },
  SD1308: {
    title: "bits or step",
    message: "a quantised number has either `bits` or `step`, here {found}",
  },
  SD1309: { title: "enum value twice", message: "{value} is the {part} of `{other}` already" },
  SD1310: { title: "empty enum", message: "{of} needs at least one {part}" },
  SD1311: { title: "alias of itself", message: "type `{name}` is defined by itself: {path}" },
  SD1312: {
    title: "element without bytes",
    message:
      "an element of {holder} must take at least one byte, or any number of them would be free",
  },
  SD1313: {
    title: "types nested too deeply",
    message: "types are nested deeper than {limit} levels here",
  },
  SD1314: {
    title: "type too large",
    message: "`{name}` may take {worst} bytes, more than the {limit} that any message may have",
  },
  SD1315: {
    title: "message is not a struct",
    message: "a message must be a struct, but `{name}` is not",
  },
  SD1316: {
    title: "recursion without a bound",
    message: "`{name}` can hold itself ({path}): write `maxDepth`, how many may lie in each other",
  },
  SD1317: { title: "bound of a recursion", message: "`{key}` of `{name}`: {problem}" },
  SD1318: {
    title: "steps too fine",
    message: "{min} to {max} in steps of {step}: finer than a 64-bit float can tell apart",
  },
  SD1319: {
    title: "not a struct",
    message: "`extensible` stands beside the members of a struct, here is {found}",
  },
  SD1320: { title: "since", message: "`since` of `{name}`: {problem}" },
  SD1321: { title: "default", message: "`default` of `{name}`: {problem}" },
  SD1322: { title: "tags of a union", message: "tags of a union: {problem}" },
  SD1323: { title: "empty union", message: "a union needs at least one variant" },
  SD1324: {
    title: "key of a map",
    message: "a key is a string, a whole number or an enum, but {found} is none",
  },
  SD1325: {
    title: "no value ends",
    message: "every value of `{name}` would have to hold another one, without end",
  },
  SD1326: {
    title: "NaN in a range",
    message: "a number in steps cannot be NaN: `nan` goes without `min`, `max`, `bits` and `step`",
  },

  SD1401: { title: "unknown role", message: "{role} is not a role of the header" },
  SD1402: { title: "role missing", message: "`{list}` lacks a field with role `{role}`" },
  SD1403: { title: "role twice", message: "role `{role}` is taken by `{other}` (line {line})" },
  SD1404: {
    title: "role in the wrong list",
    message: "role `{role}` belongs in {expected}, not in `{list}`",
  },
  SD1405: { title: "width of a role", message: "role `{role}` must have {expected}" },
  SD1406: {
    title: "channel not in front",
    message: "a datagram must begin with the field of role `channel`, a u24",
  },
  SD1407: { title: "conditions of a role", message: "role `{role}` must have `when: {expected}`" },
  SD1408: {
    title: "unknown condition",
    message: "{name} is no flag, and neither `numbered` nor `unsized`",
  },
  SD1409: {
    title: "condition comes later",
    message: "flag `{name}` stands behind the field that depends on it",
  },
  SD1410: {
    title: "bits do not fill bytes",
    message: "these bit fields make {bits} bits: {missing} more are needed to fill a byte",
  },
  SD1411: {
    title: "type or bits",
    message: "a header field has either `type` or `bits`, here {found}",
  },
  SD1412: { title: "condition on bits", message: "bit fields are always there and take no `when`" },
  SD1413: {
    title: "frame bits not in front",
    message: "the bit fields of `frame` stand together in front",
  },
  SD1414: {
    title: "frame channel not in front",
    message: "the channel of a frame stands right behind its bit fields",
  },
  SD1415: { title: "parts of the packet number", message: "{problem}" },
  SD1416: {
    title: "own field in a frame",
    message: "a field without a role belongs in `clear` or `sealed`, it stands once in a datagram",
  },
  SD1417: {
    title: "field name twice",
    message: "a field called `{name}` stands on line {line} already",
  },
  SD1418: {
    title: "header too long",
    message:
      "the header leaves {room} bytes of a datagram for a message, at least {least} are needed",
  },
  SD1419: { title: "not a flag", message: "`{name}` cannot be a condition here: {problem}" },
  SD1420: { title: "type of a header field", message: "{type} is not a type of {place}" },
  SD1421: {
    title: "acks twice",
    message: "acks are ranges or one bit field: `{other}` (line {line}) says them already",
  },
  SD1422: {
    title: "session tag of a sealed session",
    message:
      "where datagrams are sealed a session tag says nothing: `{name}` is 4 bytes for nothing",
  },

  SD1501: {
    title: "keyword not allowed",
    message: "{keyword} is not allowed in the schema of {place}",
  },
  SD1502: {
    title: "bound missing",
    message: "{place} needs `{keyword}`, every message must fit a datagram",
  },
  SD1503: { title: "sender differs", message: "`{message}` comes from {expected}" },
  SD1504: {
    title: "sys lacks a member",
    message: "the sys of `{message}` lacks {lacks}, which the runtime needs",
  },
  SD1505: {
    title: "sys member differs",
    message: "`{member}` in the sys of `{message}` must be {expected}",
  },
  SD1506: {
    title: "zero message above a datagram",
    message: "`{message}` may take {worst} bytes, a datagram holds {limit}: {parts}",
  },
  SD1507: {
    title: "zero message too deep",
    message: "`{message}` has {found}, the runtime reads at most {limit}",
  },
  SD1508: {
    title: "sys requires more",
    message: "the runtime never sends `{member}`, so sys cannot require it",
  },
  SD1509: {
    title: "required but unknown",
    message: "{name} is required but not among the properties",
  },
  SD1510: {
    title: "open object",
    message: "{place} must be closed: leave out `additionalProperties` or write false",
  },
  SD1511: { title: "value of another type", message: "{value} is not a value of type {type}" },
  SD1512: {
    title: "closed sys",
    message: "sys must ignore members it does not know: leave out `additionalProperties`",
  },
  SD1513: {
    title: "sys member of other security",
    message: "`{member}` in the sys of `{message}` has no place where security is {security}",
  },
  SD1514: {
    title: "secret member in plain",
    message: "`{member}` cannot be secret: nothing is sealed where security is plain",
  },
  SD1515: {
    title: "secret member elsewhere",
    message: "`secret` in {place} has no place there",
  },

  SD1601: {
    title: "limits contradict",
    message: "limits.{low} ({lowValue}) must be below limits.{high} ({highValue})",
  },
} as const;

export type DiagnosticCode = keyof typeof diagnosticTable;

type Names<T extends string> = T extends `${string}{${infer N}}${infer R}` ? N | Names<R> : never;

/** What fills the braces of a code's message. */
export type DiagnosticParams<C extends DiagnosticCode> = Readonly<
  Record<Names<(typeof diagnosticTable)[C]["message"]>, string | number>
>;

export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  /** 1-based; `endColumn` is exclusive, and on the same line (a longer stretch is cut at the line's end). */
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  /** What was probably meant. */
  readonly suggestion?: string;
  /** What to do about it. */
  readonly help?: string;
}

/** Further problems of the same file are only counted. */
export const MAX_DIAGNOSTICS = 200;

/** All codes with their rows, those of unsupported.ts too. */
export function allDiagnostics(): ReadonlyMap<string, DiagnosticRow> {
  const rows = new Map<string, DiagnosticRow>();
  for (const [code, row] of Object.entries(diagnosticTable)) {
    rows.set(code, { severity: "error", ...row });
  }
  for (const row of Object.values(unsupported)) {
    const message = `${row.what} is not yet supported`;
    rows.set(row.code, { severity: "error", title: "not yet supported", message });
  }
  return rows;
}

/** Fills a template's braces. */
export function fill(template: string, params: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name]));
}

/** The problems of one source, in the order in which they were found. Never throws. */
export class Diagnostics {
  readonly source: Source;
  readonly list: Diagnostic[] = [];
  /** Problems beyond MAX_DIAGNOSTICS. */
  dropped = 0;
  /** Every problem so far, also the dropped ones and those that are not listed because YAML could not give the node. */
  reported = 0;
  /** Offsets of nodes that YAML itself could not give: what later stages say of those is not the matter. */
  readonly #broken = new Set<number>();

  constructor(source: Source) {
    this.source = source;
  }

  /** Whether there is an error: then nothing may be generated. */
  get failed(): boolean {
    return this.list.some((d) => d.severity === "error");
  }

  /** Adds a problem; `span` is what the carets stand under. */
  report<C extends DiagnosticCode>(
    code: C,
    span: Span,
    params: DiagnosticParams<C>,
    extra: { readonly suggestion?: string | undefined; readonly help?: string } = {},
  ): void {
    const message = fill(diagnosticTable[code].message, params);
    this.#add(code, span, message, extra.suggestion, extra.help);
  }

  /** Reports a feature that is still in the table of what is missing; says whether it did. */
  unsupported(feature: UnsupportedFeature, span: Span): boolean {
    const row = unsupported[feature];
    if (row === undefined) return false;
    this.#add(row.code, span, `${row.what} is not yet supported`, undefined, row.instead);
    return true;
  }

  /** In the order of the file. */
  sorted(): Diagnostic[] {
    return [...this.list].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  #add(code: string, span: Span, message: string, suggestion?: string, help?: string): void {
    this.reported++;
    if (this.#broken.has(span.start) && !code.startsWith("SD10")) return;
    if (code.startsWith("SD10")) this.#broken.add(span.start);
    if (this.list.length >= MAX_DIAGNOSTICS) {
      this.dropped++;
      return;
    }
    const { line, column } = this.source.position(span.start);
    const isSame = (d: Diagnostic) =>
      d.line === line && d.column === column && d.code === code && d.message === message;
    // The YAML parser may find the same fault of one place twice.
    if (this.list.some(isSame)) return;
    const end = this.source.position(Math.max(span.end, span.start));
    const lineEnd = this.source.line(line).length + 1;
    const endColumn = end.line === line ? end.column : lineEnd;
    this.list.push({
      code,
      severity: "error",
      message,
      file: this.source.name,
      line,
      column,
      endColumn: Math.max(endColumn, column + 1),
      ...(suggestion === undefined ? {} : { suggestion }),
      ...(help === undefined ? {} : { help }),
    });
  }
}
