/**
 * Who listens to what happens to a server or a client: several to each event, called in the order in which they came. What
 * one throws is reported, and the others are called. Not here: messages, which have handlers of their own (dispatcher.ts).
 */
import { EventEmitter } from "node:events";
import type { FaultOrigin } from "./connection-contract.ts";
import { unsubscribe } from "./dispatcher.ts";
import { type FaultReport, runGuarded } from "./endpoint.ts";
import type { Unsubscribe } from "./face.ts";
import { callback, checkOptions, type OptionTable, oneOf } from "./options.ts";

export class Listeners<Event extends string> {
  readonly #events = new EventEmitter();
  readonly #table: OptionTable;
  readonly #onFault: FaultReport;
  readonly #originOf: (args: readonly unknown[]) => FaultOrigin | undefined;

  /** `originOf` says of the arguments of an event which peer it is about. */
  constructor(
    events: readonly Event[],
    onFault: FaultReport,
    originOf: (args: readonly unknown[]) => FaultOrigin | undefined = () => undefined,
  ) {
    this.#table = { event: oneOf(...events), listener: callback };
    this.#onFault = onFault;
    this.#originOf = originOf;
  }

  /** Throws STARDUST_INVALID_OPTION for an event that there is not, and for what is no function. */
  on(event: string, listener: (...args: never[]) => void): Unsubscribe {
    checkOptions("on", { event, listener }, this.#table);
    const guarded = (...args: unknown[]): void => {
      runGuarded(
        () => (listener as (...args: unknown[]) => unknown)(...args),
        (error) => this.#onFault(error, `on ${event}`, this.#originOf(args)),
      );
    };
    this.#events.on(event, guarded);
    return unsubscribe(() => this.#events.off(event, guarded));
  }

  emit(event: Event, ...args: readonly unknown[]): void {
    this.#events.emit(event, ...args);
  }
}
