/**
 * What `generate` has to say about the record beside the spec, as warnings: nothing here keeps a version from being
 * generated, but peers will be refused, or the next publication will. The work is known-versions.ts's.
 */
import type { KnownVersion, Model } from "../model/model.ts";
import type { Diagnostic } from "../spec/diagnostics.ts";
import type { Source } from "../spec/source.ts";
import { compareModels } from "./breaking.ts";
import { breakingRules } from "./breaking-table.ts";
import { lineOfKey, placeOf } from "./place.ts";
import {
  OTHER_GENERATOR,
  published,
  readRecorded,
  recordRules,
  type VersionRecord,
} from "./record.ts";

/** Warnings that no refusal of `publish` explains, for `stardust explain`. */
export const noteRules: Readonly<Record<string, { title: string; why: string; fix: string }>> = {
  "version-unreadable": {
    title: "a recorded version means something else to this generator",
    why: "Peers of it were generated with the recorded hash. This generator makes another of the recorded spec, or cannot read it, so nobody can say whether they understand each other, and they are refused.",
    fix: "update those peers; or generate with the release of stardust that published the version, until none are left",
  },
};

/** `known` is what knownVersions has made of the record. */
export function recordNotes(
  record: VersionRecord,
  known: readonly KnownVersion[],
  model: Model,
  source: Source,
): Diagnostic[] {
  const place = placeOf(source, lineOfKey(source, "version"), "version");
  const note = (code: string, message: string, help: string): Diagnostic => ({
    code,
    severity: "warning",
    message,
    ...place,
    help,
  });
  const notes: Diagnostic[] = [];
  const taken = record.versions.some(({ version }) => version === model.version);
  if (taken && published(record, model) === undefined) {
    const message = `version ${model.version} was published with another hash: raise \`protocol.version\` before you publish`;
    notes.push(note("version-published", message, recordRules["version-published"]!.fix));
  }
  for (const { version, hash, differs } of known) {
    if (!differs?.includes(OTHER_GENERATOR)) continue;
    const message = `version ${version} is recorded with hash ${hash}, which this generator does not make of its spec: its peers are refused`;
    notes.push(note("version-unreadable", message, noteRules["version-unreadable"]!.fix));
  }
  return [...notes, ...membersWithoutSince(record, model, source)];
}

/**
 * Members that an extensible message has grown by since the version that was published last, without `since`: to forget
 * it cuts off every peer of that version, and is seen at no other place before they are refused.
 */
export function membersWithoutSince(
  record: VersionRecord,
  model: Model,
  source: Source,
): Diagnostic[] {
  const last = record.versions.at(-1);
  const older = last === undefined || last.hash === model.hash ? undefined : readRecorded(last);
  if (older === undefined) return [];
  const notes: Diagnostic[] = [];
  for (const { rule, message, word, newerLine } of compareModels(older, model)) {
    const grown = model.structs.some(
      ({ name, extensible, members }) =>
        extensible !== undefined &&
        older.structs.some((was) => was.name === name && was.extensible !== undefined) &&
        members.some((member) => member.name === word && member.line === newerLine),
    );
    if (rule !== "member-added" || !grown) continue;
    notes.push({
      code: rule,
      severity: "warning",
      message: `${message} (version ${older.version} is published without it)`,
      ...placeOf(source, newerLine, word),
      help: breakingRules[rule]!.fix,
    });
  }
  return notes;
}
