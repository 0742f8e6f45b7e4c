/**
 * Requests and their answers between this side and one other: those that were made here and wait for an answer, and those
 * that came and are being answered. They travel as messages of ordinary reliable channels, whose type the generator has made
 * (a number, and a union of request, cancel, response, failure and error), so nothing below knows of them. Numbers are
 * the asking side's own and never come again. Worst case: what a hostile peer can make this side hold and run is
 * `maxOpen` responders and WAITING_PER_OPEN_REQUEST times as many messages; all else that it says is counted and dropped.
 */
import { onAbort } from "./abort.ts";
import type { Counts, requestCounters } from "./counters.ts";
import { closedError, type FaultReport } from "./endpoint.ts";
import {
  type DeclaredError,
  Declined,
  InvalidMessageError,
  RequestDeclinedError,
  RequestError,
  StardustError,
} from "./errors.ts";
import type { RequestOptions, RequestTarget, RespondContext } from "./face.ts";
import { Fifo } from "./fifo.ts";
import { DEFAULT_REQUEST_TIMEOUT_MS, WAITING_PER_OPEN_REQUEST } from "./limits.ts";
import { abortSignal, checkOptions, milliseconds, type OptionsOf } from "./options.ts";
import { type ChannelDefinition, maySend, type Role } from "./protocol.ts";
import type { Responders } from "./responders.ts";

/** Why there is no answer, where that is not the application's to say: the runtime's own words on the wire. */
type Failure = "unanswered" | "busy" | "internal";

/** What a message of a channel with requests says. */
export type ExchangeBody =
  | { readonly kind: "request"; readonly value: unknown }
  | { readonly kind: "cancel"; readonly value: object }
  | { readonly kind: "response"; readonly value: unknown }
  | { readonly kind: "failed"; readonly value: Failure }
  | { readonly kind: "error"; readonly value: DeclaredError };

export interface ExchangeMessage {
  /** Which request: a number of the one that asks. */
  readonly id: number;
  readonly body: ExchangeBody;
}

/** What all exchanges of a client, of a server's application or of a port's systems share. */
export interface ExchangeSetup {
  readonly channels: readonly ChannelDefinition[];
  readonly role: Role;
  readonly responders: Responders;
  readonly counters: Counts<typeof requestCounters>;
  readonly onFault: FaultReport;
  /** Requests to one other side that may be open at once, and requests of one that are answered at once. */
  readonly maxOpen: number;
  /** Calls back after so many milliseconds; what it returns takes that back. */
  readonly later: (ms: number, callback: () => void) => () => void;
  /** Numbers of requests begin here, and are so far apart: a server's application and its systems share them. */
  readonly firstId: number;
  readonly idStep: number;
}

/** The other side. */
export interface ExchangePeer {
  /** What `request` tells its caller that it is, once it has gone. */
  readonly name: "client" | "peer";
  /** In front of the message, where a responder has more arguments: the peer. */
  readonly origin: readonly { readonly id: number }[];
  /** False: there is no room; `drained` is called when there is. Throws as a face's `send`. */
  send(channel: number, message: ExchangeMessage): boolean;
}

interface OpenRequest {
  readonly channel: ChannelDefinition;
  /** It waits for room. */
  waiting: boolean;
  settle(outcome: Error | undefined, response?: unknown): void;
}

interface OpenAnswer {
  readonly channel: ChannelDefinition;
  /** Nobody waits for it any more. */
  cancelled: boolean;
  abort: AbortController | undefined;
}

interface Waiting {
  readonly channel: ChannelDefinition;
  readonly message: ExchangeMessage;
}

const optionTable: OptionsOf<RequestOptions> = { signal: abortSignal, timeoutMs: milliseconds(1) };
const NOTHING: object = Object.freeze({});

/** How the runtime's own words are told to whoever has asked. */
const failures = {
  unanswered: ["STARDUST_REQUEST_UNANSWERED", "nobody answers there"],
  busy: ["STARDUST_REQUEST_BUSY", "the other side is answering as many requests as it may"],
  internal: ["STARDUST_REQUEST_INTERNAL", "whatever answers there has failed"],
} as const;

