/**
 * The course of a load: one peer goes first, so that an address at which nobody is takes one deadline and not hundreds; then
 * all of them, for a while, or more and more of them; then they fall silent, what is under way arrives, and they leave. It may
 * be ended at any time, and then still leaves in good order.
 */
import type { Crew } from "./crew.ts";
import { LimitSearch } from "./limit-search.ts";
import type { LoadSettings } from "./settings.ts";
import type { Tally } from "./tally.ts";
import { broken, gaveWay, type Verdict } from "./verdict.ts";

/** When for so long no message has come, what is under way will not arrive; and how long that may take in all. */
const SETTLE_MS = 2000;
const LONGEST_SETTLE_MS = 15_000;
/** How long a step's first latencies are not looked at, where it is not shorter: joins cost more than messages. */
const WARM_UP_MS = 1000;

export interface LimitStep {
  readonly peers: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly messagesPerSecond: number;
  readonly gaveWay: Verdict | undefined;
}

export interface Course {
  /** How long the messages of the rates were counted. */
  measuredMs: number;
  messagesPerSecond: { sent: number; received: number };
  joinedInMs: number;
  steps: LimitStep[];
  /** The most peers that were carried, and the fewest that were not; undefined: none failed. */
  carried: number;
  failed: number | undefined;
  /** The busiest thread of the load, while it was measured. */
  busy: number[];
  interrupted: boolean;
  /** Above `--max-latency`, or other than what shows in the tally. */
  verdict: Verdict | undefined;
}

export type Progress = (tally: Tally, phase: string) => void;

export class LoadRun {
  readonly course: Course = {
    measuredMs: 0,
    messagesPerSecond: { sent: 0, received: 0 },
    joinedInMs: 0,
    steps: [],
    carried: 0,
    failed: undefined,
    busy: [],
    interrupted: false,
    verdict: undefined,
  };
  readonly #crew: Crew;
  readonly #settings: LoadSettings;
  readonly #end: AbortSignal;
  readonly #progress: Progress;

  constructor(crew: Crew, settings: LoadSettings, end: AbortSignal, progress: Progress) {
    this.#crew = crew;
    this.#settings = settings;
    this.#end = end;
    this.#progress = progress;
  }

  async run(): Promise<void> {
    const { findLimit, peers } = this.#settings;
    if (await this.#reach(1, "joining")) {
      if (findLimit) await this.#search();
      else await this.#steady(peers);
    }
    this.course.interrupted = this.#end.aborted;
    this.#crew.quiet();
    await this.#settle();
    await this.#crew.leave();
  }

  async #settle(): Promise<void> {
    const startMs = performance.now();
    let newsMs = startMs;
    let waiting = Number.POSITIVE_INFINITY;
    let received = 0;
    while (waiting > 0) {
      await this.#next("settling");
      const tally = this.#crew.tally();
      const nowMs = performance.now();
      if (tally.waiting < waiting || tally.received > received) newsMs = nowMs;
      ({ waiting, received } = tally);
      if (nowMs - newsMs > SETTLE_MS || nowMs - startMs > LONGEST_SETTLE_MS) return;
    }
  }

  async #steady(peers: number): Promise<void> {
    const { durationMs } = this.#settings;
    const startMs = performance.now();
    await this.#reach(peers, "joining");
    this.course.joinedInMs = performance.now() - startMs;
    const window = await this.#measure("running", durationMs, () => false);
    const { maxLatencyMs } = this.#settings;
    if (window.latencies > 0 && window.p99Ms > maxLatencyMs) this.course.verdict = gaveWay(window);
  }

  async #search(): Promise<void> {
    const { peers: first, maxPeers, durationMs } = this.#settings;
    const search = new LimitSearch(first, maxPeers);
    const warmUpMs = Math.min(WARM_UP_MS, durationMs);
    const { course } = this;
    for (let peers = search.next; peers !== undefined && !this.#end.aborted; peers = search.next) {
      const before = this.#crew.tally();
      const phase = `trying ${peers} peers`;
      const fails = (): boolean => broken({ before, now: this.#crew.tally() }) !== undefined;
      await this.#reach(peers, phase, fails);
      await this.#during(warmUpMs, phase, fails);
      const window = await this.#measure(phase, durationMs, fails);
      if (this.#end.aborted && !fails()) break;
      const verdict = gaveWay({ ...window, before });
      const { p50Ms, p99Ms } = window;
      const messagesPerSecond = course.messagesPerSecond.sent;
      course.steps.push({ peers, p50Ms, p99Ms, messagesPerSecond, gaveWay: verdict });
      search.tried(peers, verdict === undefined);
      if (verdict === undefined) continue;
      course.verdict = verdict;
      // Nobody is left to be asked, or it is not the server's limit that was found.
      if (this.#crew.tally().peers === 0 || verdict.what === "load") break;
      await this.#reach(search.carried, "easing off");
      await this.#during(warmUpMs, "easing off", () => false);
    }
    course.carried = search.carried;
    course.failed = search.failed === Number.POSITIVE_INFINITY ? undefined : search.failed;
  }

  /** Resolves when so many are there, have failed or been lost. False: nobody is there, or it is to end. */
  async #reach(peers: number, phase: string, fails = (): boolean => false): Promise<boolean> {
    this.#crew.aim(peers);
    do await this.#next(phase);
    while (!this.#crew.isThere && !this.#end.aborted && !fails());
    return this.#crew.tally().peers > 0 && !this.#end.aborted;
  }

  async #measure(phase: string, durationMs: number, fails: () => boolean) {
    const before = this.#crew.tally();
    const { tallies } = this.#crew;
    const startMs = performance.now();
    this.#crew.forget();
    await this.#during(durationMs, phase, fails);
    const now = this.#crew.tally();
    const measuredMs = performance.now() - startMs;
    const latency = this.#crew.latency();
    const perSecond = (more: number): number => (1000 * more) / measuredMs;
    this.course.busy = this.#crew.busy(tallies);
    this.course.measuredMs = measuredMs;
    this.course.messagesPerSecond = {
      sent: perSecond(now.sent - before.sent),
      received: perSecond(now.received - before.received),
    };
    return {
      before,
      now,
      busy: Math.max(...this.course.busy),
      p50Ms: latency.count === 0 ? 0 : latency.percentile(50) / 1000,
      p99Ms: latency.count === 0 ? 0 : latency.percentile(99) / 1000,
      latencies: latency.count,
      maxLatencyMs: this.#settings.maxLatencyMs,
    };
  }

  async #during(durationMs: number, phase: string, fails: () => boolean): Promise<void> {
    const untilMs = performance.now() + durationMs;
    const isOver = (): boolean => this.#end.aborted || fails() || this.#crew.tally().peers === 0;
    while (performance.now() < untilMs && !isOver()) await this.#next(phase);
  }

  async #next(phase: string): Promise<void> {
    await this.#crew.next();
    this.#progress(this.#crew.tally(), phase);
  }
}
