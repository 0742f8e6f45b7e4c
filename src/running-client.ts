/**
 * The client that its user holds: handlers, iterators, header values and what waits, whichever connection stands behind
 * them (client-link.ts). While it connects there may be several, one for each address of the server's name: the first that
 * opens is the client's, and the others deliver nothing any more. A connection that is lost is replaced where its user wants
 * that (`reconnect`). Worst case: one attempt to connect at a time, one wait between two.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { onAbort } from "./abort.ts";
import type { Client, ClientStats, ConnectionSecurity } from "./client-api.ts";
import { type ClientLink, type ClientLinkUser, openLink } from "./client-link.ts";
import { clockView, type RemoteClock } from "./clock.ts";
import { connectAborted } from "./connect-errors.ts";
import { firstOf } from "./connect-first.ts";
import type { ConnectOptions } from "./connect-options.ts";
import { ownCredentials } from "./connect-token.ts";
import { type CloseOptions, type CloseReason, closeCodes } from "./connection-contract.ts";
import { type ConnectionTrace, startTrace, type TraceRunOptions } from "./connection-trace.ts";
import { Counters } from "./counters.ts";
import { Dispatcher } from "./dispatcher.ts";
import {
  checkClose,
  checkToken,
  checkUserField,
  closedError,
  DrainSignal,
  decodeReceived,
  faultListener,
  keptHeader,
  receivedHeader,
  registerHandlers,
  resolveServer,
} from "./endpoint.ts";
import type { Exchange, ExchangeMessage } from "./exchange.ts";
import { Exchanges } from "./exchanges.ts";
import type {
  ClientFace,
  ClientFaceTypes,
  HeaderValues,
  MessageContext,
  RequestOptions,
  Unsubscribe,
} from "./face.ts";
import { MAX_TIMER_MS, MESSAGE_OVERHEAD_BYTES } from "./limits.ts";
import { Listeners } from "./listeners.ts";
import { hasChannel } from "./negotiated-version.ts";
import { NoticeListeners } from "./notices.ts";
import type { Protocol } from "./protocol.ts";
import type { ReceivedMessage } from "./received-message.ts";
import {
  failureOf,
  isFinalFailure,
  isLoss,
  pauseMs,
  type ReconnectRules,
  reconnectRules,
} from "./reconnect-options.ts";
import { secureRandom } from "./udp/node-crypto.ts";
import { nowMs } from "./udp/turn.ts";
import { Reader } from "./wire/reader.ts";

/** Why a server that keeps this client's place is looked for. */
const IDLE: CloseReason = {
  code: closeCodes.idleTimeout,
  reason: "nothing was heard for too long",
  by: "local",
};

