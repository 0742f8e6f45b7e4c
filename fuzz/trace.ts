/**
 * Readers that record what a decoder does: which varints it reads and with what bounds, what may grow, how many steps
 * it takes. So the fuzzer knows where lengths and counts stand in an input without knowing the spec.
 */
import { Reader } from "stardust-udp/wire";

/** A varint in a valid input: where it stands, and what it says. */
export interface VarintSpan {
  readonly at: number;
  readonly end: number;
  readonly value: number;
}

/** An extensible struct in a valid input: its length, what that counts, and where groups of members begin. */
export interface BodySpan {
  readonly length: VarintSpan;
  readonly end: number;
  readonly edges: number[];
}

export class TracingReader extends Reader {
  readonly varints: VarintSpan[] = [];
  readonly maxima: Set<number> = new Set();
  /** Each behind those that it lies in. */
  readonly bodies: BodySpan[] = [];
  readonly #open: BodySpan[] = [];

  override varint(path?: string): number {
    const at = this.at;
    const value = super.varint(path);
    this.varints.push({ at, end: this.at, value });
    return value;
  }

  override length(max: number, path?: string): number {
    this.maxima.add(max);
    return super.length(max, path);
  }

  override enter(maxBytes: number): number {
    const outside = super.enter(maxBytes);
    const body = { length: this.varints.at(-1)!, end: this.end, edges: [] };
    this.bodies.push(body);
    this.#open.push(body);
    return outside;
  }

  override get stops(): boolean {
    this.#open.at(-1)!.edges.push(this.at);
    return super.stops;
  }

  override leave(end: number): void {
    this.#open.pop();
    super.leave(end);
  }
}

/** Notes whether bytes were taken that only a writer of another version makes: they end early, or go on. */
export class VersionReader extends Reader {
  differs = false;

  override get stops(): boolean {
    const stops = super.stops;
    if (stops) this.differs = true;
    return stops;
  }

  override leave(end: number): void {
    if (this.at !== this.end) this.differs = true;
    super.leave(end);
  }
}

/** Counts what is asked of it: a bound on work that no other load of the machine can disturb. */
export class CountingReader extends Reader {
  steps = 0;

  override take(count: number, path?: string): number {
    this.steps++;
    return super.take(count, path);
  }

  override varint(path?: string): number {
    this.steps++;
    return super.varint(path);
  }
}
