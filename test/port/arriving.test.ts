/** Messages of peers between a port's worker and the application, in virtual time: what is too old is dropped, and its credit comes back. */
import { expect, test } from "vitest";
import { ArrivingMessages } from "#src/port/arriving.js";
import { creditShares } from "#src/port/credit-shares.js";
import { Credits } from "#src/port/credits.js";
import { DrainTurns } from "#src/port/drain-turns.js";
import { PortLink } from "#src/port/link.js";
import { createPortMemory } from "#src/port/memory.js";
import { readForApplication } from "#src/port/records-to-application.js";
import { RingEnd } from "#src/port/ring-end.js";
import { ReceivedMessage } from "#src/received-message.js";
import { handProtocol } from "../support/hand-protocol.ts";

const MAX_AGE_MS = 50;
const PEER = 1;
/** The worker's clock is ahead of the application's by so much. */
const AHEAD_MS = 1_000_000.25;

const protocol = handProtocol({
  channels: [
    { name: "aged", delivery: "unreliable", maxAgeMs: MAX_AGE_MS },
    { name: "loose", delivery: "unreliable" },
    { name: "kept", delivery: "reliable" },
  ],
});
const [aged, loose, kept] = [0, 1, 2];

/** Both threads' ends, whose clocks begin at `startMs`; `handleMs` is what each message takes. */
function threads(startMs = 0) {
  const memory = createPortMemory(protocol, 4);
  let nowMs = startMs;
  let looks = 0;
  const link = new PortLink(memory, protocol, () => {
    looks++;
    return nowMs + AHEAD_MS;
  });
  const end = new RingEnd(memory, "application", new DrainTurns(() => nowMs));
  const credits = new Credits(memory.receiveCredits, creditShares(protocol, "client"));
  const user = new Float64Array(0);
  const state = { handleMs: 0, got: [] as [channel: number, byte: number][] };
  const onMessage = (_peer: number, { channel, bytes, start, end: at }: ReceivedMessage): void => {
    nowMs += state.handleMs;
    state.got.push([channel.index, bytes[start]!]);
    credit.release(PEER, channel.index, at - start + 64);
  };
  const credit = {
    release: (peer: number, channel: number, cost: number) => void credits.add(peer, channel, cost),
  };
  const arriving = new ArrivingMessages(protocol, { onMessage }, credit, end, AHEAD_MS);
  const reports = {
    message: (
      ...[peer, channel, stamp, bytes, view, start, at]: Parameters<
        Parameters<typeof readForApplication>[6]["message"]
      >
    ) => arriving.take(peer, channel, stamp, bytes, view, start, at, user),
  } as Parameters<typeof readForApplication>[6];
  const message = new ReceivedMessage();
  return {
    state,
    arriving,
    end,
    spent: () => credits.spentBytes(PEER),
    looks: () => looks,
    wait: (ms: number) => {
      nowMs += ms;
    },
    /** The worker hands it on, in a turn of its own unless `isTurnOver` is false. */
    write: (channel: number, byte: number, isTurnOver = true) => {
      const bytes = Uint8Array.of(byte);
      message.fill(protocol.channels[channel]!, bytes, new DataView(bytes.buffer), 0, 1, user);
      expect(link.message(PEER, PEER, message, false)).toBe("taken");
      if (isTurnOver) link.ring();
    },
    drain: () =>
      end.drain((kind, bytes, view, start, at) =>
        readForApplication(kind, bytes, view, start, at, user, reports),
      ),
  };
}

test("what has waited for longer than its channel's maxAgeMs is dropped and counted, and nothing else", () => {
  const { write, wait, drain, state, arriving, spent } = threads();
  for (const channel of [aged, loose, kept]) write(channel!, 1);
  wait(1);
  write(aged!, 2);
  wait(MAX_AGE_MS);
  for (const channel of [aged, loose, kept]) write(channel!, 3);
  expect(spent()).toBe(7 * 65);
  drain();
  expect(state.got).toEqual([
    [loose, 1],
    [kept, 1],
    [aged, 2],
    [aged, 3],
    [loose, 3],
    [kept, 3],
  ]);
  expect(arriving.stale).toBe(1);
  expect(spent()).toBe(0);
});

test("what grows old while those before it are handled is dropped, too", () => {
  const { write, drain, state, arriving, spent } = threads();
  state.handleMs = 4;
  for (let i = 0; i < 100; i++) write(i % 2 === 0 ? kept! : aged!, i);
  while (drain());
  const got = (channel: number | undefined) => state.got.filter(([from]) => from === channel);
  expect(got(kept)).toHaveLength(50);
  expect(got(aged).length).toBeGreaterThan(0);
  expect(got(aged).length).toBeLessThan(15);
  expect(arriving.stale).toBe(50 - got(aged).length);
  expect(spent()).toBe(0);
});

test("the age is right where the clock's milliseconds pass 2^32, and where it was looked at before the message came", () => {
  const { write, wait, drain, state, arriving, end } = threads(2 ** 32 - AHEAD_MS - 30);
  write(aged!, 1);
  wait(20);
  write(aged!, 2);
  wait(40);
  drain();
  expect(state.got).toEqual([[aged, 2]]);
  expect(arriving.stale).toBe(1);
  // Written behind the drain's look at the clock.
  const before = end.drainedMs;
  wait(30);
  write(aged!, 3);
  wait(-30);
  drain();
  expect(end.drainedMs).toBe(before);
  expect(state.got.at(-1)).toEqual([aged, 3]);
});

test("the worker looks at its clock once for some messages of a turn, anew in the next, and never for other channels", () => {
  const { write, looks } = threads();
  for (let i = 0; i < 50; i++) write(kept!, i, false);
  expect(looks()).toBe(0);
  for (let i = 0; i < 16; i++) write(aged!, i, false);
  expect(looks()).toBe(1);
  write(aged!, 0);
  expect(looks()).toBe(2);
  write(aged!, 0, false);
  expect(looks()).toBe(3);
});
