/** Which controller a session has: a name, the window of `fixed`, or a factory of the user's own. */
import type { CongestionController } from "./controller.ts";
import { FixedController, type FixedOptions } from "./fixed.ts";
import { NewRenoController } from "./newreno.ts";
import { StardustController } from "./stardust.ts";

/** What a controller can know of its session when it is made. */
export interface CongestionSetup {
  /** `limits.maxDatagramBytes` of the protocol. */
  readonly maxDatagramBytes: number;
  /** The session's clock, milliseconds. */
  readonly nowMs: number;
}

/** Makes the controller of one session. */
export type CongestionFactory = (setup: CongestionSetup) => CongestionController;

export type CongestionName = "stardust" | "newreno" | "fixed";

/** The controllers that are there, by name. */
export const congestionControllers: Readonly<Record<CongestionName, CongestionFactory>> = {
  stardust: ({ maxDatagramBytes }) => new StardustController(maxDatagramBytes),
  newreno: ({ maxDatagramBytes }) => new NewRenoController(maxDatagramBytes),
  fixed: () => new FixedController(),
};

export const DEFAULT_CONGESTION: CongestionName = "stardust";

/** A name, or `fixed` with options. */
export type CongestionChoice = CongestionName | { readonly fixed: FixedOptions };

export function congestionFactory(choice: CongestionChoice): CongestionFactory {
  if (typeof choice === "string") return congestionControllers[choice];
  return () => new FixedController(choice.fixed);
}
