/**
 * What differs between two versions of a protocol, and which of it breaks peers of the other version: pure functions of
 * two models, so that a test can run both peers. Covered is all that the hash covers (a difference that no rule knows
 * is still reported), and what only people see. Worst case: each pair of structs is compared once.
 */
import { canonicalJson } from "../model/canonical.ts";
import { wireForm } from "../model/hash.ts";
import { Lookup } from "../model/lookup.ts";
import type { ChannelModel, LimitsModel, Model } from "../model/model.ts";
import { LayoutComparison } from "./breaking-layout.ts";
import { breakingRules, type Report } from "./breaking-table.ts";
import { wireDiffers } from "./breaking-wire.ts";
import { docsOf } from "./breaking-words.ts";
import { compareZero } from "./breaking-zero.ts";

/** One difference; lines are 1-based, 0 where the thing is not in that spec. */
export interface Change {
  readonly rule: string;
  readonly message: string;
  /** The word that is underlined in the newer spec. */
  readonly word: string;
  readonly olderLine: number;
  readonly newerLine: number;
}

/** Whether a change breaks peers, by its rule. */
export function isBreaking({ rule }: Pick<Change, "rule">): boolean {
  return breakingRules[rule]?.kind === "breaking";
}

/** Every difference: breaking ones first, each kind in the order of the newer spec. */
export function compareModels(older: Model, newer: Model): Change[] {
  const changes: Change[] = [];
  const report: Report = (rule, word, olderLine, newerLine, message) => {
    if (breakingRules[rule] === undefined) throw new Error(`stardust: no rule ${rule}`);
    changes.push({ rule, word, olderLine, newerLine, message });
  };
  compareProtocol(older, newer, report);
  compareLimits(older.limits, newer.limits, report);
  // What else differs in a header where only one is sealed follows from that.
  if (older.security === newer.security) compareHeader(older, newer, report);
  const known = compareChannels(older, newer, report);
  compareZero(older, newer, report);
  // The hash is the last word: where it differs and all that was found is harmless, something has been missed.
  if (!changes.some(isBreaking) && wireDiffers(older, newer, known)) {
    report("wire-changed", "channels", 0, 0, "the bytes on the wire differ in a way no rule knows");
  }
  const rank = (change: Change) => (isBreaking(change) ? 0 : 1);
  return changes.sort((a, b) => rank(a) - rank(b) || a.newerLine - b.newerLine);
}

/** Whether peers of both may talk, once a record says so. */
export function compatible(older: Model, newer: Model): boolean {
  return !compareModels(older, newer).some(isBreaking);
}

function compareProtocol(older: Model, newer: Model, report: Report): void {
  if (older.name !== newer.name) {
    report("protocol-renamed", "name", 0, 0, `protocol \`${older.name}\` is now \`${newer.name}\``);
  }
  if (older.security !== newer.security) {
    const message = `security was ${older.security} and is ${newer.security}`;
    report("security-changed", "security", 0, 0, message);
  } else if (older.cipher !== newer.cipher) {
    const message = `datagrams were sealed with ${older.cipher} and are with ${newer.cipher}`;
    report("security-changed", "cipher", 0, 0, message);
  }
  if (older.version !== newer.version) {
    const message = `version ${older.version} is now ${newer.version}`;
    report("version-changed", "version", 0, 0, message);
  }
  if (older.doc !== newer.doc) report("docs-changed", "doc", 0, 0, "the protocol's doc");
}

/** Limits that both ends must agree on; all of them are in the hash. */
const agreed: readonly (keyof LimitsModel)[] = [
  "maxDatagramBytes",
  "receiveBudgetBytes",
  "idleTimeoutMs",
  "maxAckDelayMs",
];

function compareLimits(older: LimitsModel, newer: LimitsModel, report: Report): void {
  for (const name of Object.keys({ ...older, ...newer }) as (keyof LimitsModel)[]) {
    // Slices follow from the datagram and the header, which are reported themselves.
    if (older[name] === newer[name] || name === "sliceBytes") continue;
    const message = `${name} was ${older[name] ?? "not set"} and is ${newer[name] ?? "not set"}`;
    report(agreed.includes(name) ? "limit-changed" : "own-limit-changed", name, 0, 0, message);
  }
}

type Wire = { header: Record<string, unknown[]> };

function compareHeader(older: Model, newer: Model, report: Report): void {
  const before = (wireForm(older) as Wire).header;
  const after = (wireForm(newer) as Wire).header;
  if (canonicalJson(before) === canonicalJson(after)) compareOwnFields(older, newer, report);
  for (const list of ["clear", "sealed", "frame"] as const) {
    const one = before[list]!;
    const two = after[list]!;
    const index = one.findIndex((field, i) => canonicalJson(field) !== canonicalJson(two[i]));
    const at = index < 0 && two.length > one.length ? one.length : index;
    if (at < 0) continue;
    const was = older.header[list][at];
    const is = newer.header[list][at];
    const named = (field: typeof was) => (field ? `\`${field.name}\`` : "nothing");
    const message = `\`${list}\` differs from its field ${at + 1} on: it was ${named(was)} and is ${named(is)}`;
    report("header-changed", is?.name ?? list, was?.line ?? 0, is?.line ?? 0, message);
  }
}

