/**
 * Limits on what costs an answer before anything is proven. Below a global rate nobody is limited; above it each
 * address has a bucket of its own in a table of fixed size, found by a seeded hash, so a flood from few addresses
 * slows only those. Worst case: a flood from many forged addresses drains all buckets, and the port answers the
 * global rate plus buckets x their rate; a join that is dropped is repeated by its client.
 */
import { ADDRESS_BUCKETS } from "../limits.ts";
import type { PortLimits } from "../port-limits.ts";
import { networkOf } from "./address-counts.ts";
import type { ZeroCrypto } from "./crypto.ts";

/** Token buckets: tokens come at a rate up to `burst`, each taking costs one. */
class TokenBuckets {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #tokens: Float64Array;
  readonly #atMs: Float64Array;

  constructor(count: number, perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = new Float64Array(count).fill(burst);
    this.#atMs = new Float64Array(count).fill(nowMs);
  }

  take(index: number, nowMs: number): boolean {
    const earned = Math.max(0, nowMs - this.#atMs[index]!) * this.#perMs;
    const tokens = Math.min(this.#burst, this.#tokens[index]! + earned);
    this.#atMs[index] = nowMs;
    this.#tokens[index] = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
  }
}

/** What each address has of its own, above the global rate. */
export type AddressRate = Pick<PortLimits, "addressPerSecond" | "addressBurst">;

export class RateLimit {
  readonly #global: TokenBuckets;
  readonly #ofAddress: AddressRate;
  readonly #seed: number;
  /** Made when the global rate is exceeded for the first time. */
  #addresses: TokenBuckets | undefined;

  /** `perSecond` is the global rate, and as many at once. */
  constructor(crypto: ZeroCrypto, perSecond: number, ofAddress: AddressRate, nowMs: number) {
    this.#global = new TokenBuckets(1, perSecond, Math.max(1, perSecond), nowMs);
    this.#ofAddress = ofAddress;
    this.#seed = crypto.randomBytes(4).reduce((seed, byte) => (seed << 8) | byte, 0);
  }

  /** Whether one more from `address` may be answered. */
  take(address: string, nowMs: number): boolean {
    if (this.#global.take(0, nowMs)) return true;
    this.#addresses ??= new TokenBuckets(
      ADDRESS_BUCKETS,
      this.#ofAddress.addressPerSecond,
      this.#ofAddress.addressBurst,
      nowMs,
    );
    return this.#addresses.take(this.#bucketOf(address), nowMs);
  }

  #bucketOf(address: string): number {
    const network = networkOf(address);
    let hash = this.#seed;
    for (let i = 0; i < network.length; i++) {
      hash = Math.imul(hash ^ network.charCodeAt(i), 0x0100_0193);
      hash ^= hash >>> 15;
    }
    return (hash >>> 0) % ADDRESS_BUCKETS;
  }
}
