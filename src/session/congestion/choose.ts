/**
 * Which controller a session has: a name, the window of `fixed`, or a factory of the user's own; and whether a value of a
 * user's is one of these.
 */
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

/** Makes the controller of one session; another where the session has come to another path. */
export type CongestionFactory = (setup: CongestionSetup) => CongestionController;

export type CongestionName = "stardust" | "newreno" | "fixed";

/** The controllers that are there, by name. */
export const congestionControllers: Readonly<Record<CongestionName, CongestionFactory>> = {
  stardust: ({ maxDatagramBytes }) => new StardustController(maxDatagramBytes),
  newreno: ({ maxDatagramBytes }) => new NewRenoController(maxDatagramBytes),
  fixed: () => new FixedController(),
};

export const DEFAULT_CONGESTION: CongestionName = "stardust";
export const defaultCongestion: CongestionFactory = congestionControllers[DEFAULT_CONGESTION];

/** A controller that is there: a name, or `fixed` with options. */
export type CongestionChoice = CongestionName | { readonly fixed: FixedOptions };

/** What a workers' module for congestion control has to export by default is a `CongestionFactory`. */
export interface CongestionModule {
  /** Where it is, such as `new URL("./mine.js", import.meta.url)`. */
  readonly module: URL | string;
}

export function congestionFactory(choice: CongestionChoice | CongestionFactory): CongestionFactory {
  if (typeof choice === "function") return choice;
  if (typeof choice === "string") return congestionControllers[choice];
  return () => new FixedController(choice.fixed);
}

/** For the tables of options. */
export const congestionChoice: {
  readonly what: string;
  readonly isGood: (value: unknown) => boolean;
} = {
  what: '"stardust", "newreno", "fixed" or { fixed: { windowBytes?, pacingBytesPerMs? } }, with numbers above 0',
  isGood: isCongestionChoice,
};

function isCongestionChoice(value: unknown): boolean {
  if (typeof value === "string") return Object.hasOwn(congestionControllers, value);
  if (!isRecord(value) || !isRecord(value["fixed"])) return false;
  const { windowBytes, pacingBytesPerMs, ...others } = value["fixed"];
  const known = Object.keys(value).length === 1 && Object.keys(others).length === 0;
  return known && [windowBytes, pacingBytesPerMs].every(isPositiveOrNone);
}

function isPositiveOrNone(value: unknown): boolean {
  return value === undefined || (typeof value === "number" && value > 0);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
