/**
 * Rules of docs/wire.md. Of a plain protocol they are tried one after the other on one connection, and what is dropped is told
 * by the acks: a datagram that was taken is named by the next ack, one that was dropped is not. Of a sealed one each has a
 * connection of its own, which what is wrong behind a good tag must end. Here too: the list of all rules of a session.
 */

import { headerItems } from "../../codegen/interpret/header-items.ts";
import type { DatagramValues } from "../../codegen/interpret/write-datagram.ts";
import { payloadFixedBytes, payloadMaxBytes } from "../../codegen/model/channels.ts";
import { maySend } from "../../codegen/model/delivery.ts";
import { hasRole } from "../../codegen/model/header-roles.ts";
import { Lookup } from "../../codegen/model/lookup.ts";
import type { ChannelModel, HeaderRole, Model } from "../../codegen/model/model.ts";
import { ackRules } from "./ack-rules.ts";
import { limitRefusals, limitRules } from "./limit-rules.ts";
import {
  MESSAGE_WINDOW as ahead,
  frameOf,
  one,
  page,
  ping,
  REFUSES,
  refused,
  type SessionContext,
  type SessionRule,
  sendable,
} from "./parts.ts";
import { another, hasMac, newCid } from "./probe.ts";
import { fail, type Outcome, pass, unseen } from "./rule.ts";
import { aheadOfPlain, aheadOfSealed, sendingRules } from "./sending-rules.ts";
import { takingRules } from "./taking-rules.ts";

/** A ping with the bit of a role changed; undefined where the layout lacks it. */
function flipped({ probe, connection }: SessionContext, values: DatagramValues, role: HeaderRole) {
  const bytes = connection.datagram(values);
  let at = 0;
  for (const item of headerItems(probe.model.header.clear)) {
    let bit = 0;
    for (const field of item.fields) {
      if (field.role === role && field.bits !== undefined) {
        bytes[at + (bit >> 3)]! ^= 0x80 >> (bit & 7);
        return bytes;
      }
      bit += field.bits ?? 0;
    }
    if (item.fields[0]!.when.length === 0) at += item.bytes;
  }
  return undefined;
}

function slice(
  context: SessionContext,
  number: number,
  index: number,
  count: number,
  bytes: (sliceBytes: number) => number,
  fragment = true,
): Uint8Array | undefined {
  const { probe, connection } = context;
  const { sliceBytes } = probe.model.limits;
  if (!hasRole(probe.model.header.clear, "slice")) return undefined;
  const large = (c: ChannelModel) => !fragment || payloadMaxBytes(c) > 2 * sliceBytes;
  const channel = sendable(probe, (c) => c.fragment === fragment && large(c));
  if (channel === undefined) return undefined;
  const payload = new Uint8Array(bytes(sliceBytes));
  // Of no message's number that is sent otherwise.
  const frame = { slice: { index, count }, payload, number: ahead - 2 };
  return connection.datagram({ packetNumber: number, ackNow: true }, [
    frameOf(context, channel, frame),
  ]);
}

