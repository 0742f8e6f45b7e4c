/**
 * A trace of one live connection, as its user holds it: switched on and off while it runs, read now and then. What records it is
 * trace/recorder.ts, in the thread that has the connection.
 */
import { StardustError } from "./errors.ts";
import { checkOptions, type OptionTable, whole } from "./options.ts";
import { DEFAULT_TRACE_EVENTS, type TraceCommand } from "./trace/recorder.ts";

export interface TraceRunOptions {
  /** Events that are kept until they are read; of more the newest. 1 to 1,000,000; default 10,000. */
  readonly maxEvents?: number | undefined;
}

/**
 * A trace that is running: what this side sends, receives and refuses, what it believes lost, its round trip, window and bytes in flight. Text of
 * qlog (JSON-SEQ): all that was read, one after the other, is a `.sqlog` file. Payloads are not in it.
 */
export interface ConnectionTrace extends AsyncDisposable {
  /** What has come since it was read last, with the beginning of the file the first time; empty: nothing. */
  read(): Promise<string>;
  /** Switches it off; resolves with what was left to be read. */
  stop(): Promise<string>;
}

const table: OptionTable = { maxEvents: whole(1, 1_000_000) };

export function tracedAlready(): StardustError {
  const message = "trace: there is one already; stop it first";
  return new StardustError("STARDUST_INVALID_OPTION", message);
}

/** Switches a trace on. `ask` resolves with text, or undefined where there is nothing to trace any more. */
export async function startTrace(
  options: TraceRunOptions,
  ask: (command: TraceCommand, maxEvents: number) => Promise<string | undefined>,
): Promise<ConnectionTrace> {
  checkOptions("trace", options, table);
  const { maxEvents = DEFAULT_TRACE_EVENTS } = options;
  let unread = (await ask("start", maxEvents)) ?? "";
  let isOff = false;
  const read = async (command: "read" | "stop"): Promise<string> => {
    if (isOff) return "";
    isOff = command === "stop";
    const text = unread;
    unread = "";
    return text + ((await ask(command, maxEvents)) ?? "");
  };
  return {
    read: () => read("read"),
    stop: () => read("stop"),
    [Symbol.asyncDispose]: async () => void (await read("stop")),
  };
}
