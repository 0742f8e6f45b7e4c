/**
 * The thread that a port is served on, as the application's thread sees it: a worker, or the application's own. On its own thread what is
 * posted is cloned as a worker's would be and comes in a turn of the event loop, and nothing is killed: what throws there,
 * throws here.
 */
import { performance } from "node:perf_hooks";
import { threadId, Worker } from "node:worker_threads";
import { WORKER_YOUNG_HEAP_MB } from "../limits.ts";
import type { ServerProtocol } from "../protocol.ts";
import type { ApplicationPost, WorkerOptions, WorkerPost } from "./posts.ts";
import { ServedPort } from "./served-port.ts";

/** What a thread says of itself. */
export interface ThreadListener {
  onPost(message: WorkerPost): void;
  /** What it ends with. */
  onError(error: Error): void;
  onExit(code: number): void;
}

export interface PortThread {
  readonly performance: Pick<Worker["performance"], "eventLoopUtilization">;
  post(message: ApplicationPost): void;
  /** Ends the serving at once; `onExit` comes before it resolves. */
  terminate(): Promise<unknown>;
}

/** Begins to serve a port, on a worker unless the options say otherwise. */
export function startPortThread(
  options: WorkerOptions,
  protocol: ServerProtocol,
  listener: ThreadListener,
): PortThread {
  if (options.ownThread) return new OwnThread(options, protocol, listener);
  return startWorker(options, listener);
}

function startWorker(options: WorkerOptions, listener: ThreadListener): PortThread {
  const worker = new Worker(new URL("./worker.js", import.meta.url), {
    workerData: options,
    name: `stardust port ${options.port}`,
    resourceLimits: {
      maxOldGenerationSizeMb: Math.ceil(options.heapBytes / 2 ** 20),
      maxYoungGenerationSizeMb: WORKER_YOUNG_HEAP_MB,
    },
    // Workers inherit all flags of Node, and it refuses this one for a file.
    ...(process.execArgv.some((arg) => arg.startsWith("--input-type")) ? { execArgv: [] } : {}),
  });
  worker.on("message", (message: WorkerPost) => listener.onPost(message));
  worker.on("error", (error: Error) => listener.onError(error));
  worker.on("exit", (code) => listener.onExit(code));
  return {
    performance: worker.performance,
    post: (message) => worker.postMessage(message),
    terminate: () => worker.terminate(),
  };
}

class OwnThread implements PortThread {
  readonly performance: PortThread["performance"] = performance;
  readonly #served: ServedPort;
  readonly #listener: ThreadListener;
  #take: ((message: ApplicationPost) => void) | undefined;
  /** Posted before anybody listened. */
  readonly #early: ApplicationPost[] = [];
  #ended: Promise<void> | undefined;

  constructor(options: WorkerOptions, protocol: ServerProtocol, listener: ThreadListener) {
    this.#listener = listener;
    // The application's own object, which a worker would have a clone of.
    const wrapSocketData = structuredClone(options.wrapSocketData);
    this.#served = new ServedPort(
      { ...options, wrapSocketData },
      {
        threadId,
        post: (message) => {
          const copy = structuredClone(message);
          setImmediate(() => listener.onPost(copy));
        },
        listen: (take) => {
          this.#take = take;
          for (const message of this.#early) take(message);
        },
        close: () => void this.#end(0),
      },
    );
    void this.#served.open(Promise.resolve(protocol));
  }

  post(message: ApplicationPost): void {
    const copy = structuredClone(message);
    setImmediate(() => {
      if (this.#ended !== undefined) return;
      if (this.#take === undefined) this.#early.push(copy);
      else this.#take(copy);
    });
  }

  /** Does not wait for sockets: whoever asks for this may have waited for one already. */
  terminate(): Promise<void> {
    void this.#served.halt();
    return this.#end(1);
  }

  /** Behind all that it has posted. */
  #end(code: number): Promise<void> {
    this.#ended ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#listener.onExit(code);
        resolve();
      });
    });
    return this.#ended;
  }
}