const refusals: readonly SessionRule[] = [
  refused("tag", "clear", "one with another session tag", ({ probe, connection }, number) => {
    if (!hasRole(probe.model.header.clear, "session-tag")) return undefined;
    const sessionTag = another(connection.accepted.tag ?? 0);
    return connection.datagram({ ...ping(number), sessionTag });
  }),
  refused("truncated", "clear", "one that ends inside a field", ({ connection }, number) =>
    connection.datagram(ping(number)).slice(0, -1),
  ),
  refused("reserved", "clear", "one with a reserved bit", (context, number) =>
    flipped(context, ping(number), "reserved"),
  ),
  refused("key-phase", "clear", "one with a key phase, in plain mode", (context, number) =>
    flipped(context, ping(number), "key-phase"),
  ),
  refused(
    "frames-missing",
    "sealed",
    "one that says it has frames and has none",
    (context, number) => {
      // On wire id 1, that is channel 0: whether its message may be empty is looked at later, but for a fixed size.
      const { model } = context.probe;
      const first = model.channels.find(({ id, numbered }) => id === 0 && !numbered);
      if (first !== undefined && payloadFixedBytes(first, Lookup.of(model)) <= 0) return undefined;
      return flipped(context, ping(number), "frames");
    },
  ),
  refused("slice-alone", "clear", "one with F and without D", (context, number) =>
    flipped(context, ping(number), "slice"),
  ),
  refused("more-alone", "clear", "one with M and without D", (context, number) =>
    flipped(context, ping(number), "more"),
  ),
  refused("limit-alone", "clear", "one with L and without A", (context, number) =>
    flipped(context, ping(number), "limit"),
  ),
  refused("says-nothing", "clear", "one with none of A, Q and D", ({ connection }, number) =>
    connection.datagram({ packetNumber: number }),
  ),
  refused("padding", "sealed", "one whose padding is not zero", ({ connection }, number) =>
    Uint8Array.from([...connection.datagram(ping(number)), 0, 1]),
  ),
  refused(
    "channel",
    "clear",
    "one on a channel that the spec lacks",
    ({ probe, connection }, number) => {
      const ids = new Set(probe.model.channels.map(({ id }) => id));
      const id = [0xff_fffe, 0xff_fffd, 7_777_777].find((free) => !ids.has(free))!;
      const channel = sendable(probe);
      if (channel === undefined) return undefined;
      const frame = frameOf({ probe, connection }, channel, { number: 0 });
      return connection.datagram(ping(number), [{ ...frame, channel: { ...channel, id } }]);
    },
  ),
  refused("direction", "sealed", "a frame against its channel's direction", (context, number) => {
    const { model } = context.probe;
    const channel = model.channels.find(({ direction }) => direction === "server-to-client");
    return one(context, number, channel, { number: 0 });
  }),
  refused(
    "fixed-size",
    "sealed",
    "a payload that does not have its fixed size",
    (context, number) => {
      const lookup = Lookup.of(context.probe.model);
      const channel = sendable(context.probe, (c) => payloadFixedBytes(c, lookup) >= 0);
      if (channel === undefined) return undefined;
      const payload = new Uint8Array(payloadFixedBytes(channel, lookup) + 1);
      return one(context, number, channel, { payload, number: ahead - 1 });
    },
  ),
  refused("max-bytes", "sealed", "a payload above `maxBytes`", (context, number) => {
    const { limits } = context.probe.model;
    const channel = sendable(context.probe, (c) => payloadMaxBytes(c) < limits.sliceBytes);
    if (channel === undefined) return undefined;
    const payload = new Uint8Array(payloadMaxBytes(channel) + 1);
    return one(context, number, channel, { payload, number: ahead - 1 });
  }),
  refused("window", "sealed", "a message number 2^14 ahead", (context, number) => {
    const channel = sendable(context.probe, (c) => c.reliable);
    return one(context, number, channel, { number: 2 * ahead - 2 });
  }),
  refused(
    "slice-channel",
    "sealed",
    "a slice on a channel that does not fragment",
    (context, number) => slice(context, number, 0, 2, (bytes) => bytes, false),
  ),
  refused("slice-count", "sealed", "a slice of one", (context, number) =>
    slice(context, number, 0, 1, (bytes) => bytes),
  ),
  refused(
    "slice-index",
    "sealed",
    "a slice whose index is not below the count",
    (context, number) => slice(context, number, 2, 2, (bytes) => bytes),
  ),
  refused(
    "slice-size",
    "sealed",
    "a slice that is not as long as its index says",
    (context, number) => slice(context, number, 0, 2, (bytes) => bytes - 1),
  ),
  refused("ack-unsent", "sealed", "an ack of a number below 0", ({ probe, connection }, number) => {
    if (!hasRole(probe.model.header.clear, "ack")) return undefined;
    const runs = [1, 30_000, 1, 30_000, 1, 30_000, 1];
    if (probe.model.header.ackFieldBits !== undefined) return undefined;
    return connection.datagram({ ...ping(number), ack: { largest: 0, delay: 0, runs } });
  }),
];

/** A datagram with the least message of a channel. */
function taken(channel: ChannelModel): SessionRule {
  return {
    id: `channel-${channel.name}`,
    level: "MUST",
    where: page("frames"),
    says: `takes, and acknowledges, a message of channel ${channel.name}`,
    check: async (context) => {
      const { connection, probe } = context;
      const frame = frameOf(context, channel);
      if (frame.payload.length > probe.model.limits.sliceBytes) {
        return unseen("its least message does not fit a datagram");
      }
      const number = connection.number();
      connection.send(connection.datagram(ping(number), [frame]), number);
      const named = await connection.ping();
      return named?.has(number) ? pass : fail("it is not acknowledged");
    },
  };
}

const jump: SessionRule = {
  id: "jump",
  level: "MUST",
  where: REFUSES,
  says: "believes a jump of the packet number only when a second datagram follows it",
  check: async ({ probe, connection }) => {
    connection.jump(2000);
    const first = connection.number();
    probe.clear();
    connection.send(connection.datagram(ping(first)), first);
    if (!(await probe.isAlive())) return fail("the server answers nobody any more");
    const early = probe.answers.some(({ reading }) => reading.ack?.largest === first % 65_536);
    if (early) return fail("the first is acknowledged");
    return (await connection.ping()) === undefined ? fail("the second is not believed") : pass;
  },
};

/** What is done to a good datagram that asks for an ack, so that it does not open. */
function unopened(id: string, says: string, change: (sealed: Uint8Array) => void): SessionRule {
  return {
    id: `seal-${id}`,
    level: "MUST",
    where: page("sealing"),
    says: `drops ${says}, and takes the true one with the same number behind it`,
    check: async ({ connection }) => {
      const number = connection.number();
      const plain = connection.datagram(ping(number));
      const changed = Uint8Array.from(connection.accepted.seal!.seal(plain, number));
      change(changed);
      connection.sendAsIs(changed);
      connection.sendAsIs(changed);
      const before = await connection.ping();
      if (before === undefined) return fail("nothing is acknowledged any more");
      if (before.has(number)) return fail("it is acknowledged");
      connection.send(plain, number);
      const named = await connection.ping();
      return named?.has(number) ? pass : fail("the true one is not acknowledged");
    },
  };
}

