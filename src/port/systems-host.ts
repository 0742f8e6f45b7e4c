/**
 * Runs the user's systems inside the worker: their state of each peer, their handlers and their tick. They call the
 * sessions of their port directly. A handler that throws is the user's bug: reported to the application, and the loop
 * goes on.
 */
import { type CloseReason, closeCodes } from "../connection-contract.ts";
import {
  closedError,
  decodeReceived,
  type FaultReport,
  keptHeader,
  runGuarded,
} from "../endpoint.ts";
import { rethrowFrom, StardustError } from "../errors.ts";
import type { ExchangeMessage } from "../exchange.ts";
import type {
  BroadcastResult,
  BroadcastTarget,
  DeliveryOutcome,
  HeaderValues,
  NoticedBroadcastOptions,
  SystemTarget,
} from "../face.ts";
import { excepted, Groups } from "../groups.ts";
import {
  callback,
  checkOptions,
  invalidOption,
  milliseconds,
  type OptionsOf,
  object,
  shown,
  unknownName,
} from "../options.ts";
import type { ChannelDefinition, Protocol, ServerProtocol } from "../protocol.ts";
import type { ReceivedMessage } from "../received-message.ts";
import { noEncoder } from "../session/channel-send.ts";
import {
  decodeSystem,
  encodeSystem,
  systemMessage,
  TO_APPLICATION,
  TO_OTHER_PORTS,
} from "../system-messages.ts";
import type { Systems, SystemsDefinition, SystemsPeer, SystemsPort } from "../systems.ts";
import { nowMs } from "../udp/turn.ts";
import { encodeOnce } from "../wire/encode-once.ts";
import { Reader } from "../wire/reader.ts";
import { HostedExchanges } from "./hosted-exchanges.ts";
import { HostedPeer, type HostedPort, type WorkerPeer } from "./hosted-peer.ts";

/** What became of a message that was offered to the systems. */
export type SystemsVerdict = "taken" | "malformed" | "for-application";

type SystemNoticeHandler = (peer: unknown, token: number, outcome: DeliveryOutcome) => unknown;
type SystemHandler = (peer: unknown, message: unknown, context: unknown) => unknown;

type SystemMessageHandler = (port: SystemsPort, message: unknown, from: number) => unknown;
/** Writes a message for others into the ring. False: there is no room. */
type SystemSender = (to: number, message: number, payload: Uint8Array) => boolean;

/** What the systems of a port have kept of a peer. */
export interface LetGoBySystems {
  readonly state: unknown;
  /** The number of the next request to it. */
  readonly nextRequest: number | undefined;
}

export class SystemsHost implements BroadcastTarget {
  readonly #protocol: ServerProtocol;
  readonly #systems: Systems;
  readonly #onFault: FaultReport;
  readonly #handlers: (SystemHandler | undefined)[];
  readonly #noticeHandlers: ReadonlyMap<number, SystemNoticeHandler>;
  readonly #peers = new Map<number, HostedPeer>();
  /** The same peers, as the tick sees them. */
  readonly #faces = new Map<number, SystemsPeer>();
  readonly #groups: Groups<SystemsPeer, object>;
  readonly #portFace: SystemsPort;
  readonly #context: { readonly header: object };
  readonly #exchanges: HostedExchanges;
  readonly #sendSystem: SystemSender;
  /** By index of the message. */
  readonly #systemHandlers: ReadonlyMap<number, SystemMessageHandler>;
  readonly #hostedPort: HostedPort;
  readonly #unhandled = new Set<number>();
  readonly #reader = new Reader();
  #user: Float64Array = new Float64Array(0);
  #tickedMs = 0;
  /** Ticks lie on a grid that begins here. */
  #gridMs = 0;

