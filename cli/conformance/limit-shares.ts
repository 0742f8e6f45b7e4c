/** The shares of docs/wire.md, "Flow control", worked out from the document and not with the runtime's own code. */
import { limitedChannels } from "../../codegen/interpret/receive-limit.ts";
import { payloadMaxBytes } from "../../codegen/model/channels.ts";
import type { Side } from "../../codegen/model/delivery.ts";
import type { ChannelModel, Model } from "../../codegen/model/model.ts";

/** A message costs its payload and this. */
export const OVERHEAD_BYTES = 64;

/** How the channels that one side sends on share the budget of the other. */
export class Shares {
  readonly channels: readonly ChannelModel[];
  readonly poolBytes: number;
  readonly #model: Model;

  constructor(model: Model, sender: Side) {
    this.#model = model;
    this.channels = limitedChannels(model, sender);
    const isAlone = this.channels.length === 1;
    this.poolBytes = isAlone ? 0 : Math.floor((model.limits.receiveBudgetBytes * 3) / 4);
  }

  partOf(channel: ChannelModel): number {
    const { receiveBudgetBytes } = this.#model.limits;
    const { length } = this.channels;
    if (length === 1) return receiveBudgetBytes;
    const largest = payloadMaxBytes(channel) + OVERHEAD_BYTES;
    return Math.max(Math.floor(receiveBudgetBytes / 4 / length), largest);
  }
}
