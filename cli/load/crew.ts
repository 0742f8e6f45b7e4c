/**
 * The threads of a load, from the side of the command: they are told how many peers there are to be, and say what they have
 * counted. Worst case: a thread that dies ends the load, with what it died of.
 */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { UsageError } from "../usage.ts";
import type { FromThread, ThreadData, ToThread } from "./posts.ts";
import type { LoadSettings } from "./settings.ts";
import { emptyTally, sumOf, type Tally } from "./tally.ts";
import type { Traffic } from "./traffic.ts";

interface Member {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  /** Resolves when its peers have left. */
  readonly left: Promise<void>;
  tally: Tally;
  /** Tallies that it has posted. */
  posted: number;
  latency: RecordableHistogram | undefined;
  joins: RecordableHistogram | undefined;
}

export class Crew {
  kind: Traffic["kind"] = "none";
  readonly #members: readonly Member[];
  #order = 0;
  #failure: Error | undefined;
  #onPosted = (): void => {};

  private constructor({ threads, ...rest }: LoadSettings) {
    const settings = { threads, ...rest };
    this.#members = Array.from({ length: threads }, (_, thread) =>
      this.#member({ settings, thread, threads }),
    );
  }

  /** Resolves when all threads have imported what they need. Rejects with UsageError where that cannot be. */
  static async start(settings: LoadSettings): Promise<Crew> {
    const crew = new Crew(settings);
    try {
      await Promise.all(crew.#members.map(({ ready }) => ready));
    } catch (error) {
      await crew.end();
      throw error;
    }
    return crew;
  }

  /** So many peers are to be connected. */
  aim(peers: number): void {
    this.#order++;
    const { length } = this.#members;
    this.#members.forEach(({ worker }, i) => {
      const share = Math.floor(peers / length) + (i < peers % length ? 1 : 0);
      worker.postMessage({ type: "aim", peers: share, order: this.#order } satisfies ToThread);
    });
  }

  /** All that were to join have, or never will. */
  get isThere(): boolean {
    return this.tally().reached === this.#order;
  }

  quiet(): void {
    for (const { worker } of this.#members)
      worker.postMessage({ type: "quiet" } satisfies ToThread);
  }

  /** Resolves when all peers have left. */
  async leave(): Promise<void> {
    for (const { worker } of this.#members)
      worker.postMessage({ type: "leave" } satisfies ToThread);
    await Promise.all(this.#members.map(({ left }) => left));
    this.#check();
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }

  tally(): Tally {
    return sumOf(this.#members.map(({ tally }) => tally));
  }

  /** Busy time of each thread's event loop since `before`, as a share: what each had counted then. */
  busy(before: readonly Tally[]): number[] {
    return this.#members.map(({ tally }, i) => {
      const { busyMs = 0, elapsedMs = 0 } = before[i] ?? {};
      return (tally.busyMs - busyMs) / Math.max(1, tally.elapsedMs - elapsedMs);
    });
  }

  get tallies(): readonly Tally[] {
    return this.#members.map(({ tally }) => tally);
  }

  /** Latencies since `forget`, in microseconds. */
  latency(): RecordableHistogram {
    return this.#added(({ latency }) => latency);
  }

  joins(): RecordableHistogram {
    return this.#added(({ joins }) => joins);
  }

  /** Latencies are counted anew. */
  forget(): void {
    for (const { latency } of this.#members) latency?.reset();
  }

  /** Resolves when each thread has posted twice: then it has counted after this call. Rejects when one has died. */
  async next(): Promise<void> {
    const before = this.#members.map(({ posted }) => posted);
    while (this.#members.some(({ posted }, i) => posted < before[i]! + 2)) {
      this.#check();
      await new Promise<void>((resolve) => {
        this.#onPosted = resolve;
      });
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #added(of: (member: Member) => RecordableHistogram | undefined): RecordableHistogram {
    const sum = createHistogram();
    for (const member of this.#members) {
      const one = of(member);
      if (one !== undefined && one.count > 0) sum.add(one);
    }
    return sum;
  }

  #member(data: ThreadData): Member {
    const worker = new Worker(new URL("./thread.js", import.meta.url), { workerData: data });
    let resolveReady = (): void => {};
    let rejectReady = (_: Error): void => {};
    let resolveLeft = (): void => {};
    let hasLeft = false;
    const ready = new Promise<void>((resolve, reject) => {
      resolveReady = resolve;
      rejectReady = reject;
    });
    const left = new Promise<void>((resolve) => {
      resolveLeft = resolve;
    });
    const member: Member = {
      worker,
      ready,
      left,
      tally: emptyTally(),
      posted: 0,
      latency: undefined,
      joins: undefined,
    };
    const fail = (error: Error): void => {
      this.#failure ??= error;
      rejectReady(error);
      resolveLeft();
      this.#onPosted();
    };
    worker.on("message", (message: FromThread) => {
      switch (message.type) {
        case "ready":
          this.kind = message.kind;
          member.latency = message.latency;
          member.joins = message.joins;
          resolveReady();
          return;
        case "unusable":
          fail(message.usage ? new UsageError(message.message) : new Error(message.message));
          return;
        case "left":
          hasLeft = true;
          member.tally = message.tally;
          resolveLeft();
          return;
        case "tally":
          member.tally = message.tally;
          member.posted++;
          this.#onPosted();
      }
    });
    worker.on("error", (error) => fail(error as Error));
    worker.on("exit", () => {
      if (!hasLeft) fail(new Error("a thread of the load has ended"));
    });
    return member;
  }
}
