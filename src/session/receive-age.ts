/**
 * How late a datagram may be and still be understood. A message number on the wire has 16 bits, and up to 512 messages
 * fit into a datagram: a datagram that is only some hundred packets late may carry a number that has come round since,
 * and would then be taken for a message that is still to come. So the session remembers, for each of the newest 64
 * blocks of 16 packet numbers, how many message numbers had been passed when the block ended; a late datagram behind
 * which three eighths of the number space have passed is dropped as too old. It is not acknowledged, so what it
 * carried comes again.
 *
 * Why three eighths: what a datagram carries lies less than a quarter (MESSAGE_WINDOW) below the highest number given
 * when it was sent; the rest of its block gives at most 16 x 512 = an eighth more; a number is read as at most a
 * quarter ahead of the next one, so 1 - 1/4 - 1/4 - 1/8 are left. Worst case: 64 writes when numbers jump.
 */
import { DUPLICATE_WINDOW } from "../limits.ts";

const AGE_BLOCK_PACKETS = 16;
/** Of the number space. */
const MAX_AGE_SHARE = 3 / 8;
const BLOCKS = DUPLICATE_WINDOW / AGE_BLOCK_PACKETS;

export class ReceiveAge {
  /** Message numbers passed on all channels: how far the highest seen has moved. */
  passed = 0;
  private readonly limit: number;
  private block = 0;
  /** Made when the first numbered message arrives. */
  private passedAtEnd: Float64Array | undefined = undefined;

  constructor(messageNumberBits: number) {
    this.limit = 2 ** messageNumberBits * MAX_AGE_SHARE;
  }

  /** Whether a datagram inside the duplicate window is too late for its message numbers. */
  isTooLate(packetNumber: number): boolean {
    const ends = this.passedAtEnd;
    const block = Math.floor(packetNumber / AGE_BLOCK_PACKETS);
    if (ends === undefined || block >= this.block) return false;
    return this.passed - ends[block % BLOCKS]! > this.limit;
  }

  /** Before the frames of a datagram are applied. */
  arrived(packetNumber: number): void {
    const block = Math.floor(packetNumber / AGE_BLOCK_PACKETS);
    if (block <= this.block) return;
    const ends = this.passedAtEnd;
    if (ends !== undefined) {
      const first = Math.max(this.block, block - BLOCKS);
      for (let i = first; i < block; i++) ends[i % BLOCKS] = this.passed;
    } else if (this.passed > 0) this.passedAtEnd = new Float64Array(BLOCKS).fill(this.passed);
    this.block = block;
  }
}