export class Exchange implements RequestTarget {
  readonly #setup: ExchangeSetup;
  readonly #peer: ExchangePeer;
  readonly #made = new Map<number, OpenRequest>();
  readonly #taken = new Map<number, OpenAnswer>();
  /** Numbers of requests that were given up before they came, oldest first. */
  readonly #early = new Set<number>();
  /** What found no room, in the order in which it was said. */
  #waiting = new Fifo<Waiting>();
  #nextId: number;
  #closed = false;

  constructor(setup: ExchangeSetup, peer: ExchangePeer) {
    this.#setup = setup;
    this.#peer = peer;
    this.#nextId = setup.firstId;
  }

  // Asking ------------------------------------------------------------------------------------------------------------

  request(index: number, message: unknown, options: RequestOptions = {}): Promise<unknown> {
    // A promise in any case: what is wrong with the call rejects it.
    return new Promise((resolve, reject) => this.#ask(index, message, options, resolve, reject));
  }

  #ask(
    index: number,
    value: unknown,
    options: RequestOptions,
    resolve: (response: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    const { counters, channels, later, idStep, maxOpen } = this.#setup;
    const channel = channels[index]!;
    checkOptions("request", options, optionTable);
    const { signal, timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = options;
    if (this.#closed) throw closedError(this.#peer.name);
    if (signal?.aborted) throw aborted(channel, signal);
    if (this.#made.size >= maxOpen) {
      counters.requestsOverLimit++;
      const problem = `${maxOpen} requests to this peer are open; no more are made`;
      throw new RequestError("STARDUST_REQUEST_BUSY", channel.name, problem);
    }
    const id = this.#nextId;
    const taken = this.#say(channel, { id, body: { kind: "request", value } });
    this.#nextId += idStep;
    counters.requestsMade++;
    const forget: (() => void)[] = [];
    this.#made.set(id, {
      channel,
      waiting: !taken,
      settle: (error, response) => {
        this.#made.delete(id);
        for (const undo of forget) undo();
        if (error === undefined) resolve(response);
        else reject(error);
      },
    });
    if (timeoutMs !== Number.POSITIVE_INFINITY) {
      const problem = `no answer within ${timeoutMs} ms`;
      const late = () => {
        counters.requestsTimedOut++;
        this.#giveUp(id, new RequestError("STARDUST_REQUEST_TIMEOUT", channel.name, problem));
      };
      forget.push(later(timeoutMs, late));
    }
    if (signal === undefined) return;
    const stop = () => {
      counters.requestsAborted++;
      this.#giveUp(id, aborted(channel, signal));
    };
    forget.push(onAbort(signal, stop));
  }

  /** Nobody waits for the answer any more, and the other side is told. */
  #giveUp(id: number, error: Error): void {
    const open = this.#made.get(id);
    if (open === undefined) return;
    open.settle(error);
    // What has not left yet never does.
    if (open.waiting) this.#waiting = this.#waiting.filter((one) => !isRequest(one.message, id));
    else this.#sayOrNot(open.channel, { id, body: { kind: "cancel", value: NOTHING } });
  }

