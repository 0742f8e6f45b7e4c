/**
 * The record of published versions, `protocol.versions.json` beside `protocol.yaml`: of each its number, hash, channels
 * with sizes, the older hashes whose peers it can talk to, what keeps the others from it, and the spec itself, so that
 * later versions can be compared with every one of them. Worst case: to publish, every recorded version is read and
 * resolved again.
 */
import { existsSync, readFileSync } from "node:fs";
import { Lookup } from "../model/lookup.ts";
import type { Model } from "../model/model.ts";
import { resolveSpec } from "../model/resolve.ts";
import { loadSpec } from "../spec/load.ts";
import type { Change } from "./breaking.ts";
import { type BreakingRows, beside, plain, version } from "./breaking-samples.ts";
import { breakingChanges, differences } from "./differences.ts";

const FORMAT = 1;
/** Stands for what differs where a recorded spec can no longer be read, or means something else now. */
export const OTHER_GENERATOR = "another generator";

/** What `publish` refuses, by the code under which the command line says it; for `stardust explain`. */
export const recordRules: BreakingRows = {
  "version-published": {
    title: "this version has been published as something else",
    why: "The record says what peers of each version speak. A number that was published keeps its meaning: peers of it are about.",
    fix: "raise `protocol.version` above every number that was published, also for a change that breaks nothing",
    before: version(2, plain),
    after: version(2, beside("who: u16", "damage: u8")),
    instead: version(3, beside("who: u16", "damage: u8")),
  },
};

export interface RecordedChannel {
  readonly id: number;
  readonly name: string;
  readonly delivery: string;
  readonly direction: string;
  /** The least and the most that a message of it takes. */
  readonly minBytes: number;
  readonly maxBytes: number;
}

export interface RecordedVersion {
  readonly version: number;
  readonly hash: string;
  readonly channels: readonly RecordedChannel[];
  /** Hashes of older versions whose peers may talk to those of this one, newest first. */
  readonly compatible: readonly string[];
  /** The other older versions, newest first, and names of what differs; records of before have none. */
  readonly incompatible?: readonly Incompatible[];
  /** The text of the spec. */
  readonly spec: string;
}

export interface Incompatible {
  readonly hash: string;
  readonly differs: readonly string[];
}

export interface VersionRecord {
  readonly format: 1;
  readonly protocol: string;
  /** In the order in which they were published. */
  readonly versions: readonly RecordedVersion[];
}

/** The record's file, for a spec's. */
export function recordPath(spec: string): string {
  return `${spec.replace(/\.ya?ml$/, "")}.versions.json`;
}

/** A record that cannot be read, or is another protocol's; the message names the file. */
export class RecordError extends Error {}

/** The record beside the spec of `protocol`; undefined where there is none. Throws RecordError. */
export function readRecord(spec: string, protocol: string): VersionRecord | undefined {
  const path = recordPath(spec);
  return existsSync(path) ? readRecordFile(path, protocol, spec) : undefined;
}

/** The record in a file. Throws RecordError. */
export function readRecordFile(path: string, protocol: string, spec = "the spec"): VersionRecord {
  let record: VersionRecord;
  try {
    record = parseRecord(readFileSync(path, "utf8"));
  } catch (error) {
    throw new RecordError(`${path} is no record of versions: ${(error as Error).message}`);
  }
  if (record.protocol !== protocol) {
    throw new RecordError(
      `${path} is the record of protocol ${JSON.stringify(record.protocol)}, and ${spec} is of ${JSON.stringify(protocol)}: keep the old name, or, if this is a new protocol, move the record away`,
    );
  }
  return record;
}

/** Throws an Error that says what is wrong with the text. */
export function parseRecord(text: string): VersionRecord {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
  if (!isObject(data) || data["format"] !== FORMAT) throw new Error(`its format is not ${FORMAT}`);
  const { protocol, versions } = data;
  if (!isText(protocol)) throw new Error("its protocol is not a name");
  if (!Array.isArray(versions)) throw new Error("its versions are not a list");
  versions.forEach((entry: unknown, i) => {
    const object = isObject(entry) ? entry : {};
    const wrong = versionMembers.find(([name, , good]) => !good(object[name]));
    if (wrong === undefined) return;
    const number = isU32(object["version"]) ? ` (version ${object["version"]})` : "";
    throw new Error(`${wrong[0]} of entry ${i + 1}${number} is not ${wrong[1]}`);
  });
  return data as unknown as VersionRecord;
}

type Check = (value: unknown) => boolean;

