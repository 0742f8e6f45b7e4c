/**
 * Rules of docs/wire.md about when a receiver acknowledges, and what it names. How long it held an ack back it says itself,
 * in the ack's delay: no clock of this side decides. A server that is slow for once may try again; one that says nothing is waited
 * for, and what must not come is waited for as long as an ack may take.
 */
import type { DatagramValues } from "../../codegen/interpret/write-datagram.ts";
import type { ChannelModel, Model } from "../../codegen/model/model.ts";
import { frameOf, page, type SessionContext, type SessionRule, small } from "./parts.ts";
import type { Ack } from "./probe.ts";
import { fail, type Outcome, pass, unseen } from "./rule.ts";

const ACKS = page("acknowledgements");
const UNIT_MS = 0.25;
const DELAY_UNKNOWN = 255;
/** What has only unreliable frames is acknowledged after this, milliseconds. */
const LAZY_ACK_MS = 400;
/** The longest that an ack can say. */
const LONGEST_MS = (DELAY_UNKNOWN - 1) * UNIT_MS;
const ACK_DATAGRAMS = 10;
const LAZY_ACK_DATAGRAMS = 32;
/** A server that stood still for once says so by a long delay. */
const TRIES = 8;
/** A timer is late on a machine that is busy, which may last a second; whoever sets it too late is so at each of these. */
const TIMER_TRIES = 64;
/** Of what is to be at once: some that is held back may look so, where it was read late. */
const MOST_TRIES = 4;
const MAX_RANGES = 32;
/** Longer than anything may be held back. */
const SILENCE_MS = 500;

function rule(
  id: string,
  says: string,
  check: SessionRule["check"],
  level: SessionRule["level"] = "MUST",
): SessionRule {
  return { id: `ack-${id}`, level, where: ACKS, says, alone: true, check };
}

/** Sends the least message of a channel, without asking for an ack; its number. */
function tell(context: SessionContext, channel: ChannelModel): number {
  const { connection } = context;
  const number = connection.number();
  const values: DatagramValues = { packetNumber: number };
  connection.send(connection.datagram(values, [frameOf(context, channel)]), number);
  return number;
}

/**
 * What is tried may be held up now and then; `mostMs` is what an ack may say that it was held back, in `needed` of the `tries`.
 */
async function inTime(
  mostMs: number,
  needed: number,
  once: () => Promise<Ack | undefined>,
  tries = TRIES,
): Promise<Outcome> {
  let slowest = 0;
  let good = 0;
  let ridden = 0;
  for (let i = 0; i < tries; i++) {
    const ack = await once();
    if (ack === undefined) return fail("it is not acknowledged unless one asks");
    const { delay } = ack.reading.ack!;
    const isInTime = delay !== DELAY_UNKNOWN && delay * UNIT_MS <= mostMs;
    // It rides with what goes anyway, and says nothing of when it would go alone; but it could not have been so late.
    if (isInTime && !pureAck(ack.reading)) {
      ridden++;
      continue;
    }
    if (isInTime && ++good === needed) return pass;
    slowest = Math.max(slowest, delay * UNIT_MS);
  }
  if (ridden > tries - needed) return pass;
  return fail(
    `${tries - good} of ${tries} acks were held back for up to ${slowest} ms; at most ${mostMs}`,
  );
}

const NO_RELIABLE = unseen("clients send on no reliable channel");
const NO_UNRELIABLE = unseen("clients send on no unreliable channel");

/** Half of what may pass before an ack that need not be at once. */
const atOnceMs = ({ limits }: Model): number => limits.maxAckDelayMs / 2;

/** Numbers with gaps: each asks for an ack, and is followed by one that is never sent. */
async function gaps(context: SessionContext, count: number): Promise<readonly number[]> {
  const { connection } = context;
  const sent: number[] = [];
  for (let i = 0; i < count; i++) {
    const number = connection.number();
    connection.send(connection.datagram({ packetNumber: number, ackNow: true }), number);
    sent.push(number);
    connection.number();
    // No more at once than a socket's buffer takes.
    if (i % 16 === 15) await connection.ackOf(number);
  }
  return sent;
}

