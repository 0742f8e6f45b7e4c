/**
 * The client that its user holds: handlers, iterators, header values and what waits, whichever connection stands behind
 * them (client-link.ts). While it connects there may be several, one for each address of the server's name: the first that
 * opens is the client's, and the others deliver nothing any more.
 */
import type { Client, ClientStats, ConnectionSecurity } from "./client-api.ts";
import { type ClientLink, type ClientLinkUser, openLink } from "./client-link.ts";
import type { ConnectOptions } from "./connect-options.ts";
import type { OwnCredentials } from "./connect-token.ts";
import type { CloseOptions, CloseReason } from "./connection-contract.ts";
import { Dispatcher } from "./dispatcher.ts";
import {
  checkClose,
  checkToken,
  checkUserField,
  closedError,
  DrainSignal,
  decodeReceived,
  faultListener,
  receivedHeader,
  registerHandlers,
} from "./endpoint.ts";
import type { ClientFace, ClientFaceTypes, HeaderValues, MessageContext } from "./face.ts";
import { MESSAGE_OVERHEAD_BYTES } from "./limits.ts";
import { hasChannel } from "./negotiated-version.ts";
import { NoticeListeners } from "./notices.ts";
import type { Protocol } from "./protocol.ts";
import type { ReceivedMessage } from "./received-message.ts";
import { Reader } from "./wire/reader.ts";

export class RunningClient<F extends ClientFaceTypes> implements Client<F>, HeaderValues {
  readonly security: ConnectionSecurity;
  readonly send: F["send"];
  readonly receive: F["receive"];
  readonly messages: F["messages"];
  readonly notices: F["notices"];
  readonly header: F["header"];
  readonly closed: Promise<CloseReason>;
  readonly #protocol: Protocol;
  readonly #options: ConnectOptions<F>;
  readonly #dispatcher: Dispatcher<ClientLink>;
  readonly #notices: NoticeListeners;
  readonly #drain = new DrainSignal();
  readonly #userFields: Float64Array;
  #received: Float64Array;
  readonly #context: MessageContext<object>;
  readonly #reader = new Reader();
  /** The connection; undefined before the first has opened. */
  #link: ClientLink | undefined;
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
    this.receive = face.receive(this.#dispatcher);
    this.messages = face.messages(this.#dispatcher);
    this.notices = face.notices?.(this.#notices) ?? {};
    this.header = face.header(this);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    registerHandlers(this.#dispatcher, protocol, "client", options.handlers);
  }

  /** A connection to the server at this address, on its way. */
  open(address: string, keys: OwnCredentials): Promise<ClientLink> {
    return openLink({
      protocol: this.#protocol,
      connect: this.#options,
      address,
      keys,
      userFields: this.#userFields,
      user: this.#user,
    });
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

  drained(): Promise<void> {
    return this.#drain.wait("client");
  }

  flush(): void {
    this.#link!.flush();
  }

  rebind(): Promise<void> {
    return this.#link!.rebind();
  }

  stats(): ClientStats {
    const link = this.#link!;
    return { ...link.stats(), counters: link.counters().toObject() };
  }

  async close(options: CloseOptions = {}): Promise<void> {
    await this.#link!.close(checkClose(options));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send(channel: number, message: unknown, token: unknown): boolean {
    const link = this.#link;
    if (!link?.takesMessages) throw closedError("client");
    const named = checkToken(this.#protocol.channels[channel]!, token);
    return this.#drain.note(link.send(channel, message, named));
  }

  // For its connections -------------------------------------------------------------------------------------------

  readonly #user: ClientLinkUser = {
    deliver: (link, received, isEnding) => this.#deliver(link, received, isEnding),
    attached: (link) => {
      if (this.#link !== undefined) return;
      this.#link = link;
      void link.closed.then((reason) => this.#resolveClosed(reason));
    },
    drained: () => this.#drain.open(),
    notice: (channel, token, delivered) => this.#notices.tell(channel, [], token, delivered),
    ended: (link) => {
      if (link !== this.#link) return;
      this.#dispatcher.close();
      this.#drain.close("client");
    },
  };

  #deliver(link: ClientLink, received: ReceivedMessage, isEnding: boolean): boolean {
    // An address of the server that was slower: its connection is being closed.
    if (this.#link !== undefined && this.#link !== link) return true;
    const { channel, start, end } = received;
    const payloadBytes = end - start;
    // At the end of the connection all that has arrived goes to its readers, room or not.
    if (!isEnding && !this.#dispatcher.hasRoom(channel.index, payloadBytes)) {
      if (this.#dispatcher.isStuck(channel.index, payloadBytes)) link.setUnread(channel, true);
      return false;
    }
    link.setUnread(channel, false);
    this.#dispatcher.offer(channel.index, link, received);
    return true;
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
      onHandlerError: (error, channel) => onFault(error, `receive.${channel.name}`),
    });
    dispatcher.onRoom = () => this.#link?.makeRoom();
    return dispatcher;
  }
}
