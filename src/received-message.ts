/**
 * A message that has arrived, on its way from a session (or a ring) to whoever decodes it. One object for each session
 * and each ring, filled anew for every message, so that handing one on allocates nothing: what it says is true during
 * the call only, and only until that call has the same session or ring deliver something else.
 */
import type { ChannelDefinition } from "./protocol.ts";

const NO_BYTES: Uint8Array = new Uint8Array(0);
const NO_VIEW: DataView = new DataView(NO_BYTES.buffer);
const NO_USER: Float64Array = new Float64Array(0);

export class ReceivedMessage {
  channel!: ChannelDefinition;
  /** The payload is `bytes[start..end)`, and the same in `view`. */
  bytes: Uint8Array = NO_BYTES;
  view: DataView = NO_VIEW;
  start = 0;
  end = 0;
  /** The user's header fields of the datagram that completed it. */
  user: Float64Array = NO_USER;

  fill(
    channel: ChannelDefinition,
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    user: Float64Array,
  ): void {
    this.channel = channel;
    // Mostly the same as for the message before, and writing down what is newer than this object is not for nothing.
    if (this.bytes !== bytes || this.view !== view) {
      this.bytes = bytes;
      this.view = view;
    }
    this.start = start;
    this.end = end;
    this.user = user;
  }
}
