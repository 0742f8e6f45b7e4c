/**
 * All requests of a client, of a server's application or of a port's systems: who answers them, what is counted, and an
 * Exchange for each other side. Not here: what one side says to another about one request (exchange.ts).
 */
import { type Counts, countersOf, requestCounters } from "./counters.ts";
import { type FaultReport, later } from "./endpoint.ts";
import { Exchange, type ExchangePeer } from "./exchange.ts";
import type { ReceiveTarget } from "./face.ts";
import { DEFAULT_MAX_OPEN_REQUESTS } from "./limits.ts";
import type { Protocol, Role } from "./protocol.ts";
import { Responders } from "./responders.ts";

const createCounters = countersOf(requestCounters);

export interface ExchangesOptions {
  readonly protocol: Protocol;
  readonly role: Role;
  readonly onFault: FaultReport;
  /** What answers from the start, and the option that it was given as. */
  readonly responders: object | undefined;
  readonly option: string;
  /** With each other side, both ways; undefined: DEFAULT_MAX_OPEN_REQUESTS. */
  readonly maxOpen: number | undefined;
  /** Numbers of requests begin here, and are so far apart; default: 0, 1, 2, … */
  readonly firstId?: number;
  readonly idStep?: number;
}

export class Exchanges {
  readonly responders: Responders;
  readonly #counters: Counts<typeof requestCounters> = createCounters();
  readonly #o: ExchangesOptions;

  /** Throws STARDUST_INVALID_OPTION for responders that cannot be asked. */
  constructor(options: ExchangesOptions) {
    this.#o = options;
    this.responders = new Responders(options.protocol.channels);
    this.responders.addAll(options.responders, options.role, options.option);
  }

  /** With another side. `firstId`: where it goes on from another exchange. */
  open(peer: ExchangePeer, firstId: number = this.#o.firstId ?? 0): Exchange {
    const { protocol, role, onFault, idStep = 1, maxOpen = DEFAULT_MAX_OPEN_REQUESTS } = this.#o;
    const { channels } = protocol;
    const counters = this.#counters;
    const { responders } = this;
    return new Exchange(
      { channels, role, responders, counters, onFault, maxOpen, later, firstId, idStep },
      peer,
    );
  }

  /** Reads all channels with requests: `handle` is given what a handler is, behind the channel's index. */
  readFrom(
    target: ReceiveTarget,
    // biome-ignore lint/suspicious/noExplicitAny: a server's handlers take other arguments than a client's
    handle: (channel: number, ...args: any[]) => void,
  ): void {
    for (const { asks, index } of this.#o.protocol.channels) {
      if (asks !== undefined) target.receive(index, (...args) => handle(index, ...args));
    }
  }

  /** Counts by name; none where the spec has no channels with requests. */
  counts(): Readonly<Record<string, number>> {
    const hasSome = this.#o.protocol.channels.some(({ asks }) => asks !== undefined);
    return hasSome ? { ...this.#counters } : {};
  }
}
