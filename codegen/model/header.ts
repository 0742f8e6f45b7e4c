/**
 * The layout of a datagram: that it can be decoded, that every role the runtime needs is there, and how long it gets.
 * A layout may widen fields, reorder inside a list, leave out `wide`, say acks as a bit field, and add fields of the
 * user's own.
 */
import type { HeaderAst, HeaderFieldAst, HeaderList, SpecAst } from "../spec/ast.ts";
import type { Diagnostics } from "../spec/diagnostics.ts";
import { suggest } from "../spec/distance.ts";
import { quote } from "../spec/node.ts";
import { headerLists } from "../spec/parse-header.ts";
import {
  conditionField,
  fieldBytes,
  headerRoles,
  type RoleRule,
  userFieldTypes,
} from "./header-roles.ts";
import type { HeaderFieldModel, HeaderModel, HeaderRole } from "./model.ts";
import { securityNotes } from "./security.ts";

/** Varints of index and count in the longest header; MAX_SLICES keeps them so. */
const SLICE_VARINTS_BYTES = 4;

type FieldType = NonNullable<HeaderFieldModel["type"]>;

/** Undefined where the layout cannot be used. */
export function resolveHeader(
  ast: HeaderAst,
  spec: Pick<SpecAst, "security" | "saysSecurity">,
  d: Diagnostics,
): HeaderModel | undefined {
  const before = d.reported;
  for (const list of headerLists) {
    for (const field of ast[list]) checkField(field, list, d);
    checkRoles(ast, list, d);
    checkBits(ast[list], d);
    checkConditions(ast, list, d);
  }
  checkNames(ast, d);
  checkPlaces(ast, d);
  checkPacketNumber(ast, d);
  checkAcks(ast, d);
  if (spec.security === "sealed") checkSealed(ast, securityNotes(spec), d);
  if (d.reported > before) return undefined;
  return buildModel(ast);
}

function roleOf(field: HeaderFieldAst): HeaderRole | undefined {
  return field.role?.name as HeaderRole | undefined;
}

function ruleOf(field: HeaderFieldAst): RoleRule | undefined {
  const role = field.role?.name;
  return role !== undefined && Object.hasOwn(headerRoles, role)
    ? headerRoles[role as HeaderRole]
    : undefined;
}

function find(ast: HeaderAst, list: HeaderList, role: string): HeaderFieldAst | undefined {
  return ast[list].find((field) => field.role?.name === role);
}

function checkField(field: HeaderFieldAst, list: HeaderList, d: Diagnostics): void {
  if (field.bits !== undefined && field.when.length > 0) d.report("SD1412", field.whenSpan, {});
  if (field.role === undefined) {
    checkUserField(field, list, d);
    return;
  }
  const { name: role, span } = field.role;
  const rule = ruleOf(field);
  if (rule === undefined) {
    const suggestion = suggest(role, Object.keys(headerRoles));
    d.report("SD1401", span, { role: quote(role) }, { suggestion });
    return;
  }
  if (!rule.lists.includes(list)) {
    const expected = rule.lists.map((l) => `\`${l}\``).join(" or ");
    d.report("SD1404", span, { role, expected, list });
    return;
  }
  const problem = formProblem(field, rule);
  if (problem) d.report("SD1405", field.type?.span ?? field.span, { role, expected: problem });
}

function checkUserField(field: HeaderFieldAst, list: HeaderList, d: Diagnostics): void {
  if (list === "frame") d.report("SD1416", field.span, {});
  if (field.type === undefined || userFieldTypes.includes(field.type.name)) return;
  const params = { type: quote(field.type.name), place: "a field of your own" };
  const suggestion = suggest(field.type.name, userFieldTypes);
  d.report("SD1420", field.type.span, params, { suggestion });
}

function formProblem(field: HeaderFieldAst, rule: RoleRule): string | undefined {
  if (rule.form === "flag") return field.bits === 1 ? undefined : "`bits: 1`";
  if (rule.form === "bits") return field.bits !== undefined ? undefined : "`bits`";
  const type = field.type?.name;
  if (type !== undefined && rule.form.includes(type as FieldType)) return undefined;
  return `the type ${rule.form.join(" or ")}`;
}

