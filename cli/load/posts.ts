/** What the command and a thread of a load post to each other. */
import type { RecordableHistogram } from "node:perf_hooks";
import type { LoadSettings } from "./settings.ts";
import type { Tally } from "./tally.ts";
import type { Traffic } from "./traffic.ts";

export interface ThreadData {
  readonly settings: LoadSettings;
  /** From 0; every so many peers are its own. */
  readonly thread: number;
  readonly threads: number;
}

export type ToThread =
  /** So many peers are to be connected: others join, or leave. `order` is in the tally once that is so. */
  | { readonly type: "aim"; readonly peers: number; readonly order: number }
  /** Nothing more is sent; what is under way arrives. */
  | { readonly type: "quiet" }
  /** What has not arrived by now is missing. All peers leave, and the thread ends. */
  | { readonly type: "leave" };

export type FromThread =
  | {
      readonly type: "ready";
      /** Of messages, and of joins; microseconds. Their memory is shared with the thread. */
      readonly latency: RecordableHistogram;
      readonly joins: RecordableHistogram;
      readonly kind: Traffic["kind"];
    }
  /** It cannot be begun. `usage`: the command line is wrong. */
  | { readonly type: "unusable"; readonly message: string; readonly usage: boolean }
  | { readonly type: "tally"; readonly tally: Tally }
  | { readonly type: "left"; readonly tally: Tally };
