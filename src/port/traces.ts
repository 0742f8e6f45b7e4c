/**
 * The traces that run on a port. What was recorded of a peer stays until it is read, also when the peer has left: its end is often what
 * somebody wants to see. Of peers that have left, the newest MAX_ENDED are kept.
 */
import type { Protocol } from "../protocol.ts";
import type { Session } from "../session/session.ts";
import { type TraceCommand, TraceRecorder } from "../trace/recorder.ts";

const MAX_ENDED = 16;

export class Traces {
  readonly #protocol: Protocol;
  /** By peer. */
  readonly #running = new Map<
    number,
    { readonly session: Session; readonly recorder: TraceRecorder }
  >();
  readonly #ended = new Map<number, TraceRecorder>();

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  /** What there is to read; undefined: nobody records this peer, and it is not there. `session`: while it is. */
  ask(
    peer: number,
    session: Session | undefined,
    what: TraceCommand,
    maxEvents: number,
    nowMs: number,
  ): string | undefined {
    if (what === "start" && session !== undefined && !this.#running.has(peer)) {
      const side = { name: `peer ${peer}`, type: "server" } as const;
      const recorder = new TraceRecorder(
        this.#protocol,
        session,
        side,
        nowMs,
        Date.now(),
        maxEvents,
      );
      session.trace(recorder);
      this.#running.set(peer, { session, recorder });
    }
    const text = (this.#running.get(peer)?.recorder ?? this.#ended.get(peer))?.read();
    if (what === "stop") {
      this.#running.get(peer)?.session.trace(undefined);
      this.#running.delete(peer);
    }
    if (what !== "start") this.#ended.delete(peer);
    return text;
  }

  /** A peer has left. */
  end(peer: number): void {
    const running = this.#running.get(peer);
    if (running === undefined) return;
    this.#running.delete(peer);
    this.#ended.set(peer, running.recorder);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MAX_ENDED) this.#ended.delete(oldest!);
  }
}
