/** The command `breaking`: another version of the spec is found, compared and recorded. The rules are codegen/rules'. */
import { renameSync, statSync, writeFileSync } from "node:fs";
import type { Model } from "../codegen/model/model.ts";
import { resolveSpec } from "../codegen/model/resolve.ts";
import { type Change, compareModels, isBreaking } from "../codegen/rules/breaking.ts";
import { breakingRules } from "../codegen/rules/breaking-table.ts";
import { lineOfKey, placeOf } from "../codegen/rules/place.ts";
import {
  formatRecord,
  publish,
  RecordError,
  readRecordFile,
  recordPath,
  recordRules,
  type VersionRecord,
} from "../codegen/rules/record.ts";
import type { Diagnostic } from "../codegen/spec/diagnostics.ts";
import { formatDiagnostics, printable } from "../codegen/spec/format.ts";
import { type LoadedSpec, loadSpec, loadSpecFile } from "../codegen/spec/load.ts";
import type { Source } from "../codegen/spec/source.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { showFile } from "./git.ts";
import { DEFAULT_SPEC, errorFormatOf, printLoaded, recordOf } from "./report.ts";
import { UsageError } from "./usage.ts";

interface Version {
  readonly source: Source;
  readonly model: Model;
}

export async function runBreaking(invocation: Invocation): Promise<ExitCode> {
  const spec = invocation.positionals[0] ?? DEFAULT_SPEC;
  const loaded = loadSpecFile(spec);
  const model = resolveSpec(loaded);
  if (model === undefined) {
    printLoaded(loaded, invocation);
    return 1;
  }
  const record = recordOf(spec, model.name);
  const against = invocation.flags["against"] as string | undefined;
  const recording = invocation.flags["record"] === true;
  const older = findOlder(against, spec, model.name, record, invocation);
  if (older === undefined && !recording) {
    throw new UsageError(
      `breaking needs --against <file or git revision>, or a version in ${recordPath(spec)} (--record puts one there)`,
    );
  }
  const newer = { source: loaded.source, model };
  const broken = older === undefined ? 0 : report(older, newer, invocation);
  // To publish a break under a new version is a decision, and no mistake.
  if (recording) return writeRecord(spec, record, newer, invocation);
  return broken > 0 ? 1 : 0;
}

/** What is compared with: a file, else a revision; without a name, the version that was published last. */
function findOlder(
  against: string | undefined,
  spec: string,
  protocol: string,
  record: VersionRecord | undefined,
  invocation: Invocation,
): Version | undefined {
  if (against !== undefined) {
    const recorded = recordedVersion(against, protocol);
    if (recorded !== undefined) return olderVersion(recorded, invocation);
    if (isFile(against)) return olderVersion(loadSpecFile(against), invocation);
    const { bytes, name } = showFile(against, spec);
    return olderVersion(loadSpec(bytes, name), invocation);
  }
  const last = record?.versions.at(-1);
  if (last === undefined) return undefined;
  const loaded = loadSpec(last.spec, `${recordPath(spec)}#${last.version}`);
  // A version that this generator can no longer read keeps no other from being published, which says so itself.
  const recording = invocation.flags["record"] === true;
  if (recording && resolveSpec(loaded) === undefined) return undefined;
  return olderVersion(loaded, invocation);
}

