/** What generated code is built from: the package's entry point `stardust-udp/wire`. */
export {
  InvalidMessageError,
  joinPath,
  MalformedError,
  rethrowWithin,
} from "../errors.ts";
export { readBits, writeBits } from "./bits.ts";
export {
  checkArray,
  checkBigint,
  checkBool,
  checkBytes,
  checkDepth,
  checkFloat16,
  checkFloat32,
  checkFloat64,
  checkInteger,
  checkList,
  checkMap,
  checkNoList,
  checkNumber,
  checkObject,
  checkString,
  checkTotal,
  checkVarint,
  checkZigzag,
  entryPath,
  invalid,
  invalidEnum,
  invalidKind,
  own,
  zigzag,
} from "./check.ts";
export { encodeOnce } from "./encode-once.ts";
export { fromHalf, toHalf } from "./half.ts";
export {
  AckBlock,
  ackRangesSize,
  ackWord,
  DatagramHeader,
  FrameHeader,
  readAckRanges,
  readAckWords,
  readPadding,
  Violation,
  varintViolation,
  violationNames,
  writeAckRanges,
} from "./header.ts";
export {
  codePointLength,
  emptied,
  jsonEqual,
  problemOf,
  type Validator,
  type ValidatorError,
} from "./json.ts";
export { putBytes, putString, putVarint, putZigzag } from "./put.ts";
export { dequantise, quantise } from "./quantise.ts";
export { Reader } from "./reader.ts";
export { utf8Length, utf8Read, utf8Write } from "./utf8.ts";
export { lengthWrite, varintSize, Writer } from "./writer.ts";
