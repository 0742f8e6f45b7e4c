/** What has given way in a part of a load, if anything: the difference of two tallies, and the latencies between them. */
import { grown, type Tally, total } from "./tally.ts";

/** Shares of what was to be sent: a server is not judged by less. */
const MAX_REFUSED = 0.01;
const MAX_LATE = 0.01;
/** Event loops that are busier are late with everything. */
const MAX_BUSY = 0.9;
/** Fewer latencies have no hundredth. */
const MIN_LATENCIES = 20;

export interface Verdict {
  readonly what: "load" | "joins" | "peers" | "promises" | "refusals" | "latency";
  /** For people. */
  readonly why: string;
}

export interface Window {
  readonly before: Tally;
  readonly now: Tally;
  /** The busiest thread, as a share. */
  readonly busy: number;
  /** Of 100 latencies 99 were below, and how many there were. */
  readonly p99Ms: number;
  readonly latencies: number;
  readonly maxLatencyMs: number;
}

/** What shows at once: a peer or a promise lost. */
export function broken({ before, now }: Pick<Window, "before" | "now">): Verdict | undefined {
  const own = grown(now.own, before.own);
  if (own !== undefined) return { what: "load", why: `the load itself: ${own.why}` };
  const failed = grown(now.failed, before.failed);
  if (failed !== undefined) return { what: "joins", why: `joins failed: ${failed.why}` };
  const lost = grown(now.lost, before.lost);
  if (lost !== undefined) return { what: "peers", why: `peers were lost: ${lost.why}` };
  const promise = grown(now.broken, before.broken);
  if (promise !== undefined) return { what: "promises", why: `broken: ${promise.why}` };
  return undefined;
}

/** What shows over a while, too. The load itself comes first: what is late for its sake says nothing about the server. */
export function gaveWay(window: Window): Verdict | undefined {
  const { before, now, busy, p99Ms, latencies, maxLatencyMs } = window;
  const atOnce = broken(window);
  if (atOnce !== undefined) return atOnce;
  const sent = now.sent - before.sent;
  const refused = now.refused - before.refused;
  const late = now.late - before.late;
  const tooLong = latencies >= MIN_LATENCIES && p99Ms > maxLatencyMs;
  const tooMany = refused > MAX_REFUSED * (sent + refused);
  if (late > MAX_LATE * (sent + late) || (busy > MAX_BUSY && (tooLong || tooMany))) {
    const percent = Math.round(100 * busy);
    return { what: "load", why: `the load itself: its busiest thread was ${percent} % busy` };
  }
  if (tooMany) {
    const percent = ((100 * refused) / (sent + refused)).toFixed(1);
    return {
      what: "refusals",
      why: `${percent} % of the messages were not taken: what was sent before waits`,
    };
  }
  if (tooLong) {
    return {
      what: "latency",
      why: `p99 of the latency: ${p99Ms.toFixed(1)} ms, above ${maxLatencyMs} ms`,
    };
  }
  return undefined;
}

/** Whether a load ends with exit code 0: nobody was lost and nothing was broken. */
export function isClean({ failed, lost, broken: promises, own }: Tally): boolean {
  return total(failed) + total(lost) + total(promises) + total(own) === 0;
}