/** What later steps rely on in a recorded version. */
const versionMembers: readonly (readonly [name: string, what: string, good: Check])[] = [
  ["version", "an integer from 0 to 4294967295", isU32],
  ["hash", "32 hex digits", isHash],
  ["channels", "a list of channels, each with its id and name", isListOf(isChannel)],
  ["compatible", "a list of hashes", isListOf(isHash)],
  [
    "incompatible",
    "a list, each with a hash and names of what differs",
    (value) => value === undefined || isListOf(isIncompatible)(value),
  ],
  ["spec", "the text of a spec", (value) => typeof value === "string"],
];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isU32(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff;
}

function isHash(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

function isChannel(value: unknown): boolean {
  return isObject(value) && isU32(value["id"]) && isText(value["name"]);
}

function isIncompatible(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { hash, differs } = value;
  return isHash(hash) && isListOf(isText)(differs) && (differs as unknown[]).length > 0;
}

function isListOf(good: Check): Check {
  return (value) => Array.isArray(value) && value.every(good);
}

export function formatRecord(record: VersionRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** How a version stands to one that was published before. */
export interface Comparison {
  readonly with: RecordedVersion;
  readonly breaking: readonly Change[];
  /** Names of what breaks; empty where both can talk. */
  readonly differs: readonly string[];
  /** The recorded spec can no longer be read by this generator, or means something else to it. */
  readonly unreadable?: true;
}

export interface Publication {
  readonly record: VersionRecord;
  /** False where this version with this hash stood there already. */
  readonly added: boolean;
  readonly comparisons: readonly Comparison[];
}

/**
 * The record, which is of the model's protocol, with `model` in it, or why that cannot be. `spec` is the model's text;
 * line ends of a checkout are not recorded.
 */
export function publish(
  record: VersionRecord | undefined,
  model: Model,
  spec: string,
): Publication | { readonly refused: string } {
  const versions = record?.versions ?? [];
  if (record !== undefined && published(record, model) !== undefined) {
    return { record, added: false, comparisons: [] };
  }
  const same = versions.find(({ version }) => version === model.version);
  if (same !== undefined) {
    return {
      refused: `version ${model.version} has been published with another hash (${same.hash}, now ${model.hash}): raise \`protocol.version\``,
    };
  }
  const newest = versions.reduce((highest, { version }) => Math.max(highest, version), 0);
  if (model.version < newest) {
    return {
      refused: `version ${newest} has been published: ${model.version} is below it, raise \`protocol.version\``,
    };
  }
  const comparisons = versions.map((recorded) => compareRecorded(recorded, model));
  const others = new Map<string, readonly string[]>();
  for (const { with: other, differs } of [...comparisons].reverse()) {
    if (other.hash !== model.hash && !others.has(other.hash)) others.set(other.hash, differs);
  }
  const verdicts = [...others].map(([hash, differs]) => ({ hash, differs }));
  const entry: RecordedVersion = {
    version: model.version,
    hash: model.hash,
    channels: model.channels.map((c) => ({
      id: c.id,
      name: c.name,
      delivery: c.delivery,
      direction: c.request?.asks ?? c.direction,
      minBytes: Lookup.of(model).struct(c.message).minBytes,
      maxBytes: c.maxBytes,
    })),
    compatible: verdicts.filter((v) => v.differs.length === 0).map(({ hash }) => hash),
    incompatible: verdicts.filter((v) => v.differs.length > 0),
    spec: spec.replaceAll("\r\n", "\n"),
  };
  const next: VersionRecord = {
    format: FORMAT,
    protocol: model.name,
    versions: [...versions, entry],
  };
  return { record: next, added: true, comparisons };
}

/** The entry of a model that has been published as it is. */
export function published(record: VersionRecord, model: Model): RecordedVersion | undefined {
  const { version, hash } = model;
  return record.versions.find((entry) => entry.version === version && entry.hash === hash);
}

/** The model of a recorded version; undefined where this generator can no longer read it, or reads something else. */
export function readRecorded(recorded: RecordedVersion): Model | undefined {
  const older = resolveSpec(loadSpec(recorded.spec, `version ${recorded.version}`));
  // Its peers were generated with the recorded hash: what this generator makes of the text is not what they speak.
  return older?.hash === recorded.hash ? older : undefined;
}

function compareRecorded(recorded: RecordedVersion, model: Model): Comparison {
  const older = readRecorded(recorded);
  if (older === undefined) {
    return { with: recorded, breaking: [], differs: [OTHER_GENERATOR], unreadable: true };
  }
  const breaking = breakingChanges(older, model);
  return { with: recorded, breaking, differs: differences(older, model, breaking) };
}
