/** The words of security: whether datagrams of the regular protocol are sealed, and with what. */

export const securities = ["plain", "sealed"] as const;
export type Security = (typeof securities)[number];

/** Both have keys of 32 bytes, nonces of 12 and tags of 16. The first is the default. */
export const ciphers = ["aes-256-gcm", "chacha20-poly1305"] as const;
export type CipherName = (typeof ciphers)[number];
