/** Where a client is, as a port sees it: what the connection protocol's proofs and answers are about. */

export interface NetworkPath {
  /** The client's. */
  readonly address: string;
  readonly port: number;
}

/** Whether two are the same: what was proven on one holds on the other. */
export function isSamePath(a: NetworkPath, b: NetworkPath): boolean {
  return a.address === b.address && a.port === b.port;
}

/** All of it as text without a second meaning, for a MAC over it. */
export function pathText({ address, port }: NetworkPath): string {
  return `${address}\n${port}`;
}
