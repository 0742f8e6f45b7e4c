/**
 * What the one varint of a receive limit says (docs/wire.md, "Flow control"): of which channel, and how much of it was handed
 * on. Not here: peers of two versions, which leave out the channels that one of them lacks.
 */
import { maySend, type Side } from "../model/delivery.ts";
import type { ChannelModel, Model } from "../model/model.ts";

export interface LimitReading {
  readonly channel: ChannelModel;
  readonly handedOnBytes: number;
}

/** The channels on which what `sender` sends counts against a limit, in the order of their places. */
export function limitedChannels({ channels }: Model, sender: Side): ChannelModel[] {
  const counts = channels.filter(
    ({ delivery, direction }) =>
      (delivery === "reliable" || delivery === "reliable-ordered") && maySend(sender, direction),
  );
  return counts.sort((a, b) => a.id - b.id);
}

/** Undefined where the other side of `writer` sends on no such channel. */
export function readLimit(model: Model, limit: number, writer: Side): LimitReading | undefined {
  const channels = limitedChannels(model, writer === "client" ? "server" : "client");
  const { length } = channels;
  if (length === 0) return undefined;
  return { channel: channels[limit % length]!, handedOnBytes: Math.floor(limit / length) };
}

export function limitText(model: Model, limit: number, writer: Side | undefined): string {
  const says = (side: Side): string => {
    const meaning = readLimit(model, limit, side);
    if (meaning === undefined) return "no channel has one";
    return `${meaning.channel.name}, ${meaning.handedOnBytes} bytes handed on`;
  };
  if (writer !== undefined) return says(writer);
  const [client, server] = [says("client"), says("server")];
  return client === server ? client : `from the client: ${client}; from the server: ${server}`;
}
