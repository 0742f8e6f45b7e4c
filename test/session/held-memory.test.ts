/**
 * What a peer can make a session hold, measured: whatever it sends and never completes, and whatever the application does
 * not read, the memory of it is at most 1.25 times what bounds it: the budget, and more where largest messages are more.
 */
import { describe, expect, it } from "vitest";
import { MESSAGE_OVERHEAD_BYTES } from "#src/limits.js";
import { sameVersion } from "#src/negotiated-version.js";
import { FlowChannels } from "#src/session/flow-channels.js";
import { type Forged, forge, give } from "../support/forge.js";
import { channelIndex, handProtocol } from "../support/hand-protocol.js";
import { type Side, side } from "../support/session-pair.js";
import { usedBytes } from "../support/used-bytes.js";

const protocol = handProtocol();
const { sliceBytes, receiveBudgetBytes } = protocol.limits;
/** What one channel may take of large messages: its own part is one of them, and then there is the pool. */
const flow = new FlowChannels(protocol, "client", true, sameVersion(protocol));
const mapBytes =
  flow.shares.own(flow.placeOf(channelIndex(protocol, "map"))) + flow.shares.poolBytes;
/** Victims at once: what the process does besides is a small part then. */
const VICTIMS = 6;

/** What each victim holds, in parts of the budget, once the attack is over. */
function heldBy(attack: (victim: Side) => void, budgetBytes = receiveBudgetBytes): number {
  const run = (victims: Side[]): number => {
    const before = usedBytes();
    for (const victim of victims) attack(victim);
    return (usedBytes() - before) / victims.length / budgetBytes;
  };
  const victims = (count: number) =>
    Array.from({ length: count }, (_, i) => side(protocol, "server", i + 1));
  // Once for what is made only once: compiled code, shared memory.
  run(victims(1));
  const measured = victims(VICTIMS);
  const held = run(measured);
  // They are still there, and so is what they hold.
  expect(measured.every(({ session }) => session.counters.datagramsReceived > 0)).toBe(true);
  return held;
}

/** Sends what `parts` says for each number, until `count` are sent or nothing is taken any more. */
function flood(victim: Side, count: number, parts: (i: number) => Omit<Forged, "number">): number {
  let taken = 0;
  for (let i = 0; i < count; i++) {
    if (give(victim, forge(protocol, { number: i, ...parts(i) })) === undefined) taken++;
  }
  return taken;
}

const most = 1.25;

describe("a peer makes a session hold at most 1.25 times its budget", () => {
  it.each([0, 1, 16, 100, 700])(
    "with messages of %i bytes behind one that never comes",
    (bytes) => {
      const payload = new Uint8Array(bytes);
      let taken = 0;
      const held = heldBy((victim) => {
        taken = flood(victim, 16_382, (i) => ({ channel: "chat", message: i + 1, payload }));
      });
      // What the channel may have of the budget is used, or every number that there is.
      const cost = taken * (bytes + MESSAGE_OVERHEAD_BYTES);
      expect(cost).toBeGreaterThan(0.75 * receiveBudgetBytes);
      expect(held).toBeGreaterThan(0.5);
      expect(held).toBeLessThan(most);
    },
  );

  it("with messages that arrive in any order but theirs", () => {
    const payload = new Uint8Array(0);
    const held = heldBy((victim) => {
      // Odd steps through all numbers: never in order, and never the first.
      flood(victim, 16_382, (i) => ({
        channel: "chat",
        message: ((i * 5461) % 16_382) + 1,
        payload,
      }));
    });
    expect(held).toBeLessThan(most);
  });

  it.each([2, 3, 20])("with messages of %i slices of which only the first comes", (count) => {
    const payload = new Uint8Array(sliceBytes);
    const held = heldBy((victim) => {
      flood(victim, 2000, (i) => ({ channel: "map", message: i + 1, slice: [0, count], payload }));
    }, mapBytes);
    expect(held).toBeLessThan(most);
  });

  it("with large messages of which only the last slice is missing", () => {
    const payload = new Uint8Array(sliceBytes);
    const held = heldBy((victim) => {
      flood(victim, 2000, (i) => {
        return { channel: "map", message: 1 + Math.floor(i / 40), slice: [i % 40, 41], payload };
      });
    }, mapBytes);
    expect(held).toBeLessThan(most);
  });

  it("with reliable messages that its application does not read", () => {
    const payload = new Uint8Array(3);
    const held = heldBy((victim) => {
      victim.inbox.accepting = false;
      flood(victim, 16_000, (i) => ({ channel: "order", message: i, payload }));
    });
    expect(held).toBeLessThan(most);
  });

  it("and as much of its queue with unreliable ones", () => {
    const { queueBytes } = protocol.channels.find(({ name }) => name === "state")!;
    const held = heldBy((victim) => {
      victim.inbox.accepting = false;
      flood(victim, 16_000, () => ({ channel: "state", payload: new Uint8Array(4) }));
    }, queueBytes);
    expect(held).toBeLessThan(most);
  });

  it("with reliable-sequenced messages of which one slice never comes, beside another that is not read", () => {
    const payload = new Uint8Array(sliceBytes);
    const held = heldBy((victim) => {
      victim.inbox.accepting = false;
      flood(victim, 2000, (i) => {
        const [message, slice] = [Math.floor(i / 40), i % 40] as const;
        return { channel: "level", message, slice: [slice, 41], payload };
      });
      give(victim, forge(protocol, { number: 2000, channel: "door", message: 0, payload }));
    });
    // Two messages of the largest size, and no more.
    expect(held).toBeLessThan((most * 2 * 65_536) / receiveBudgetBytes);
  });

  it("with unreliable-ordered messages behind gaps that nobody fills", () => {
    const { queueBytes } = protocol.channels.find(({ name }) => name === "voice")!;
    const held = heldBy((victim) => {
      victim.inbox.accepting = false;
      flood(victim, 16_000, (i) => ({
        channel: "voice",
        message: 2 * i + 1,
        payload: new Uint8Array(sliceBytes),
      }));
    }, queueBytes);
    expect(held).toBeLessThan(most);
  });

  it("and nothing any more, once it has been handed on", () => {
    const held = heldBy((victim) => {
      victim.inbox.accepting = false;
      flood(victim, 10_000, (i) => ({ channel: "order", message: i, payload: new Uint8Array(3) }));
      victim.inbox.accepting = true;
      victim.session.pump();
      expect(victim.inbox.of("order")).toHaveLength(10_000);
      victim.inbox.messages.clear();
      victim.inbox.users.length = 0;
    });
    expect(held).toBeLessThan(0.1);
  });
});
