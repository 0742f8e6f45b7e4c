/**
 * What a script of `stardust load` exports by default: who its peers are and what they do, instead of what the command
 * would send by itself. Types only; the command runs the script in its threads.
 */

/** One peer of a load, as its script sees it. */
export interface LoadPeer {
  /** From 0, of all peers of all threads. */
  readonly index: number;
  /** At least 0, below 1: the peer's own sequence, which follows from `--seed`. */
  random(): number;
  /** Runs `action` `--rate` times a second, in step with all other peers, until this one has left or the load ends. */
  atRate(action: () => void): void;
  /** A latency of the script's own, in milliseconds: the report and `--max-latency` then go by these. */
  latency(ms: number): void;
  /** Says that the server has broken a promise: the report counts it, and the command ends with exit code 1. */
  broken(what: string): void;
}

/** The default export of a script: `export default { … } satisfies LoadScript<Client>`. */
export interface LoadScript<Client, Join = unknown> {
  /** The body of a peer's join; default: `--join`, or the example of the spec. */
  readonly join?: (index: number) => Join | Promise<Join>;
  /** A peer's connect token; default: one that `--token-key` signs, or none. */
  readonly token?: (index: number) => string | Promise<string>;
  /**
   * What a peer does once it is connected: puts handlers on channels, sends. Without it messages are sent as without a script.
   * What it throws counts as broken. A promise is not waited for.
   */
  readonly play?: (client: Client, peer: LoadPeer) => void | Promise<void>;
}
