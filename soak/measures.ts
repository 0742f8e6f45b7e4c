/**
 * What a process holds: objects of the heap, memory outside it, and handles of the event loop. Taken between rounds, when
 * nothing is under way. A leak is what grows round by round; what a first few rounds fill and then stays is none.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Collects all garbage of this thread. */
export const collect = runInNewContext("gc") as () => void;

/** Of one thread. */
export interface Used {
  readonly heapBytes: number;
  /** Of array buffers, shared ones too. */
  readonly bufferBytes: number;
}

export interface Held extends Used {
  /** All of the process, workers included. */
  readonly residentBytes: number;
  /** Sockets, timers and ports of this thread, by kind. */
  readonly handles: Readonly<Record<string, number>>;
  /** What each worker holds, by thread. */
  readonly workers: ReadonlyMap<number, Used>;
}

/** The heap is that of the thread that asks. */
export function memoryUsed(): Used {
  const { heapUsed, arrayBuffers, external } = process.memoryUsage();
  return { heapBytes: heapUsed, bufferBytes: Math.max(arrayBuffers, external) };
}

export function held(workers: ReadonlyMap<number, Used> = new Map()): Held {
  collect();
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  return { ...memoryUsed(), residentBytes: process.memoryUsage.rss(), handles, workers };
}

/** How Node names a socket that keeps the process alive: there is one for each client that is open. */
export const SOCKET = "UDPWrap";

/** Growth that is none: garbage that a collection leaves, code that is compiled late, pools that fill. */
const MAX_HEAP_GROWTH = 12 * 2 ** 20;
const MAX_BUFFER_GROWTH = 24 * 2 ** 20;
/** An allocator gives memory back when it likes; workers that died leave theirs to it. */
const MAX_RESIDENT_GROWTH = 256 * 2 ** 20;
const MAX_HANDLE_GROWTH = 2;

function grown(name: string, before: number, after: number, most: number): string | undefined {
  return after - before > most ? `${name} grew from ${before} to ${after}` : undefined;
}

function threadLeak(whose: string, first: Used, now: Used): string | undefined {
  return (
    grown(`the heap${whose}`, first.heapBytes, now.heapBytes, MAX_HEAP_GROWTH) ??
    grown(`buffers${whose}`, first.bufferBytes, now.bufferBytes, MAX_BUFFER_GROWTH)
  );
}

/**
 * What has grown since `first`, for people; undefined: nothing has. Open sockets are known, and so not compared; nor are workers
 * that were not there then.
 */
export function leakSince(first: Held, now: Held): string | undefined {
  return (
    threadLeak("", first, now) ??
    [...now.workers]
      .map(([thread, used]) => {
        const before = first.workers.get(thread);
        return before && threadLeak(` of worker thread ${thread}`, before, used);
      })
      .find((leak) => leak !== undefined) ??
    grown("resident memory", first.residentBytes, now.residentBytes, MAX_RESIDENT_GROWTH) ??
    Object.keys(now.handles)
      .filter((kind) => kind !== SOCKET && kind !== "Timeout" && kind !== "Immediate")
      .map((kind) =>
        grown(
          `handles of ${kind}`,
          first.handles[kind] ?? 0,
          now.handles[kind]!,
          MAX_HANDLE_GROWTH,
        ),
      )
      .find((leak) => leak !== undefined)
  );
}
