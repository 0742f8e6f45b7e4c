/**
 * What rules of docs/wire.md are written with: frames of the least message, datagrams of one, and what follows where one must
 * be dropped.
 */
import { CaseMaker } from "../../codegen/emit/vector-cases.ts";
import { writePayload } from "../../codegen/interpret/compression.ts";
import type { DatagramValues, FrameValues } from "../../codegen/interpret/write-datagram.ts";
import { maySend } from "../../codegen/model/delivery.ts";
import { Lookup } from "../../codegen/model/lookup.ts";
import type { ChannelModel } from "../../codegen/model/model.ts";
import { type Connection, hasMac, type Probe } from "./probe.ts";
import { fail, type Outcome, pass, type Rule, unseen } from "./rule.ts";

export interface SessionContext {
  readonly probe: Probe;
  readonly connection: Connection;
}

export type SessionRule = Rule<SessionContext>;

export const page = (section: string): string => `wire.md#${section}`;
export const REFUSES: string = page("what-a-receiver-refuses");
/** How far ahead of what is missing a message number may be: by less. */
export const MESSAGE_WINDOW: number = 2 ** 14;

/** What a datagram that must be dropped is made of; undefined where the spec or its layout has no such thing. */
export type Make = (
  context: SessionContext,
  number: number,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/** Where what is wrong with a datagram stands, of a sealed one: `clear` for what is looked at before it is opened. */
export type Part = "clear" | "sealed";

export function refused(id: string, part: Part, says: string, make: Make): SessionRule {
  return {
    id: `refuse-${id}`,
    level: "MUST",
    where: REFUSES,
    says: `refuses, and does not acknowledge, ${says}`,
    check: async (context) => {
      const { connection, probe } = context;
      const number = connection.number();
      const bytes = await make(context, number);
      if (bytes === undefined) return unseen("this spec, or its header, has no such thing");
      connection.send(bytes, number);
      if (part === "sealed" && probe.model.security === "sealed") return ended(context);
      const named = await connection.ping();
      if (named === undefined) return fail("nothing is acknowledged any more");
      return named.has(number) ? fail("it is acknowledged") : pass;
    },
  };
}

/** Passes where the server has closed the connection as one whose client is at fault. */
export async function ended({ probe, connection }: SessionContext): Promise<Outcome> {
  const { cid, keys } = connection.accepted;
  const close = await probe.zero(cid, "close");
  if (close === undefined) return fail("the connection is not closed");
  if (!hasMac(close, keys.server)) return fail("the MAC of close is wrong");
  const { code } = close.reading.envelope!["sys"] as { readonly code: string };
  return code === "protocol-violation" ? pass : fail(`the connection is closed with ${code}`);
}

/** Channels that a client sends on and `test` likes; the first of them. */
export function sendable(
  { model }: Probe,
  test: (channel: ChannelModel) => boolean = () => true,
): ChannelModel | undefined {
  return model.channels.find((channel) => maySend("client", channel.direction) && test(channel));
}

/** A reliable channel, or one that is not, that a client sends on and whose least message fits a datagram. */
export function small(probe: Probe, reliable: boolean): ChannelModel | undefined {
  const { limits } = probe.model;
  return sendable(
    probe,
    (channel) => channel.reliable === reliable && least(probe, channel).length <= limits.sliceBytes,
  );
}

/** The least message of a channel. */
export function least({ model }: Probe, channel: ChannelModel): Uint8Array {
  const lookup = Lookup.of(model);
  const { value } = new CaseMaker(lookup).casesOf(channel.message)[0]!;
  return writePayload(lookup, channel, value);
}

/** A frame of a channel with the least message that it has; `over` replaces parts. */
export function frameOf(
  { probe, connection }: SessionContext,
  channel: ChannelModel,
  over: Partial<FrameValues> = {},
): FrameValues {
  const number = channel.numbered
    ? { number: over.number ?? connection.message(channel.index) }
    : {};
  const payload = over.payload ?? least(probe, channel);
  return { channel, payload, ...(over.slice ? { slice: over.slice } : {}), ...number };
}

/** A datagram of one frame. */
export function one(
  context: SessionContext,
  packetNumber: number,
  channel: ChannelModel | undefined,
  over: Partial<FrameValues> = {},
): Uint8Array | undefined {
  if (channel === undefined) return undefined;
  const frame = frameOf(context, channel, over);
  return context.connection.datagram({ packetNumber, ackNow: true }, [frame]);
}

export const ping = (packetNumber: number): DatagramValues => ({ packetNumber, ackNow: true });
