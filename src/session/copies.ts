/**
 * Which whole messages of a reliable channel ride in further datagrams, beside the one that each was or will be packed in: those of
 * channels with `redundancy` in so many, and what was sent again in the next one or not at all (docs/wire.md). A message that is not in
 * flight any more, or waits to be sent again, rides nowhere. Worst case: one look at each that waits, once a datagram.
 */
import { NumberQueue } from "./number-queue.ts";

/** A message of the channel has left, and neither arrived nor been lost as far as is known. */
export interface InFlight {
  isInFlight(position: number): boolean;
}

export class Copies {
  /** Pairs of position and how many further datagrams it still rides in. */
  private readonly kept: NumberQueue = new NumberQueue();
  private keptLeft = 0;
  /** Positions of what the last datagram had again. */
  private readonly again: NumberQueue = new NumberQueue();
  private againLeft = 0;

  /** A message rides in so many further datagrams. */
  add(position: number, datagrams: number): void {
    this.kept.push(position);
    this.kept.push(datagrams);
  }

  /** What has just been sent again rides in the next datagram. */
  addAgain(position: number): void {
    this.again.push(position);
  }

  /** A datagram is to be filled; what is packed in it rides in those behind it. `someLost`: some go again, perhaps in this one. */
  begin(channel: InFlight, someLost: boolean): void {
    this.keptLeft = this.kept.length / 2;
    this.againLeft = this.again.length;
    if (!someLost) return;
    // What is lost would be in it twice.
    for (let i = this.againLeft; i > 0; i--) {
      const position = this.dropAgain();
      if (!channel.isInFlight(position)) continue;
      this.again.push(position);
      this.againLeft++;
    }
    for (let i = this.keptLeft; i > 0; i--) {
      const position = this.kept.peek(0);
      const left = this.drop();
      if (!channel.isInFlight(position)) continue;
      this.add(position, left);
      this.keptLeft++;
    }
  }

  /** The next message that is to ride in this datagram; -1: there is none. */
  next(channel: InFlight): number {
    for (; this.againLeft > 0; this.dropAgain()) {
      const position = this.again.peek(0);
      if (channel.isInFlight(position)) return position;
    }
    for (; this.keptLeft > 0; this.drop()) {
      const position = this.kept.peek(0);
      if (channel.isInFlight(position)) return position;
    }
    return -1;
  }

  /** Commits to what `next` found. */
  take(): void {
    if (this.againLeft > 0) {
      this.dropAgain();
      return;
    }
    const position = this.kept.peek(0);
    const left = this.drop() - 1;
    if (left > 0) this.add(position, left);
  }

  /** The datagram is full: what was sent again and found no room in it has had its turn. */
  end(): void {
    while (this.againLeft > 0) this.dropAgain();
  }

  private dropAgain(): number {
    this.againLeft--;
    return this.again.shift();
  }

  private drop(): number {
    this.keptLeft--;
    this.kept.shift();
    return this.kept.shift();
  }
}