/** Names of fields are not on the wire: where the layouts are the same, what has another name may mean something else. */
function compareOwnFields(older: Model, newer: Model, report: Report): void {
  const own = ({ header }: Model) => [...header.clear, ...header.sealed].filter((f) => !f.role);
  const before = own(older);
  own(newer).forEach((is, i) => {
    const was = before[i]!;
    const at = (rule: string, message: string) => report(rule, is.name, was.line, is.line, message);
    if (was.name !== is.name) {
      const exchanged = before.some(({ name }) => name === is.name);
      const rule = exchanged ? "header-changed" : "header-field-renamed";
      at(rule, `own header field \`${is.name}\` stands where \`${was.name}\` was`);
    }
    if (docsOf(was) !== docsOf(is)) at("docs-changed", `what is said about \`${is.name}\``);
  });
}

export type Pairs = ReadonlyMap<ChannelModel, ChannelModel>;

/** Old channels with what became of them: found by name, and those that are left by id. */
export function pairChannels(older: Model, newer: Model): Pairs {
  const pairs = new Map<ChannelModel, ChannelModel>();
  const taken = new Set<ChannelModel>();
  for (const same of [
    (a: ChannelModel, b: ChannelModel) => a.name === b.name,
    (a: ChannelModel, b: ChannelModel) => a.id === b.id,
  ]) {
    for (const was of older.channels) {
      if (pairs.has(was)) continue;
      const is = newer.channels.find((channel) => !taken.has(channel) && same(was, channel));
      if (is === undefined) continue;
      pairs.set(was, is);
      taken.add(is);
    }
  }
  return pairs;
}

/** Reports what differs in channels and their messages; answers which belong together. */
export function compareChannels(older: Model, newer: Model, report: Report): Pairs {
  const pairs = pairChannels(older, newer);
  const layouts = new LayoutComparison(older, newer, report);
  for (const was of older.channels) {
    const is = pairs.get(was);
    if (is !== undefined) {
      compareChannel(was, is, layouts, report);
      compareSizes([older, was], [newer, is], report);
    } else {
      const message = `channel \`${was.name}\` (id ${was.id}) is gone`;
      report("channel-removed", "channels", was.line, 0, message);
    }
  }
  const kept = new Set(pairs.values());
  for (const channel of newer.channels) {
    if (kept.has(channel)) continue;
    const message = `channel \`${channel.name}\` (id ${channel.id}) is new`;
    report("channel-added", channel.name, 0, channel.line, message);
  }
  return pairs;
}

function compareChannel(
  was: ChannelModel,
  is: ChannelModel,
  layouts: LayoutComparison,
  report: Report,
): void {
  const name = `channel \`${is.name}\``;
  const at = (rule: string, message: string) => report(rule, is.name, was.line, is.line, message);
  if (was.name !== is.name) at("channel-renamed", `channel \`${was.name}\` is now \`${is.name}\``);
  const rows: [rule: string, what: string, before: unknown, after: unknown][] = [
    ["channel-id-changed", "id", was.id, is.id],
    ["channel-delivery-changed", "delivery", was.delivery, is.delivery],
    ["channel-direction-changed", "direction", directionOf(was), directionOf(is)],
    ["channel-compress-changed", "compress", was.compress ?? false, is.compress ?? false],
    ["sending-changed", "priority", was.priority, is.priority],
    ["sending-changed", "weight", was.weight, is.weight],
    ["sending-changed", "maxAgeMs", was.maxAgeMs ?? "none", is.maxAgeMs ?? "none"],
    ["sending-changed", "redundancy", was.redundancy ?? 0, is.redundancy ?? 0],
    ["sending-changed", "notices", was.notices ?? false, is.notices ?? false],
    ...(was.delivery === is.delivery
      ? [
          ["sending-changed", "maxGapMs", was.maxGapMs, is.maxGapMs] as [
            string,
            string,
            unknown,
            unknown,
          ],
        ]
      : []),
  ];
  for (const [rule, what, before, after] of rows) {
    if (before !== after) at(rule, `${what} of ${name} was ${before} and is ${after}`);
  }
  const verdict = layouts.compare(was.message, is.message, name);
  // Both follow from the message unless the spec states them; where the message differs, that says it all.
  if (verdict === "same") {
    if (was.maxBytes !== is.maxBytes) {
      at("channel-bound-changed", `maxBytes of ${name} was ${was.maxBytes} and is ${is.maxBytes}`);
    }
    if (was.queueBytes !== is.queueBytes) {
      at("sending-changed", `queueBytes of ${name} was ${was.queueBytes} and is ${is.queueBytes}`);
    }
  }
  if (docsOf(was) !== docsOf(is)) at("docs-changed", `what is said about ${name}`);
}

/** As the spec says it: of requests, that of who asks. */
function directionOf({ direction, request }: ChannelModel): string {
  return request?.asks ?? direction;
}

type VersionOfChannel = readonly [model: Model, channel: ChannelModel];

/** Reports changes of fragmentation and size classes. */
function compareSizes(older: VersionOfChannel, newer: VersionOfChannel, report: Report): void {
  const [, was] = older;
  const [, is] = newer;
  const at = (rule: string, message: string) => report(rule, is.name, was.line, is.line, message);
  // By default it follows from the delivery, which says it all where it changes.
  if (was.delivery === is.delivery && was.fragment !== is.fragment) {
    const slices = [older, newer].some((side) => worstOf(side) > side[0].limits.sliceBytes);
    const matters = slices || was.numbered !== is.numbered;
    const message = `fragment of channel \`${is.name}\` was ${was.fragment} and is ${is.fragment}`;
    at(matters ? "channel-fragment-changed" : "sending-changed", message);
  }
}

/** The most that a message of a channel takes. */
function worstOf([model, { message }]: VersionOfChannel): number {
  return Lookup.of(model).struct(message).maxBytes;
}
