/**
 * What accept gives a client to prove itself with, in either kind of security. Not here: what accept looks like, and how a
 * signature is checked (key-exchange.ts).
 */
import type { TrafficSecrets } from "../traffic-secrets.ts";
import type { ZeroDropReason } from "./counters.ts";
import type { ZeroCrypto } from "./crypto.ts";
import type { ClientKeyExchange, SignedAccept } from "./key-exchange.ts";
import { keysOfTicket, type ZeroKeys } from "./keys.ts";
import type { AcceptSys } from "./own-messages.ts";

export interface OwnKeys {
  readonly keys: ZeroKeys;
  /** What regular datagrams carry in plain mode. */
  readonly tag?: number;
  readonly secrets?: TrafficSecrets;
  /** The key that the server has signed with. */
  readonly serverKey?: string;
}

/** Of a ticket, in plain mode. */
export function plainOwnKeys(
  crypto: ZeroCrypto,
  { ticket, tag }: AcceptSys,
): OwnKeys | ZeroDropReason {
  const keys = keysOfTicket(crypto, ticket!);
  return keys === undefined ? "droppedSchema" : { keys, tag: tag! };
}

/** Of a key exchange. Undefined where the server's key is none of the trusted ones; without those any will do. */
export function sealedOwnKeys(
  exchange: ClientKeyExchange,
  signed: SignedAccept,
  trusted: readonly string[] | undefined,
): OwnKeys | ZeroDropReason | undefined {
  const { identity: serverKey } = signed;
  if (trusted?.includes(serverKey) === false) return undefined;
  const made = exchange.keysOf(signed);
  if (made === undefined) return "droppedKey";
  return { keys: made.zero, secrets: made.secrets, serverKey };
}
