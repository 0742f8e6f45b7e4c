/**
 * Questions to a worker that are answered with a post, and may not be: each has a deadline, and is answered with undefined when it
 * has passed or the worker has ended. Bounded by who asks: nothing is kept of what was answered.
 */
export class Requests {
  readonly #timeoutMs: number;
  readonly #open = new Map<number, (answer: unknown) => void>();
  #next = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Sends a question under a number that its answer has. `waits`: for as long as there is a worker. */
  ask(send: (request: number) => void, waits = false): Promise<unknown> {
    const request = this.#next++;
    return new Promise((resolve) => {
      const giveUp = () => this.answer(request, undefined);
      const timer = waits ? undefined : setTimeout(giveUp, this.#timeoutMs);
      this.#open.set(request, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      send(request);
    });
  }

  /** An answer has come; one that nobody waits for is nothing. */
  answer(request: number, answer: unknown): void {
    this.#open.get(request)?.(answer);
    this.#open.delete(request);
  }

  /** No more answers come. */
  end(): void {
    for (const request of [...this.#open.keys()]) this.answer(request, undefined);
  }
}
