/**
 * A game's ticks on a clock that both sides share: which one is under way, which two to draw between, which one an input can reach, and
 * how far back a server looks for what a player saw. Plain arithmetic: it knows neither clocks nor connections. A client hands in
 * `client.serverTime()`, a server `server.time()`.
 */
import { StardustError } from "./errors.ts";

export interface TicksOptions {
  /** How long a tick lasts, milliseconds. */
  readonly everyMs: number;
  /** When tick 0 began, on the server's clock; default 0. */
  readonly startMs?: number | undefined;
}

/** Between two states: that of `tick` and that of the one after it. */
export interface RenderTime {
  readonly tick: number;
  /** From 0, at the state of `tick`, up to 1. */
  readonly part: number;
}

export class Ticks {
  readonly everyMs: number;
  readonly startMs: number;

  constructor({ everyMs, startMs = 0 }: TicksOptions) {
    if (!(everyMs > 0 && Number.isFinite(everyMs)) || !Number.isFinite(startMs)) {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `ticks of ${everyMs} ms from ${startMs} on`,
      );
    }
    this.everyMs = everyMs;
    this.startMs = startMs;
  }

  /** The tick that is under way at a time of the server's; negative before tick 0. */
  at(timeMs: number): number {
    return Math.floor((timeMs - this.startMs) / this.everyMs);
  }

  /** When a tick begins. */
  startOf(tick: number): number {
    return this.startMs + tick * this.everyMs;
  }

  /** How long until the next tick begins; more than 0. */
  untilNextMs(timeMs: number): number {
    return this.startOf(this.at(timeMs) + 1) - timeMs;
  }

  /**
   * What to draw now: the server's state of so long ago, between the two ticks around it. `delayMs` is `delayMs()` of this, or more: what is
   * drawn has to have come.
   */
  render(serverTimeMs: number, delayMs: number): RenderTime {
    const timeMs = serverTimeMs - delayMs;
    const tick = this.at(timeMs);
    return { tick, part: Math.min(1, Math.max(0, (timeMs - this.startOf(tick)) / this.everyMs)) };
  }

  /**
   * How far behind the server's time a client draws so that states have come in time: the way here, a tick, since the state after is
   * needed too, what ways differ by, and what the clock may be wrong by.
   */
  delayMs(path: PathTimes): number {
    return this.everyMs + path.rttMs / 2 + 2 * path.jitterMs + finite(path.clockErrorMs);
  }

  /** The tick to which an input that is sent now belongs: the first that begins once it has come there, if ways are as they were. */
  input(serverTimeMs: number, path: PathTimes): number {
    const comesMs = serverTimeMs + path.rttMs / 2 + 2 * path.jitterMs + finite(path.clockErrorMs);
    return this.at(comesMs) + 1;
  }

  /**
   * What a player saw who says it was this tick (and part), as far as a server wants to go back for it: no further than
   * `mostMs`, and not ahead of now.
   */
  rewind(seen: RenderTime, serverTimeMs: number, mostMs: number): RenderTime {
    const saidMs = this.startOf(seen.tick) + seen.part * this.everyMs;
    // What is no number is taken for now.
    const timeMs = Number.isFinite(saidMs) ? saidMs : serverTimeMs;
    const boundMs = Math.min(serverTimeMs, Math.max(serverTimeMs - mostMs, timeMs));
    return this.render(boundMs, 0);
  }
}

/** What a tick has to allow for, as `stats().rtt` and `clock.errorMs` say it; milliseconds. */
export interface PathTimes {
  readonly rttMs: number;
  readonly jitterMs: number;
  /** Default 0; Infinity, as long as nothing is known, counts as 0. */
  readonly clockErrorMs?: number | undefined;
}

function finite(ms: number | undefined): number {
  return ms === undefined || !Number.isFinite(ms) ? 0 : ms;
}