export const ackRules: readonly SessionRule[] = [
  rule(
    "reliable",
    "acknowledges a message of a reliable channel unasked, within `maxAckDelayMs`",
    async (context) => {
      const { probe, connection } = context;
      const channel = small(probe, true);
      if (channel === undefined) return NO_RELIABLE;
      const { maxAckDelayMs } = probe.model.limits;
      const once = () => {
        probe.clear();
        return connection.ackOf(tell(context, channel));
      };
      return inTime(maxAckDelayMs, 1, once, TIMER_TRIES);
    },
  ),
  rule(
    "tenth",
    "acknowledges at once the tenth datagram with reliable frames since its last ack",
    async (context) => {
      const { probe, connection } = context;
      const channel = small(probe, true);
      if (channel === undefined) return NO_RELIABLE;
      const most = atOnceMs(probe.model);
      if (most < 4) return unseen("maxAckDelayMs is so short that all is at once");
      return inTime(most, MOST_TRIES, () => {
        probe.clear();
        for (let i = 1; i < ACK_DATAGRAMS; i++) tell(context, channel);
        return connection.ackOf(tell(context, channel));
      });
    },
  ),
  rule("unreliable", "acknowledges unreliable messages unasked, after 400 ms", async (context) => {
    const { probe, connection } = context;
    const channel = small(probe, false);
    if (channel === undefined) return NO_UNRELIABLE;
    let fastestMs = Number.POSITIVE_INFINITY;
    // Too long for the ack to say it: a clock of this side has to decide, with plenty of time for whoever is slow.
    for (let i = 0; i < TRIES && fastestMs > 2 * LAZY_ACK_MS; i++) {
      probe.clear();
      const sentMs = performance.now();
      const ack = await connection.ackOf(tell(context, channel));
      if (ack === undefined) return fail("it is not acknowledged unless one asks");
      fastestMs = Math.min(fastestMs, performance.now() - sentMs);
    }
    if (fastestMs <= 2 * LAZY_ACK_MS) return pass;
    return fail(`no ack in less than ${Math.round(fastestMs)} ms`);
  }),
  rule(
    "unreliable-32nd",
    "acknowledges at once the 32nd datagram with nothing but unreliable frames",
    async (context) => {
      const { probe, connection } = context;
      const channel = small(probe, false);
      if (channel === undefined) return NO_UNRELIABLE;
      return inTime(LONGEST_MS, MOST_TRIES, () => {
        probe.clear();
        for (let i = 1; i < LAZY_ACK_DATAGRAMS; i++) tell(context, channel);
        return connection.ackOf(tell(context, channel));
      });
    },
  ),
  rule(
    "out-of-order",
    "acknowledges at once a datagram with frames whose number is not the largest plus one",
    async (context) => {
      const { probe, connection } = context;
      const lazy = small(probe, false);
      const channel = lazy ?? small(probe, true);
      if (channel === undefined) return unseen("clients send no messages");
      const most = lazy === undefined ? atOnceMs(probe.model) : LONGEST_MS;
      return inTime(most, MOST_TRIES, () => {
        probe.clear();
        connection.number();
        return connection.ackOf(tell(context, channel));
      });
    },
  ),
  rule("pure", "sends no ack for a datagram with neither frames nor Q", async (context) => {
    const { probe, connection } = context;
    const first = await connection.ask();
    if (first === undefined) return fail("nothing is acknowledged");
    const { ackBits } = probe.model.header;
    const largest = first.reading.packetNumber! % 2 ** ackBits;
    probe.clear();
    const number = connection.number();
    const ack = { largest, delay: DELAY_UNKNOWN, runs: [1] };
    connection.send(connection.datagram({ packetNumber: number, ack }), number);
    const said = await probe.answer(
      ({ reading }) => pureAck(reading) && reading.ack!.largest === number % 2 ** ackBits,
      SILENCE_MS,
    );
    if (said !== undefined) return fail("it is acknowledged");
    const after = await connection.ask();
    return after?.named.has(number) ? pass : fail("and the next ack does not name it");
  }),
  rule("once", "repeats no ack where nothing is missing", async ({ probe, connection }) => {
    if ((await connection.ask()) === undefined) return fail("nothing is acknowledged");
    probe.clear();
    const again = await probe.answer(({ reading }) => pureAck(reading), SILENCE_MS);
    return again === undefined ? pass : fail("an ack comes again");
  }),
  rule(
    "ranges",
    "names in each ack all that has come and is remembered, and no number between",
    async (context) => {
      const sent = await gaps(context, 10);
      const last = await context.connection.ask();
      if (last === undefined) return fail("nothing is acknowledged any more");
      const missing = sent.filter((number) => !last.named.has(number));
      if (missing.length > 0) return fail(`does not name ${missing.join(", ")}`);
      const between = sent.map((number) => number + 1).filter((number) => last.named.has(number));
      return between.length === 0 ? pass : fail(`names ${between.join(", ")}, never sent`);
    },
  ),
  rule(
    "many",
    "forgets the oldest of more than 32 ranges first, and names no more than those",
    async (context) => {
      const { header } = context.probe.model;
      const sent = await gaps(context, MAX_RANGES + 8);
      const last = await context.connection.ask();
      if (last === undefined) return fail("nothing is acknowledged any more");
      const ranges = Math.ceil(last.reading.ack!.runs.length / 2);
      if (ranges > MAX_RANGES) return fail(`${ranges} ranges`);
      // The newest range is that of the question.
      const shown =
        header.ackFieldBits === undefined ? MAX_RANGES - 1 : header.ackFieldBits / 2 - 1;
      const missing = sent.slice(-shown).filter((number) => !last.named.has(number));
      return missing.length === 0 ? pass : fail(`does not name ${missing.join(", ")}`);
    },
  ),
  rule(
    "pruned",
    "names no more what was named in an ack that was itself acknowledged",
    async (context) => {
      const { probe, connection } = context;
      const [oldest] = await gaps(context, 6);
      const before = await connection.ask();
      if (before === undefined) return fail("nothing is acknowledged any more");
      if (!before.named.has(oldest!)) return unseen("it names no ranges");
      const number = connection.number();
      const { ackBits } = probe.model.header;
      const largest = before.reading.packetNumber! % 2 ** ackBits;
      const ack = { largest, delay: DELAY_UNKNOWN, runs: [1] };
      connection.send(connection.datagram({ packetNumber: number, ackNow: true, ack }), number);
      if ((await connection.ackOf(number)) === undefined) return fail("no ack comes");
      probe.clear();
      const after = await connection.ask();
      if (after === undefined) return fail("nothing is acknowledged any more");
      return after.named.has(oldest!) ? fail(`it still names ${oldest}`) : pass;
    },
    "SHOULD",
  ),
];

/** An ack and nothing else. */
function pureAck({ ack, ackNow, frames, problem }: Ack["reading"]): boolean {
  return problem === undefined && ack !== undefined && frames.length === 0 && ackNow !== true;
}
