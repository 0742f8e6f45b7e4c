/** Texts in records of the rings: a u16 length in front, cut where they are too long. Codes and reasons, never messages. */
import { utf8Length, utf8Read } from "../wire/utf8.ts";
import type { Writer } from "../wire/writer.ts";

/** Codes and reasons are cut to this, so that room for them can be kept free: see `reservedRoom`. */
export const MAX_CODE_BYTES = 64;
export const MAX_REASON_BYTES = 192;
/** A code and a reason at their largest. */
export const MAX_TEXTS_BYTES: number = 2 + MAX_CODE_BYTES + 2 + MAX_REASON_BYTES;

/** A text with a u16 length in front, cut to `maxBytes` at a character; ill-formed text becomes empty. */
export function writeText(w: Writer, text: string, maxBytes: number): void {
  let length = utf8Length(text);
  while (length > maxBytes) {
    text = text.slice(0, -1);
    length = utf8Length(text);
    if (length < 0) text = text.slice(0, -1);
    length = utf8Length(text);
  }
  if (length <= 0) {
    w.u16(0);
    return;
  }
  w.u16(length);
  w.raw(new TextEncoder().encode(text));
}

export function readText(bytes: Uint8Array, view: DataView, at: number): string {
  return utf8Read(bytes, at + 2, view.getUint16(at)) ?? "";
}

/** Where what follows a text begins. */
export function textEnd(view: DataView, at: number): number {
  return at + 2 + view.getUint16(at);
}
