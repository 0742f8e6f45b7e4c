/** The words of security: whether datagrams of the regular protocol are sealed, and with what. */

/** The first is the default. */
export const securities = ["sealed", "plain"] as const;
export type Security = (typeof securities)[number];

/** Notes of a diagnostic that stands there for the kind of security alone: a spec may not have said it. */
export function securityNotes(spec: { readonly saysSecurity: boolean }): { help?: string } {
  if (spec.saysSecurity) return {};
  const help =
    "a spec without `security` is sealed; for datagrams in the clear write `security: plain`";
  return { help };
}

/** Both have keys of 32 bytes, nonces of 12 and tags of 16. The first is the default. */
export const ciphers = ["aes-256-gcm", "chacha20-poly1305"] as const;
export type CipherName = (typeof ciphers)[number];
