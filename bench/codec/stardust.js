/** Generated codecs of one channel, called as the runtime calls them. */
import "#src/udp/node-text.js";
import { encodeOnce, Reader, Writer } from "#src/wire/index.js";

export function stardust(codecs, channel) {
  const encoder = codecs[`${channel}Encoder`];
  const decoder = codecs[`${channel}Decoder`];
  const w = new Writer(new Uint8Array(65536));
  const r = new Reader();
  return {
    prepare: (message) => message,
    // As the runtime does it: small messages where they go, others into memory that is kept.
    encode: encoder.inPlace
      ? (message) => encoder.write(message, w, 0)
      : (message) => encodeOnce(encoder, message).length,
    bytes: (message) => encodeOnce(encoder, message).slice(),
    view: (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    // As in the runtime, which knows where a message ends: in V8 11, asking for `byteLength` takes as long as a small decode.
    decode: (bytes, view) => decoder.decode(r.reset(bytes, view, 0, bytes.length)),
  };
}
