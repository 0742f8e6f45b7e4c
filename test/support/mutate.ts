/** Datagrams that went wrong on the way: what fuzz tests feed to whoever reads bytes. The same seed, the same bytes. */
import type { SeededRandom } from "#src/testing/random.js";

/** A copy with a bit or a byte changed, bytes cut off, put in or taken out; sometimes as it was. */
export function mutated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  let changed = Array.from(bytes);
  const below = (n: number): number => random.below(n);
  // The header is where most can go wrong: half of the changes go to the first bytes.
  const place = (): number =>
    below(random.chance(0.5) ? Math.min(24, changed.length) : changed.length);
  for (let n = below(3); n >= 0; n--) {
    const at = place();
    const kind = below(8);
    if (kind === 0) changed = changed.slice(0, at);
    else if (kind === 1) changed.splice(at, 0, below(256));
    else if (kind === 2) changed.splice(at, 1);
    else if (kind === 3) changed.push(below(256));
    else if (changed.length === 0) continue;
    else if (kind === 4) changed[at] = below(256);
    else if (kind === 5) changed[at] = [0, 0x7f, 0x80, 0xff][below(4)]!;
    else if (kind < 7 || n === 0) changed[at]! ^= 1 << below(8);
  }
  return Uint8Array.from(changed);
}
