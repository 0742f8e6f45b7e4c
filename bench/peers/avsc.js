/** avsc (Avro): schemas compiled once, encoding into a buffer that is used again. */
import avsc from "avsc";
import { avro } from "../codec/schemas.js";

export function make(shape) {
  const type = avsc.Type.forSchema(avro[shape]);
  const buffer = Buffer.alloc(65536);
  const nulls = (value) =>
    Array.isArray(value)
      ? value.map(nulls)
      : typeof value === "object" && value !== null && !ArrayBuffer.isView(value)
        ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, nulls(v)]))
        : value === undefined
          ? null
          : value;
  return {
    prepare: nulls,
    encode: (message) => type.encode(message, buffer, 0),
    bytes: (message) => type.toBuffer(message),
    decode: (bytes) => type.decode(bytes, 0).value,
  };
}
