/** What a load is to be, read from the flags of `stardust load`: plain data, which its threads are given. */
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { IssueTokenOptions } from "../../src/tokens.ts";
import { joinBody, tokenOptions } from "../join-flags.ts";
import { type FlagValues, readNumber, UsageError } from "../usage.ts";

export interface LoadSettings {
  /** Where the generated code lies, as a path. */
  readonly generated: string;
  readonly host: string;
  readonly port: number;
  readonly serverKey: string | undefined;
  /** Peers; with `findLimit`, those of the first step. */
  readonly peers: number;
  /** Messages a second of each peer. */
  readonly rate: number;
  /** From when all have joined. With `findLimit`, of each step. */
  readonly durationMs: number;
  /** Joins a second, of all threads together. */
  readonly joinRate: number;
  /** Channels that are sent on; undefined: all that a client sends on. */
  readonly channels: readonly string[] | undefined;
  /** The channel on which each message comes back to its sender. */
  readonly echo: string | undefined;
  readonly loss: number;
  readonly delayMs: number;
  readonly seed: number;
  /** The body of join; undefined: the example of the spec. */
  readonly join: object | undefined;
  readonly token: IssueTokenOptions | undefined;
  /** URL of the user's script. */
  readonly script: string | undefined;
  readonly threads: number;
  readonly findLimit: boolean;
  /** No search goes above. */
  readonly maxPeers: number;
  /** 99 of 100 latencies must be below it; Infinity: any will do. */
  readonly maxLatencyMs: number;
}

/** A thread has room for so many peers before another one is started, where there are cores for it. */
const PEERS_PER_THREAD = 250;
const STEP_S = 5;
const RUN_S = 10;
const DEFAULT_LIMIT_LATENCY_MS = 100;

/** Throws UsageError. */
export function settingsOf(generated: string | undefined, flags: FlagValues): LoadSettings {
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  const number = (name: string, min: number, max: number, whole = true): number | undefined =>
    readNumber(flags, name, { min, max, whole });
  const port = number("port", 1, 65_535);
  if (port === undefined) throw new UsageError("load needs --port, any port of the server's range");
  const findLimit = flags["find-limit"] === true;
  const peers = number("peers", 1, 100_000) ?? 10;
  const script = text("script");
  const threads = number("threads", 1, 256);
  const wanted = findLimit ? Number.POSITIVE_INFINITY : Math.ceil(peers / PEERS_PER_THREAD);
  const settings: LoadSettings = {
    generated: resolve(generated ?? "generated"),
    host: text("host") ?? "127.0.0.1",
    port,
    serverKey: text("server-key"),
    peers,
    rate: number("rate", 0, 10_000, false) ?? 20,
    durationMs: 1000 * (number("duration", 0.1, 1e6, false) ?? (findLimit ? STEP_S : RUN_S)),
    joinRate: number("join-rate", 0.1, 100_000, false) ?? 100,
    channels: text("channel")?.split(","),
    echo: text("echo"),
    loss: number("loss", 0, 0.99, false) ?? 0,
    delayMs: number("delay", 0, 10_000, false) ?? 0,
    seed: number("seed", 0, 2 ** 32 - 1) ?? 1,
    join: joinObject(flags),
    token: tokenOptions(flags),
    script: script === undefined ? undefined : pathToFileURL(resolve(script)).href,
    threads: threads ?? Math.min(availableParallelism(), wanted),
    findLimit,
    maxPeers: number("max-peers", 1, 1_000_000) ?? 100_000,
    maxLatencyMs:
      number("max-latency", 0.1, 60_000, false) ??
      (findLimit ? DEFAULT_LIMIT_LATENCY_MS : Number.POSITIVE_INFINITY),
  };
  const { echo, channels } = settings;
  if (echo !== undefined && channels !== undefined && !channels.includes(echo)) {
    throw new UsageError(`--echo ${echo} is not one of --channel ${channels.join(",")}`);
  }
  return settings;
}

/** The path of a generated file as it is there: TypeScript, or JavaScript. */
export function generatedFile(
  folder: string,
  name: string,
  exists: (path: string) => boolean,
): string {
  const found = [".ts", ".js"].map((end) => join(folder, `${name}${end}`)).find(exists);
  if (found === undefined) {
    throw new UsageError(`${folder} has no ${name}.ts or ${name}.js: is it what generate makes?`);
  }
  return found;
}

function joinObject(flags: FlagValues): object | undefined {
  const body = joinBody(flags);
  if (body === undefined || (typeof body === "object" && body !== null)) return body;
  throw new UsageError("--join takes an object");
}
