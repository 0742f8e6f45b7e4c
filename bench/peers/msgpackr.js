/** msgpackr: records whose structure both sides know, 32-bit floats. */
import { FLOAT32_OPTIONS, Packr } from "msgpackr";

export function make() {
  const packr = new Packr({ structures: [], useFloat32: FLOAT32_OPTIONS.ALWAYS });
  return {
    prepare: (message) => message,
    encode: (message) => packr.pack(message).length,
    bytes: (message) => Buffer.from(packr.pack(message)),
    decode: (bytes) => packr.unpack(bytes),
  };
}
