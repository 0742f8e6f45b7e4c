/**
 * One listener for each AbortSignal, however many clients and iterators wait for it: Node warns of a leak from the
 * eleventh listener on, and ending a hundred clients with one signal is no leak.
 */

interface Waiting {
  readonly works: Set<() => void>;
  readonly listener: () => void;
}

const known = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls `work` once when the signal fires; the function that is returned takes it back. Whether the signal has fired
 * already is for the caller to ask.
 */
export function onAbort(signal: AbortSignal | undefined, work: () => void): () => void {
  if (signal === undefined) return () => {};
  const waiting = known.get(signal) ?? listenTo(signal);
  // A function of its own for each: the same work may wait twice.
  const own = (): void => work();
  waiting.works.add(own);
  return () => {
    waiting.works.delete(own);
    if (waiting.works.size === 0) forget(signal, waiting);
  };
}

function listenTo(signal: AbortSignal): Waiting {
  const works = new Set<() => void>();
  const listener = (): void => {
    forget(signal, waiting);
    for (const work of works) work();
  };
  const waiting = { works, listener };
  known.set(signal, waiting);
  signal.addEventListener("abort", listener);
  return waiting;
}

function forget(signal: AbortSignal, waiting: Waiting): void {
  if (known.get(signal) !== waiting) return;
  known.delete(signal);
  signal.removeEventListener("abort", waiting.listener);
}
