/** Who answers the requests of each channel: one, for all peers of a client, of a server or of a port's systems. */
import { unsubscribe } from "./dispatcher.ts";
import { StardustError } from "./errors.ts";
import type { RespondTarget, Unsubscribe } from "./face.ts";
import { unknownName } from "./options.ts";
import { type ChannelDefinition, maySend, type Role } from "./protocol.ts";

export type Responder = (...args: unknown[]) => unknown;

export class Responders implements RespondTarget {
  readonly #channels: readonly ChannelDefinition[];
  readonly #all = new Map<number, Responder>();

  constructor(channels: readonly ChannelDefinition[]) {
    this.#channels = channels;
  }

  /** As the option of this name gives them. Throws STARDUST_INVALID_OPTION. */
  addAll(responders: object | undefined, role: Role, option: string): void {
    const other: Role = role === "server" ? "client" : "server";
    for (const [name, responder] of Object.entries(responders ?? {})) {
      if (responder === undefined) continue;
      const channel = this.#channels.find((candidate) => candidate.name === name);
      if (channel?.asks === undefined || !maySend(other, channel.asks)) {
        const asked = this.#channels.filter(({ asks }) => asks && maySend(other, asks));
        const names = asked.map((one) => one.name);
        throw unknownName(
          `${option}.${name}`,
          name,
          names,
          `channel on which the ${role} is asked`,
        );
      }
      this.respond(channel.index, responder as Responder);
    }
  }

  get(channel: number): Responder | undefined {
    return this.#all.get(channel);
  }

  respond(channel: number, responder: Responder): Unsubscribe {
    const { name } = this.#channels[channel]!;
    const wrong = (problem: string) =>
      new StardustError("STARDUST_INVALID_OPTION", `respond.${name}: ${problem}`);
    if (typeof responder !== "function") throw wrong("a responder is a function");
    // Two answers to one request would be one too many.
    if (this.#all.has(channel)) throw wrong("there is one already; take that off first");
    this.#all.set(channel, responder);
    return unsubscribe(() => this.#all.delete(channel));
  }
}
