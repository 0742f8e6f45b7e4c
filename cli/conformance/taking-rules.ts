/**
 * Rules of docs/wire.md about what a receiver takes, and drops, for what came before it: packet numbers and their window,
 * message numbers, slices of one message. Each on a connection of its own.
 */
import type { DatagramValues } from "../../codegen/interpret/write-datagram.ts";
import { payloadMaxBytes } from "../../codegen/model/channels.ts";
import { hasRole } from "../../codegen/model/header-roles.ts";
import type { ChannelModel } from "../../codegen/model/model.ts";
import {
  ended,
  frameOf,
  MESSAGE_WINDOW,
  page,
  REFUSES,
  type SessionContext,
  type SessionRule,
  sendable,
  small,
} from "./parts.ts";
import { fail, type Outcome, pass, unseen } from "./rule.ts";

/** What came of so many numbers is remembered, below the largest. */
const DUPLICATE_WINDOW = 1024;
/** As far as a number may lie above the largest, where a second one confirms it. */
const MAX_JUMP = 2 ** 15;
const TAG_BYTES = 16;
/** What a receiver should take, whatever its limit says. */
const LARGE_BYTES = 1472;

const ping = (packetNumber: number): DatagramValues => ({ packetNumber, ackNow: true });

function rule(
  id: string,
  where: string,
  says: string,
  check: SessionRule["check"],
  level: SessionRule["level"] = "MUST",
): SessionRule {
  return { id, level, where, says, alone: true, check };
}

/** Sends a datagram that asks for an ack, and says whether the ack names it. */
async function isTaken(
  { connection }: SessionContext,
  number: number,
  make: () => Uint8Array,
  isWide = false,
): Promise<boolean> {
  connection.send(make(), number, false, isWide);
  return (await connection.ackOf(number)) !== undefined;
}

/** Skips numbers, and has that believed. */
async function jump({ connection, probe }: SessionContext, count: number): Promise<boolean> {
  connection.jump(count);
  const first = connection.number();
  connection.send(connection.datagram(ping(first)), first);
  probe.clear();
  return (await connection.ask()) !== undefined;
}

/** A datagram padded to so many bytes as it travels. */
function padded({ probe, connection }: SessionContext, number: number, bytes: number): Uint8Array {
  const tagBytes = probe.model.security === "sealed" ? TAG_BYTES : 0;
  const bare = connection.datagram(ping(number)).length;
  return connection.datagram({ ...ping(number), padding: bytes - tagBytes - bare });
}

/** A slice of message 0 of `channel`, as long as it must be; the last has one byte. */
function slice(
  context: SessionContext,
  channel: ChannelModel,
  number: number,
  index: number,
  count: number,
): Uint8Array {
  const { connection, probe } = context;
  const bytes = index === count - 1 ? 1 : probe.model.limits.sliceBytes;
  const over = { slice: { index, count }, payload: new Uint8Array(bytes), number: 0 };
  return connection.datagram(ping(number), [frameOf(context, channel, over)]);
}

/** A channel on which a reliable message may have three slices. */
function sliced({ probe }: SessionContext): ChannelModel | undefined {
  const { sliceBytes } = probe.model.limits;
  const isLong = (c: ChannelModel): boolean => payloadMaxBytes(c) > 2 * sliceBytes;
  return sendable(probe, (c) => c.reliable && c.fragment && isLong(c));
}

const NO_SLICES = unseen("clients send no reliable messages of three slices");

