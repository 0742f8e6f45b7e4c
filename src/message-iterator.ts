/**
 * `for await` over one channel: what has come and was not asked for yet waits here, as handles of bytes that its channel
 * keeps (held-messages.ts). Whose messages they are is not known here.
 */
import { StardustError } from "./errors.ts";
import type { Overflow } from "./face.ts";
import type { HeldMessages } from "./held-messages.ts";
import { HeldQueue } from "./held-queue.ts";

/** What an iterator asks of its channel about messages that it holds. */
export interface HeldReader {
  /** What it yields of a message, which it then no longer holds; undefined: nothing, the message is malformed. */
  take(held: number): unknown;
  /** It no longer holds a message, and nobody is given it. */
  settle(held: number): void;
  end(): void;
}

/** `for await` over one channel: a bounded queue whose overflow was chosen by its user. */
export class MessageIterator<Origin> implements AsyncIterableIterator<unknown> {
  readonly #limit: number;
  readonly #overflow: Overflow;
  /** It holds no more, but for one that is larger. */
  readonly #maxCost: number;
  readonly #channel: HeldReader;
  readonly #held: HeldMessages<Origin>;
  readonly #queue: HeldQueue<Origin>;
  #readers: {
    resolve: (result: IteratorResult<unknown>) => void;
    reject: (error: Error) => void;
  }[] = [];
  #ended = false;
  #error: Error | undefined;

  constructor(
    limit: number,
    overflow: Overflow,
    maxCost: number,
    held: HeldMessages<Origin>,
    channel: HeldReader,
  ) {
    this.#limit = limit;
    this.#overflow = overflow;
    this.#maxCost = maxCost;
    this.#channel = channel;
    this.#held = held;
    this.#queue = new HeldQueue(held, (message) => channel.settle(message));
  }

  hasRoom(cost: number): boolean {
    return this.#overflow !== "wait" || !this.#isFull(cost);
  }

  /** Whether somebody waits for a message: it then holds none. */
  get isAwaited(): boolean {
    return this.#readers.length > 0;
  }

  /** Gives a value to whoever waits for it. */
  yield(value: unknown): void {
    this.#readers.shift()!.resolve({ done: false, value });
  }

  push(held: number): void {
    const cost = this.#held.cost(held);
    if (this.#overflow !== "wait" && this.#isFull(cost)) {
      if (this.#overflow === "drop-newest") {
        this.#channel.settle(held);
        return;
      }
      if (this.#overflow === "close") {
        this.#error = new StardustError(
          "STARDUST_CLOSED",
          this.#queue.length < this.#limit
            ? `the iterator's ${this.#maxCost} bytes were reached`
            : `the iterator's limit of ${this.#limit} was reached`,
        );
        this.#channel.settle(held);
        this.end();
        return;
      }
      while (this.#isFull(cost)) this.#channel.settle(this.#queue.shift()!);
    }
    this.#queue.push(held);
  }

  #isFull(cost: number): boolean {
    const { length, cost: heldCost } = this.#queue;
    return length >= this.#limit || (length > 0 && heldCost + cost > this.#maxCost);
  }

  next(): Promise<IteratorResult<unknown>> {
    for (let held = this.#queue.shift(); held !== undefined; held = this.#queue.shift()) {
      const value = this.#channel.take(held);
      if (value !== undefined) return Promise.resolve({ done: false, value });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Leaving a `for await` early: what is queued is dropped, and counts as taken. */
  return(): Promise<IteratorResult<unknown>> {
    this.end();
    for (let held = this.#queue.shift(); held !== undefined; held = this.#queue.shift()) {
      this.#channel.settle(held);
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** No more comes; what is queued can still be read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#channel.end();
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }
}
