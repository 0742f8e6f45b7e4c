/**
 * Where messages meet their readers: handlers and iterators of each channel, and the queue in which messages wait until
 * a channel has its first of either. Server and client share it. It holds decoded messages and knows nothing of bytes:
 * each message has a cost (in credit bytes), and `release` is called once when it is taken, so that whoever counts can
 * let the sender go on. Worst case: what waits on reliable channels is bounded by the caller, who is told how much its
 * origin has there; on unreliable ones it is a few messages, released at once: they may be lost, and must not hold up
 * a peer's other channels.
 */
import { onAbort } from "./abort.ts";
import { StardustError } from "./errors.ts";
import type { MessagesOptions, Overflow, Unsubscribe } from "./face.ts";
import { abortSignal, checkOptions, type OptionTable, oneOf, whole } from "./options.ts";
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

type Handler = (...args: unknown[]) => unknown;

/** Calls a handler with the arguments that its side uses, and passes on what it returns. */
export type Invoke<Origin> = (
  handler: Handler,
  origin: Origin,
  message: unknown,
  user: Float64Array,
) => unknown;

export interface DispatcherOptions<Origin> {
  readonly channels: readonly ChannelDefinition[];
  readonly invoke: Invoke<Origin>;
  /** What an iterator yields. */
  readonly yields: (origin: Origin, message: unknown) => unknown;
  /** A message was taken (or dropped): its cost may be given back. */
  readonly release: (origin: Origin, cost: number) => void;
  /** A handler threw, or its promise was rejected. It is the application's bug: reported; this must not throw. */
  readonly onHandlerError: (error: unknown, channel: ChannelDefinition) => void;
}

/** Unreliable messages that a channel keeps until it has a reader; the oldest is dropped first. */
const MAX_WAITING_UNRELIABLE = 64;
const DEFAULT_ITERATOR_LIMIT = 64;

export class Dispatcher<Origin> {
  readonly #queues: ChannelQueue<Origin>[];
  /** Cost of what waits for a first reader, by origin, all channels together: it is one credit that they hold. */
  readonly #held = new Map<Origin, number>();

  constructor(options: DispatcherOptions<Origin>) {
    this.#queues = options.channels.map(
      (channel) => new ChannelQueue(channel, options, this.#held),
    );
  }

  /** Whether a message on this channel would be taken now; a client asks before it lets the session deliver. */
  hasRoom(channel: number): boolean {
    return this.#queues[channel]!.hasRoom();
  }

  /**
   * Hands a message to the readers of its channel, or lets it wait for a first one. Returns the cost that now waits
   * for first readers from this origin, on all channels; 0 where the channel has one.
   */
  offer(
    channel: number,
    origin: Origin,
    message: unknown,
    user: Float64Array,
    cost: number,
  ): number {
    return this.#queues[channel]!.offer(origin, message, user, cost);
  }

  receive(channel: number, handler: Handler): Unsubscribe {
    return this.#queueOf(channel).receive(handler);
  }

  messages(channel: number, options: MessagesOptions = {}): AsyncIterableIterator<unknown> {
    return this.#queueOf(channel).messages(options);
  }

  /** Whether a channel has no reader and no room for more: its connection would stall for good. */
  isStuck(channel: number): boolean {
    return this.#queues[channel]!.isStuck;
  }

