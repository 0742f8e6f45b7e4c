/**
 * What the record of published versions means for the version that is being generated: with which others its peers can
 * talk, which of its channels those lack, and what keeps the rest from talking. Worst case: every recorded version is
 * read and compared, and where it cannot talk, compared again channel by channel.
 */
import type { ChannelModel, KnownVersion, Model } from "../model/model.ts";
import { compareModels, isBreaking } from "./breaking.ts";
import { readRecorded, type VersionRecord } from "./record.ts";

/** Names of what differs that are kept: for people, who look at the first few. */
const MAX_DIFFERENCES = 8;

/** Other versions that the record holds, newest first; those above this one's number are none of its business. */
export function knownVersions(record: VersionRecord | undefined, model: Model): KnownVersion[] {
  const seen = new Set([model.hash]);
  const known: KnownVersion[] = [];
  for (const recorded of [...(record?.versions ?? [])].reverse()) {
    const { version, hash } = recorded;
    if (seen.has(hash) || version > model.version) continue;
    seen.add(hash);
    const older = readRecorded(recorded);
    const differs = older === undefined ? ["another generator"] : differences(older, model);
    const channels = new Set((older?.channels ?? recorded.channels).map(({ id }) => id));
    const lacks = model.channels.filter(({ id }) => !channels.has(id)).map(({ index }) => index);
    known.push({ version, hash, lacks, ...(differs.length === 0 ? {} : { differs }) });
  }
  return known;
}

/** Names of what breaks peers of `older`; empty where both can talk. */
function differences(older: Model, newer: Model): string[] {
  const breaking = compareModels(older, newer).filter(isBreaking);
  if (breaking.length === 0) return [];
  const without = (model: Model): Model => ({ ...model, channels: [] });
  const apart = compareModels(without(older), without(newer)).filter(isBreaking);
  const names = apart.map(({ rule, word }) => `${rule.replace(/-.*/, "")} ${word}`);
  const only = (model: Model, channel: ChannelModel | undefined): Model => ({
    ...model,
    channels: channel === undefined ? [] : [channel],
  });
  for (const was of older.channels) {
    const same = ({ name, id }: ChannelModel) => name === was.name || id === was.id;
    const is = newer.channels.find(({ name }) => name === was.name) ?? newer.channels.find(same);
    const changes = compareModels(only(older, was), only(newer, is)).filter(isBreaking);
    if (changes.length > apart.length) names.push(`channel ${was.name}`);
  }
  if (names.length === 0) names.push(...breaking.map(({ rule }) => rule));
  return [...new Set(names)].slice(0, MAX_DIFFERENCES);
}
