/**
 * The command `top`: a dashboard in the terminal, drawn over itself once a second; a line a second where the output is none; one object a line with
 * `--json`. It asks the dashboard of a running server, and goes on asking where that is gone. Ends on `q`, Ctrl-C or SIGTERM, and leaves the terminal as it was.
 */
import { type PeerOrder, peerOrders } from "../src/dashboard/state.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { follow, type Reading, readState, type Source } from "./top/reader.ts";
import { plainLine, screen } from "./top/screen.ts";
import { readNumber, UsageError } from "./usage.ts";

const DEFAULT_URL = "http://127.0.0.1:12340/";
const MAX_ROWS = 200;
const KEYS = "s: by another number   n, p: next and previous peers   q: quit";
/** The other screen of a terminal, so that what stood there comes back; no cursor. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

export async function runTop(invocation: Invocation): Promise<ExitCode> {
  const { positionals, flags, out, closed } = invocation;
  const source: Source = {
    url: urlOf(positionals[0] ?? DEFAULT_URL),
    token: (flags["token"] as string | undefined) ?? process.env["STARDUST_TOKEN"] ?? undefined,
  };
  const asked = new Asked(flags);
  const isJson = flags["json"] === true;
  const isTerminal = process.stdout.isTTY === true && !isJson;
  const colour = process.stdout.isTTY === true && !process.env["NO_COLOR"];
  if (flags["once"] === true) {
    const state = await readState(source, asked.query());
    const width = isTerminal ? process.stdout.columns : 160;
    const options = { width, height: undefined, colour, footer: "" };
    out(isJson ? `${JSON.stringify(state)}\n` : `${screen(state, options).join("\n").trimEnd()}\n`);
    return 0;
  }
  const end = new AbortController();
  const again = new EventTarget();
  const stop = (): void => end.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop);
  const terminal = isTerminal ? new Terminal(out, asked, colour, stop, again) : undefined;
  let problem = "";
  const tell = (reading: Reading): void => {
    if (closed()) stop();
    else if (terminal !== undefined) terminal.show(reading);
    else if (reading.state !== undefined) {
      problem = "";
      out(`${isJson ? JSON.stringify(reading.state) : plainLine(reading.state)}\n`);
    } else if (reading.problem !== problem) {
      problem = reading.problem;
      invocation.err(`stardust: ${source.url.href}: ${problem}\n`);
    }
  };
  try {
    await follow(source, () => asked.query(), tell, { signal: end.signal, again });
  } finally {
    terminal?.close();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
  return 0;
}

/** Which peers are wanted; on a terminal that changes. */
class Asked {
  sort: PeerOrder;
  from = 0;
  limit: number;
  readonly #port: number | undefined;
  readonly #find: string | undefined;

  constructor(flags: Invocation["flags"]) {
    this.sort = (flags["sort"] as PeerOrder | undefined) ?? "loss";
    this.limit = readNumber(flags, "peers", { min: 0, max: MAX_ROWS }) ?? 25;
    this.#port = readNumber(flags, "port", { min: 1, max: 65_535 });
    this.#find = flags["find"] as string | undefined;
  }

  query(): string {
    const { sort, from, limit } = this;
    const query = new URLSearchParams({ sort, from: String(from), limit: String(limit) });
    if (this.#port !== undefined) query.set("port", String(this.#port));
    if (this.#find !== undefined) query.set("find", this.#find);
    return query.toString();
  }
}

/** The whole screen, and its keys. */
class Terminal {
  readonly #out: (text: string) => void;
  readonly #asked: Asked;
  readonly #colour: boolean;
  readonly #stop: () => void;
  readonly #again: EventTarget;
  readonly #draw = (): void => this.#redraw();
  readonly #key = (key: Buffer): void => this.#press(key.toString());
  #state: Extract<Reading, { state: object }>["state"] | undefined;
  #problem = "waiting for the dashboard …";

  constructor(
    out: (text: string) => void,
    asked: Asked,
    colour: boolean,
    stop: () => void,
    again: EventTarget,
  ) {
    this.#out = out;
    this.#asked = asked;
    this.#colour = colour;
    this.#stop = stop;
    this.#again = again;
    out(ENTER);
    process.stdout.on("resize", this.#draw);
    if (process.stdin.isTTY) process.stdin.setRawMode(true).on("data", this.#key).resume();
    this.#redraw();
  }

  show(reading: Reading): void {
    if (reading.state !== undefined) this.#state = reading.state;
    this.#problem = reading.state === undefined ? reading.problem : "";
    this.#redraw();
  }

  close(): void {
    process.stdout.off("resize", this.#draw);
    if (process.stdin.isTTY) process.stdin.setRawMode(false).off("data", this.#key).pause();
    this.#out(LEAVE);
  }

  #redraw(): void {
    const { columns: width, rows: height } = process.stdout;
    const keys = `by ${this.#asked.sort}   ${KEYS}`;
    const footer = this.#problem === "" ? keys : `▲ ${this.#problem}`;
    const lines =
      this.#state === undefined
        ? [footer]
        : screen(this.#state, { width, height, colour: this.#colour, footer });
    // Each line is written over, and what stood below is cleared: nothing flickers.
    this.#out(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`);
  }

  #press(key: string): void {
    const asked = this.#asked;
    const page = this.#state?.peersPage;
    if (key === "q" || key === "\u0003") {
      this.#stop();
      return;
    }
    if (key === "s")
      asked.sort = peerOrders[(peerOrders.indexOf(asked.sort) + 1) % peerOrders.length]!;
    else if (key === "n" && page !== undefined && page.from + asked.limit < page.matching)
      asked.from = page.from + asked.limit;
    else if (key === "p") asked.from = Math.max(0, asked.from - asked.limit);
    else return;
    if (key === "s") asked.from = 0;
    this.#again.dispatchEvent(new Event("again"));
  }
}

function urlOf(text: string): URL {
  const full = /^\w+:\/\//.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(
      `top takes the address of a dashboard, e.g. ${DEFAULT_URL}, not "${text}"`,
    );
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}
