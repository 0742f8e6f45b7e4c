/** What the handshake of a sealed connection agrees on, and all that its session derives keys from. */
export interface TrafficSecrets {
  /** For the datagrams that the client sends, 32 bytes. */
  readonly clientSecret: Uint8Array;
  /** For those that the server sends, 32 bytes. */
  readonly serverSecret: Uint8Array;
}
