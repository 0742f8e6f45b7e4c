/**
 * Rules of docs/wire.md about what a server sends by itself. It is brought to send by the least message of each channel, and by
 * nothing that is known of its application: where it sends no reliable message, some rules cannot be seen.
 */
import { maySend } from "../../codegen/model/delivery.ts";
import type { ChannelModel } from "../../codegen/model/model.ts";
import { OVERHEAD_BYTES, Shares } from "./limit-shares.ts";
import { ended, frameOf, page, REFUSES, type SessionContext, type SessionRule } from "./parts.ts";
import type { Answer } from "./probe.ts";
import { fail, type Outcome, pass, unseen } from "./rule.ts";

const DELAY_UNKNOWN = 255;
/** Two questions, the second after twice as long, on a path that this side makes slow. */
const ASKS_WAIT_MS = 6000;
/** Nothing more comes where it does not come within this. */
const QUIET_MS = 200;
/** A server that never stops is heard no longer. */
const MAX_ROUNDS = 500;
const MAX_NUMBERS = 4096;
/** Of an ack: runs and the gaps between them. */
const MAX_RUNS = 63;
/** Longer than the first probe timeout, before anything is known of the path: three times 333 ms and an ack's delay. */
const PROBE_WAIT_MS = 2500;

function rule(id: string, section: string, says: string, check: SessionRule["check"]): SessionRule {
  return { id, level: "MUST", where: page(section), says, alone: true, check };
}

/** Sends the least message of each channel, and waits until all of them are acknowledged. */
async function talk(context: SessionContext): Promise<void> {
  const { connection, probe } = context;
  const { channels, limits } = probe.model;
  for (const channel of channels.filter(({ direction }) => maySend("client", direction))) {
    const frame = frameOf(context, channel);
    if (frame.payload.length > limits.sliceBytes) continue;
    const packetNumber = connection.number();
    connection.send(connection.datagram({ packetNumber }, [frame]), packetNumber);
  }
  await connection.ask();
  // What it sends of its own accord may come a little later.
  if (channels.some(({ reliable, direction }) => reliable && maySend("server", direction))) {
    await probe.answer(() => reliableFrames(context).length > 0, QUIET_MS);
  }
}

/** A frame of a reliable channel, by what it has again when it is sent again. */
interface Reliable {
  readonly answer: Answer;
  readonly name: string;
}

function reliableFrames({ probe }: SessionContext): Reliable[] {
  return probe.regular.flatMap((answer) =>
    answer.reading.frames.flatMap(({ channel, number, slice }) =>
      channel.reliable
        ? [{ answer, name: `${channel.name} ${number} ${slice?.index ?? ""}`.trim() }]
        : [],
    ),
  );
}

/** What has come of each channel that has a limit, each message once, as its sender counts it. */
function heldHere({ probe }: SessionContext) {
  const shares = new Shares(probe.model, "server");
  const { sliceBytes } = probe.model.limits;
  const seen = new Set<string>();
  const held = new Map<ChannelModel, number>();
  for (const { reading } of probe.regular) {
    for (const { channel, number, slice, payload } of reading.frames) {
      const name = `${channel.name} ${number}`;
      if (!shares.channels.includes(channel) || seen.has(name)) continue;
      seen.add(name);
      const bytes = slice === undefined ? payload.length : (slice.count - 1) * sliceBytes + 1;
      held.set(channel, (held.get(channel) ?? 0) + bytes + OVERHEAD_BYTES);
    }
  }
  const pooledBytes = [...held].reduce(
    (sum, [channel, bytes]) => sum + Math.max(0, bytes - shares.partOf(channel)),
    0,
  );
  return { shares, held, pooledBytes };
}