  /**
   * Called when an iterator has made room: a client then lets its session deliver again. It must not deliver in the
   * call.
   */
  set onRoom(callback: () => void) {
    for (const queue of this.#queues) queue.onRoom = callback;
  }

  /** A peer has left: its waiting messages go to readers that have come in this turn, or are dropped. */
  forget(origin: Origin): void {
    for (const queue of this.#queues) queue.forget(origin);
    this.#held.delete(origin);
  }

  /** Nothing more comes. Iterators end after what they hold; what waits can still be read. */
  close(): void {
    for (const queue of this.#queues) queue.close();
  }

  #queueOf(channel: number): ChannelQueue<Origin> {
    const queue = this.#queues[channel];
    if (queue === undefined) {
      throw new StardustError("STARDUST_INVALID_OPTION", `there is no channel number ${channel}`);
    }
    return queue;
  }
}

const messagesTable: OptionTable = {
  limit: whole(1, 2 ** 31 - 1),
  overflow: oneOf("wait", "drop-oldest", "drop-newest", "close"),
  signal: abortSignal,
};

/** One channel of the dispatcher. */
class ChannelQueue<Origin> {
  readonly channel: ChannelDefinition;
  onRoom: () => void = () => {};
  readonly #options: DispatcherOptions<Origin>;
  #handlers: readonly Handler[] = [];
  #iterators: readonly MessageIterator<Origin>[] = [];
  /** Messages that came before the first reader. */
  #waiting: Item<Origin>[] = [];
  /** Their cost: of this channel, and by origin of all channels. */
  #heldCost = 0;
  readonly #heldBy: Map<Origin, number>;
  /** Each message is kept, and what waits counts. Else the newest are: of all, or `reliable-sequenced`, of each origin. */
  readonly #keepsAll: boolean;
  #flushScheduled = false;
  #flushing = false;
  #closed = false;

  constructor(
    channel: ChannelDefinition,
    options: DispatcherOptions<Origin>,
    heldBy: Map<Origin, number>,
  ) {
    this.channel = channel;
    this.#options = options;
    this.#heldBy = heldBy;
    this.#keepsAll = channel.reliable && channel.delivery !== "reliable-sequenced";
  }

  get #hasReader(): boolean {
    return this.#handlers.length > 0 || this.#iterators.length > 0;
  }

  /** Whether the channel has no reader and as many messages waiting as it may. */
  get isStuck(): boolean {
    return !this.#hasReader && !this.hasRoom();
  }

  hasRoom(): boolean {
    if (!this.#hasReader || this.#waiting.length > 0) {
      return !this.#keepsAll || this.#heldCost < this.channel.queueBytes;
    }
    for (const iterator of this.#iterators) if (!iterator.hasRoom()) return false;
    return true;
  }

  offer(origin: Origin, message: unknown, user: Float64Array, cost: number): number {
    if (this.#hasReader && this.#waiting.length === 0) {
      this.#dispatch(origin, message, user, cost);
      return 0;
    }
    const item: Item<Origin> = { origin, message, user: user.slice(), cost, pending: 0 };
    if (!this.#keepsAll) {
      this.#keepNewest(item);
      this.#options.release(origin, cost);
      return 0;
    }
    this.#waiting.push(item);
    this.#heldCost += cost;
    const held = (this.#heldBy.get(origin) ?? 0) + cost;
    this.#heldBy.set(origin, held);
    return this.#hasReader ? 0 : held;
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
      // The same function may have been put there twice.
      const index = this.#handlers.indexOf(handler);
      this.#handlers = this.#handlers.filter((_, i) => i !== index);
    });
  }

  messages(options: MessagesOptions): AsyncIterableIterator<unknown> {
    checkOptions("messages", options, messagesTable);
    const { signal } = options;
    let forgetSignal = (): void => {};
    const iterator: MessageIterator<Origin> = new MessageIterator(
      this.#options.yields,
      options.limit ?? DEFAULT_ITERATOR_LIMIT,
      options.overflow ?? (this.channel.reliable ? "wait" : "drop-oldest"),
      (item) => {
        this.#settle(item);
        this.onRoom();
      },
      () => {
        forgetSignal();
        this.#iterators = this.#iterators.filter((other) => other !== iterator);
        // The others may have been waiting for this one.
        this.onRoom();
      },
    );
    this.#iterators = [...this.#iterators, iterator];
    if (this.#closed) {
      this.#flush();
      iterator.end();
    } else if (signal?.aborted) {
      iterator.end();
    } else {
      forgetSignal = onAbort(signal, () => iterator.end());
      this.#scheduleFlush();
    }
    return iterator;
  }

  forget(origin: Origin): void {
    if (this.#waiting.length === 0) return;
    // A reader that came in this very turn: these messages came before the leave.
    this.#flush();
    this.#waiting = this.#waiting.filter((item) => {
      if (item.origin !== origin) return true;
      if (this.#keepsAll) this.#heldCost -= item.cost;
      return false;
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#hasReader) this.#flush();
    for (const iterator of this.#iterators) iterator.end();
  }

  #keepNewest(item: Item<Origin>): void {
    const waiting = this.#waiting;
    if (this.channel.reliable) {
      // Those that are being handed on stay where they are.
      const older = this.#flushing ? -1 : waiting.findIndex(({ origin }) => origin === item.origin);
      if (older >= 0) waiting.splice(older, 1);
    } else if (waiting.length >= MAX_WAITING_UNRELIABLE) waiting.shift();
    waiting.push(item);
  }

  readonly #report = (error: unknown): void => {
    this.#options.onHandlerError(error, this.channel);
  };

  /** Hands a message to all readers. A cost of 0 means that it was released already. */
  #dispatch(origin: Origin, message: unknown, user: Float64Array, cost: number): void {
    for (const handler of this.#handlers) {
      try {
        const result = this.#options.invoke(handler, origin, message, user);
        if (result instanceof Promise) result.catch(this.#report);
      } catch (error) {
        this.#report(error);
      }
    }
    if (this.#iterators.length === 0) {
      if (cost > 0) this.#options.release(origin, cost);
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
    if (item.pending === 0 && item.cost > 0) this.#options.release(item.origin, item.cost);
  }

  /** What waited goes to the first reader once the caller has finished setting up, and before anything newer. */
  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#waiting.length === 0) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // Those that are handed on stay in the list until the end, so that what comes meanwhile queues up behind them.
    let taken = 0;
    for (; taken < this.#waiting.length && this.#hasReader; taken++) {
      const { origin, message, user, cost } = this.#waiting[taken]!;
      if (!this.#keepsAll) {
        this.#dispatch(origin, message, user, 0);
        continue;
      }
      this.#heldCost -= cost;
      const held = this.#heldBy.get(origin)! - cost;
      if (held > 0) this.#heldBy.set(origin, held);
      else this.#heldBy.delete(origin);
      this.#dispatch(origin, message, user, cost);
    }
    this.#flushing = false;
    if (taken === 0) return;
    this.#waiting.splice(0, taken);
    this.onRoom();
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
