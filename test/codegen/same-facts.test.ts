/**
 * The generator may not import the runtime, nor the runtime the generator, and some numbers both must know. Each stands
 * once in either; here they are compared. What users can change is not here: that is in the model.
 */
import { expect, test } from "vitest";
import * as headerItems from "#codegen/interpret/header-items.js";
import * as readZero from "#codegen/interpret/read-zero.js";
import * as writeDatagram from "#codegen/interpret/write-datagram.js";
import { END } from "#codegen/kinds/float.js";
import * as channels from "#codegen/model/channels.js";
import * as resolve from "#codegen/model/resolve.js";
import * as bounds from "#codegen/spec/bounds.js";
import * as limits from "#src/limits.js";
import * as check from "#src/wire/check.js";
import * as envelope from "#src/zero/envelope.js";
import { forbiddenKeys } from "#src/zero/scan.js";

test.each<[string, unknown, unknown]>([
  ["the largest channel id", bounds.MAX_CHANNEL_ID, limits.MAX_CHANNEL_ID],
  [
    "what a message costs beside its bytes",
    channels.MESSAGE_OVERHEAD_BYTES,
    limits.MESSAGE_OVERHEAD_BYTES,
  ],
  ["what a datagram leaves free for acks", resolve.ACK_RESERVE_BYTES, limits.ACK_RESERVE_BYTES],
  ["the ranges of an ack block", headerItems.MAX_ACK_PAIRS + 1, limits.MAX_ACK_RANGES],
  ["the longest zero message", readZero.MAX_ZERO_BYTES, limits.MAX_ZERO_DATAGRAM_BYTES],
  ["the depth of a zero message", readZero.MAX_ZERO_DEPTH, limits.MAX_ZERO_JSON_DEPTH],
  ["keys that no zero message has", readZero.FORBIDDEN_KEYS, forbiddenKeys],
  ["the bytes of a connection id and of a MAC", writeDatagram.ID_BYTES, envelope.ID_BYTES],
  ["where 16-bit floats end", END[2], check.HALF_OVERFLOW],
  ["where 32-bit floats end", END[4], check.SINGLE_OVERFLOW],
])("the generator and the runtime agree on %s", (_, generator, runtime) => {
  expect(generator).toBeDefined();
  expect(generator).toEqual(runtime);
});
