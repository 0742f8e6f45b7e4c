/** Why datagrams and joins were refused, with the words of the tables of counters. */
import { portCounters } from "../counters.ts";
import { dropReasons } from "../session/drop-reason.ts";
import { rejectCounters, zeroDropReasons, zeroTotals } from "../zero/counters.ts";
import { perSecond } from "./rates.ts";
import type { Cause } from "./state.ts";

type Counts = Readonly<Record<string, number>>;

const words = new Map<string, string>([
  ...Object.entries(portCounters),
  ...named("session.", dropReasons),
  // Of a peer they have no prefix.
  ...named("", dropReasons),
  ...named("zero.", zeroDropReasons),
]);
const reasons = new Map<string, string>(
  Object.entries(rejectCounters).map(([reason, counter]) => [reason, zeroTotals[counter]]),
);

function named(prefix: string, table: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(table).map(([name, text]) => [prefix + name, text]);
}

export function refusedCauses(now: Counts, before: Counts | undefined, seconds: number): Cause[] {
  return causes(now, before, seconds, words);
}

export function rejectedCauses(now: Counts, before: Counts | undefined, seconds: number): Cause[] {
  return causes(now, before, seconds, reasons);
}

/** Those that there were, the most frequent first. */
function causes(
  now: Counts,
  before: Counts | undefined,
  seconds: number,
  meanings: ReadonlyMap<string, string>,
): Cause[] {
  return Object.entries(now)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => ({
      name,
      count,
      perSecond: before === undefined ? 0 : perSecond(count, before[name] ?? 0, seconds),
      meaning: (meanings.get(name) ?? "").replace(/^(?:server|join): (?:of those, )?/, ""),
    }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}
