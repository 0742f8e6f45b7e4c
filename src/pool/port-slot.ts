/** One port of a pool and, while it lives, its worker. What is done with it is pool.ts's business. */
import type { PortHandle } from "../port/handle.ts";

export class PortSlot {
  /** Position in the range of bound ports. */
  index: number;
  port: number;
  handle!: PortHandle;
  /** Peers whose join has been reported and that are not being closed: the receivers of broadcasts. */
  readonly peers: Set<number> = new Set();
  /** Peers whose join has been reported, and whose leave has not. */
  attached: number = 0;
  restarts: number = 0;
  startedMs: number = 0;
  up: boolean = true;
  /** Its worker takes joins, and answers pings. */
  ready: boolean = false;

  constructor(index: number, port: number) {
    this.index = index;
    this.port = port;
  }

  get unanswered(): number {
    return this.handle.unanswered;
  }

  ping(): void {
    this.handle.ping();
  }
}

/** A message for the systems of several ports: all get it, or none. */
export function tellSystems(
  receivers: readonly PortSlot[],
  from: number,
  message: number,
  payload: Uint8Array,
): boolean {
  const full = receivers.findIndex(({ handle }) => !handle.reserveSystem(from, message, payload));
  for (const { handle } of receivers.slice(0, full < 0 ? undefined : full)) {
    if (full < 0) handle.publishSystem();
    else handle.abandonSystem();
  }
  return full < 0;
}
