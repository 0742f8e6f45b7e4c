/**
 * Where messages meet their readers: handlers and iterators of each channel, and the queue in which messages wait until
 * a channel has its first of either. Server and client share it. What has a handler is decoded as it comes; what waits,
 * here or at an iterator, waits as bytes (held-messages.ts) and is decoded when a reader takes it, so that what is held is
 * what was charged. `release` is called once when a message is taken (or dropped), so that whoever counts can let the
 * sender go on. Worst case: what waits on reliable channels is bounded by the caller, who counts what is offered and what
 * is released; on unreliable ones it is a few messages and `queueBytes`, released at once: they may be lost, and must not hold
 * up a peer's other channels; on `reliable-sequenced` ones it is one message of each origin, released at once too.
 */
import { onAbort } from "./abort.ts";
import { StardustError } from "./errors.ts";
import type { MessagesOptions, Unsubscribe } from "./face.ts";
import { HeldMessages, Mark } from "./held-messages.ts";
import { HeldQueue } from "./held-queue.ts";
import { MessageIterator } from "./message-iterator.ts";
import { abortSignal, checkOptions, type OptionsOf, oneOf, whole } from "./options.ts";
import type { ChannelDefinition } from "./protocol.ts";
import type { ReceivedMessage } from "./received-message.ts";

type Handler = (...args: unknown[]) => unknown;

/** Calls a handler with the arguments that its side uses, and passes on what it returns. */
export type Invoke<Origin> = (
  handler: Handler,
  origin: Origin,
  message: unknown,
  user: Float64Array,
) => unknown;

/** `Origin` is the peer on a server; a client has none. */
export interface DispatcherOptions<Origin> {
  readonly channels: readonly ChannelDefinition[];
  /** Fields of the user's own in the header. */
  readonly userFields: number;
  /** What a message with a payload of so many bytes costs while it waits. */
  readonly cost: (payloadBytes: number) => number;
  /** The decoded message; undefined for bytes that are no message, which it has counted. This must not throw. */
  readonly decode: (origin: Origin, received: ReceivedMessage) => unknown;
  readonly invoke: Invoke<Origin>;
  /** What an iterator yields. */
  readonly yields: (origin: Origin, message: unknown) => unknown;
  /**
   * A message was taken (or dropped): its cost may be given back. Missing where nobody is charged: then an iterator holds
   * `queueBytes` of its channel at most.
   */
  readonly release?: ((origin: Origin, channel: number, cost: number) => void) | undefined;
  /** A handler threw, or its promise was rejected. It is the application's bug: reported; this must not throw. */
  readonly onHandlerError: (error: unknown, channel: ChannelDefinition, origin: Origin) => void;
}

/** Unreliable messages that a channel keeps until it has a reader; the oldest is dropped first. */
const MAX_WAITING_UNRELIABLE = 64;
const DEFAULT_ITERATOR_LIMIT = 64;

export class Dispatcher<Origin> {
  readonly #queues: ChannelQueue<Origin>[];
  readonly #held: HeldMessages<Origin>;

  constructor(options: DispatcherOptions<Origin>) {
    this.#held = new HeldMessages(options.userFields, options.cost);
    this.#queues = options.channels.map(
      (channel) => new ChannelQueue(channel, options, this.#held),
    );
  }

  /**
   * Whether a message of so many bytes would be taken on this channel now; a client asks before it lets the session
   * deliver. One is always taken where nothing waits.
   */
  hasRoom(channel: number, payloadBytes: number): boolean {
    return this.#queues[channel]!.hasRoom(payloadBytes);
  }

  /** Hands a message to the readers of its channel, or lets it wait for a first one. `received` is used during the call only. */
  offer(channel: number, origin: Origin, received: ReceivedMessage): void {
    this.#queues[channel]!.offer(origin, received);
  }

  receive(channel: number, handler: Handler): Unsubscribe {
    return this.#queueOf(channel).receive(handler);
  }

