/**
 * When a client that has lost its server joins again, and when it does not: the option `reconnect`, the pauses between its
 * attempts, and which ends of a connection are losses. Not here: the attempts (running-client.ts). Worst case: one attempt
 * after another, each at least half of `delayMs` behind the one before.
 */

import { ConnectClosedError } from "./connect-errors.ts";
import { type CloseReason, closeCodes } from "./connection-contract.ts";
import {
  ConnectProtocolError,
  ConnectRejectedError,
  ConnectUntrustedError,
  InvalidMessageError,
} from "./errors.ts";
import {
  checkOptions,
  countOrNone,
  flag,
  listOf,
  milliseconds,
  type OptionsOf,
  type OptionType,
  object,
  text,
} from "./options.ts";

/** How a client comes back. What is left out has its default. */
export interface ReconnectOptions {
  /** The pause before the first attempt, milliseconds; it doubles with each that fails. Default 250. */
  readonly delayMs?: number | undefined;
  /** Up to so much, milliseconds; default 10,000. */
  readonly maxDelayMs?: number | undefined;
  /** The part of each pause that chance may take away, 0 to 1, so that clients of one server do not come all at once; default 0.5. */
  readonly jitter?: number | undefined;
  /** Attempts before it gives up; default Infinity. */
  readonly attempts?: number | undefined;
  /** How long after the loss it gives up, milliseconds; default 120,000. Infinity: never. */
  readonly deadlineMs?: number | undefined;
  /** Codes of your own with which a server closes clients that are to come again, as `["next-map"]`. All others are final. */
  readonly retryCodes?: readonly string[] | undefined;
}

/** `ReconnectOptions` with their defaults filled in. */
export type ReconnectRules = {
  readonly [O in keyof ReconnectOptions]-?: NonNullable<ReconnectOptions[O]>;
};

const defaults: ReconnectRules = {
  delayMs: 250,
  maxDelayMs: 10_000,
  jitter: 0.5,
  attempts: Number.POSITIVE_INFINITY,
  deadlineMs: 120_000,
  retryCodes: [],
};

/** Codes of Stardust's own that nobody has meant: the network, a worker or a server is gone. */
const lossCodes: readonly string[] = [
  closeCodes.idleTimeout,
  closeCodes.serverRestarted,
  closeCodes.workerDied,
  closeCodes.shuttingDown,
  closeCodes.keysSpent,
];

/** Why a server that is there may let nobody in just now. */
const passingReasons: readonly string[] = ["full", "timeout", "shutting-down", "internal"];

const part: OptionType = {
  what: "a number from 0 to 1",
  isGood: (value) => typeof value === "number" && value >= 0 && value <= 1,
};

const reconnectTable: OptionsOf<ReconnectOptions> = {
  delayMs: milliseconds(1),
  maxDelayMs: milliseconds(1),
  jitter: part,
  attempts: countOrNone(1),
  deadlineMs: milliseconds(0),
  retryCodes: listOf(text),
};

export const reconnectOption: OptionType = {
  what: "true, false, or an object",
  isGood: (value) => flag.isGood(value) || object.isGood(value),
};

/** Undefined: a client that is lost stays lost. Throws STARDUST_INVALID_OPTION. */
export function reconnectRules(
  given: boolean | ReconnectOptions | undefined,
): ReconnectRules | undefined {
  if (given === undefined || given === false) return undefined;
  if (given === true) return defaults;
  checkOptions("connect", given, reconnectTable, "reconnect");
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(set) };
}

/** Whether a connection that has ended so is to be made again: nobody has meant it, or it was meant so. */
export function isLoss(rules: ReconnectRules, { code, by }: CloseReason): boolean {
  if (rules.retryCodes.includes(code)) return by === "remote";
  return lossCodes.includes(code);
}

/** How an attempt that has failed is told. */
export function failureOf(error: unknown): CloseReason {
  return {
    code: closeCodes.notConnected,
    reason: error instanceof Error ? error.message : String(error),
    by: isAnswer(error) ? "remote" : "local",
  };
}

/** Whether no later attempt will have a better answer. */
export function isFinalFailure(rules: ReconnectRules, error: unknown): boolean {
  if (error instanceof ConnectRejectedError) return !passingReasons.includes(error.reason);
  if (error instanceof ConnectClosedError) return !isLoss(rules, error.closed);
  return isAnswer(error) || error instanceof InvalidMessageError;
}

function isAnswer(error: unknown): boolean {
  return (
    error instanceof ConnectRejectedError ||
    error instanceof ConnectClosedError ||
    error instanceof ConnectProtocolError ||
    error instanceof ConnectUntrustedError
  );
}

/**
 * The pause before an attempt, the first of which is 1, milliseconds: exponential, with chance taking a part away.
 * `random` is at least 0, below 1.
 */
export function pauseMs(rules: ReconnectRules, attempt: number, random: number): number {
  const { delayMs, maxDelayMs, jitter } = rules;
  const longestMs = Math.min(maxDelayMs, delayMs * 2 ** Math.min(attempt - 1, 32));
  return longestMs * (1 - jitter * random);
}
