/**
 * One listener for each AbortSignal, however many clients and iterators wait for it: Node warns of a leak from the
 * eleventh listener on, and ending a hundred clients with one signal is no leak.
 */

interface Listening {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const known = new WeakMap<AbortSignal, Listening>();

/**
 * Calls `callback` once when the signal fires; the function that is returned takes it back. Whether the signal has
 * fired already is for the caller to ask.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {};
  const listening = known.get(signal) ?? listenTo(signal);
  // A function of its own for each: the same callback may wait twice.
  const own = (): void => callback();
  listening.callbacks.add(own);
  return () => {
    listening.callbacks.delete(own);
    if (listening.callbacks.size === 0) forget(signal, listening);
  };
}

function listenTo(signal: AbortSignal): Listening {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    forget(signal, listening);
    for (const callback of callbacks) callback();
  };
  const listening = { callbacks, listener };
  known.set(signal, listening);
  signal.addEventListener("abort", listener);
  return listening;
}

function forget(signal: AbortSignal, listening: Listening): void {
  if (known.get(signal) !== listening) return;
  known.delete(signal);
  signal.removeEventListener("abort", listening.listener);
}
