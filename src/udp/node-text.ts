/**
 * Node's own reader of UTF-8, for strings that are too long for a loop: it needs no view on the bytes, which takes
 * TextDecoder a third of its time. Imported wherever messages are decoded.
 */
import { readTextWith } from "../wire/utf8.ts";

/** An undocumented method of Node's Buffer, though widely used; without it TextDecoder is used. */
type Utf8Slice = (this: Uint8Array, start: number, end: number) => string;

const { utf8Slice } = Buffer.prototype as { utf8Slice?: Utf8Slice };
if (typeof utf8Slice === "function") {
  readTextWith((bytes, start, end) => utf8Slice.call(bytes, start, end));
}
