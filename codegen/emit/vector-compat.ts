/**
 * Golden vectors of messages between peers of different versions: what an older one writes, who lacks the newest groups of
 * members, and what a newer one writes, who has more behind the last of ours.
 */

import { ByteCursor } from "../bytes/cursor.ts";
import { Sink } from "../bytes/sink.ts";
import { readMessage } from "../interpret/read-message.ts";
import { writeMessage } from "../interpret/write-message.ts";
import { Lookup } from "../model/lookup.ts";
import type { Model, StructModel } from "../model/model.ts";

/** Arbitrary bytes that stand for the members of a newer version. */
const LATER = Uint8Array.from([0x01, 0x02, 0x03]);

export interface CompatCase {
  readonly name: string;
  /** The members that stand in the bytes; a reader gives the others their defaults. */
  readonly value: Record<string, unknown>;
  readonly bytes: Uint8Array;
}

/** `value` of an extensible struct as other versions write it; nothing for other structs. */
export function compatCases(model: Model, struct: StructModel, value: unknown): CompatCase[] {
  const lookup = Lookup.of(model);
  const { name, extensible } = struct;
  if (extensible === undefined) return [];
  const made = (title: string, bytes: Uint8Array): CompatCase => ({
    name: title,
    value: readMessage(lookup, name, new ByteCursor(bytes, true)),
    bytes,
  });
  const cases = extensible.groups.map((group, i) => {
    const older = withGroups(model, struct, i);
    return made(`from before version ${group.since}`, writeMessage(older, name, value));
  });
  return [...cases, made("from a later version", grown(lookup, name, value))];
}

/** The names of a version in which the struct had only its first `count` groups. */
function withGroups(model: Model, struct: StructModel, count: number): Lookup {
  const { groups, maxBodyBytes } = struct.extensible!;
  const older: StructModel = {
    ...struct,
    members: struct.members.slice(0, groups[count]!.first),
    extensible: { groups: groups.slice(0, count), maxBodyBytes },
  };
  return Lookup.of({ ...model, structs: model.structs.map((s) => (s === struct ? older : s)) });
}

/** More stands behind the last member, and is counted by the length in front. */
function grown(lookup: Lookup, struct: string, value: unknown): Uint8Array {
  const bytes = writeMessage(lookup, struct, value);
  const s = new ByteCursor(bytes);
  s.varint("length");
  const body = bytes.subarray(s.at);
  const sink = new Sink();
  sink.varint(body.length + LATER.length);
  sink.push(body);
  sink.push(LATER);
  return sink.bytes;
}
