/** The options of `serveDashboard`, and what is checked of them before a port is bound. */
import type { ConnectionTrace, TraceRunOptions } from "../connection-trace.ts";
import type { FaultListener } from "../endpoint.ts";
import {
  callback,
  checkOptions,
  invalidOption,
  listOf,
  type OptionsOf,
  type OptionType,
  text,
  whole,
} from "../options.ts";
import type { PeerStats, ServerStats, StatsOptions } from "../stats.ts";
import { MIN_TOKEN } from "./guard.ts";
import type { Scene } from "./state.ts";

/** A peer, as far as the dashboard asks it. */
export interface DashboardPeer {
  readonly id: number;
  readonly isAway: boolean;
  stats(): Promise<PeerStats>;
  trace(options?: TraceRunOptions): Promise<ConnectionTrace>;
}

/** A server, as far as the dashboard asks it: what the generated `listen` resolves with. */
export interface DashboardServer<Peer extends DashboardPeer = DashboardPeer> {
  readonly hosts: readonly string[];
  readonly peers: ReadonlyMap<number, Peer>;
  readonly closed: Promise<unknown>;
  stats(options?: StatsOptions): Promise<ServerStats>;
}

export interface DashboardOptions<Peer extends DashboardPeer = DashboardPeer> {
  /** The address that it is bound to; default `127.0.0.1`. One that is not of this machine alone needs a `token`. */
  readonly host?: string | undefined;
  /** TCP; default 0: any that is free. */
  readonly port?: number | undefined;
  /** Whoever asks must have it: at least 16 characters. What it goes over is HTTP and can be read on the way: docs/guide.md. */
  readonly token?: string | undefined;
  /** Names by which it may be asked beside its addresses and `localhost`: those of a proxy in front of it. */
  readonly hosts?: readonly string[] | undefined;
  /** What stands above it; default `Stardust`. */
  readonly title?: string | undefined;
  /** What a peer is called; default: nothing but its id. Whoever sees the page sees it. */
  readonly label?: ((peer: Peer) => string) | undefined;
  /** What the game looks like from above: asked ten times a second while somebody looks. No more than 500 items are shown. */
  readonly scene?: (() => Scene) | undefined;
  /** What `label` or `scene` threw. Default: a line on stderr. */
  readonly onFault?: FaultListener | undefined;
}

const tokenText: OptionType = {
  what: `a text of at least ${MIN_TOKEN} characters that a header can carry (no spaces)`,
  isGood: (value) =>
    typeof value === "string" && value.length >= MIN_TOKEN && /^[\x21-\x7e]+$/.test(value),
  secret: true,
};

const table: OptionsOf<DashboardOptions> = {
  host: text,
  port: whole(0, 65_535),
  token: tokenText,
  hosts: listOf(text),
  title: text,
  label: callback,
  scene: callback,
  onFault: callback,
};

/** Throws STARDUST_INVALID_OPTION. */
export function checkDashboardOptions(options: DashboardOptions<never>): void {
  checkOptions("serveDashboard", options, table);
  const { host = "127.0.0.1", token } = options;
  if (token === undefined && !isLoopback(host)) {
    throw invalidOption(
      `token: is needed where the dashboard is bound to ${host}, which others can reach`,
    );
  }
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
