/** What a datagram leaves to do: nothing but to wait, as a session says it, must be the truth, or something would leave late. */
import { expect, it, vi } from "vitest";
import { Session } from "#src/session/session.js";
import { SeededRandom } from "#src/testing/index.js";
import { Writer } from "#src/wire/writer.js";
import { handProtocol } from "../support/hand-protocol.js";
import { joined, numberedPayload } from "../support/session-pair.js";

const protocol = handProtocol();
const CHANNELS = ["chat", "map", "file", "input", "state"];

/** After each datagram, a turn is made all the same where the session wants none. Says how many it wanted and did not want. */
function watchTurns(): { wanted: number; quiet: number } {
  const turns = { wanted: 0, quiet: 0 };
  const handle = Session.prototype.handleDatagram;
  vi.spyOn(Session.prototype, "handleDatagram").mockImplementation(function (
    this: Session,
    bytes,
    view,
    length,
    nowMs,
    waitedMs,
  ) {
    const reason = handle.call(this, bytes, view, length, nowMs, waitedMs);
    const deadlineMs = this.pollDeadline();
    if (deadlineMs <= nowMs) {
      turns.wanted++;
      return reason;
    }
    turns.quiet++;
    expect(this.pollTransmit(new Writer(new Uint8Array(2048)), nowMs)).toBe(0);
    expect(this.pollDeadline()).toBe(deadlineMs);
    return reason;
  });
  return turns;
}

it.each([0, 0.1])("that nothing is to be done before a time is true, with %f lost", (loss) => {
  const turns = watchTurns();
  const world = joined({ seed: 5, protocol, link: { delayMs: 20, jitterMs: 5, loss } });
  const random = new SeededRandom(9);
  const sides = [world.client, world.server];
  for (let round = 0; round < 1500; round++) {
    const side = sides[round % 2]!;
    const name = CHANNELS[Math.floor(random.next() * CHANNELS.length)]!;
    try {
      side.send(name, numberedPayload(round, 8 + Math.floor(random.next() * 1500), random));
    } catch {
      // Of another side's channel, or longer than it has.
    }
    world.pair.run(Math.floor(random.next() * 40));
  }
  world.pair.run(5000);
  expect(turns.wanted).toBeGreaterThan(100);
  expect(turns.quiet).toBeGreaterThan(100);
});
