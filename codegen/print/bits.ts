/** The shifts and masks of bit fields as text. Where a field lies was decided in model/; nothing is decided here. */
import { atom, compound, type Expression, operand } from "./expression.ts";

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
  return readBitsParts(offset, width, byte).join(" | ");
}

/** As readBitsText, cut at its `|`. */
export function readBitsParts(
  offset: number,
  width: number,
  byte: (index: number) => string,
): string[] {
  const pieces = bitPieces(offset, width).map((piece) => {
    const { shift, below } = piece;
    let value = atom(byte(piece.byte));
    const net = below - shift;
    if (piece.width < 8) {
      const mask = (2 ** piece.width - 1) * 2 ** shift;
      // The top bits need no mask where the shift to the right drops what is below them.
      if (shift + piece.width < 8 || net > -shift)
        value = compound(`${value.text} & 0x${hex(mask)}`);
    }
    return shifted(value, net);
  });
  const parts = partsOf(pieces);
  if (width < 32) return parts;
  // `|` makes a signed number of 32 bits.
  return parts.with(0, `(${parts[0]}`).with(-1, `${parts.at(-1)}) >>> 0`);
}

/** To the left; to the right where `bits` are below zero. */
function shifted(value: Expression, bits: number): Expression {
  if (bits === 0) return value;
  return compound(`${operand(value)} ${bits > 0 ? "<<" : ">>>"} ${Math.abs(bits)}`);
}

/** What stands between the `|`; one alone needs no parentheses. */
function partsOf(pieces: readonly Expression[]): string[] {
  return pieces.length === 1 ? [pieces[0]!.text] : pieces.map(operand);
}

/** Whether a single bit is set. */
export function readBoolText(offset: number, byte: (index: number) => string): string {
  return `(${byte(Math.floor(offset / 8))} & 0x${hex(0x80 >> (offset % 8))}) !== 0`;
}

/** A bit field to be written: an expression of a whole number that fits `width` bits. */
export interface BitField {
  readonly offset: number;
  readonly width: number;
  readonly value: Expression;
}

/**
 * The expression of each byte of a block, cut at its `|`; no parts where no bit of a field is in it. Bits above a byte need
 * no mask: storing into a byte drops them, and those below are shifted out.
 */
export function writeBitsParts(fields: readonly BitField[], bytes: number): string[][] {
  const pieces: Expression[][] = Array.from({ length: bytes }, () => []);
  for (const field of fields) {
    for (const piece of bitPieces(field.offset, field.width)) {
      pieces[piece.byte]!.push(shifted(field.value, piece.shift - piece.below));
    }
  }
  return pieces.map(partsOf);
}

/** `at`, `at + 3`. */
export function offsetText(at: string, offset: number): string {
  return offset === 0 ? at : `${at} + ${offset}`;
}

export function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}
