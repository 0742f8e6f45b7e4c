/**
 * Asks the application about joins and waits for its answers, each with a deadline. It knows neither ports nor places
 * (pool.ts). Worst case: as many joins wait as the workers let through.
 */
import type { FaultOrigin, JoinOrigin } from "../connection-contract.ts";
import { StardustError } from "../errors.ts";
import { LatencyHistogram } from "../histogram.ts";

/** The application's answer to a join. */
export type JoinDecision =
  | { readonly accept: true; readonly body?: object | undefined; readonly state?: unknown }
  | { readonly accept: false; readonly detail?: string | undefined };

export interface Decider {
  /** Asynchronous, may throw; `signal` fires when its time is up. Missing: everybody is let in. */
  readonly authenticate:
    | ((
        body: unknown,
        origin: JoinOrigin,
        signal: AbortSignal,
      ) => Promise<JoinDecision> | JoinDecision)
    | undefined;
  /** Something of the application's threw, or a worker died: reported, never fatal. */
  onFault(where: string, error: unknown, origin?: FaultOrigin): void;
}

/** Where nobody decides. */
const LET_IN: JoinDecision = { accept: true };

export class JoinDecisions {
  /** How long each answer took, timeouts too. */
  readonly took: LatencyHistogram = new LatencyHistogram();
  readonly #decider: Decider;
  readonly #timeoutMs: number;
  /** Of each join that is being decided on, a function that stops waiting for it. */
  readonly #waiting = new Set<() => void>();

  constructor(decider: Decider, timeoutMs: number) {
    this.#decider = decider;
    this.#timeoutMs = timeoutMs;
  }

  /** The joins that are being decided on time out now. */
  giveUp(): void {
    for (const stop of this.#waiting) stop();
  }

  /** Never rejects: what goes wrong is a fault, and `failed`. */
  ask(
    body: unknown,
    origin: JoinOrigin,
  ): JoinDecision | Promise<JoinDecision | "timeout" | "failed"> {
    const { authenticate } = this.#decider;
    if (authenticate !== undefined) return this.#wait(authenticate, body, origin);
    this.took.add(0);
    return LET_IN;
  }

  async #wait(
    authenticate: NonNullable<Decider["authenticate"]>,
    body: unknown,
    origin: JoinOrigin,
  ): Promise<JoinDecision | "timeout" | "failed"> {
    const askedMs = performance.now();
    const abort = new AbortController();
    let stop!: () => void;
    const timeout = new Promise<"timeout">((resolve) => {
      stop = () => {
        resolve("timeout");
        abort.abort();
      };
    });
    const timer = setTimeout(stop, this.#timeoutMs);
    this.#waiting.add(stop);
    try {
      const decided = Promise.resolve(authenticate(body, origin, abort.signal));
      const decision = await Promise.race([decided, timeout]);
      if (decision !== "timeout" && typeof decision?.accept !== "boolean") {
        throw new StardustError(
          "STARDUST_INVALID_OPTION",
          "authenticate must answer { accept: true } or { accept: false }",
        );
      }
      if (decision === "timeout") return decision;
      // Read here, once: accessors and texts of the application's may throw.
      return decision.accept
        ? { accept: true, body: decision.body ?? {}, state: decision.state }
        : { accept: false, detail: String(decision.detail ?? "") };
    } catch (error) {
      this.#decider.onFault("authenticate", error);
      return "failed";
    } finally {
      clearTimeout(timer);
      this.took.add(performance.now() - askedMs);
      this.#waiting.delete(stop);
    }
  }
}