const sealedRules: readonly SessionRule[] = [
  unopened("tag", "a datagram whose tag was changed", (bytes) => {
    bytes[bytes.length - 1]! ^= 1;
  }),
  unopened("body", "one of which a bit behind the clear part was changed", (bytes) => {
    bytes[bytes.length - 16]! ^= 0x80;
  }),
  {
    id: "seal-none",
    level: "MUST",
    where: page("sealing"),
    says: "applies nothing of a datagram that was not sealed",
    check: async ({ connection }) => {
      const number = connection.number();
      connection.sendAsIs(connection.datagram(ping(number)));
      connection.sendAsIs(
        new Uint8Array([...connection.datagram(ping(number)), ...Buffer.alloc(16)]),
      );
      const named = await connection.ping();
      if (named === undefined) return fail("nothing is acknowledged any more");
      return named.has(number) ? fail("it is acknowledged") : pass;
    },
  },
  {
    id: "key-update",
    level: "MUST",
    where: page("key-updates"),
    says: "opens what is sealed with the next keys, and what is late of those before",
    check: async ({ connection }) => {
      const late = connection.number();
      const first = await connection.ping();
      if (first === undefined) return fail("no ack comes");
      const next = connection.number();
      const values = { ...ping(next), keyPhase: true };
      connection.send(connection.datagram(values), next, true);
      connection.send(connection.datagram(ping(late)), late);
      const last = connection.number();
      const named = await connection.acked({ ...ping(last), keyPhase: true }, true);
      if (named === undefined) return fail("nothing is acknowledged any more");
      if (!named.has(next)) return fail("what is sealed with the next keys is not acknowledged");
      return named.has(late) ? pass : fail("what is late of the keys before is not acknowledged");
    },
  },
];

export function sessionRules(model: Model): readonly SessionRule[] {
  const channels = model.channels.filter(({ direction }) => maySend("client", direction));
  return [
    {
      id: "ack-now",
      level: "MUST",
      where: page("acknowledgements"),
      says: "acknowledges at once what asks for it",
      check: async ({ connection }) =>
        (await connection.ping()) === undefined ? fail("no ack comes") : pass,
    },
    {
      id: "ack-gap",
      level: "MUST",
      where: page("acknowledgements"),
      says: "names what was received, and not what was left out between",
      check: async ({ connection }) => {
        const before = connection.number();
        connection.send(connection.datagram(ping(before)), before);
        const gap = connection.number();
        const named = await connection.ping();
        if (named === undefined) return fail("no ack comes");
        if (named.has(gap)) return fail("names a number that was never sent");
        return named.has(before) ? pass : fail("does not name one that was received");
      },
    },
    {
      id: "session-tag",
      level: "MUST",
      where: page("the-session-tag"),
      says: "puts the connection's tag on every regular datagram",
      check: async ({ probe, connection }) => {
        if (!hasRole(model.header.clear, "session-tag")) return unseen("the header has none");
        await connection.ping();
        const regular = probe.answers.filter(({ reading }) => reading.kind === "regular");
        const { tag } = connection.accepted;
        return regular.every(({ reading }) => reading.sessionTag === tag)
          ? pass
          : fail("another tag");
      },
    },
    ...channels.map(taken),
    ...refusals,
    ...limitRefusals,
    ...(model.security === "plain" ? [jump] : sealedRules),
    {
      id: "forged-close",
      level: "MUST",
      where: "connection.md#a-zero-message",
      says: "does not end a connection by a close whose MAC is wrong",
      check: async ({ probe, connection }) => {
        connection.zero("close", 3, 2, { code: "probe" }, Buffer.from(newCid()));
        if (!(await probe.isAlive())) return fail("the server answers nobody any more");
        return (await connection.ping()) === undefined ? fail("it has ended") : pass;
      },
    },
    {
      id: "close",
      level: "MUST",
      where: "connection.md#keep-alive-and-the-end",
      says: "acknowledges a close, and one that is repeated, and takes nothing more",
      check: async ({ probe, connection }): Promise<Outcome> => {
        const { cid, keys } = connection.accepted;
        for (const time of ["the first", "the second"]) {
          probe.clear();
          connection.zero("close", 3, 2, { code: "probe" });
          const answer = await probe.zero(cid, "ack");
          if (answer === undefined) return fail(`${time} gets no ack`);
          if (!hasMac(answer, keys.server)) return fail(`the ack of ${time} has a wrong MAC`);
        }
        const number = connection.number();
        probe.clear();
        connection.send(connection.datagram(ping(number)), number);
        if (!(await probe.isAlive())) return fail("the server answers nobody any more");
        const acks = probe.answers.some(({ reading }) => reading.ack !== undefined);
        return acks ? fail("a datagram behind the end is acknowledged") : pass;
      },
    },
    ...ackRules,
    model.security === "plain" ? aheadOfPlain : aheadOfSealed,
    ...takingRules,
    ...limitRules,
    ...sendingRules,
  ];
}
