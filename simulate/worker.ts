/**
 * Runs shared out among threads. A worker plays every n-th run and posts how far it is, then its report; it ends early
 * when it is told to. With one worker no thread is made.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Session } from "stardust-udp/testing";
import { type Report, type RunOptions, run, type Selection, together } from "./run.ts";
import { protocolOf, type SpecName } from "./specs.ts";

interface Share extends Selection {
  readonly spec: SpecName;
  readonly simulate: true;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

type Told = { readonly runs: number } | { readonly report: Report };

export type SharedOptions = Pick<
  RunOptions,
  "protocol" | "seed" | "to" | "modes" | "links" | "signal" | "onProgress"
> & {
  /** What `protocol` is of. */
  readonly spec: SpecName;
};

/** Runs 0 to `to`, in so many threads. */
export async function runShared(options: SharedOptions, workers: number): Promise<Report> {
  if (workers === 1) return run({ ...options, Session, from: 0 });
  const progress = new Array<number>(workers).fill(0);
  const { spec, seed, to, modes, links, signal, onProgress } = options;
  const reports = Array.from({ length: workers }, (_, from) => {
    const share: Share = {
      simulate: true,
      spec,
      seed,
      to,
      modes,
      links,
      from,
      step: workers,
    };
    const worker = new Worker(new URL(import.meta.url), { workerData: share });
    signal?.addEventListener("abort", () => worker.postMessage("stop"));
    return new Promise<Report>((resolve, reject) => {
      worker.on("error", reject);
      worker.on("message", (told: Told) => {
        if ("report" in told) {
          resolve(told.report);
          return;
        }
        progress[from] = told.runs;
        onProgress?.(progress.reduce((sum, runs) => sum + runs, 0));
      });
    });
  });
  return together(await Promise.all(reports));
}

const share = workerData as Share | null;
if (!isMainThread && share?.simulate === true) {
  const stop = new AbortController();
  parentPort!.once("message", () => stop.abort());
  const tell = (told: Told): void => parentPort!.postMessage(told);
  const report = await run({
    ...share,
    Session,
    protocol: await protocolOf(share.spec),
    signal: stop.signal,
    onProgress: (runs) => tell({ runs }),
  });
  tell({ report });
  parentPort!.close();
}
