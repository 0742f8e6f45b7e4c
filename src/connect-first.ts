/**
 * Which of a name's addresses a client connects to: the first that answers, with the next tried beside it soon. Not here: what
 * an attempt is. Worst case: one attempt for each address.
 */
import { ConnectProtocolError, ConnectRejectedError, ConnectUntrustedError } from "./errors.ts";

/** A client that is being connected. */
export interface Attempt {
  /** Resolves when the handshake is done; rejects with what went wrong. */
  readonly attached: Promise<void>;
  /** Whether anything has come from the server. */
  readonly hasHeard: boolean;
  close(): Promise<void>;
}

/** Errors that a server's answer has led to. */
const answers = [ConnectRejectedError, ConnectProtocolError, ConnectUntrustedError] as const;

/** How long an address may say nothing before the next is tried as well (RFC 8305, section 8). */
const NEXT_ADDRESS_MS = 250;

/**
 * The client that connects first, of attempts at the addresses of one name: the next begins when the one before has
 * failed, or has heard nothing for a while. What a server answers is final. Rejects with the error of the first
 * address. `isOnce`: the server lets in only one of them.
 */
export function firstOf<C extends Attempt>(
  addresses: readonly string[],
  isOnce: boolean,
  openAt: (address: string) => Promise<C>,
): Promise<C> {
  const left = [...addresses];
  const running = new Set<C>();
  let timer: NodeJS.Timeout | undefined;
  let failure: unknown;
  let trying = 0;
  let isDecided = false;
  return new Promise((resolve, reject) => {
    const decide = (winner: C | undefined): void => {
      isDecided = true;
      clearTimeout(timer);
      for (const client of running) if (client !== winner) void client.close();
    };
    const next = (): void => {
      clearTimeout(timer);
      const address = left.shift();
      if (address === undefined) return;
      trying++;
      void attempt(address);
      if (left.length > 0) timer = setTimeout(nextUnlessHeard, NEXT_ADDRESS_MS);
    };
    const nextUnlessHeard = (): void => {
      if (![...running].some((client) => client.hasHeard)) next();
    };
    const attempt = async (address: string): Promise<void> => {
      try {
        const client = await openAt(address);
        running.add(client);
        if (isDecided) return await client.close();
        await client.attached;
        if (isDecided) return await client.close();
        decide(client);
        resolve(client);
      } catch (error) {
        trying--;
        failure ??= error;
        if (isDecided) return;
        // A token lets in once: what is refused at one address may be what has been let in at another.
        const isFinal =
          answers.some((answer) => error instanceof answer) && !(isOnce && trying > 0);
        if (!isFinal && left.length > 0) return next();
        if (!isFinal && trying > 0) return;
        decide(undefined);
        reject(isFinal ? error : failure);
      }
    };
    next();
  });
}