export const takingRules: readonly SessionRule[] = [
  rule(
    "datagram-again",
    REFUSES,
    "drops a datagram that comes again, though it asks for an ack",
    async ({ connection, probe }) => {
      const number = connection.number();
      const bytes = connection.datagram(ping(number));
      connection.send(bytes, number);
      if ((await connection.ackOf(number)) === undefined) return fail("nothing is acknowledged");
      probe.clear();
      connection.send(bytes, number);
      if (!(await probe.isAlive())) return fail("the server answers nobody any more");
      if ((await connection.ask()) === undefined) return fail("nothing is acknowledged any more");
      const again = probe.answers.some(({ reading }) => reading.ack?.largest === number);
      return again ? fail("it is acknowledged again") : pass;
    },
  ),
  rule(
    "message-again",
    page("channels"),
    "acknowledges a message that comes again in another datagram",
    async (context) => {
      const { connection, probe } = context;
      const channel = small(probe, true);
      if (channel === undefined) return unseen("clients send on no reliable channel");
      const frame = frameOf(context, channel);
      for (const time of ["the first", "the second", "the third"]) {
        const number = connection.number();
        const isNamed = await isTaken(context, number, () =>
          connection.datagram(ping(number), [frame]),
        );
        if (!isNamed) return fail(`${time} time it is not`);
      }
      return pass;
    },
  ),
  rule(
    "window-edge",
    page("channels"),
    "takes a reliable message whose number is 2^14 - 1 above the lowest that is missing",
    async (context) => {
      const { connection, probe } = context;
      const isOrdinary = ({ delivery }: ChannelModel): boolean =>
        delivery === "reliable" || delivery === "reliable-ordered";
      const channel = sendable(probe, isOrdinary);
      if (channel === undefined) return unseen("clients send on no such channel");
      const number = connection.number();
      const frame = frameOf(context, channel, { number: MESSAGE_WINDOW - 1 });
      const isNamed = await isTaken(context, number, () =>
        connection.datagram(ping(number), [frame]),
      );
      return isNamed ? pass : fail("it is not acknowledged");
    },
  ),
  rule(
    "slices-any-order",
    page("slices"),
    "takes slices of a message in any order, and acknowledges one that comes again",
    async (context) => {
      const channel = sliced(context);
      if (channel === undefined) return NO_SLICES;
      for (const index of [2, 0, 0]) {
        const number = context.connection.number();
        const isNamed = await isTaken(context, number, () =>
          slice(context, channel, number, index, 3),
        );
        if (!isNamed) return fail(`slice ${index} is not acknowledged`);
      }
      return pass;
    },
  ),
  rule(
    "refuse-slice-mismatch",
    REFUSES,
    "refuses, and does not acknowledge, slices of one message with different counts",
    async (context): Promise<Outcome> => {
      const { connection, probe } = context;
      const channel = sliced(context);
      if (channel === undefined) return NO_SLICES;
      const first = connection.number();
      const isNamed = await isTaken(context, first, () => slice(context, channel, first, 0, 3));
      if (!isNamed) return fail("the first slice is not acknowledged");
      const number = connection.number();
      connection.send(slice(context, channel, number, 0, 2), number);
      if (probe.model.security === "sealed") return ended(context);
      const named = await connection.ping();
      if (named === undefined) return fail("nothing is acknowledged any more");
      return named.has(number) ? fail("it is acknowledged") : pass;
    },
  ),
  rule(
    "refuse-old",
    REFUSES,
    "drops a datagram 1024 below the largest number, and takes one that is 1023 below",
    async (context) => {
      const { connection, probe } = context;
      if (probe.model.header.ackFieldBits !== undefined)
        return unseen("its acks do not reach so far");
      const start = connection.number();
      if (!(await isTaken(context, start, () => connection.datagram(ping(start)))))
        return fail("nothing is acknowledged");
      const before = connection.number();
      const first = connection.number();
      // From here on the largest is known, with every question one more.
      if (!(await jump(context, DUPLICATE_WINDOW - 3))) return fail("a jump is not believed");
      // Its numbers: first, then those skipped, the two of the jump.
      const largest = first + DUPLICATE_WINDOW - 1;
      for (const [number, expected] of [
        [largest - DUPLICATE_WINDOW, false],
        [largest - DUPLICATE_WINDOW + 1, true],
      ] as const) {
        if (number !== (expected ? first : before)) throw new Error("the rule counts wrongly");
        connection.send(connection.datagram(ping(number)), number);
      }
      const last = await connection.ask();
      if (last === undefined) return fail("nothing is acknowledged any more");
      if (last.named.has(before)) return fail("the one that is too old is acknowledged");
      return last.named.has(first) ? pass : fail("the one that is not is not acknowledged");
    },
  ),
  rule(
    "number-wrap",
    page("the-default-header"),
    "rebuilds packet numbers whose low bits begin again at 0",
    async (context) => {
      const { connection, probe } = context;
      const { packetNumberBits } = probe.model.header;
      if (packetNumberBits !== 16) return unseen("its numbers are too wide to get there");
      if ((await connection.ask()) === undefined) return fail("nothing is acknowledged");
      const wrap = 2 ** packetNumberBits;
      let next = 1;
      for (const to of [MAX_JUMP - 100, 2 * (MAX_JUMP - 100), wrap - 4]) {
        if (!(await jump(context, to - next))) return fail("a jump is not believed");
        next = to + 2;
      }
      // Over the wrap, and not onto it: what is expected is still below.
      for (; next < wrap + 8; next++) {
        if (next === wrap - 1) {
          connection.jump(4);
          next += 4;
        }
        probe.clear();
        const ack = await connection.ask();
        // The largest: its low bits may be those of a number before.
        if (
          ack === undefined ||
          ack.reading.ack?.largest !== next % 2 ** probe.model.header.ackBits
        ) {
          return fail(`${next} is not acknowledged, nor what follows`);
        }
      }
      return pass;
    },
  ),
  rule(
    "number-wide",
    page("the-default-header"),
    "takes a wide packet number where a narrow one would do",
    async (context) => {
      const { connection, probe } = context;
      if (!hasRole(probe.model.header.clear, "wide")) return unseen("the header has none");
      const number = connection.number();
      const make = (): Uint8Array => connection.datagram({ ...ping(number), wide: true });
      return (await isTaken(context, number, make, true)) ? pass : fail("it is not acknowledged");
    },
  ),
  rule(
    "padding",
    page("the-default-header"),
    "takes padding up to `maxDatagramBytes` behind a datagram that asks for an ack",
    async (context) => {
      const number = context.connection.number();
      const { maxDatagramBytes } = context.probe.model.limits;
      const isNamed = await isTaken(context, number, () =>
        padded(context, number, maxDatagramBytes),
      );
      return isNamed ? pass : fail("it is not acknowledged");
    },
  ),
  rule(
    "large",
    page("path-mtu"),
    "takes datagrams of up to 1472 bytes, whatever its limit says",
    async (context) => {
      const number = context.connection.number();
      const isNamed = await isTaken(context, number, () => padded(context, number, LARGE_BYTES));
      return isNamed ? pass : fail("it is not acknowledged");
    },
    "SHOULD",
  ),
];