  #answered(channel: ChannelDefinition, { id, body }: ExchangeMessage): void {
    const open = this.#made.get(id);
    // One that is waiting has not left: nobody can have an answer to it.
    if (open === undefined || open.channel !== channel || open.waiting) {
      this.#setup.counters.answersUnknown++;
      return;
    }
    if (body.kind === "response") open.settle(undefined, body.value);
    else if (body.kind === "error") {
      open.settle(new RequestDeclinedError(channel.name, body.value));
    } else {
      const [code, problem] = failures[body.value as Failure];
      open.settle(new RequestError(code, channel.name, problem));
    }
  }

  // Answering ---------------------------------------------------------------------------------------------------------

  /** Takes a message of a channel with requests. `header` is of the datagram that brought it, and may be kept. Never throws. */
  handle(index: number, message: ExchangeMessage, header: () => object): void {
    if (this.#closed) return;
    const { channels, role, counters } = this.#setup;
    const channel = channels[index]!;
    const { kind } = message.body;
    const asks = kind === "request" || kind === "cancel";
    const other = role === "client" ? "server" : "client";
    if (!maySend(asks ? other : role, channel.asks!)) counters.requestsAstray++;
    else if (!asks) this.#answered(channel, message);
    else if (kind === "cancel") this.#cancelled(channel, message.id);
    else this.#asked(channel, message.id, message.body.value, header);
  }

  #asked(channel: ChannelDefinition, id: number, value: unknown, header: () => object): void {
    const { counters, responders, later, maxOpen } = this.#setup;
    if (this.#early.delete(id)) return;
    if (this.#taken.has(id)) {
      counters.requestsRepeated++;
      return;
    }
    // What waits for room to leave is the work of this peer, too.
    if (this.#taken.size + this.#waiting.length >= maxOpen) {
      counters.requestsBusy++;
      this.#fail(channel, id, "busy");
      return;
    }
    const open: OpenAnswer = { channel, cancelled: false, abort: undefined };
    this.#taken.set(id, open);
    const context = new Context(open, header);
    const answer = (): boolean => {
      const responder = responders.get(channel.index);
      if (responder === undefined) return false;
      counters.requestsAnswered++;
      this.#run(id, open, context, () => responder(...this.#peer.origin, value, context));
      return true;
    };
    if (answer()) return;
    // A request may come with the connection itself, before who waited for that had a chance to say who answers.
    later(0, () => {
      if (open.cancelled) this.#taken.delete(id);
      else if (!answer()) {
        counters.requestsUnanswered++;
        this.#taken.delete(id);
        this.#fail(channel, id, "unanswered");
      }
    });
  }

  #run(id: number, open: OpenAnswer, context: Context, work: () => unknown): void {
    const done = (answer: unknown) => this.#finish(id, open, context, answer);
    const failed = (error: unknown) => {
      // Thrown to decline, which is an answer as any other.
      if (error instanceof Declined && error.of === context) done(error);
      else this.#failed(id, open, error);
    };
    try {
      const answer = work();
      if (isThenable(answer)) answer.then(done, failed);
      else done(answer);
    } catch (error) {
      failed(error);
    }
  }

  #finish(id: number, open: OpenAnswer, context: Context, answer: unknown): void {
    this.#taken.delete(id);
    if (open.cancelled) return;
    const { channel } = open;
    let body: ExchangeBody = { kind: "response", value: answer ?? NOTHING };
    if (answer instanceof Declined) {
      if (answer.of !== context) {
        this.#failed(id, open, answer);
        return;
      }
      body = { kind: "error", value: answer.error };
    }
    try {
      this.#answer(channel, { id, body });
    } catch (error) {
      this.#failed(id, open, error);
    }
  }

  /** The bug of whatever answers is told here; the other side hears only that there was one. */
  #failed(id: number, open: OpenAnswer, error: unknown): void {
    const { counters } = this.#setup;
    this.#taken.delete(id);
    const { channel } = open;
    if (error instanceof StardustError && error.code === "STARDUST_CLOSED" && this.#closed) return;
    // Whoever heeds the signal ends so.
    if (open.cancelled && isAbort(error, open)) return;
    counters.requestsFailed++;
    this.#fault(channel, error);
    if (!open.cancelled) this.#fail(channel, id, "internal");
  }

  #fault({ name }: ChannelDefinition, error: unknown): void {
    const peer = this.#peer.origin[0]?.id;
    this.#setup.onFault(error, `respond.${name}`, { peer, channel: name });
  }

  #cancelled(channel: ChannelDefinition, id: number): void {
    const { counters, maxOpen } = this.#setup;
    const open = this.#taken.get(id);
    if (open?.channel === channel && !open.cancelled) {
      counters.requestsCancelled++;
      cancel(open, "the request was given up");
      return;
    }
    counters.cancelsUnknown++;
    if (open !== undefined) return;
    this.#early.add(id);
    if (this.#early.size > maxOpen) {
      const [oldest] = this.#early;
      this.#early.delete(oldest!);
    }
  }

  #fail(channel: ChannelDefinition, id: number, value: Failure): void {
    try {
      this.#answer(channel, { id, body: { kind: "failed", value } });
    } catch {
      // The peer has gone: so has whoever asked.
    }
  }

  /** Says an answer, unless too much waits already: the other side takes nothing, and goes on asking. */
  #answer(channel: ChannelDefinition, message: ExchangeMessage): void {
    const { maxOpen, counters } = this.#setup;
    if (this.#waiting.length < WAITING_PER_OPEN_REQUEST * maxOpen) this.#say(channel, message);
    else counters.answersDropped++;
  }

  // Both --------------------------------------------------------------------------------------------------------------

  /** False: it waits for room. Throws InvalidMessageError, whose path is that of what was given. */
  #say(channel: ChannelDefinition, message: ExchangeMessage): boolean {
    try {
      if (this.#waiting.length === 0 && this.#peer.send(channel.index, message)) return true;
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      const path = error.path.replace(/^body\.value\.?/, "");
      throw new InvalidMessageError(path, error.problem, channel.name);
    }
    this.#waiting.push({ channel, message });
    return false;
  }

  #sayOrNot(channel: ChannelDefinition, message: ExchangeMessage): void {
    try {
      this.#say(channel, message);
    } catch {
      // The peer has gone.
    }
  }

  /** Something waits for room. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** There may be room again. */
  drained(): void {
    while (this.#waiting.length > 0) {
      const { channel, message } = this.#waiting.peek()!;
      let taken: boolean;
      try {
        taken = this.#peer.send(channel.index, message);
      } catch (error) {
        taken = true;
        this.#notSaid(channel, message, error);
      }
      if (!taken) return;
      this.#waiting.shift();
      const open = message.body.kind === "request" ? this.#made.get(message.id) : undefined;
      if (open !== undefined) open.waiting = false;
    }
  }

  /** What waited and cannot be said: it was not looked at before, or has been changed meanwhile. */
  #notSaid(channel: ChannelDefinition, { id, body }: ExchangeMessage, error: unknown): void {
    if (body.kind === "request") this.#made.get(id)?.settle(error as Error);
    else if (error instanceof InvalidMessageError) {
      this.#setup.counters.requestsFailed++;
      this.#fault(channel, error);
    }
  }

  /**
   * The other side goes on with somebody else here: what it has asked has failed, what it was asked is given up, and it is told
   * so as far as there is room. Returns the number that the next request would have had.
   */
  letGo(): number {
    for (const [id, { channel, cancelled }] of [...this.#taken]) {
      if (!cancelled) this.#fail(channel, id, "internal");
    }
    for (const [id, { channel, waiting }] of this.#made) {
      if (!waiting) this.#sayOrNot(channel, { id, body: { kind: "cancel", value: NOTHING } });
    }
    this.close();
    return this.#nextId;
  }

  /** The other side has gone: what was asked is not answered any more, and what is being answered need not be. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = new Fifo();
    this.#early.clear();
    for (const { settle } of [...this.#made.values()]) settle(closedError(this.#peer.name));
    for (const open of this.#taken.values()) cancel(open, "the peer has gone");
  }
}

function isRequest({ id, body }: ExchangeMessage, of: number): boolean {
  return id === of && body.kind === "request";
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}

function aborted(channel: ChannelDefinition, signal: AbortSignal): RequestError {
  const { reason } = signal;
  return new RequestError("STARDUST_REQUEST_ABORTED", channel.name, "its signal fired", {
    cause: reason,
  });
}

function cancel(open: OpenAnswer, why: string): void {
  open.cancelled = true;
  open.abort?.abort(new DOMException(why, "AbortError"));
}

/** Whether an error says no more than that the signal has fired. */
function isAbort(error: unknown, { abort }: OpenAnswer): boolean {
  if (error instanceof Error && error.name === "AbortError") return true;
  return abort !== undefined && error === abort.signal.reason;
}

/** What a responder is given. Its signal and header are made when they are first asked for. */
class Context implements RespondContext<object, DeclaredError> {
  readonly #open: OpenAnswer;
  readonly #makeHeader: () => object;
  #header: object | undefined;

  constructor(open: OpenAnswer, makeHeader: () => object) {
    this.#open = open;
    this.#makeHeader = makeHeader;
  }

  get header(): object {
    this.#header ??= this.#makeHeader();
    return this.#header;
  }

  get signal(): AbortSignal {
    const open = this.#open;
    if (open.abort === undefined) {
      open.abort = new AbortController();
      if (open.cancelled) cancel(open, "the request was given up");
    }
    return open.abort.signal;
  }

  decline(kind: string, value: unknown = NOTHING): Declined<DeclaredError> {
    return new Declined({ kind, value }, this);
  }
}
