/**
 * What a port refuses, as monitoring is told: each join that the application's thread refuses, and of what its worker refuses by itself the
 * counts, with the answers to pings. So whoever floods a port does not choose how often somebody's code runs.
 */
import { publish } from "../diagnostics.ts";
import { type ZeroCounters, type ZeroDropReason, zeroDropReasons } from "../zero/counters.ts";
import type { RejectReason } from "../zero/messages.ts";
import type { NetworkPath } from "../zero/network-path.ts";

/** By cause, the names of docs/counters.md. */
export type RefusedCounts = Readonly<Record<string, number>>;

/** The worker's side: what has been refused since it was last said. */
export class Refusals {
  readonly #said = new Map<ZeroDropReason, number>();

  /** Undefined: nothing. */
  news(counters: Readonly<ZeroCounters>): RefusedCounts | undefined {
    let news: Record<string, number> | undefined;
    for (const name of Object.keys(zeroDropReasons) as ZeroDropReason[]) {
      const count = counters[name] - (this.#said.get(name) ?? 0);
      if (count === 0 || name === "accepted") continue;
      this.#said.set(name, counters[name]);
      news ??= {};
      news[`zero.${name}`] = count;
    }
    return news;
  }
}

export function tellRefused(port: number, refused: RefusedCounts | undefined): void {
  if (refused !== undefined) publish("stardust:port:refused", () => ({ port, refused }));
}

export function tellRejected(
  port: number,
  { address, port: fromPort }: NetworkPath,
  reason: RejectReason,
  detail: string,
): void {
  publish("stardust:join:rejected", () => ({ port, address, fromPort, reason, detail }));
}