  constructor(
    protocol: ServerProtocol,
    systems: Systems,
    port: number,
    clockAheadMs: number,
    maxOpenRequests: number | undefined,
    onFault: FaultReport,
    sendSystem: SystemSender,
  ) {
    checkDefinition(systems.definition);
    this.#protocol = protocol;
    this.#sendSystem = sendSystem;
    this.#systemHandlers = systemHandlersOf(protocol, systems.definition.system);
    this.#systems = systems;
    this.#groups = new Groups({
      check: ({ id }) => {
        if (!this.#peers.has(id)) throw closedError("peer");
      },
      dress: systems.face.broadcast,
      broadcast: (members, channel, message, options) =>
        this.#sendAll(this.#hosted(members), channel, message, options),
    });
    this.#portFace = {
      port,
      time: () => nowMs() + clockAheadMs,
      peers: this.#faces,
      broadcast: systems.face.broadcast(this),
      group: (name) => this.#groups.group(name),
      toApplication: systems.face.toApplication?.(this.#target(() => TO_APPLICATION)) ?? {},
      toPort: systems.face.toPort?.(this.#target((port) => port!)) ?? {},
      toOtherPorts: systems.face.toOtherPorts?.(this.#target(() => TO_OTHER_PORTS)) ?? {},
    };
    this.#onFault = onFault;
    this.#exchanges = new HostedExchanges(
      protocol,
      systems.definition.respond,
      maxOpenRequests,
      (error, where, origin) => onFault(error, `systems.${where}`, origin),
    );
    this.#hostedPort = {
      protocol,
      face: systems.face,
      owner: this.#portFace,
      groups: this.#groups,
      exchanges: this.#exchanges,
    };
    const receive = (systems.definition.receive ?? {}) as Record<string, SystemHandler | undefined>;
    const received = protocol.channels.filter(
      ({ direction, asks }) => direction !== "server-to-client" && asks === undefined,
    );
    for (const name of Object.keys(receive)) {
      const channel = received.find((candidate) => candidate.name === name);
      if (channel === undefined) {
        const names = received.map((one) => one.name);
        throw unknownName(
          `systems.receive.${name}`,
          name,
          names,
          "channel that the server receives",
        );
      }
    }
    this.#handlers = protocol.channels.map((channel) =>
      Object.hasOwn(receive, channel.name) ? receive[channel.name] : undefined,
    );
    this.#noticeHandlers = noticeHandlersOf(protocol, systems.definition.notices);
    const values: HeaderValues = {
      get: (field) => this.#user[field] ?? 0,
      set: () => {
        throw new StardustError("STARDUST_INVALID_OPTION", "a received header cannot be set");
      },
    };
    this.#context = { header: systems.face.header(values) };
  }

  handles(channel: number): boolean {
    return this.#handlers[channel] !== undefined || this.#exchanges.handles(channel);
  }

  /** Decodes a message and hands it to its handler. */
  deliver(from: WorkerPeer, received: ReceivedMessage): SystemsVerdict {
    const { channel, user } = received;
    const message = decodeReceived(this.#reader, from.negotiated.compat, received);
    if (message === undefined) return "malformed";
    const { id, hosted: peer } = from;
    if (peer === undefined) return "taken";
    if (channel.asks !== undefined) {
      const said = message as ExchangeMessage;
      if (!this.#exchanges.isOurs(channel.index, said)) return "for-application";
      const header = keptHeader(user, (values) => this.#systems.face.header(values));
      this.#exchanges.handle(id, () => peer.asked(), channel.index, said, header);
      return "taken";
    }
    this.#user = user;
    // As #guard does it, without two functions for each message.
    try {
      const result = this.#handlers[channel.index]!(peer.face, message, this.#context);
      if (result instanceof Promise) {
        result.catch((error) => this.#report(error, "receive", id, channel));
      }
    } catch (error) {
      this.#report(error, "receive", id, channel);
    }
    return "taken";
  }

  /** Counts of the requests that the systems make and answer. */
  requestCounts(): Readonly<Record<string, number>> {
    return this.#exchanges.counts();
  }

  /** Something waits to be said to a peer. */
  isWaiting(id: number): boolean {
    return this.#exchanges.isWaiting(id);
  }

  /** There may be room for what waits to be said to a peer. */
  drained(id: number): void {
    this.#exchanges.drained(id);
  }

  /** What became of a message that was sent to a peer here. */
  notice(id: number, channel: number, token: number, delivered: boolean): void {
    const handler = this.#noticeHandlers.get(channel);
    const peer = this.#peers.get(id);
    if (handler === undefined || peer === undefined) return;
    const outcome = delivered ? "delivered" : "lost";
    this.#guard(
      "notices",
      () => handler(peer.face, token, outcome),
      id,
      this.#protocol.channels[channel],
    );
  }

  /** A message of the application or of another port's systems. */
  system(
    from: number,
    index: number,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
  ): void {
    const message = this.#protocol.system![index]!;
    const handler = this.#systemHandlers.get(index);
    if (handler === undefined) {
      if (this.#unhandled.has(index)) return;
      this.#unhandled.add(index);
      const problem = `nobody handles the system message ${message.name}: it is dropped; give a handler as \`system.${message.name}\` of the systems`;
      this.#onFault(new StardustError("STARDUST_INVALID_OPTION", problem), "systems.system");
      return;
    }
    this.#guard(`system.${message.name}`, () =>
      handler(this.#portFace, decodeSystem(message, this.#reader, bytes, view, start, end), from),
    );
  }

  #target(to: (port: number | undefined) => number): SystemTarget {
    return {
      send: (index, value, port) => {
        const payload = encodeSystem(this.#protocol.system![index]!, value);
        return this.#sendSystem(to(port), index, payload);
      },
      receive: () => {
        throw new Error("systems have their handlers from the start");
      },
    };
  }

  join(joined: WorkerPeer): void {
    const { definition } = this.#systems;
    const movedFrom = joined.admission?.moved?.from;
    this.#exchanges.adopt(joined.id, joined.admission?.moved?.nextRequest);
    const peer = new HostedPeer(this.#hostedPort, joined);
    joined.hosted = peer;
    this.#peers.set(joined.id, peer);
    this.#faces.set(joined.id, peer.face);
    const stateOf = (): void => {
      if (definition.state === undefined) return;
      if (movedFrom !== undefined && peer.face.state !== undefined) return;
      peer.face.state = definition.state(peer.face, peer.face.state);
    };
    this.#guard("state", stateOf, joined.id);
    const { join } = definition;
    if (join !== undefined) this.#guard("join", () => join(peer.face), joined.id);
  }

  leave(id: number, reason: CloseReason): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.peer.hosted = undefined;
    this.#peers.delete(id);
    this.#faces.delete(id);
    this.#exchanges.leave(id);
    const { leave } = this.#systems.definition;
    if (leave !== undefined) this.#guard("leave", () => leave(peer.face, reason), id);
    this.#groups.forget(peer.face);
  }

  /** A peer goes to another port: what of it is kept here, as it goes along. A state that cannot be cloned is a fault. */
  letGo(id: number): LetGoBySystems {
    const peer = this.#peers.get(id);
    const nextRequest = this.#exchanges.letGo(id);
    this.leave(id, { code: closeCodes.moved, reason: "", by: "local" });
    let state: unknown;
    const clone = (): void => {
      state = structuredClone(peer?.face.state);
    };
    this.#guard("state", clone, id);
    return { state, nextRequest };
  }

  /** A peer is not heard any more and may come back, or is back. */
  away(id: number, isAway: boolean): void {
    const peer = this.#peers.get(id);
    const { away, back } = this.#systems.definition;
    const listener = isAway ? away : back;
    if (peer === undefined || listener === undefined) return;
    this.#guard(isAway ? "away" : "back", () => listener(peer.face), id);
  }

  firstTickMs(nowMs: number): number {
    this.#tickedMs = nowMs;
    this.#gridMs = nowMs;
    const { tick } = this.#systems.definition;
    return tick === undefined ? Number.POSITIVE_INFINITY : nowMs + tick.everyMs;
  }

  /** The next on the grid, so that ticks do not drift; a late one is not made up for. */
  nextTickMs(nowMs: number): number {
    const { everyMs } = this.#systems.definition.tick!;
    return nowMs + everyMs - ((nowMs - this.#gridMs) % everyMs);
  }

  tick(nowMs: number): void {
    const elapsedMs = nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    this.#guard("tick", () => this.#systems.definition.tick!.run(this.#portFace, elapsedMs));
  }

  broadcast(
    channel: number,
    message: unknown,
    options: NoticedBroadcastOptions = {},
  ): BroadcastResult {
    return this.#sendAll(this.#peers.values(), channel, message, options);
  }

  *#hosted(members: Iterable<SystemsPeer>): Iterable<HostedPeer> {
    for (const { id } of members) {
      const peer = this.#peers.get(id);
      if (peer !== undefined) yield peer;
    }
  }

  #sendAll(
    peers: Iterable<HostedPeer>,
    channel: number,
    message: unknown,
    options: NoticedBroadcastOptions,
  ): BroadcastResult {
    let sent = 0;
    const skipped: number[] = [];
    const except = excepted(options);
    let bytes: Uint8Array | undefined;
    let view: DataView | undefined;
    for (const peer of peers) {
      if (except?.has(peer.face.id) || peer.lacks(channel)) continue;
      // Once for all, and not at all where there is nobody.
      bytes ??= encodedFor(this.#protocol.channels[channel]!, message);
      view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (peer.sendBytes(channel, bytes, view, options.token)) sent++;
      else skipped.push(peer.face.id);
    }
    return { sent, skipped };
  }

  /** `peer` and `channel`: what the work is about, where it is about one. */
  #guard(part: string, work: () => unknown, peer?: number, channel?: ChannelDefinition): void {
    runGuarded(work, (error) => this.#report(error, part, peer, channel));
  }

  #report(error: unknown, part: string, peer?: number, channel?: ChannelDefinition): void {
    const name = channel?.name;
    const where = name === undefined ? part : `${part}.${name}`;
    this.#onFault(error, `systems.${where}`, { peer, channel: name });
  }
}

/** Valid until something else is encoded. Throws InvalidMessageError. */
function encodedFor({ encoder, name }: ChannelDefinition, message: unknown): Uint8Array {
  if (encoder === undefined) throw noEncoder(name);
  try {
    return encodeOnce(encoder, message);
  } catch (error) {
    rethrowFrom(error, name);
  }
}

const definitionTable: OptionsOf<SystemsDefinition> = {
  state: callback,
  join: callback,
  away: callback,
  back: callback,
  leave: callback,
  receive: object,
  respond: object,
  notices: object,
  system: object,
  tick: object,
};

const tickTable: OptionsOf<NonNullable<SystemsDefinition["tick"]>> = {
  everyMs: milliseconds(1),
  run: callback,
};

/** What `systems` was given, as an option of a module would be. Throws STARDUST_INVALID_OPTION. */
function checkDefinition(definition: SystemsDefinition): void {
  checkOptions("systems", definition, definitionTable, "systems");
  const { tick } = definition;
  if (tick !== undefined) {
    checkOptions("systems", tick, tickTable, "systems.tick");
    for (const name of ["everyMs", "run"] as const) {
      if (tick[name] === undefined) {
        throw invalidOption(`systems.tick.${name}: must be ${tickTable[name].what}, not undefined`);
      }
    }
  }
  for (const part of ["receive", "respond", "notices", "system"] as const) {
    for (const [name, handler] of Object.entries(definition[part] ?? {})) {
      if (handler === undefined || callback.isGood(handler)) continue;
      const problem = `systems.${part}.${name}: must be ${callback.what}, not ${shown(handler)}`;
      throw invalidOption(problem);
    }
  }
}

/** By index of the message. */
function systemHandlersOf(
  protocol: ServerProtocol,
  handlers: object | undefined,
): ReadonlyMap<number, SystemMessageHandler> {
  const from = ["application-to-systems", "systems-to-systems"] as const;
  const rows = Object.entries(handlers ?? {}).flatMap(
    ([name, handler]): [number, SystemMessageHandler][] =>
      handler === undefined
        ? []
        : [[systemMessage(protocol.system, name, from, "systems.system").index, handler]],
  );
  return new Map(rows);
}

/** By channel index. */
function noticeHandlersOf(
  protocol: Protocol,
  notices: object | undefined,
): ReadonlyMap<number, SystemNoticeHandler> {
  const handlers = new Map<number, SystemNoticeHandler>();
  for (const [name, handler] of Object.entries(notices ?? {})) {
    if (handler === undefined) continue;
    const channel = protocol.channels.find((candidate) => candidate.name === name);
    if (!channel?.notices || channel.direction === "client-to-server") {
      throw new StardustError(
        "STARDUST_INVALID_OPTION",
        `systems.notices.${name}: the server sends on no such channel with notices`,
      );
    }
    handlers.set(channel.index, handler as SystemNoticeHandler);
  }
  return handlers;
}
