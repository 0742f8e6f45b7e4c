/** The shifts and masks of bit fields as text. Where a field lies was decided in model/; nothing is decided here. */

/** Where the bits of a field lie inside one byte. */
interface BitPiece {
  readonly byte: number;
  /** Position of the piece's lowest bit in that byte. */
  readonly shift: number;
  readonly width: number;
  /** How many lower bits of the value lie in later bytes. */
  readonly below: number;
}

/** A bit field cut at byte borders, most significant piece first. */
export function bitPieces(offset: number, width: number): BitPiece[] {
  const pieces: BitPiece[] = [];
  let at = offset;
  let left = width;
  while (left > 0) {
    const free = 8 - (at % 8);
    const take = Math.min(free, left);
    pieces.push({
      byte: Math.floor(at / 8),
      shift: free - take,
      width: take,
      below: left - take,
    });
    at += take;
    left -= take;
  }
  return pieces;
}

/** The value of a bit field; `byte(i)` is the expression of the block's byte i. */
export function readBitsText(
  offset: number,
  width: number,
  byte: (index: number) => string,
): string {
  const pieces = bitPieces(offset, width).map((piece) => {
    const { shift, below } = piece;
    let text = byte(piece.byte);
    const net = below - shift;
    if (piece.width < 8) {
      const mask = (2 ** piece.width - 1) * 2 ** shift;
      // The top bits need no mask where the shift to the right drops what is below them.
      if (shift + piece.width < 8 || net > -shift) text = `(${text} & 0x${hex(mask)})`;
    }
    if (net > 0) return `(${text} << ${net})`;
    return net < 0 ? `(${text} >>> ${-net})` : text;
  });
  const joined = pieces.join(" | ");
  if (pieces.length === 1) return joined.replace(/^\((.*)\)$/s, "$1");
  return width === 32 ? `(${joined}) >>> 0` : joined;
}

/** Whether a single bit is set. */
export function readBoolText(offset: number, byte: (index: number) => string): string {
  return `(${byte(Math.floor(offset / 8))} & 0x${hex(0x80 >> (offset % 8))}) !== 0`;
}

/** A bit field to be written: an expression of a whole number that fits `width` bits. */
export interface BitField {
  readonly offset: number;
  readonly width: number;
  readonly value: string;
}

/**
 * The expression of each byte of a block. Bits above a byte need no mask: storing into a byte drops them, and those below
 * are shifted out.
 */
export function writeBitsTexts(fields: readonly BitField[], bytes: number): string[] {
  const texts: string[][] = Array.from({ length: bytes }, () => []);
  for (const field of fields) {
    for (const piece of bitPieces(field.offset, field.width)) {
      const net = piece.below - piece.shift;
      const text =
        net === 0 ? field.value : `(${field.value} ${net > 0 ? ">>>" : "<<"} ${Math.abs(net)})`;
      texts[piece.byte]!.push(text);
    }
  }
  return texts.map((parts) => {
    if (parts.length === 0) return "0";
    if (parts.length === 1) return parts[0]!.replace(/^\((.*)\)$/s, "$1");
    return parts.join(" | ");
  });
}

/** `at`, `at + 3`. */
export function offsetText(at: string, offset: number): string {
  return offset === 0 ? at : `${at} + ${offset}`;
}

export function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}
