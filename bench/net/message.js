/**
 * The message that every protocol carries in the network benchmarks, and what is verified of it at the other end: a number
 * that rises by one, the time when it was sent, a check of both, and further words or a last one that follow from the number.
 * enet.c has the same. Also the clock, one for all processes of the machine.
 */

export const WORDS_BYTES = 32;
const SALT = 0x5bd1e995;

export const checkOf = (sequence, atUs) => (sequence ^ atUs ^ SALT) >>> 0;

/** Writes a message of `size` bytes, at least 16: eight words if it has 32, else a head, whatever there is, and the number. */
export function put(view, at, size, sequence, atUs) {
  view.setUint32(at, sequence, true);
  view.setUint32(at + 4, atUs, true);
  view.setUint32(at + 8, checkOf(sequence, atUs), true);
  if (size === WORDS_BYTES) {
    for (let i = 1; i <= 5; i++) view.setUint32(at + 8 + 4 * i, (sequence + i) >>> 0, true);
  } else {
    view.setUint32(at + size - 4, sequence, true);
  }
}

/** Verifies what `put` wrote. */
export function isGood(view, at, size) {
  const sequence = view.getUint32(at, true);
  if (view.getUint32(at + 8, true) !== checkOf(sequence, view.getUint32(at + 4, true)))
    return false;
  if (size !== WORDS_BYTES) return view.getUint32(at + size - 4, true) === sequence;
  for (let i = 1; i <= 5; i++) {
    if (view.getUint32(at + 8 + 4 * i, true) !== (sequence + i) >>> 0) return false;
  }
  return true;
}

/** The same as an object, for protocols that have typed messages. */
export const words = (sequence, atUs) => ({
  sequence,
  atUs,
  check: checkOf(sequence, atUs),
  a: (sequence + 1) >>> 0,
  b: (sequence + 2) >>> 0,
  c: (sequence + 3) >>> 0,
  d: (sequence + 4) >>> 0,
  e: (sequence + 5) >>> 0,
});

export const areGood = ({ sequence, atUs, check, a, b, c, d, e }) =>
  check === checkOf(sequence, atUs) &&
  a === (sequence + 1) >>> 0 &&
  b === (sequence + 2) >>> 0 &&
  c === (sequence + 3) >>> 0 &&
  d === (sequence + 4) >>> 0 &&
  e === (sequence + 5) >>> 0;

/** Where this process's clock begins, on the machine's. Whoever is preempted between the two readings finds too little. */
const ORIGIN_US = Math.max(
  ...Array.from(
    { length: 100 },
    () => Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000,
  ),
);

/** CLOCK_MONOTONIC in microseconds, modulo 2^32. */
export const nowUs = () => ((ORIGIN_US + performance.now() * 1000) % 0x1_0000_0000) >>> 0;
