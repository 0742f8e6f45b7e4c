/**
 * MAC keys of one connection. In plain mode they come from the ticket, which accept carries in clear: who sees the join
 * has them, who does not cannot forge a single later zero message. In sealed mode they come from the key exchange
 * (key-exchange.ts), by the same labels.
 */
import { decodeBase64url } from "./base64url.ts";
import { concat } from "./concat.ts";
import type { ZeroCrypto } from "./crypto.ts";

/** 256 bits that only the client and the port it was given know. */
export const TICKET_BYTES = 32;

/** MAC keys, one for each direction, so that nothing can be sent back to where it came from. */
export interface ZeroKeys {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

const encoder = new TextEncoder();
export const CLIENT_MAC_LABEL: Uint8Array = encoder.encode("stardust 1 zero mac client to server");
export const SERVER_MAC_LABEL: Uint8Array = encoder.encode("stardust 1 zero mac server to client");

/** HKDF-SHA-256 (RFC 5869): extracts once, and expands by a label to 32 bytes, which is the first block. */
export function expander(
  crypto: ZeroCrypto,
  shared: Uint8Array,
  salt: Uint8Array,
): (label: Uint8Array) => Uint8Array {
  const extracted = crypto.hmacSha256(salt, shared);
  return (label) => crypto.hmacSha256(extracted, concat(label, Uint8Array.of(1)));
}

export function plainKeys(crypto: ZeroCrypto, ticket: Uint8Array): ZeroKeys {
  return {
    client: crypto.hmacSha256(ticket, CLIENT_MAC_LABEL),
    server: crypto.hmacSha256(ticket, SERVER_MAC_LABEL),
  };
}

/** The keys of a ticket as it stands in accept; undefined where that is none. */
export function keysOfTicket(crypto: ZeroCrypto, text: string): ZeroKeys | undefined {
  const ticket = decodeBase64url(text, TICKET_BYTES);
  return ticket === undefined ? undefined : plainKeys(crypto, ticket);
}
