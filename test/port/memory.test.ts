/** How much memory a port shares with the application: enough for the largest message that anybody may send. */
import { expect, test } from "vitest";
import { createPortMemory } from "#src/port/memory.js";
import { maxRecordBytes } from "#src/port/ring.js";
import { handProtocol } from "../support/hand-protocol.ts";

test("the ring to the application holds what a later version's messages may have grown to", () => {
  const protocol = handProtocol();
  const compatMaxBytes = 12_000_000;
  const channels = protocol.channels.map((channel) => ({ ...channel, compatMaxBytes }));
  const plain = createPortMemory(protocol, 1);
  const grown = createPortMemory({ ...protocol, channels }, 1);
  expect(maxRecordBytes(plain.toApplication)).toBeLessThan(compatMaxBytes);
  expect(maxRecordBytes(grown.toApplication)).toBeGreaterThan(compatMaxBytes);
  // What this side sends has not grown.
  expect(grown.toWorker.capacity).toBe(plain.toWorker.capacity);
});
