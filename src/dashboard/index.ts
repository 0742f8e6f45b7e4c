/**
 * `stardust-udp/dashboard`: a web page that shows a running server, for whoever operates it. Off until it is called; it needs nothing but
 * Node. `stardust top` shows the same in a terminal.
 */
import {
  checkDashboardOptions,
  type DashboardOptions,
  type DashboardPeer,
  type DashboardServer,
} from "./options.ts";
import { RunningDashboard } from "./running-dashboard.ts";

export type { DashboardOptions, DashboardPeer, DashboardServer } from "./options.ts";
export type * from "./state.ts";

export interface Dashboard extends AsyncDisposable {
  /** Where it is, e.g. `http://127.0.0.1:12340/`. */
  readonly url: string;
  readonly port: number;
  /** It closes by itself when the server has closed. May be called twice. */
  close(): Promise<void>;
}

/**
 * Serves the dashboard of a server over HTTP; resolves when it listens. Rejects with STARDUST_INVALID_OPTION, without a token also for a host
 * that others can reach, and with Node's own error where the port cannot be had (EADDRINUSE).
 */
export async function serveDashboard<Peer extends DashboardPeer>(
  server: DashboardServer<Peer>,
  options: DashboardOptions<Peer> = {},
): Promise<Dashboard> {
  checkDashboardOptions(options as DashboardOptions<never>);
  const running = new RunningDashboard(server, options);
  await running.open();
  const { url, port } = running;
  const close = (): Promise<void> => running.close();
  return { url, port, close, [Symbol.asyncDispose]: close };
}
