/**
 * What sealing means to a session as a whole: its keys in both directions, and why it has to end. Not here: the keys
 * themselves (seal-keys.ts).
 */
import { closeCodes } from "../connection-contract.ts";
import { StardustError } from "../errors.ts";
import type { DropReason } from "./drop-reason.ts";
import type { RttEstimator } from "./rtt.ts";
import { KEY_BYTES } from "./seal-crypto.ts";
import { KEEP_KEYS_PROBES, ReceiveKeys, SendKeys, sealLimits } from "./seal-keys.ts";
import type { SessionOptions } from "./session-options.ts";

/** Code and reason with which a session that has failed is to be closed. */
export interface SessionFailure {
  readonly code: string;
  readonly reason: string;
}

export function violated(reason: DropReason): SessionFailure {
  return { code: closeCodes.protocolViolation, reason };
}

/** A key has been used as often as it may be. */
export const spentKeys: SessionFailure = {
  code: closeCodes.keysSpent,
  reason: "a key was used as often as it may be",
};

/** The keys of both directions. */
export interface SessionKeys {
  readonly send: SendKeys;
  readonly receive: ReceiveKeys;
}

/** Those of a session; undefined where the session is plain. */
export function sealKeys(
  { protocol, role, sealing }: SessionOptions,
  rtt: RttEstimator,
): SessionKeys | undefined {
  const { security, cipher } = protocol;
  if ((security === "sealed") !== (sealing !== undefined)) {
    const problem = sealing === undefined ? "needs secrets" : "has no use for secrets";
    throw invalid(`a ${security} session ${problem}`);
  }
  if (sealing === undefined) return undefined;
  if (cipher === undefined) throw invalid("a sealed protocol has no cipher");
  const { crypto, clientSecret, serverSecret, limits } = sealing;
  for (const secret of [clientSecret, serverSecret]) {
    if (secret.byteLength !== KEY_BYTES) throw invalid(`a secret of ${secret.byteLength} bytes`);
  }
  const allLimits =
    limits === undefined ? sealLimits[cipher] : { ...sealLimits[cipher], ...limits };
  const keepMs = () => KEEP_KEYS_PROBES * rtt.probeTimeoutMs();
  const options = { crypto, cipher, limits: allLimits, keepMs };
  const isClient = role === "client";
  return {
    send: new SendKeys(options, isClient ? clientSecret : serverSecret),
    receive: new ReceiveKeys(options, isClient ? serverSecret : clientSecret),
  };
}

function invalid(what: string): StardustError {
  return new StardustError("STARDUST_INVALID_OPTION", what);
}