function checkRoles(ast: HeaderAst, list: HeaderList, d: Diagnostics): void {
  const seen = new Map<string, HeaderFieldAst>();
  for (const field of ast[list]) {
    const rule = ruleOf(field);
    if (rule === undefined || rule.many) continue;
    const role = field.role!.name;
    const first = seen.get(role);
    if (first) {
      d.report("SD1403", field.role!.span, { role, other: first.name, line: first.docs.line });
    } else seen.set(role, field);
  }
  for (const [role, rule] of Object.entries(headerRoles)) {
    if (rule.optional || !rule.lists.includes(list) || seen.has(role)) continue;
    if (rule.or !== undefined && (seen.has(rule.or) || role < rule.or)) continue;
    const help = rule.or === undefined ? undefined : `or one with role \`${rule.or}\``;
    d.report("SD1402", ast.listSpans[list], { list, role }, help === undefined ? {} : { help });
  }
}

/** Runs of bit fields beside each other fill whole bytes. */
function checkBits(fields: readonly HeaderFieldAst[], d: Diagnostics): void {
  let run: HeaderFieldAst[] = [];
  for (const field of [...fields, undefined]) {
    if (field?.bits !== undefined) {
      run.push(field);
      continue;
    }
    const bits = run.reduce((sum, f) => sum + f.bits!, 0);
    if (bits % 8 !== 0) {
      const missing = 8 - (bits % 8);
      const help = `add { name: spare, bits: ${missing}, role: reserved } beside them`;
      d.report("SD1410", run[0]!.span, { bits, missing }, { help });
    }
    run = [];
  }
}

/** Fields whose flags a condition may name: those of the frame for a frame, else all that stand once. */
function scope(ast: HeaderAst, list: HeaderList): readonly HeaderFieldAst[] {
  return list === "frame" ? ast.frame : [...ast.clear, ...ast.sealed];
}

function checkConditions(ast: HeaderAst, list: HeaderList, d: Diagnostics): void {
  const fields = scope(ast, list);
  for (const field of ast[list]) {
    let good = true;
    for (const condition of field.when) {
      good = checkCondition(condition, field, fields, list, d) && good;
    }
    const rule = ruleOf(field);
    if (!good || rule === undefined || field.bits !== undefined || !rule.lists.includes(list)) {
      continue;
    }
    const names = rule.when.map(
      (role) => find(ast, list === "frame" ? "frame" : "clear", role)?.name ?? role,
    );
    const given = new Set(field.when.map((c) => c.name));
    if (given.size === names.length && names.every((name) => given.has(name))) continue;
    const params = { role: field.role!.name, expected: `[${names.join(", ")}]` };
    d.report("SD1407", field.whenSpan, params);
  }
}

function checkCondition(
  condition: HeaderFieldAst["when"][number],
  field: HeaderFieldAst,
  fields: readonly HeaderFieldAst[],
  list: HeaderList,
  d: Diagnostics,
): boolean {
  const { name, span } = condition;
  const flag = conditionField(name, fields);
  if (name === "numbered" || name === "unsized") {
    if (list === "frame") return true;
    d.report("SD1419", span, { name, problem: "it belongs to a frame's channel" });
    return false;
  }
  if (flag === undefined) {
    const names = fields.filter((f) => f.bits === 1).map((f) => f.name);
    const suggestion = suggest(name, [...names, "numbered", "unsized"]);
    d.report("SD1408", span, { name: quote(name) }, { suggestion });
    return false;
  }
  const problem = flagProblem(flag, list);
  if (problem !== undefined) {
    d.report("SD1419", span, { name, problem });
    return false;
  }
  if (fields.indexOf(flag) < fields.indexOf(field)) return true;
  d.report("SD1409", span, { name });
  return false;
}

function flagProblem(flag: HeaderFieldAst, list: HeaderList): string | undefined {
  if (flag.bits !== 1) return "it is not one bit";
  const role = flag.role?.name;
  if (role === "reserved") return "a reserved bit is always zero";
  // The room for frames is what the header leaves, so it cannot depend on them.
  const late = list !== "frame" && (role === "slice" || role === "more");
  return late ? "the header's size is settled before the first frame is" : undefined;
}

/** Names of `clear` and `sealed` share one scope, and the computed conditions cannot be redefined. */
function checkNames(ast: HeaderAst, d: Diagnostics): void {
  for (const field of ast.sealed) {
    const first = ast.clear.find((f) => f.name === field.name);
    if (first) d.report("SD1417", field.span, { name: field.name, line: first.docs.line });
  }
  for (const field of headerLists.flatMap((list) => ast[list])) {
    if (field.name !== "numbered" && field.name !== "unsized") continue;
    d.report("SD1107", field.span, { name: quote(field.name), place: "a header field" });
  }
}

