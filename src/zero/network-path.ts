/**
 * Where a client is, as a port sees it, and by which of the port's own addresses it comes: what the connection
 * protocol's proofs and answers are about. Whoever answers by another address than was asked is not heard.
 */

export interface NetworkPath {
  /** The client's. */
  readonly address: string;
  readonly port: number;
  /** Which of the server's addresses the client talks to, by its index in the list that `listen` was given. */
  readonly local: number;
}

/** Whether two are the same: what was proven on one holds on the other. */
export function isSamePath(a: NetworkPath, b: NetworkPath): boolean {
  return a.address === b.address && a.port === b.port && a.local === b.local;
}

/** All of it as text without a second meaning, for a MAC over it. */
export function pathText({ address, port, local }: NetworkPath): string {
  return `${address}\n${port}\n${local}`;
}
