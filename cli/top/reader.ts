/**
 * Reads a dashboard over HTTP: one state, or one after the other as server-sent events, again and again where the connection ends. All text
 * of it is made printable first: names of players are players'.
 */
import { get as getHttp, type IncomingMessage } from "node:http";
import { get as getHttps } from "node:https";
import { printable } from "../../codegen/spec/format.ts";
import type { DashboardState } from "../../src/dashboard/state.ts";
import { UsageError } from "../usage.ts";

const AGAIN_MS = 1000;
/** Without a word for so long the connection is taken for dead. */
const SILENCE_MS = 10_000;
const MAX_BYTES = 8 << 20;

export interface Source {
  readonly url: URL;
  readonly token: string | undefined;
}

/** What is read: a state, or why there is none. */
export type Reading =
  | { readonly state: DashboardState }
  | { readonly state: undefined; readonly problem: string };

/** The state as it is now. Throws a UsageError for an answer that is none, and what Node throws where nobody answers. */
export async function readState(source: Source, query: string): Promise<DashboardState> {
  const response = await ask(source, `state?${query}`);
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > MAX_BYTES) throw new UsageError("what answers there is no dashboard");
  }
  return parse(text);
}

/**
 * States as they come, until `signal` fires; `query` is looked at each time the stream is opened, and `again` opens it anew. Throws a UsageError where
 * the token is wrong, or what answers is no dashboard.
 */
export async function follow(
  source: Source,
  query: () => string,
  tell: (reading: Reading) => void,
  { signal, again }: { readonly signal: AbortSignal; readonly again: EventTarget },
): Promise<void> {
  while (!signal.aborted) {
    const end = new AbortController();
    const stop = (): void => end.abort();
    signal.addEventListener("abort", stop, { once: true });
    again.addEventListener("again", stop, { once: true });
    let isAnswered = false;
    try {
      const response = await ask(source, `events?${query()}`, end.signal);
      for await (const state of eventsOf(response)) {
        isAnswered = true;
        tell({ state });
      }
    } catch (error) {
      if (error instanceof UsageError) throw error;
      if (!end.signal.aborted && !isAnswered) tell({ state: undefined, problem: problemOf(error) });
    } finally {
      signal.removeEventListener("abort", stop);
      again.removeEventListener("again", stop);
    }
    // Asked for other peers: at once.
    if (end.signal.aborted) continue;
    tell({ state: undefined, problem: "no connection; trying again" });
    await pause(AGAIN_MS, signal);
  }
}

function ask({ url, token }: Source, path: string, signal?: AbortSignal): Promise<IncomingMessage> {
  const get = url.protocol === "https:" ? getHttps : getHttp;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const options = { headers, agent: false, ...(signal === undefined ? {} : { signal }) };
    const request = get(new URL(path, url), options, (response) => {
      const { statusCode } = response;
      if (statusCode === 200) {
        resolve(response);
        return;
      }
      response.resume();
      if (statusCode === 401)
        reject(new UsageError("the dashboard wants a token: --token, or STARDUST_TOKEN"));
      else if (statusCode === 503) reject(new Error("too many others are looking"));
      else reject(new UsageError(`${url.href} answers ${statusCode}: this is no dashboard`));
    });
    request.setTimeout(SILENCE_MS, () => request.destroy(new Error("no answer")));
    request.on("error", reject);
  });
}

/** The states in a stream of events. */
async function* eventsOf(response: IncomingMessage): AsyncGenerator<DashboardState> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
    for (;;) {
      const at = text.indexOf("\n\n");
      if (at < 0) break;
      const data = /^event: state\ndata: (.*)$/s.exec(text.slice(0, at))?.[1];
      text = text.slice(at + 2);
      if (data !== undefined) yield parse(data);
    }
    if (text.length > MAX_BYTES) throw new UsageError("what answers there is no dashboard");
  }
}

function parse(text: string): DashboardState {
  try {
    const state = JSON.parse(text, (_key, value: unknown) =>
      typeof value === "string" ? printable(value).replaceAll("\t", " ") : value,
    ) as DashboardState;
    if (!Array.isArray(state.ports) || !Array.isArray(state.peersPage.rows)) throw new Error();
    return state;
  } catch {
    throw new UsageError("what answers there is no dashboard");
  }
}

function problemOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ECONNREFUSED" ? "nobody answers; trying again" : `${message}; trying again`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
