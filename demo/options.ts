/** The demo's command line: what it takes, and the text of `--help`. */
import { readFlags, readNumber, UsageError } from "#cli/usage.js";

export interface DemoOptions {
  /** Ports of the server, as `listen` takes them. */
  readonly ports: string;
  readonly bots: number;
  /** Seconds until the demo ends by itself; undefined: until Ctrl-C. */
  readonly durationS: number | undefined;
  /** Share of datagrams that the link drops, each way. */
  readonly loss: number;
  /** Milliseconds that the link holds each datagram, each way. */
  readonly delayMs: number;
  readonly seed: number;
  readonly json: boolean;
  /** Only bots, against a server that runs already at this address. */
  readonly join: { readonly host: string; readonly port: number } | undefined;
  /** The public key of that server; undefined: bots join whoever answers. */
  readonly serverKey: string | undefined;
  /** False: nothing that is lost is sent again; the demo then has to report errors. */
  readonly resend: boolean;
  /** The worker of the first port dies so long after it has started, each time; undefined: it does not. */
  readonly crashS: number | undefined;
  /** Only so many bots, the last ones, have the link of `loss` and `delayMs`; undefined: all. */
  readonly lossyBots: number | undefined;
  /** TCP port of the dashboard; another one where that is taken. Undefined: there is none. */
  readonly dashboard: number | undefined;
  /** Set on the process that the demo starts for its bots. */
  readonly child: boolean;
}

/** Beside the ports of the arena, but of TCP. */
const DEFAULT_DASHBOARD = 12_340;

export const help = `Stardust's arena: a server on a pool of UDP ports, and bots that play.

Usage: npm start -- [options]

  --ports RANGE    ports of the server, e.g. 12341-12343 (default) or 12341,12350
  --bots N         bots, in a process of their own (default 12); 0: none, for others to join
  --duration S     play for S seconds once the bots have joined, then wait for what is under way and end
                   (default: run until Ctrl-C)
  --loss P         the link between bots and server drops this share, each way (default 0)
  --delay MS       and holds each datagram for so long, each way (default 0)
  --lossy-bots N   only the last N bots have that link; the others' is as good as this machine's (default: all)
  --dashboard PORT the web page that shows all this, on 127.0.0.1 (default 12340, or a free port where that is taken)
  --no-dashboard   without it
  --seed N         seed of the link's and the bots' chances (default 1)
  --join HOST:PORT only bots, against a server that runs already
  --server-key KEY and only if it has this key, which it printed when it started
  --crash S        the worker of the first port dies every S seconds: its peers leave and join again
  --no-resend      send nothing again that was lost: shows that the demo notices (exit code 1)
  --json           last line on stdout: one JSON object with the results; all else on stderr
  --help           this text

Exit code: 0; 1 when a promise was broken or something threw; 2 for wrong use.
`;

export function parseOptions(args: readonly string[]): DemoOptions | "help" {
  const values = readFlags(withNegatives(args), {
    ports: { type: "string" },
    bots: { type: "string" },
    duration: { type: "string" },
    loss: { type: "string" },
    delay: { type: "string" },
    "lossy-bots": { type: "string" },
    dashboard: { type: "string" },
    "no-dashboard": { type: "boolean" },
    seed: { type: "string" },
    join: { type: "string" },
    "server-key": { type: "string" },
    crash: { type: "string" },
    "no-resend": { type: "boolean" },
    json: { type: "boolean" },
    child: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values["help"] === true) return "help";
  return {
    ports: (values["ports"] as string | undefined) ?? "12341-12343",
    bots: readNumber(values, "bots", { min: 0, max: 1000 }) ?? 12,
    durationS: readNumber(values, "duration", { min: 0.1, max: 1e6, whole: false }),
    loss: readNumber(values, "loss", { min: 0, max: 0.99, whole: false }) ?? 0,
    delayMs: readNumber(values, "delay", { min: 0, max: 10_000, whole: false }) ?? 0,
    lossyBots: readNumber(values, "lossy-bots", { min: 0, max: 1000 }),
    dashboard:
      values["no-dashboard"] === true
        ? undefined
        : (readNumber(values, "dashboard", { min: 0, max: 65_535 }) ?? DEFAULT_DASHBOARD),
    seed: readNumber(values, "seed", { min: 0, max: 2 ** 32 - 1 }) ?? 1,
    json: values["json"] === true,
    join: parseJoin(values["join"] as string | undefined),
    serverKey: values["server-key"] as string | undefined,
    resend: values["no-resend"] !== true,
    crashS: readNumber(values, "crash", { min: 0.1, max: 1e6, whole: false }),
    child: values["child"] === true,
  };
}

/** `--loss -1` as `--loss=-1`: what begins with a dash and a digit is no option, and is refused by its range. */
function withNegatives(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1);
    if (/^-[\d.]/.test(arg) && before !== undefined && /^--[a-z-]+$/.test(before)) {
      joined[joined.length - 1] = `${before}=${arg}`;
    } else joined.push(arg);
  }
  return joined;
}

function parseJoin(text: string | undefined): DemoOptions["join"] {
  if (text === undefined) return undefined;
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65535) {
    throw new UsageError(`--join takes HOST:PORT, e.g. 127.0.0.1:12341, not "${text}"`);
  }
  return { host: match[1]!.replace(/^\[(.*)\]$/, "$1"), port };
}