/** Acknowledges all that comes, and with `limit` says how much of a channel is handed on, until nothing comes any more. */
async function hear(
  context: SessionContext,
  limit?: { readonly place: number; readonly handedOnBytes: number },
): Promise<void> {
  const { connection, probe } = context;
  const { header } = probe.model;
  const { length } = new Shares(probe.model, "server").channels;
  await talk(context);
  for (let i = 0; i < MAX_ROUNDS; i++) {
    const numbers = new Set(probe.regular.flatMap(({ reading }) => reading.packetNumber ?? []));
    const packetNumber = connection.number();
    const said = limit && { receiveLimit: limit.handedOnBytes * length + limit.place };
    const ack = ackOf(numbers, header.ackBits, header.ackFieldBits);
    probe.clear();
    connection.send(connection.datagram({ packetNumber, ack, ...said }), packetNumber);
    if ((await probe.answer(({ reading }) => reading.frames.length > 0, QUIET_MS)) === undefined) {
      return;
    }
    // The rest of a burst.
    await probe.answer(() => false, 5);
  }
}

/** An ack of what has come, as far down as one reaches. */
function ackOf(numbers: ReadonlySet<number>, ackBits: number, fieldBits = 4 * MAX_NUMBERS) {
  const largest = Math.max(...numbers);
  const runs: number[] = [];
  let isIn = true;
  let length = 0;
  for (let n = largest; n >= 0 && n > largest - fieldBits && runs.length < MAX_RUNS; n--) {
    if (numbers.has(n) !== isIn) {
      runs.push(length);
      length = 0;
      isIn = !isIn;
    }
    length++;
  }
  if (isIn && runs.length < MAX_RUNS) runs.push(length);
  if (runs.length % 2 === 0) runs.pop();
  // Known, so that the server measures the path and asks soon.
  return { largest: largest % 2 ** ackBits, delay: 0, runs };
}

const SENDS_NOTHING = unseen("the server sends no reliable message");

/** An ack of a number that the server has not used yet. */
async function ackAhead(
  context: SessionContext,
): Promise<{ readonly ahead: number; readonly packetNumber: number } | undefined> {
  const { connection, probe } = context;
  const first = await connection.ask();
  if (first === undefined) return undefined;
  const { ackBits, packetNumberBits } = probe.model.header;
  const ahead = first.reading.packetNumber! + 100;
  if (ahead >= 2 ** Math.min(ackBits, packetNumberBits)) return undefined;
  const packetNumber = connection.number();
  const ack = { largest: ahead, delay: DELAY_UNKNOWN, runs: [1] };
  probe.clear();
  connection.send(connection.datagram({ packetNumber, ackNow: true, ack }), packetNumber);
  return { ahead, packetNumber };
}