export class RunningClient<F extends ClientFaceTypes> implements Client<F>, HeaderValues {
  readonly security: ConnectionSecurity;
  readonly send: F["send"];
  readonly request: F["request"];
  readonly respond: F["respond"];
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  readonly notices: F["notices"];
  readonly header: F["header"];
  readonly closed: Promise<CloseReason>;
  readonly #protocol: Protocol;
  readonly #options: ConnectOptions<F>;
  readonly #dispatcher: Dispatcher<ClientLink>;
  readonly #notices: NoticeListeners;
  readonly #exchanges: Exchanges;
  /** Of the connection. */
  #exchange: Exchange | undefined;
  readonly #drain = new DrainSignal();
  readonly #userFields: Float64Array;
  #received: Float64Array;
  readonly #context: MessageContext<object>;
  readonly #reader = new Reader();
  readonly #rules: ReconnectRules | undefined;
  readonly #listeners: Listeners<"reconnecting" | "reconnected" | "moved" | "lost">;
  #clock: RemoteClock | undefined;
  /** The connection, or the last one; undefined before the first has opened. */
  #link: ClientLink | undefined;
  /** Ends the attempts to connect that are under way, and every connection that has come of one. */
  readonly #stop = new AbortController();
  #forgetSignal = (): void => {};
  /** The number of the attempt to join again; 0: none is made, or the server is asked for the place that it keeps. */
  #attempt = 0;
  #isAway = false;
  /** The last connection is over, and attempts are made to have another in its place. */
  #isJoining = false;
  /** Ends the attempts. */
  #deadline: NodeJS.Timeout | undefined;
  /** Its user has closed it. */
  #isLeaving = false;
  /** There will be no further connection. */
  #isOver = false;
  /** What the connections before the last one have counted. */
  readonly #past = new Counters([
    ["reconnects", 0],
    ["resumes", 0],
  ]);
  #resolveClosed!: (reason: CloseReason) => void;

  constructor(protocol: Protocol, face: ClientFace<F>, options: ConnectOptions<F>) {
    this.#protocol = protocol;
    this.#options = options;
    this.security =
      protocol.security === "plain"
        ? "plain"
        : options.serverKey === undefined
          ? "opportunistic"
          : "pinned";
    this.#userFields = new Float64Array(protocol.header.userFields.length);
    this.#received = this.#userFields;
    this.#context = { header: face.header(receivedHeader(() => this.#received)) };
    this.#dispatcher = this.#makeDispatcher();
    this.#notices = new NoticeListeners(protocol.channels, faultListener(options.onFault));
    this.send = face.send({
      send: (channel, message, token) => this.#send(channel, message, token),
    });
    this.#exchanges = new Exchanges({
      protocol,
      role: "client",
      onFault: faultListener(options.onFault),
      responders: options.responders,
      option: "responders",
      maxOpen: options.maxOpenRequests,
    });
    this.request = face.request?.({ request: (...args) => this.#request(...args) }) ?? {};
    this.respond = face.respond?.(this.#exchanges.responders) ?? {};
    this.receive = face.receive(this.#dispatcher);
    this.messages = face.messages(this.#dispatcher);
    this.notices = face.notices?.(this.#notices) ?? {};
    this.header = face.header(this);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    registerHandlers(this.#dispatcher, protocol, "client", options.handlers);
    this.#rules = reconnectRules(options.reconnect);
    this.#listeners = new Listeners(
      ["reconnecting", "reconnected", "moved", "lost"],
      faultListener(options.onFault),
    );
    this.#exchanges.readFrom(this.#dispatcher, (channel, message: ExchangeMessage) => {
      const header = keptHeader(this.#received, (values) => face.header(values));
      this.#exchange?.handle(channel, message, header);
    });
  }

  /** Connects for the first time. Rejects with what `connect` rejects with. */
  async start(): Promise<void> {
    const { signal } = this.#options;
    if (signal?.aborted) throw connectAborted(signal);
    this.#forgetSignal = onAbort(signal, () => {
      this.#isLeaving = true;
      if (this.#isAway) this.#giveUp({ code: closeCodes.closed, reason: "", by: "local" });
      else this.#stop.abort(signal!.reason);
    });
    try {
      await this.#connect(0, this.#stop.signal);
    } catch (error) {
      this.#isOver = true;
      this.#forgetSignal();
      throw error;
    }
  }

  /** One attempt, at all addresses of the server. */
  async #connect(attempt: number, signal: AbortSignal): Promise<void> {
    const { host = "127.0.0.1", join, token, ...rest } = this.#options;
    const connect = {
      ...rest,
      join: await ofAttempt<object | undefined>(join, attempt, signal),
      signal,
    };
    const tokenText = await ofAttempt(token, attempt, signal);
    const keys = ownCredentials(this.#protocol, rest, tokenText);
    const addresses = await resolveServer(host);
    await firstOf(addresses, keys.token !== undefined, (address) =>
      openLink({
        protocol: this.#protocol,
        connect,
        address,
        keys,
        userFields: this.#userFields,
        isKept: this.#rules !== undefined,
        user: this.#user,
      }),
    );
  }

  // As its user sees it -------------------------------------------------------------------------------------------

  get id(): number {
    return this.#link!.attachment!.peer;
  }

  get port(): number {
    return this.#link!.attachment!.port;
  }

  get accept(): F["accept"] {
    return this.#link!.attachment!.accept as F["accept"];
  }

  get serverKey(): string | undefined {
    return this.#link!.attachment!.serverKey;
  }

  get version(): number {
    return this.#link!.negotiated.version;
  }

  has(channel: string): boolean {
    return hasChannel(this.#protocol, this.#link!.negotiated, channel);
  }

  get(field: number): number {
    return this.#userFields[field] ?? 0;
  }

  set(field: number, value: number): void {
    this.#userFields[field] = checkUserField(this.#protocol, field, value);
    this.#link?.setUserField(field, this.#userFields[field]!);
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  on(event: string, listener: (...args: never[]) => void): Unsubscribe {
    return this.#listeners.on(event, listener);
  }

  drained(): Promise<void> {
    return this.#drain.wait("client");
  }

  flush(): void {
    this.#link!.flush();
  }

  rebind(): Promise<void> {
    return this.#link!.rebind();
  }

  time(): number {
    return nowMs();
  }

  serverTime(): number {
    return this.clock.now();
  }

  get clock(): RemoteClock {
    this.#clock ??= clockView(() => this.#link!.clockWords, nowMs);
    return this.#clock;
  }

  async trace(options: TraceRunOptions = {}): Promise<ConnectionTrace> {
    const link = this.#link!;
    return startTrace(options, async (what, maxEvents) => link.trace(what, maxEvents));
  }

  stats(): ClientStats {
    const link = this.#link!;
    const counters = this.#past.copy();
    counters.merge(link.counters());
    return { ...link.stats(), counters: { ...counters.toObject(), ...this.#exchanges.counts() } };
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const how = checkClose(options);
    if (!this.#isOver) this.#isLeaving = true;
    if (this.#isAway) {
      // Where its place is kept, the server is told that it need not be, if it hears that.
      if (!this.#isJoining) void this.#link!.close(how);
      this.#giveUp({ code: how.code, reason: how.reason, by: "local" });
    } else await this.#link!.close(how);
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send(channel: number, message: unknown, token: unknown): boolean {
    const link = this.#link;
    if (!link?.takesMessages) {
      if (!this.#isAway) throw closedError("client");
      checkToken(this.#protocol.channels[channel]!, token);
      return this.#drain.note(false);
    }
    const definition = this.#protocol.channels[channel]!;
    const named = checkToken(definition, token);
    if (link.isAway && !definition.reliable) return this.#drain.note(false);
    return this.#drain.note(link.send(channel, message, named));
  }

  async #request(channel: number, message: unknown, options?: RequestOptions): Promise<unknown> {
    if (this.#exchange === undefined) throw closedError("client");
    return await this.#exchange.request(channel, message, options);
  }

  // For its connections -------------------------------------------------------------------------------------------

  readonly #user: ClientLinkUser = {
    deliver: (link, received, isEnding) => this.#deliver(link, received, isEnding),
    attached: (link) => this.#attached(link),
    away: (link) => this.#lost(link, IDLE),
    back: (link) => {
      if (link === this.#link) this.#back(true);
    },
    moved: (link, from) => {
      if (link === this.#link) this.#listeners.emit("moved", from);
    },
    drained: (link) => {
      if (link !== this.#link) return;
      this.#exchange?.drained();
      this.#drain.open();
    },
    notice: (channel, token, delivered) => this.#notices.tell(channel, [], token, delivered),
    ended: (link) => {
      if (link === this.#link && !this.#isJoining && !this.#isOver) this.#ended(link);
    },
  };

  #deliver(link: ClientLink, received: ReceivedMessage, isEnding: boolean): boolean {
    // An address of the server that was slower: its connection is being closed.
    if (this.#link !== undefined && this.#link !== link && !this.#isJoining) return true;
    const { channel, start, end } = received;
    const payloadBytes = end - start;
    // At the end of the connection all that has arrived goes to its readers, room or not.
    if (!isEnding && !this.#dispatcher.hasRoom(channel.index, payloadBytes)) return false;
    this.#dispatcher.offer(channel.index, link, received);
    return true;
  }

  /** A connection has opened: it is the client's, where that has none. */
  #attached(link: ClientLink): void {
    if (this.#isOver) return;
    if (this.#link === undefined) {
      this.#link = link;
      this.#exchange = this.#exchangeOver(link);
      return;
    }
    if (!this.#isJoining) return;
    this.#past.merge(this.#link.counters());
    this.#link = link;
    this.#exchange = this.#exchangeOver(link);
    this.#isJoining = false;
    this.#back(false);
  }

  /** The server is not heard any more, and looked for, or the connection is over and another is to take its place. */
  #lost(link: ClientLink, reason: CloseReason): void {
    if (link !== this.#link || this.#isAway || this.#isOver) return;
    const { deadlineMs } = this.#rules!;
    this.#isAway = true;
    this.#attempt = 0;
    if (deadlineMs <= MAX_TIMER_MS) {
      this.#deadline = setTimeout(() => this.#giveUp(reason), deadlineMs);
    }
    if (!link.isAway) return;
    this.#listeners.emit("reconnecting", { attempt: 0, pauseMs: 0, reason });
  }

  #back(isResumed: boolean): void {
    if (!this.#isAway) return;
    clearTimeout(this.#deadline);
    this.#isAway = false;
    this.#past.add(isResumed ? "resumes" : "reconnects");
    this.#listeners.emit("reconnected", { attempt: this.#attempt, isResumed });
    this.#exchange?.drained();
    this.#drain.open();
  }

  /** Requests belong to one connection: what was asked over another is answered by nobody. */
  #exchangeOver(link: ClientLink): Exchange {
    return this.#exchanges.open({
      name: "client",
      origin: [],
      send: (channel, message) => {
        if (!link.takesMessages) throw closedError("client");
        return link.send(channel, message, undefined);
      },
    });
  }

  /** The connection is over: another is made in its place, or the client is over too. */
  #ended(link: ClientLink): void {
    const reason = link.reason!;
    this.#exchange?.close();
    const rules = this.#stop.signal.aborted ? undefined : this.#rules;
    if (rules !== undefined && isLoss(rules, reason)) {
      this.#lost(link, reason);
      this.#isJoining = true;
      void this.#joinAgain(rules, reason);
    } else {
      this.#finish(reason);
      void link.closed.then(() => this.#resolveClosed(reason));
    }
  }

  /** Attempts to connect again, until one has succeeded, another would not, or there are to be no more. */
  async #joinAgain(rules: ReconnectRules, loss: CloseReason): Promise<void> {
    const { signal } = this.#stop;
    let reason = loss;
    let last = loss;
    for (this.#attempt = 1; this.#attempt <= rules.attempts; this.#attempt++) {
      const pause = Math.round(pauseMs(rules, this.#attempt, secureRandom()));
      this.#listeners.emit("reconnecting", { attempt: this.#attempt, pauseMs: pause, reason });
      try {
        await sleep(pause, undefined, { signal });
        await this.#connect(this.#attempt, signal);
        return;
      } catch (error) {
        reason = failureOf(error);
        if (isFinalFailure(rules, error)) last = reason;
        if (this.#isOver || last === reason) break;
      }
    }
    this.#giveUp(last);
  }

  /** There is no connection, and there will be none. */
  #giveUp(reason: CloseReason): void {
    if (this.#isOver) return;
    this.#finish(reason);
    this.#stop.abort(closedError("client"));
    this.#resolveClosed(reason);
  }

  #finish(reason: CloseReason): void {
    this.#isOver = true;
    this.#isAway = false;
    clearTimeout(this.#deadline);
    this.#forgetSignal();
    this.#dispatcher.close();
    this.#drain.close("client");
    if (!this.#isLeaving) this.#listeners.emit("lost", reason);
  }

  #makeDispatcher(): Dispatcher<ClientLink> {
    const onFault = faultListener(this.#options.onFault);
    const dispatcher = new Dispatcher<ClientLink>({
      channels: this.#protocol.channels,
      userFields: this.#userFields.length,
      cost: (payloadBytes) => payloadBytes + MESSAGE_OVERHEAD_BYTES,
      decode: (link, received) => {
        const message = decodeReceived(this.#reader, link.negotiated.compat, received);
        if (message === undefined) link.malformed();
        return message;
      },
      invoke: (handler, _origin, message, user) => {
        this.#received = user;
        return handler(message, this.#context);
      },
      yields: (_origin, message) => message,
      onHandlerError: (error, { name }) => onFault(error, `receive.${name}`, { channel: name }),
    });
    dispatcher.onRoom = () => this.#link?.makeRoom();
    return dispatcher;
  }
}

/** What was given, or what a function makes for this attempt. Rejects where the attempt is given up meanwhile. */
function ofAttempt<T>(
  given: T | ((attempt: number) => T | Promise<T>),
  attempt: number,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(connectAborted(signal)));
    const made = async (): Promise<T> =>
      typeof given === "function" ? (given as (attempt: number) => T | Promise<T>)(attempt) : given;
    made().then(resolve, reject).finally(forget);
  });
}
