/** The table of leaf kinds is whole, or it does not compile: what is expected to be an error here must be one. */

import type { BoolType } from "#codegen/kinds/bool.js";
import type { FloatType } from "#codegen/kinds/float.js";
import type { BitKind, FixedKind, VaryingKind } from "#codegen/kinds/kind.js";
import type { kinds } from "#codegen/kinds/kinds.js";
import type { StringType } from "#codegen/kinds/string.js";

type Kinds = typeof kinds;

/** An object without one of its members. */
declare function without<T, K extends keyof T>(whole: T, key: K): Omit<T, K>;
declare const table: Kinds;

// @ts-expect-error a kind of the type language is missing
export const lacksFloats: Kinds = without(table, "float");
// @ts-expect-error another kind stands in its place
export const floatsAsBools: Kinds = { ...table, float: table.bool };

// @ts-expect-error fixed bytes that nothing reads
export const unread: FixedKind<FloatType> = without(table.float, "get");
// @ts-expect-error fixed bytes that no golden vector can hold
export const unwritten: FixedKind<FloatType> = without(table.float, "write");
// @ts-expect-error bits that nothing checks
export const unchecked: BitKind<BoolType> = without(table.bool, "check");
// @ts-expect-error bits that `stardust decode` cannot show
export const unshown: BitKind<BoolType> = without(table.bool, "readBits");
// @ts-expect-error text of no size
export const unmeasured: VaryingKind<StringType> = without(table.string, "checkedSize");
// @ts-expect-error a kind without golden values
export const untested: VaryingKind<StringType> = without(table.string, "edges");
// @ts-expect-error a kind without words
export const unsaid: VaryingKind<StringType> = without(table.string, "words");
// @ts-expect-error a kind that the dissector does not know
export const undissected: VaryingKind<StringType> = without(table.string, "dissector");
