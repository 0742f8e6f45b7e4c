/**
 * Where messages meet their readers: handlers and iterators of each channel, and the queue in which messages wait until
 * a channel has its first of either. Server and client share it. It holds decoded messages and knows nothing of bytes:
 * each message has a cost (in credit bytes), and `release` is called once when it is taken, so that whoever counts can
 * let the sender go on. Worst case: what waits is bounded by the caller, who is told `held` and the bytes held.
 */
import { StardustError } from "./errors.ts";
import type { MessagesOptions, Overflow, Unsubscribe } from "./face.ts";
import type { ChannelDefinition } from "./protocol.ts";

/** A message with where it came from. `origin` is the peer on a server; a client has none. */
interface Item<Origin> {
  readonly origin: Origin;
  readonly message: unknown;
  readonly user: Float64Array;
  readonly cost: number;
  /** How many readers have yet to take it. */
  pending: number;
}

type Handler = (...args: unknown[]) => void;

/** Calls a handler with the arguments that its side uses. */
export type Invoke<Origin> = (
  handler: Handler,
  origin: Origin,
  message: unknown,
  user: Float64Array,
) => void;

export interface HubOptions<Origin> {
  readonly channels: readonly ChannelDefinition[];
  readonly invoke: Invoke<Origin>;
  /** What an iterator yields. */
  readonly yields: (origin: Origin, message: unknown) => unknown;
  /** A message was taken (or dropped): its cost may be given back. */
  readonly release: (origin: Origin, cost: number) => void;
  /** A handler threw. It is the application's bug: reported, and the loop goes on. */
  readonly onHandlerError: (error: unknown, channel: ChannelDefinition) => void;
}

/** Unreliable messages that wait for a first reader; older ones are dropped. */
const MAX_WAITING_UNRELIABLE = 64;
const DEFAULT_ITERATOR_LIMIT = 64;

export class Hub<Origin> {
  readonly #rooms: Room<Origin>[];

  constructor(options: HubOptions<Origin>) {
    this.#rooms = options.channels.map((channel) => new Room(channel, options));
  }

  /** Whether a message on this channel would be taken now; a client asks before it lets the session deliver. */
  hasRoom(channel: number): boolean {
    return this.#rooms[channel]!.hasRoom();
  }

  /**
   * Hands a message to the readers of its channel, or lets it wait for a first one. Returns the cost that now waits
   * there from this origin.
   */
  offer(
    channel: number,
    origin: Origin,
    message: unknown,
    user: Float64Array,
    cost: number,
  ): number {
    return this.#rooms[channel]!.offer(origin, message, user, cost);
  }

  receive(channel: number, handler: Handler): Unsubscribe {
    return this.#room(channel).receive(handler);
  }

  messages(channel: number, options: MessagesOptions = {}): AsyncIterableIterator<unknown> {
    return this.#room(channel).messages(options);
  }

  /** Called when an iterator has made room: a client lets its session deliver again. */
  set onRoom(callback: () => void) {
    for (const room of this.#rooms) room.onRoom = callback;
  }

  /** Drops what waits of one origin: a peer that has left. */
  forget(origin: Origin): void {
    for (const room of this.#rooms) room.forget(origin);
  }

  /** Ends all iterators after what they hold. */
  close(): void {
    for (const room of this.#rooms) room.close();
  }

  #room(channel: number): Room<Origin> {
    const room = this.#rooms[channel];
    if (room === undefined) {
      throw new StardustError("STARDUST_INVALID_OPTION", `there is no channel number ${channel}`);
    }
    return room;
  }
}

/** One channel of the hub. */
class Room<Origin> {
  readonly channel: ChannelDefinition;
  onRoom: () => void = () => {};
  readonly #options: HubOptions<Origin>;
  #handlers: readonly Handler[] = [];
  #iterators: readonly MessageIterator<Origin>[] = [];
  /** Messages that came before the first reader. */
  #waiting: Item<Origin>[] = [];
  /** Their cost, by origin and in all. */
  readonly #heldBy = new Map<Origin, number>();
  #heldCost = 0;
  #flushScheduled = false;

  constructor(channel: ChannelDefinition, options: HubOptions<Origin>) {
    this.channel = channel;
    this.#options = options;
  }

  get #hasReader(): boolean {
    return this.#handlers.length > 0 || this.#iterators.length > 0;
  }

  hasRoom(): boolean {
    if (!this.#hasReader || this.#waiting.length > 0) {
      return !this.channel.reliable || this.#heldCost < this.channel.queueBytes;
    }
    return this.#iterators.every((iterator) => iterator.hasRoom());
  }

  offer(origin: Origin, message: unknown, user: Float64Array, cost: number): number {
    if (this.#hasReader && this.#waiting.length === 0) {
      this.#dispatch(origin, message, user, cost);
      return 0;
    }
    if (!this.channel.reliable && this.#waiting.length >= MAX_WAITING_UNRELIABLE) {
      const oldest = this.#waiting.shift()!;
      this.#hold(oldest.origin, -oldest.cost);
      this.#options.release(oldest.origin, oldest.cost);
    }
    this.#waiting.push({ origin, message, user: user.slice(), cost, pending: 0 });
    return this.#hold(origin, cost);
  }

  #hold(origin: Origin, cost: number): number {
    const held = (this.#heldBy.get(origin) ?? 0) + cost;
    if (held === 0) this.#heldBy.delete(origin);
    else this.#heldBy.set(origin, held);
    this.#heldCost += cost;
    return held;
  }

  receive(handler: Handler): Unsubscribe {
    if (typeof handler !== "function") {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `the handler of ${this.channel.name} is not a function`,
      );
    }
    this.#handlers = [...this.#handlers, handler];
    this.#scheduleFlush();
    return unsubscribe(() => {
      this.#handlers = this.#handlers.filter((other) => other !== handler);
    });
  }