/** A version out of a file that is a record: the last one, or that of `file#version`, as they are called in findings. */
function recordedVersion(against: string, protocol: string): LoadedSpec | undefined {
  const [, path, number] = /^(.+?)(?:#(\d+))?$/.exec(against) ?? [];
  if (path === undefined || !path.endsWith(".versions.json") || !isFile(path)) return undefined;
  const record = recordIn(path, protocol);
  const asked = number === undefined ? undefined : Number(number);
  const found =
    asked === undefined
      ? record.versions.at(-1)
      : record.versions.find(({ version }) => version === asked);
  if (found !== undefined) return loadSpec(found.spec, `${path}#${found.version}`);
  const versions = record.versions.map(({ version }) => version).join(", ");
  throw new UsageError(
    `${path} has no version${asked === undefined ? "" : ` ${asked}`} (it has ${versions || "none"})`,
  );
}

function recordIn(path: string, protocol: string): VersionRecord {
  try {
    return readRecordFile(path, protocol);
  } catch (error) {
    throw error instanceof RecordError ? new UsageError(error.message) : error;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function olderVersion(loaded: LoadedSpec, invocation: Invocation): Version {
  const model = resolveSpec(loaded);
  if (model !== undefined) return { source: loaded.source, model };
  printLoaded(loaded, invocation);
  throw new UsageError(`${loaded.source.name}, to be compared with, has errors`);
}

/** Prints what differs; answers how many changes break. */
function report(older: Version, newer: Version, to: Invocation): number {
  const changes = compareModels(older.model, newer.model);
  const breaking = changes.filter(isBreaking);
  const harmless = changes.filter((change) => !isBreaking(change));
  const format = errorFormatOf(to);
  const list = breaking.map((change) => diagnostic(change, older, newer));
  if (format === "json") {
    const side = ({ source, model }: Version) => ({
      file: source.name,
      version: model.version,
      hash: model.hash,
    });
    const document = {
      older: side(older),
      newer: side(newer),
      diagnostics: list.map((d, i) => ({ ...d, olderLine: breaking[i]!.olderLine })),
      compatible: harmless,
    };
    (list.length > 0 ? to.err : to.out)(`${JSON.stringify(document)}\n`);
    return list.length;
  }
  if (list.length > 0) {
    to.err(formatDiagnostics(list, newer.source, { format, colour: to.colour }));
  }
  if (format !== "text") return list.length;
  for (const { rule, message, newerLine } of harmless) {
    const line = newerLine === 0 ? "" : `:${newerLine}`;
    to.out(printable(`${newer.source.name}${line} compatible ${rule}: ${message}`).concat("\n"));
  }
  to.out(`${summary(breaking.length, harmless.length, older, newer)}\n`);
  return list.length;
}

function summary(broken: number, harmless: number, older: Version, newer: Version): string {
  const since = `since ${older.source.name} (version ${older.model.version}, ${older.model.hash})`;
  if (broken + harmless === 0) return `nothing differs ${since}`;
  const { version, hash } = older.model;
  const same = version >= newer.model.version;
  const raise = `raise protocol.version above ${version}`;
  let talk = "peers of both can talk";
  if (broken > 0) talk = `peers of both cannot talk${same ? `; ${raise} if that is meant` : ""}`;
  // Peers of one hash need no record, and no number is published twice. Only the older one is looked up.
  else if (hash !== newer.model.hash) {
    talk += `, if version ${version} was recorded (--record) before this one is generated`;
    if (same) talk += `; ${raise} if that one was`;
  }
  return `${broken} breaking and ${harmless} compatible changes ${since}: ${talk}`;
}

function diagnostic(change: Change, older: Version, newer: Version): Diagnostic {
  const { rule, message, word, olderLine, newerLine } = change;
  const line = newerLine > 0 ? newerLine : lineOfKey(newer.source, word);
  const was = olderLine > 0 ? olderLine : lineOfKey(older.source, word);
  const text = older.source.line(was).trim();
  return {
    code: rule,
    severity: "error",
    message,
    ...placeOf(newer.source, line, word),
    help: `${breakingRules[rule]!.fix} (before, ${older.source.name}:${was}: \`${text.slice(0, 100)}\`)`,
  };
}

function writeRecord(
  spec: string,
  record: VersionRecord | undefined,
  { model, source }: Version,
  to: Invocation,
): ExitCode {
  const path = recordPath(spec);
  const text = errorFormatOf(to) === "text";
  const publication = publish(record, model, source.text);
  if ("refused" in publication) {
    const place = placeOf(source, lineOfKey(source, "version"), "version");
    const refusal: Diagnostic = {
      code: "version-published",
      severity: "error",
      message: publication.refused,
      ...place,
      help: recordRules["version-published"]!.fix,
    };
    const options = { format: errorFormatOf(to), colour: to.colour };
    to.err(formatDiagnostics([refusal], source, options));
    return 1;
  }
  if (!publication.added) {
    if (text) to.out(`${path}: version ${model.version} stands there already\n`);
    return 0;
  }
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, formatRecord(publication.record));
  renameSync(temporary, path);
  if (!text) return 0;
  to.out(`${path}: version ${model.version} recorded, hash ${model.hash}\n`);
  for (const { with: recorded, breaking, unreadable } of publication.comparisons) {
    const verdict = unreadable
      ? "means something else to this generator, so nobody talks to it"
      : breaking.length === 0
        ? "can talk to it"
        : `cannot talk to it: ${[...new Set(breaking.map(({ rule }) => rule))].join(", ")}`;
    to.out(`  version ${recorded.version} ${verdict}\n`);
  }
  return 0;
}
