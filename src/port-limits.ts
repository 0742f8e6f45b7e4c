/**
 * What each port of a server takes before anybody has proved anything, and while joins are decided: the bounds that
 * `listen({ limits })` may set. Those of every protocol that nobody sets are in limits.ts, those of a spec in protocol.ts.
 */
export interface PortLimits {
  /** Datagrams without any proof that are looked into without regard to their address, a second; default 5000. */
  readonly unprovenPerSecond: number;
  /** Joins with a good cookie that are looked into, likewise; default 5000. */
  readonly cookiesPerSecond: number;
  /**
   * Of these, joins that cost public-key cryptography before the application is asked, likewise: the signatures of their connect
   * tokens are looked at, or their secret members opened; default 500, at most a quarter of a second.
   */
  readonly publicKeyPerSecond: number;
  /** Above any of these rates, what each address has of its own, a second; default 20, as in WireGuard. */
  readonly addressPerSecond: number;
  /** And so many at once; default 5, likewise. */
  readonly addressBurst: number;
  /** Joins that may wait for `authenticate` at once; default 1024. */
  readonly pendingJoins: number;
  /** Of these, joins whose body comes in pieces, each up to 8 KiB; default 128. */
  readonly joinsInPieces: number;
  /**
   * Joins that are remembered for `handshakeTimeoutMs`, decided ones included, so that a late copy makes no second peer;
   * default 8192. So many joins in that time a port can take.
   */
  readonly rememberedJoins: number;
}

export const defaultPortLimits: PortLimits = {
  unprovenPerSecond: 5000,
  cookiesPerSecond: 5000,
  publicKeyPerSecond: 500,
  addressPerSecond: 20,
  addressBurst: 5,
  pendingJoins: 1024,
  joinsInPieces: 128,
  rememberedJoins: 8192,
};