function checkPlaces(ast: HeaderAst, d: Diagnostics): void {
  const first = ast.clear[0];
  if (first?.role?.name !== "channel" && find(ast, "clear", "channel")) {
    d.report("SD1406", first?.span ?? ast.listSpans.clear, {});
  }
  const firstWhole = ast.frame.findIndex((field) => field.bits === undefined);
  if (firstWhole < 0) return;
  for (const field of ast.frame.slice(firstWhole)) {
    if (field.bits !== undefined) d.report("SD1413", field.span, {});
  }
  const channel = find(ast, "frame", "channel");
  if (channel && ast.frame[firstWhole] !== channel) d.report("SD1414", channel.span, {});
}

/** Either `wide`, a high half and a u16 right behind it; or none of them. */
function checkPacketNumber(ast: HeaderAst, d: Diagnostics): void {
  const wide = find(ast, "clear", "wide");
  const high = find(ast, "clear", "packet-number-high");
  const low = find(ast, "clear", "packet-number");
  const report = (field: HeaderFieldAst, problem: string) =>
    d.report("SD1415", field.span, { problem });
  if (high && !wide) report(high, "a high half needs a flag of role `wide` before it");
  if (wide && !high) report(wide, "`wide` needs a field of role `packet-number-high`");
  if (!high || !low) return;
  if (low.type?.name !== "u16") report(low, "beside a high half the packet number is a u16");
  if (ast.clear.indexOf(low) !== ast.clear.indexOf(high) + 1) {
    report(high, "the high half stands right before the packet number");
  }
}

/** Reports a header with both ways to carry acks: ranges and one bit field. */
function checkAcks(ast: HeaderAst, d: Diagnostics): void {
  const [first, second] = ast.sealed.filter(
    (field) => field.role?.name === "ack-ranges" || field.role?.name === "ack-bits",
  );
  if (first === undefined || second?.role === undefined) return;
  // The same role twice is told already.
  if (first.role!.name === second.role.name) return;
  d.report("SD1421", second.role.span, { other: first.name, line: first.docs.line });
}

/** A sealed session says the phase of its keys, and knows by the seal whose a datagram is. */
function checkSealed(ast: HeaderAst, notes: { help?: string }, d: Diagnostics): void {
  if (find(ast, "clear", "key-phase") === undefined) {
    d.report("SD1402", ast.listSpans.clear, { list: "clear", role: "key-phase" }, notes);
  }
  const tag = find(ast, "clear", "session-tag");
  if (tag?.role !== undefined) d.report("SD1422", tag.role.span, { name: tag.name }, notes);
}

function buildModel(ast: HeaderAst): HeaderModel {
  let userIndex = 0;
  const build = (list: HeaderList): HeaderFieldModel[] =>
    ast[list].map((field) => ({
      ...field.docs,
      name: field.name,
      ...(field.role ? { role: roleOf(field)! } : { userIndex: userIndex++ }),
      ...(field.type ? { type: field.type.name as FieldType } : {}),
      ...(field.bits === undefined ? {} : { bits: field.bits }),
      when: [...new Set(field.when.map((c) => c.name))],
    }));
  const lists = { clear: build("clear"), sealed: build("sealed"), frame: build("frame") };
  const width = (list: HeaderList, role: HeaderRole) =>
    8 * fieldBytes[lists[list].find((f) => f.role === role)!.type!];
  const packetNumberBits = width("clear", "packet-number");
  const ackField = lists.sealed.find((f) => f.role === "ack-bits");
  const wide = lists.clear.some((f) => f.role === "packet-number-high");
  return {
    ...lists,
    packetNumberBits,
    widePacketNumberBits: wide ? 32 : packetNumberBits,
    ackBits: width("sealed", "ack-largest"),
    ...(ackField ? { ackFieldBits: (8 * fieldBytes[ackField.type!]) as 32 | 64 } : {}),
    messageNumberBits: width("frame", "message-number"),
    maxBytes: longest(lists),
  };
}

const acknowledging: readonly (HeaderRole | undefined)[] = [
  "ack-largest",
  "ack-delay",
  "ack-ranges",
  "ack-bits",
  "receive-limit",
  "clock",
];

/** Bytes of the longest header with one slice frame, first and last: no next byte, channel or length. Without acks and limit. */
function longest(lists: Pick<HeaderModel, HeaderList>): number {
  let bits = 0;
  for (const field of [...lists.clear, ...lists.sealed]) {
    if (acknowledging.includes(field.role)) continue;
    bits += field.bits ?? 8 * fieldBytes[field.type!];
  }
  const number = lists.frame.find((f) => f.role === "message-number")!;
  return bits / 8 + fieldBytes[number.type!] + SLICE_VARINTS_BYTES;
}