  messages(channel: number, options: MessagesOptions = {}): AsyncIterableIterator<unknown> {
    return this.#queueOf(channel).messages(options);
  }

  /**
   * Called when an iterator has made room: a client then lets its session deliver again. It must not deliver in the
   * call.
   */
  set onRoom(callback: () => void) {
    for (const queue of this.#queues) queue.onRoom = callback;
  }

  /**
   * A peer has left: what waits for a first reader goes to those that have come in this turn, or is dropped. What all that
   * have left still have at iterators costs at most `maxCost`. Returns how many messages of others were dropped for that.
   */
  forget(origin: Origin, maxCost: number): number {
    for (const queue of this.#queues) queue.forget(origin);
    return this.#held.leave(origin, maxCost);
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

const messagesTable: OptionsOf<MessagesOptions> = {
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
  readonly #held: HeldMessages<Origin>;
  /** Messages that came before the first reader. */
  readonly #waiting: HeldQueue<Origin>;
  /** Each message is kept, and what waits counts. Else the newest are: of all, or `reliable-sequenced`, of each origin. */
  readonly #keepsAll: boolean;
  #flushScheduled = false;
  #flushing = false;
  #closed = false;

  constructor(
    channel: ChannelDefinition,
    options: DispatcherOptions<Origin>,
    held: HeldMessages<Origin>,
  ) {
    this.channel = channel;
    this.#options = options;
    this.#held = held;
    this.#waiting = new HeldQueue(held, (message) => held.drop(message));
    this.#keepsAll = channel.reliable && channel.delivery !== "reliable-sequenced";
  }

  #hasReader(): boolean {
    return this.#handlers.length > 0 || this.#iterators.length > 0;
  }

  /** Whether a message has to wait behind others, or for a first reader. */
  #hasToWait(): boolean {
    return !this.#hasReader() || this.#waiting.length > 0 || this.#flushing;
  }

  hasRoom(payloadBytes: number): boolean {
    const cost = this.#options.cost(payloadBytes);
    if (this.#hasToWait()) return !this.#keepsAll || this.#fits(cost);
    for (const iterator of this.#iterators) if (!iterator.hasRoom(cost)) return false;
    return true;
  }

  /** Whether a message of this cost can wait for the first reader. */
  #fits(cost: number): boolean {
    return this.#waiting.length === 0 || this.#waiting.cost + cost <= this.channel.queueBytes;
  }

  offer(origin: Origin, received: ReceivedMessage): void {
    const cost = this.#options.cost(received.end - received.start);
    if (!this.#hasToWait()) {
      this.#dispatch(origin, received, cost, undefined);
      return;
    }
    if (!this.#keepsAll) this.#makeWay(origin, cost);
    const held = this.#held.put(origin, received);
    this.#waiting.push(held);
    if (this.#keepsAll) return;
    this.#held.mark(held, Mark.released);
    this.#options.release?.(origin, this.channel.index, cost);
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
      options.limit ?? DEFAULT_ITERATOR_LIMIT,
      options.overflow ?? (this.channel.reliable ? "wait" : "drop-oldest"),
      this.#options.release === undefined ? this.channel.queueBytes : Number.POSITIVE_INFINITY,
      this.#held,
      {
        take: (held) => this.#take(held),
        settle: (held) => this.#settle(held),
        end: () => {
          forgetSignal();
          this.#iterators = this.#iterators.filter((other) => other !== iterator);
          // The others may have been waiting for this one.
          this.onRoom();
        },
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
    this.#waiting.cut(origin);
  }

  close(): void {
    this.#closed = true;
    if (this.#hasReader()) this.#flush();
    for (const iterator of this.#iterators) iterator.end();
  }

  /** Drops what a new message takes the place of: the origin's own, or the oldest where there are too many. */
  #makeWay(origin: Origin, cost: number): void {
    const waiting = this.#waiting;
    if (this.channel.reliable) {
      waiting.cut(origin);
      return;
    }
    while (waiting.length >= MAX_WAITING_UNRELIABLE || !this.#fits(cost)) {
      this.#held.drop(waiting.shift()!);
    }
  }

  #report(error: unknown, origin: Origin): void {
    this.#options.onHandlerError(error, this.channel, origin);
  }

  /**
   * Hands a message to all readers: decoded to handlers and to iterators that are waited at, as bytes to the others.
   * `stored` is its handle where it has waited. A cost of 0 means that it was released already.
   */
  #dispatch(
    origin: Origin,
    received: ReceivedMessage,
    cost: number,
    stored: number | undefined,
  ): void {
    const handlers = this.#handlers;
    // Of others' code nothing runs before the bytes are copied: it may have the session deliver something else.
    const { user } = received;
    const isTaken = handlers.length > 0 || this.#iterators.some((iterator) => iterator.isAwaited);
    const message = isTaken ? this.#options.decode(origin, received) : undefined;
    const isKept =
      (!isTaken || message !== undefined) &&
      this.#hand(origin, received, message, cost === 0, stored);
    if (!isKept && stored !== undefined) this.#held.drop(stored);
    if (message !== undefined) {
      for (const handler of handlers) {
        try {
          const result = this.#options.invoke(handler, origin, message, user);
          if (result instanceof Promise) result.catch((error) => this.#report(error, origin));
        } catch (error) {
          this.#report(error, origin);
        }
      }
    }
    if (!isKept && cost > 0) this.#options.release?.(origin, this.channel.index, cost);
  }

  /** Hands a message to the iterators; whether one of them keeps its bytes. */
  #hand(
    origin: Origin,
    received: ReceivedMessage,
    message: unknown,
    isReleased: boolean,
    stored: number | undefined,
  ): boolean {
    if (this.#iterators.length === 0) return false;
    const keeping: MessageIterator<Origin>[] = [];
    for (const iterator of this.#iterators) {
      if (iterator.isAwaited) iterator.yield(this.#options.yields(origin, message));
      else keeping.push(iterator);
    }
    if (keeping.length === 0) return false;
    const held = stored ?? this.#held.put(origin, received);
    if (isReleased) this.#held.mark(held, Mark.released);
    this.#held.setReaders(held, keeping.length);
    for (const iterator of keeping) iterator.push(held);
    return true;
  }

  /** What an iterator yields of a message that it held; undefined for bytes that are no message. */
  #take(held: number): unknown {
    const origin = this.#held.origin(held);
    const message = this.#held.isMarked(held, Mark.malformed)
      ? undefined
      : this.#held.show(held, this.channel, (received) => this.#options.decode(origin, received));
    // Counted once, however many iterators hold it.
    if (message === undefined) this.#held.mark(held, Mark.malformed);
    this.#settle(held);
    return message === undefined ? undefined : this.#options.yields(origin, message);
  }

  /** One iterator has taken, dropped or given up a message. */
  #settle(held: number): void {
    if (this.#held.settle(held) === 0) {
      const cost = this.#held.isMarked(held, Mark.released) ? 0 : this.#held.cost(held);
      const origin = this.#held.origin(held);
      this.#held.drop(held);
      if (cost > 0) this.#options.release?.(origin, this.channel.index, cost);
    }
    this.onRoom();
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
    let hasTaken = false;
    // What comes meanwhile queues up behind these.
    while (this.#hasReader()) {
      const held = this.#waiting.shift();
      if (held === undefined) break;
      hasTaken = true;
      const cost = this.#held.cost(held);
      const origin = this.#held.origin(held);
      this.#held.show(held, this.channel, (received) =>
        this.#dispatch(origin, received, this.#keepsAll ? cost : 0, held),
      );
    }
    this.#flushing = false;
    if (hasTaken) this.onRoom();
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
