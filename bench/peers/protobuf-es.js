/** protobuf-es: the same .proto; its schemas are descriptors, which its generated files hold as base64. */
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor.js";
import { forProto, proto } from "../codec/schemas.js";

const { root } = protobuf.parse(proto, { keepCase: true });
root.resolveAll();
const { FileDescriptorSet } = descriptor;
const set = fromBinary(
  FileDescriptorSetSchema,
  FileDescriptorSet.encode(root.toDescriptor("proto3")).finish(),
);
// Names of types come out relative to the package; a registry wants them in full.
for (const { package: name, messageType } of set.file) {
  for (const field of messageType.flatMap((message) => message.field)) {
    if (field.typeName !== "" && !field.typeName.startsWith(".")) {
      field.typeName = `.${name}.${field.typeName}`;
    }
  }
}
const registry = createFileRegistry(set);

export function make(shape) {
  const schema = registry.getMessage(`bench.${shape}`);
  return {
    prepare: (message) => create(schema, forProto(message, "", shape)),
    encode: (message) => toBinary(schema, message).length,
    bytes: (message) => toBinary(schema, message),
    decode: (bytes) => fromBinary(schema, bytes),
  };
}
