/** Datagrams of the plain arena's regular protocol that no session has made. */
import { SeededRandom } from "#src/testing/random.js";
import { DatagramHeader, FrameHeader } from "#src/wire/header.js";
import { Writer } from "#src/wire/writer.js";
import { protocol as arena, encode } from "./plain-arena.ts";

const random = new SeededRandom(1);
const chat = arena.channels.findIndex(({ name }) => name === "chat");

/** With a guessed tag where `parts` has none; with a line of chat, message `number`, where there is one. */
export function forgedDatagram(
  parts: Partial<DatagramHeader>,
  number = 0,
  line?: string,
): Uint8Array {
  const h = Object.assign(new DatagramHeader(0), { sessionTag: random.u32() }, parts);
  const w = new Writer(new Uint8Array(1200));
  const payload = encode.chat({ from: 0, text: line ?? "" });
  const frame = Object.assign(new FrameHeader(), {
    channel: chat,
    number,
    payloadBytes: payload.length,
  });
  h.frames = line !== undefined;
  arena.header.writeClear(h, h.frames ? frame : undefined, w);
  arena.header.writeSealed(h, w);
  if (h.frames) {
    arena.header.writeFrame(frame, undefined, w);
    w.raw(payload);
  }
  return w.bytes.slice(0, w.at);
}
