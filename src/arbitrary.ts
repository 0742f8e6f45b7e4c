/**
 * The part of fast-check that generated arbitraries use, as types only: generated code is handed fast-check
 * (`arbitrary.chat(fc)`) and imports nothing of it. Its own `Arbitrary` class fits `Arbitrary` here, both ways.
 */

/** What makes and shrinks random values; fast-check's class of the same name. */
export interface Arbitrary<T> {
  // biome-ignore lint/suspicious/noExplicitAny: fast-check's own random source and value wrapper
  generate(random: any, biasFactor: number | undefined): any;
  canShrinkWithoutContext(value: unknown): value is T;
  // biome-ignore lint/suspicious/noExplicitAny: fast-check's own stream of values
  shrink(value: T, context: unknown): any;
  filter<U extends T>(refinement: (value: T) => value is U): Arbitrary<U>;
  filter(predicate: (value: T) => boolean): Arbitrary<T>;
  map<U>(mapper: (value: T) => U, unmapper?: (possible: unknown) => T): Arbitrary<U>;
  chain<U>(chainer: (value: T) => Arbitrary<U>): Arbitrary<U>;
}

/** What `uniqueArray` is told: what must differ, and how many at most. */
export interface UniqueConstraints {
  // biome-ignore lint/suspicious/noExplicitAny: the generated code says what comes out
  selector: (entry: any) => unknown;
  maxLength: number;
}

/** What `double` is told. */
export interface DoubleConstraints {
  noNaN: boolean;
  noDefaultInfinity: boolean;
  min?: number;
  max?: number;
  minExcluded?: boolean;
  maxExcluded?: boolean;
}

/** What `string` is told; lengths in code points. */
export interface StringConstraints {
  unit: "binary" | "binary-ascii" | Arbitrary<string>;
  minLength?: number;
  maxLength: number;
}

/** fast-check's module, as far as it is used: `import fc from "fast-check"` is one. */
export interface FastCheck {
  boolean(): Arbitrary<boolean>;
  integer(constraints: { min: number; max: number }): Arbitrary<number>;
  bigInt(constraints: { min: bigint; max: bigint }): Arbitrary<bigint>;
  float(constraints: { noNaN: boolean; noDefaultInfinity: boolean }): Arbitrary<number>;
  double(constraints: DoubleConstraints): Arbitrary<number>;
  string(constraints: StringConstraints): Arbitrary<string>;
  uint8Array(constraints: { maxLength: number }): Arbitrary<Uint8Array>;
  constantFrom<T>(...values: T[]): Arbitrary<T>;
  // biome-ignore lint/suspicious/noExplicitAny: the generated code says what comes out
  oneof(...arbitraries: any[]): Arbitrary<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  option(arbitrary: any, constraints: { nil: undefined }): Arbitrary<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  array(arbitrary: any, constraints: { minLength?: number; maxLength: number }): Arbitrary<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  tuple(...arbitraries: any[]): Arbitrary<any>;
  constant<T>(value: T): Arbitrary<T>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  uniqueArray(arbitrary: any, constraints: UniqueConstraints): Arbitrary<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  record(model: any, constraints: any): Arbitrary<any>;
}