export const sendingRules: readonly SessionRule[] = [
  rule(
    "sends-readable",
    "frames",
    "sends nothing that a receiver would have to refuse",
    async (context) => {
      await talk(context);
      const wrong = context.probe.regular.find(({ reading }) => reading.problem !== undefined);
      if (wrong === undefined) return pass;
      const { at, path, problem } = wrong.reading.problem!;
      return fail(`byte ${at}, ${path}: ${problem}`);
    },
  ),
  rule(
    "sends-numbers",
    "datagrams",
    "uses no packet number twice, and none far above those before",
    async (context) => {
      const { connection, probe } = context;
      await talk(context);
      for (let i = 0; i < 20; i++) {
        if ((await connection.ask()) === undefined) return fail("nothing is acknowledged any more");
      }
      const numbers = probe.regular.map(({ reading }) => reading.packetNumber!);
      if (new Set(numbers).size < numbers.length) return fail("one comes twice");
      // Some are left out, about one in 4096.
      const most = numbers.length + 64;
      const high = numbers.find((number) => number > most);
      return high === undefined ? pass : fail(`${high}, of ${numbers.length}`);
    },
  ),
  rule(
    "sends-size",
    "path-mtu",
    "sends no datagram above `maxDatagramBytes` before a larger one was acknowledged",
    async (context) => {
      await talk(context);
      const { maxDatagramBytes } = context.probe.model.limits;
      const large = context.probe.regular.find(
        ({ bytes, reading }) =>
          bytes.length > maxDatagramBytes && (reading.frames.length > 0 || !reading.ackNow),
      );
      return large === undefined ? pass : fail(`${large.bytes.length} bytes`);
    },
  ),
  rule(
    "sends-again",
    "round-trip-time-and-loss",
    "sends a reliable message again, in a new datagram that asks for an ack, until it is acknowledged",
    async (context): Promise<Outcome> => {
      const { probe } = context;
      await talk(context);
      const [first] = reliableFrames(context);
      if (first === undefined) return SENDS_NOTHING;
      const isAgain = (answer: Answer): boolean =>
        answer.reading.packetNumber !== first.answer.reading.packetNumber;
      const find = (): Reliable | undefined =>
        reliableFrames(context).find(({ name, answer }) => name === first.name && isAgain(answer));
      await probe.answer(() => find() !== undefined, PROBE_WAIT_MS);
      const again = find();
      if (again === undefined) return fail(`${first.name} is not`);
      return again.answer.reading.ackNow ? pass : fail("the datagram does not ask for an ack");
    },
  ),
  rule(
    "sends-limit",
    "flow-control",
    "sends no more of its reliable channels than their parts and the pool hold, before it is told that any was handed on",
    async (context): Promise<Outcome> => {
      await hear(context);
      const { pooledBytes, shares, held } = heldHere(context);
      if (held.size === 0) return SENDS_NOTHING;
      return pooledBytes <= shares.poolBytes
        ? pass
        : fail(`${pooledBytes} bytes of a pool of ${shares.poolBytes}`);
    },
  ),
  rule(
    "sends-asks",
    "flow-control",
    "asks again and again, with Q and in the channel's name, where a limit keeps a message back; goes on when it is told",
    async (context): Promise<Outcome> => {
      const { probe } = context;
      await hear(context);
      const { held, shares } = heldHere(context);
      const isFull = [...held].some(([channel, bytes]) => bytes > shares.partOf(channel) / 2);
      if (!isFull) return unseen("the server sends too little for a limit to keep back");
      const asks = (): readonly ChannelModel[] =>
        probe.regular.flatMap(({ reading }) => {
          if (reading.frames.length > 0 || !reading.ackNow) return [];
          return [...held.keys()].filter(({ id }) => id + 1 === reading.wireId);
        });
      await probe.answer(() => asks().length >= 2, ASKS_WAIT_MS);
      const [channel] = asks();
      if (channel === undefined) return unseen("the server asks for no limit");
      if (asks().length < 2) return fail("it asks once");
      const before = held.get(channel)!;
      const grown = (): boolean => heldHere(context).held.get(channel)! > before;
      await hear(context, { place: shares.channels.indexOf(channel), handedOnBytes: before });
      await probe.answer(grown, PROBE_WAIT_MS);
      return grown() ? pass : fail(`nothing more of ${channel.name} comes`);
    },
  ),
];

/** What becomes of an ack of a number that was not sent: somebody else may have forged it, but behind a seal. */
export const aheadOfPlain: SessionRule = rule(
  "ack-ahead",
  "acknowledgements",
  "uses no packet number that was acknowledged before it was sent, and goes on behind it",
  async (context) => {
    const sent = await ackAhead(context);
    if (sent === undefined) return unseen("no ack that could be too far ahead");
    // What was on its way already is none of it.
    const answer = await context.connection.ackOf(sent.packetNumber);
    if (answer === undefined) return fail("it is not acknowledged");
    const { ahead } = sent;
    const number = answer.reading.packetNumber!;
    return number > ahead ? pass : fail(`${number} is used, and ${ahead} was acknowledged`);
  },
);

export const aheadOfSealed: SessionRule = {
  ...rule(
    "ack-ahead",
    "acknowledgements",
    "refuses an ack of a number that was not sent yet",
    async (context) => {
      const sent = await ackAhead(context);
      return sent === undefined ? unseen("no ack that could be too far ahead") : ended(context);
    },
  ),
  where: REFUSES,
};
