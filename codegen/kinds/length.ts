/** What strings and bytes share: a varint byte length in front, and a bound on it. */
import { type ByteCursor, inBytes, type Meaning } from "../bytes/cursor.ts";
import type { Sink } from "../bytes/sink.ts";
import { Fields } from "../spec/fields.ts";
import { closed, whole } from "../spec/schema-parts.ts";
import {
  type AnyLeaf,
  type Defaults,
  type Edge,
  type Options,
  type Size,
  varintSize,
} from "./kind.ts";

/** The longest string or bytes of one member. */
export const MAX_FIELD_BYTES: number = 2 ** 24;

interface Bounded {
  readonly maxBytes: number;
}

export function boundedSize({ maxBytes }: Bounded): Size {
  return { min: 1, max: varintSize(maxBytes) + maxBytes };
}

/** `{ string: { maxBytes: 16 } }`: `words` are what editors show, `otherwise` is the bound that the spec gives all. */
export function lengthOptions<T extends Bounded & AnyLeaf>(
  kind: T["kind"],
  words: readonly [type: string, maxBytes: string],
  otherwise: keyof Defaults,
): Options<T> {
  const schema = closed(words[0], { maxBytes: whole(1, MAX_FIELD_BYTES, words[1]) });
  return {
    read: (name, options, _span, d, defaults) => {
      const fields = new Fields(options, schema, `\`${name}\``, d);
      const maxBytes = fields.integer("maxBytes") ?? defaults[otherwise];
      fields.finish();
      return { kind, maxBytes } as T;
    },
    definition: `options-${kind}`,
    schema,
  };
}

/** Values of the lengths at which a varint or a bound begins. */
export function lengthEdges(
  { maxBytes }: Bounded,
  most: number,
  make: (length: number) => unknown,
): Edge[] {
  const lengths = [0, 1, 127, 128, maxBytes].filter((n) => n <= Math.min(maxBytes, most));
  return [...new Set(lengths)].map((n) => ({ name: `${n} bytes`, value: make(n) }));
}

/** Reads the length and as many bytes; `show` says what they are, or what is wrong with them. */
export function readWithLength<T>(
  { maxBytes }: Bounded,
  s: ByteCursor,
  name: string,
  unit: Meaning,
  show: (bytes: Uint8Array) => { readonly value: T; readonly problem?: string },
): T {
  return s.group(
    name,
    () => {
      const start = s.at;
      const length = s.varint("length");
      s.leaf("length", start, { value: length, unit: "bytes" });
      if (length > maxBytes) s.fail(`${inBytes(length)}, at most ${maxBytes}`, "", start);
      const at = s.take(length, "");
      // A copy: what is read outlives the datagram.
      const { value, problem } = show(s.bytes.slice(at, at + length));
      s.leaf("value", at, { value });
      if (problem !== undefined) s.fail(problem, "", at);
      return value;
    },
    unit,
  );
}

export function writeWithLength({ maxBytes }: Bounded, bytes: Uint8Array, sink: Sink): void {
  if (bytes.length > maxBytes) throw new RangeError(`${bytes.length} bytes, at most ${maxBytes}`);
  sink.varint(bytes.length);
  sink.push(bytes);
}
