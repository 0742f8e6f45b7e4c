/**
 * What the record of published versions means for the version that is being generated: with which others its peers can
 * talk, which of its channels those lack, and what keeps the rest from talking. A version that is published itself has
 * that in its own entry. Worst case: it is not, and each of the newest 32 that are recorded is read and compared.
 */
import type { KnownVersion, Model } from "../model/model.ts";
import { differences, MAX_DIFFERENCES } from "./differences.ts";
import {
  OTHER_GENERATOR,
  published,
  type RecordedVersion,
  readRecorded,
  type VersionRecord,
} from "./record.ts";

/** Other versions that a generated protocol knows: each costs its peers memory, and generating it time. */
const MAX_KNOWN = 32;

/** Other versions that the record holds, newest first; those above this one's number are none of its business. */
export function knownVersions(record: VersionRecord | undefined, model: Model): KnownVersion[] {
  if (record === undefined) return [];
  const own = published(record, model);
  const seen = new Set([model.hash]);
  const known: KnownVersion[] = [];
  for (const recorded of [...record.versions].reverse()) {
    const { version, hash } = recorded;
    if (seen.has(hash) || version > model.version) continue;
    seen.add(hash);
    const differs = recordedDiffers(own, hash) ?? differsFrom(recorded, model);
    const channels = new Set(recorded.channels.map(({ id }) => id));
    const lacks = model.channels.filter(({ id }) => !channels.has(id)).map(({ index }) => index);
    known.push({ version, hash, lacks, ...(differs.length === 0 ? {} : { differs }) });
    if (known.length === MAX_KNOWN) break;
  }
  return known;
}

/** What was found when this version was published; undefined where nothing was. */
function recordedDiffers(
  own: RecordedVersion | undefined,
  hash: string,
): readonly string[] | undefined {
  if (own?.compatible.includes(hash)) return [];
  const verdict = own?.incompatible?.find((other) => other.hash === hash);
  return verdict?.differs.slice(0, MAX_DIFFERENCES);
}

function differsFrom(recorded: RecordedVersion, model: Model): readonly string[] {
  const older = readRecorded(recorded);
  return older === undefined ? [OTHER_GENERATOR] : differences(older, model);
}
