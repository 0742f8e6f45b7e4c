/**
 * Requests that the systems of a port make and answer, peer by peer. On a channel that they answer, requests do not reach
 * the application's thread; answers go to whoever has asked, which their number tells: the application's are even, the
 * systems' odd. Worst case: one decoded message more for each answer to the application, where the systems ask as well.
 */
import type { FaultReport } from "../endpoint.ts";
import type { Exchange, ExchangeMessage, ExchangePeer } from "../exchange.ts";
import { Exchanges } from "../exchanges.ts";
import type { RequestTarget } from "../face.ts";
import type { Protocol } from "../protocol.ts";

export class HostedExchanges {
  readonly #all: Exchanges;
  readonly #peers = new Map<number, Exchange>();
  /** Where numbers go on that have begun at another port: an answer that comes late is to no other request. */
  readonly #firstIds = new Map<number, number>();
  /** Channels on which the systems have asked. */
  readonly #asked = new Set<number>();

  /** Throws STARDUST_INVALID_OPTION for responders of no such channel. */
  constructor(
    protocol: Protocol,
    responders: object | undefined,
    maxOpen: number | undefined,
    onFault: FaultReport,
  ) {
    this.#all = new Exchanges({
      protocol,
      role: "server",
      onFault,
      responders,
      option: "systems.respond",
      maxOpen,
      firstId: 1,
      idStep: 2,
    });
  }

  /** Whether a message of this channel may be for the systems. */
  handles(channel: number): boolean {
    return this.#answers(channel) || this.#asked.has(channel);
  }

  /** Whether this message is. */
  isOurs(channel: number, { id, body }: ExchangeMessage): boolean {
    const asks = body.kind === "request" || body.kind === "cancel";
    return asks ? this.#answers(channel) : id % 2 === 1;
  }

  handle(
    peer: number,
    make: () => ExchangePeer,
    channel: number,
    message: ExchangeMessage,
    header: () => object,
  ): void {
    this.#of(peer, make).handle(channel, message, header);
  }

  /** What a peer is asked through; `make` says who it is. */
  target(peer: number, make: () => ExchangePeer): RequestTarget {
    return {
      request: (channel, message, options) => {
        this.#asked.add(channel);
        return this.#of(peer, make).request(channel, message, options);
      },
    };
  }

  /** Something waits to be said to a peer. */
  isWaiting(peer: number): boolean {
    return this.#peers.size > 0 && this.#peers.get(peer)?.isWaiting === true;
  }

  /** There may be room for what waits. */
  drained(peer: number): void {
    if (this.#peers.size > 0) this.#peers.get(peer)?.drained();
  }

  leave(peer: number): void {
    this.#peers.get(peer)?.close();
    this.#peers.delete(peer);
    this.#firstIds.delete(peer);
  }

  /** A peer goes to another port, and all requests with it end. Returns the number with which they go on there. */
  letGo(peer: number): number | undefined {
    const exchange = this.#peers.get(peer);
    const nextId = exchange === undefined ? this.#firstIds.get(peer) : exchange.letGo();
    this.leave(peer);
    return nextId;
  }

  /** A peer has come from another port. */
  adopt(peer: number, nextId: number | undefined): void {
    if (nextId !== undefined) this.#firstIds.set(peer, nextId);
  }

  counts(): Readonly<Record<string, number>> {
    return this.#all.counts();
  }

  #answers(channel: number): boolean {
    return this.#all.responders.get(channel) !== undefined;
  }

  #of(peer: number, make: () => ExchangePeer): Exchange {
    let exchange = this.#peers.get(peer);
    if (exchange === undefined) {
      exchange = this.#all.open(make(), this.#firstIds.get(peer));
      this.#peers.set(peer, exchange);
    }
    return exchange;
  }
}
