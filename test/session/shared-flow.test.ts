/** What sessions share until they use it: whatever one of them sends, receives or is told, the next one begins with nothing. */
import { afterEach, expect, it } from "vitest";
import { sameVersion } from "#src/negotiated-version.js";
import { FlowChannels } from "#src/session/flow-channels.js";
import { SeededRandom } from "#src/testing/index.js";
import { handProtocol } from "../support/hand-protocol.js";
import { joined, numberedPayload } from "../support/session-pair.js";

const protocol = handProtocol();

afterEach(() => {
  for (const sender of ["client", "server"] as const) {
    for (const receives of [true, false]) {
      const flow = new FlowChannels(protocol, sender, receives, sameVersion(protocol));
      for (let place = 0; place < flow.count; place++) {
        const amounts = [flow.heldBytes(place), flow.passedBytes(place), flow.knownBytes(place)];
        expect(amounts).toEqual([0, 0, 0]);
      }
    }
  }
});

it.each(protocol.channels.map(({ name }) => name))("sends and receives on %s only", (name) => {
  const world = joined({ seed: 3, protocol, link: { delayMs: 5, loss: 0.1 } });
  const random = new SeededRandom(1);
  for (let i = 0; i < 40; i++) {
    for (const side of [world.client, world.server]) {
      try {
        side.send(name, numberedPayload(i, 4 + 4 * (i % 2), random));
      } catch {
        // It sends on no such channel, or has one length only.
      }
    }
    world.pair.run(10);
  }
  world.pair.run(3000);
});

it("is told limits of channels that it has never used", () => {
  const world = joined({ seed: 4, protocol });
  const { sendLimit, receiveLimit } = world.client.session;
  for (let limit = 0; limit < 5000; limit++) {
    sendLimit.check(limit, false);
    sendLimit.raise(limit);
  }
  for (let index = 0; index < protocol.channels.length; index++) receiveLimit.askedFor(index);
  world.pair.run(1000);
});