  messages(options: MessagesOptions): AsyncIterableIterator<unknown> {
    const iterator: MessageIterator<Origin> = new MessageIterator(
      this.#options.yields,
      options.limit ?? DEFAULT_ITERATOR_LIMIT,
      options.overflow ?? (this.channel.reliable ? "wait" : "drop-oldest"),
      (item) => {
        this.#settle(item);
        this.onRoom();
      },
      () => {
        this.#iterators = this.#iterators.filter((other) => other !== iterator);
      },
    );
    this.#iterators = [...this.#iterators, iterator];
    if (options.signal !== undefined) {
      const { signal } = options;
      if (signal.aborted) iterator.end();
      else signal.addEventListener("abort", () => iterator.end(), { once: true });
    }
    this.#scheduleFlush();
    return iterator;
  }

  forget(origin: Origin): void {
    this.#hold(origin, -(this.#heldBy.get(origin) ?? 0));
    this.#waiting = this.#waiting.filter((item) => item.origin !== origin);
  }

  close(): void {
    for (const iterator of this.#iterators) iterator.end();
    this.#waiting = [];
    this.#heldBy.clear();
    this.#heldCost = 0;
  }

  #dispatch(origin: Origin, message: unknown, user: Float64Array, cost: number): void {
    for (const handler of this.#handlers) {
      try {
        this.#options.invoke(handler, origin, message, user);
      } catch (error) {
        this.#options.onHandlerError(error, this.channel);
      }
    }
    if (this.#iterators.length === 0) {
      this.#options.release(origin, cost);
      return;
    }
    const item: Item<Origin> = {
      origin,
      message,
      user,
      cost,
      pending: this.#iterators.length,
    };
    for (const iterator of this.#iterators) iterator.push(item);
  }

  /** One reader has taken, dropped or given up an item. */
  #settle(item: Item<Origin>): void {
    item.pending--;
    if (item.pending === 0) this.#options.release(item.origin, item.cost);
  }

  /** What waited goes to the first reader once the caller has finished setting up, and before anything newer. */
  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#waiting.length === 0) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      while (this.#waiting.length > 0 && this.#hasReader) {
        const item = this.#waiting.shift()!;
        this.#hold(item.origin, -item.cost);
        this.#dispatch(item.origin, item.message, item.user, item.cost);
      }
      this.onRoom();
    });
  }
}

/** `for await` over one channel: a bounded queue whose overflow was chosen by its user. */
class MessageIterator<Origin> implements AsyncIterableIterator<unknown> {
  readonly #yields: (origin: Origin, message: unknown) => unknown;
  readonly #limit: number;
  readonly #overflow: Overflow;
  readonly #settle: (item: Item<Origin>) => void;
  readonly #onEnd: () => void;
  #queue: Item<Origin>[] = [];
  #readers: {
    resolve: (result: IteratorResult<unknown>) => void;
    reject: (error: Error) => void;
  }[] = [];
  #ended = false;
  #error: Error | undefined;

  constructor(
    yields: (origin: Origin, message: unknown) => unknown,
    limit: number,
    overflow: Overflow,
    settle: (item: Item<Origin>) => void,
    onEnd: () => void,
  ) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `limit must be a whole number from 1, not ${limit}`,
      );
    }
    this.#yields = yields;
    this.#limit = limit;
    this.#overflow = overflow;
    this.#settle = settle;
    this.#onEnd = onEnd;
  }

  hasRoom(): boolean {
    return this.#overflow !== "wait" || this.#queue.length < this.#limit;
  }

  push(item: Item<Origin>): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: this.#yields(item.origin, item.message) });
      this.#settle(item);
      return;
    }
    if (this.#queue.length >= this.#limit && this.#overflow !== "wait") {
      if (this.#overflow === "drop-newest") {
        this.#settle(item);
        return;
      }
      if (this.#overflow === "close") {
        this.#error = new StardustError(
          "STARDUST_CLOSED",
          `the iterator's limit of ${this.#limit} was reached`,
        );
        this.#settle(item);
        this.end();
        return;
      }
      this.#settle(this.#queue.shift()!);
    }
    this.#queue.push(item);
  }

  next(): Promise<IteratorResult<unknown>> {
    const item = this.#queue.shift();
    if (item !== undefined) {
      const value = this.#yields(item.origin, item.message);
      this.#settle(item);
      return Promise.resolve({ done: false, value });
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
    for (const item of this.#queue.splice(0)) this.#settle(item);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** No more comes; what is queued can still be read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }
}

/** Makes an `Unsubscribe` that works once. */
export function unsubscribe(undo: () => void): Unsubscribe {
  let done = false;
  const once = (): void => {
    if (done) return;
    done = true;
    undo();
  };
  return Object.assign(once, { [Symbol.dispose]: once });
}
