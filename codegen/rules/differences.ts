/**
 * What keeps peers of two versions from talking, as a few names for people: `channel move`, `limit maxDatagramBytes`,
 * `zero message join`, `header`, `security`, `protocol name`. They stand in the record, in generated code and in what a
 * refused client is told. Worst case: the models are compared whole, and then channel by channel until there are enough
 * names.
 */
import type { ChannelModel, Model, ZeroMessageModel } from "../model/model.ts";
import {
  type Change,
  compareChannels,
  compareModels,
  isBreaking,
  pairChannels,
} from "./breaking.ts";
import { compareZero } from "./breaking-zero.ts";

/** Names that are kept: people look at the first few. */
export const MAX_DIFFERENCES = 8;

/** Every change that breaks peers of the other version. */
export function breakingChanges(older: Model, newer: Model): Change[] {
  return compareModels(older, newer).filter(isBreaking);
}

/** Names of what breaks, at most 8, each once; empty where nothing does. `breaking` is known where it was asked before. */
export function differences(
  older: Model,
  newer: Model,
  breaking: readonly Change[] = breakingChanges(older, newer),
): string[] {
  const names = new Set<string>();
  for (const name of namesOf(older, newer, breaking)) {
    names.add(name);
    if (names.size === MAX_DIFFERENCES) break;
  }
  return [...names];
}

/** Rules about the protocol as a whole, by what they are about. */
const whole: Readonly<Record<string, (change: Change) => string>> = {
  "protocol-renamed": () => "protocol name",
  "security-changed": () => "security",
  "limit-changed": ({ word }) => `limit ${word}`,
  "header-changed": () => "header",
  "wire-changed": () => "wire",
};

function* namesOf(older: Model, newer: Model, breaking: readonly Change[]): Generator<string> {
  for (const change of breaking) {
    const name = whole[change.rule];
    if (name !== undefined) yield name(change);
  }
  const zero = breaking.filter(({ rule }) => rule.startsWith("zero-"));
  if (zero.length > 0) yield* zeroNames(older, newer);
  const rest = breaking.filter((change) => !whole[change.rule] && !zero.includes(change));
  if (rest.length === 0) return;
  let found = false;
  for (const name of channelNames(older, newer)) {
    found = true;
    yield name;
  }
  // Only several channels together break it: a type inside a type that became one.
  if (!found) yield* rest.map(({ word }) => `type ${word}`);
}

function* zeroNames(older: Model, newer: Model): Generator<string> {
  const only = (model: Model, name: string): Model => {
    const messages = model.zero.messages.filter((message) => message.name === name);
    return { ...model, zero: { ...model.zero, messages } };
  };
  const nameOf = ({ name }: ZeroMessageModel) => name;
  for (const name of new Set([...older.zero.messages, ...newer.zero.messages].map(nameOf))) {
    let broken = false;
    compareZero(only(older, name), only(newer, name), (rule) => {
      broken ||= isBreaking({ rule });
    });
    if (broken) yield `zero message ${name}`;
  }
}

function* channelNames(older: Model, newer: Model): Generator<string> {
  const only = (model: Model, channel: ChannelModel | undefined): Model => ({
    ...model,
    channels: channel === undefined ? [] : [channel],
  });
  const pairs = pairChannels(older, newer);
  for (const was of older.channels) {
    let broken = false;
    compareChannels(only(older, was), only(newer, pairs.get(was)), (rule) => {
      broken ||= isBreaking({ rule });
    });
    if (broken) yield `channel ${was.name}`;
  }
}
