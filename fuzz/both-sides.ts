/**
 * Both halves of a spec's codecs together, for what plays both sides: fuzzing and tests. Clients and servers never do; each
 * has a table of its own (generated/client-protocol.ts and generated/server-protocol.ts).
 */
import {
  type ChannelCodec,
  type MessageDecoder,
  type MessageEncoder,
  type Protocol,
  withCodecs,
} from "stardust-udp/protocol";

export interface MessageCodec<M = unknown> extends MessageEncoder<M>, MessageDecoder<M> {}

/** The protocol that can encode and decode the messages of every channel. */
export function bothSides(client: Protocol, server: Protocol): Protocol {
  const codecs = client.channels.map(({ encoder, decoder }, index) => ({
    encoder: encoder ?? server.channels[index]!.encoder,
    decoder: decoder ?? server.channels[index]!.decoder,
  }));
  return withCodecs(client, codecs);
}

/** The codec of a channel that has both halves. */
export function codecOf<M>({ encoder, decoder }: ChannelCodec<M>): MessageCodec<M> {
  return { ...encoder!, ...decoder! };
}

/** The codec of a channel in a generated codecs.ts. */
export function codecIn(codecs: Readonly<Record<string, unknown>>, channel: string): MessageCodec {
  return codecOf({
    encoder: codecs[`${channel}Encoder`] as MessageEncoder<unknown>,
    decoder: codecs[`${channel}Decoder`] as MessageDecoder<unknown>,
  });
}
