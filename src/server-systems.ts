/**
 * `server.systems`: what the application says to its systems in the workers, and hears from them. Order holds between the
 * application and each port; nothing is lost while the worker lives. Worst case: a message to all ports is copied once for
 * each.
 */
import { unsubscribe } from "./dispatcher.ts";
import { closedError, DrainSignal, type FaultReport, runGuarded } from "./endpoint.ts";
import { StardustError } from "./errors.ts";
import type { ServerFace, ServerFaceTypes, SystemTarget, Unsubscribe } from "./face.ts";
import { callback, invalidOption, shown } from "./options.ts";
import type { Pool } from "./pool/pool.ts";
import type { SystemMessageDefinition } from "./protocol.ts";
import { encodeSystem, systemMessage } from "./system-messages.ts";

/** What the application and the systems say to each other: the section `system` of the spec. */
export interface ServerSystems<F extends ServerFaceTypes = ServerFaceTypes> {
  /** To the systems of one port: `send.name(port, message)`. False: its ring is full, or its worker is being started again. */
  readonly send: F["systemSend"];
  /** To the systems of every port that has a worker. False: a ring is full, and nobody got it. */
  readonly broadcast: F["systemBroadcast"];
  /** Puts a handler on what systems send; those of `listen({ systemHandlers })` are there before the first. */
  readonly receive: F["systemReceive"];
  /** Resolves when what was refused can be tried again; at once if nothing was. Rejects with STARDUST_CLOSED. */
  drained(): Promise<void>;
}

type Handler = (port: number, message: unknown) => unknown;

export class SystemsLink<F extends ServerFaceTypes> implements ServerSystems<F> {
  readonly send: F["systemSend"];
  readonly broadcast: F["systemBroadcast"];
  readonly receive: F["systemReceive"];
  readonly #messages: readonly SystemMessageDefinition[];
  readonly #pool: () => Pool;
  readonly #hasSystems: boolean;
  readonly #onFault: FaultReport;
  readonly #handlers: Set<Handler>[];
  /** Messages that came and that nobody handles, as they were reported. */
  readonly #unhandled = new Set<number>();
  readonly #drain = new DrainSignal();
  #closed = false;

  constructor(
    messages: readonly SystemMessageDefinition[] | undefined,
    face: ServerFace<F>,
    hasSystems: boolean,
    pool: () => Pool,
    onFault: FaultReport,
    handlers: object | undefined,
  ) {
    this.#messages = messages ?? [];
    this.#pool = pool;
    this.#hasSystems = hasSystems;
    this.#onFault = onFault;
    this.#handlers = this.#messages.map(() => new Set());
    const target: SystemTarget = {
      send: (message, value, port) => this.#send(message, value, port),
      receive: (message, handler) => this.#receive(message, handler),
    };
    this.send = face.systemSend?.(target) ?? {};
    this.broadcast = face.systemBroadcast?.(target) ?? {};
    this.receive = face.systemReceive?.(target) ?? {};
    for (const [name, handler] of Object.entries(handlers ?? {})) {
      if (handler === undefined) continue;
      const from = ["systems-to-application"] as const;
      const { index } = systemMessage(messages, name, from, "systemHandlers");
      if (!callback.isGood(handler)) {
        const problem = `must be ${callback.what}, not ${shown(handler)}`;
        throw invalidOption(`systemHandlers.${name}: ${problem}`);
      }
      this.#handlers[index]!.add(handler as Handler);
    }
  }

  drained(): Promise<void> {
    return this.#drain.wait("server");
  }

  /** Systems have sent this. */
  deliver(port: number, index: number, message: unknown): void {
    const { name } = this.#messages[index]!;
    const handlers = this.#handlers[index]!;
    if (handlers.size === 0 && !this.#unhandled.has(index)) {
      this.#unhandled.add(index);
      const way = `listen({ systemHandlers: { ${name} } }) or server.systems.receive.${name}`;
      const error = new StardustError(
        "STARDUST_INVALID_OPTION",
        `nobody handles the system message ${name}: it is dropped; give a handler to ${way}`,
      );
      this.#onFault(error, `systems.${name}`);
    }
    for (const handler of handlers) {
      runGuarded(
        () => handler(port, message),
        (error) => this.#onFault(error, `systems.receive.${name}`),
      );
    }
  }

  onRoom(): void {
    this.#drain.open();
  }

  close(): void {
    this.#closed = true;
    this.#drain.close("server");
  }

  #send(index: number, value: unknown, port: number | undefined): boolean {
    if (this.#closed) throw closedError("server");
    if (!this.#hasSystems) {
      throw new StardustError("STARDUST_INVALID_OPTION", "listen was given no systems");
    }
    const bytes = encodeSystem(this.#messages[index]!, value);
    return this.#drain.note(this.#pool().sendSystem(index, bytes, port));
  }

  #receive(index: number, handler: Handler): Unsubscribe {
    const handlers = this.#handlers[index]!;
    // One of its own for each registration, so that the same function may stand there twice.
    const own: Handler = (port, message) => handler(port, message);
    handlers.add(own);
    return unsubscribe(() => handlers.delete(own));
  }
}
