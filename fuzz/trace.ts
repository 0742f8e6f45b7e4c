/**
 * Readers that look over a decoder's shoulder: which varints it reads and with what bounds, and how many steps it takes.
 * So the fuzzer knows where lengths and counts stand in an input without knowing the spec.
 */
import { Reader } from "stardust-udp/wire";
import type { VarintSpan } from "./input.ts";

export class TracingReader extends Reader {
  readonly varints: VarintSpan[] = [];
  readonly maxima: Set<number> = new Set();

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
