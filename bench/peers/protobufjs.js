/** protobufjs: encoders compiled from the .proto text when it is loaded. */
import protobuf from "protobufjs";
import { forProto, proto } from "../codec/schemas.js";

const { root } = protobuf.parse(proto, { keepCase: true });

export function make(shape) {
  const type = root.lookupType(`bench.${shape}`);
  return {
    prepare: (message) => type.fromObject(forProto(message, "", shape)),
    encode: (message) => type.encode(message).finish().length,
    bytes: (message) => type.encode(message).finish(),
    decode: (bytes) => type.decode(bytes),
  };
}
