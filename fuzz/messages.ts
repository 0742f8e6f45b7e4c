/**
 * Fuzzing one generated message decoder: valid messages, changed as values or as bytes, go to `decode`. Bytes are
 * either refused by the one kind of error, which points into them, or they are exactly what the encoder writes for the
 * message they were taken for. The bytes lie between others that are not part of the message, as in a datagram. In half
 * of the cases the writer may be of another version: then what ends early or goes on may be taken too, for a message
 * that this version writes and reads again.
 */
import { getHeapStatistics } from "node:v8";
import type { MessageEncoder } from "stardust-udp/protocol";
import { encodeOnce, MalformedError, Reader, Writer } from "stardust-udp/wire";
import type { SeededRandom } from "#src/testing/random.js";
import type { MessageCodec } from "./both-sides.ts";
import { isCompressed, uncompressed } from "./compression.ts";
import type { Input } from "./input.ts";
import { fault, hexOf, sameBytes, type Target, type Verdict } from "./target.ts";
import { CountingReader, TracingReader, VersionReader } from "./trace.ts";
import { mutateValue } from "./values.ts";

/** Foreign bytes in front of a message, and how many stand behind it. */
const BEFORE = 7;
const BEHIND = 64;
/**
 * What decoding may allocate: this often the input, and an allowance for an error's text. The worst that types allow is
 * a list of bools: eight of them in a byte become eight slots of a list that grew by copying.
 */
export const MAX_ALLOCATION_FACTOR = 512;
export const ALLOCATION_ALLOWANCE_BYTES: number = 32 * 1024;
/** What decoding may ask of its reader: so many steps a byte, and these. */
const MAX_STEPS_PER_BYTE = 4;
const STEPS_ALLOWANCE = 64;
/** One input in this many that is good between equal versions is decoded in compat mode too. */
const BOTH = 8;

interface Entry {
  readonly bytes: Uint8Array;
  readonly trace: TracingReader;
}

type Bytes = Pick<Input, "bytes" | "length">;

export class MessageTarget implements Target {
  readonly spec: string;
  readonly name: string;
  readonly weight = 10;
  readonly #codec: MessageCodec<unknown>;
  readonly #lenient: MessageEncoder<unknown>;
  readonly #corpus: readonly Entry[];
  readonly #maxima: readonly number[];
  /** Payloads may be deflated, each message in many ways. */
  readonly #compressed: boolean;
  #memory: Uint8Array = new Uint8Array(4096);
  #view: DataView = new DataView(this.#memory.buffer);
  readonly #reader: VersionReader = new VersionReader();
  #writer: Writer = new Writer(new Uint8Array(4096));
  /** The case's input is what a good writer of another version may write. */
  #ofAnother = false;

  /** `lenient`: the same encoder without its checks; `corpus`: valid encodings. */
  constructor(
    spec: string,
    name: string,
    codec: MessageCodec<unknown>,
    lenient: MessageEncoder<unknown>,
    corpus: readonly Uint8Array[],
  ) {
    this.spec = spec;
    this.name = name;
    this.#codec = codec;
    this.#lenient = lenient;
    this.#compressed = isCompressed(lenient);
    const maxima = new Set<number>();
    this.#corpus = corpus.map((bytes) => {
      const trace = new TracingReader();
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      codec.decode(trace.reset(bytes, view, 0, bytes.byteLength));
      for (const max of trace.maxima) maxima.add(max);
      return { bytes, trace };
    });
    this.#maxima = [...maxima];
  }

  make(random: SeededRandom, input: Input): void {
    this.#ofAnother = false;
    if (random.once(25)) {
      input.randomise(random, random.below(random.once(4) ? 300 : 24));
      return;
    }
    const { bytes, trace } = random.pick(this.#corpus);
    input.set(bytes);
    if (trace.bodies.length > 0 && random.once(3)) {
      const legal = input.grow(random, trace.bodies);
      this.#ofAnother = legal && !random.once(4);
      if (this.#ofAnother) return;
    }
    const kind = random.below(9);
    if (kind < 3) this.#changeValue(bytes, random, input);
    else if (kind < 5 && trace.varints.length > 0) {
      input.varint(random, random.pick(trace.varints), this.#maxima);
    } else input.mutate(random, random.pick(this.#corpus).bytes);
    while (random.once(3)) input.mutate(random, random.pick(this.#corpus).bytes);
  }

  #changeValue(bytes: Uint8Array, random: SeededRandom, input: Input): void {
    const message = this.#codec.decode(Reader.of(bytes));
    do mutateValue(message, random, this.#maxima);
    while (random.once(4));
    try {
      const end = this.#lenient.write(message, input.writer, 0);
      if (end <= input.bytes.byteLength) input.length = end;
      else input.set(bytes);
    } catch {
      // A value that cannot even be written: the encoder may throw anything here.
      input.set(bytes);
      input.mutate(random, bytes);
    }
  }

  check(random: SeededRandom, input: Input, thorough: boolean): Verdict {
    const compat = random.once(2);
    const verdict = this.#judge(input, compat, thorough);
    if (compat && verdict === "refused" && this.#ofAnother) {
      return fault("refuses what another version may write");
    }
    if (compat || verdict !== "accepted" || !random.once(BOTH)) return verdict;
    const other = this.#judge(input, true, false);
    if (other === "refused") return fault("compat refuses what equals accept");
    if (other === "accepted" && this.#reader.differs) {
      return fault("compat takes what equals accept for another version's");
    }
    return other;
  }

  #judge(input: Input, compat: boolean, thorough: boolean): Verdict {
    const { length } = input;
    this.#reader.compat = compat;
    const read = this.#attempt(input);
    if (read instanceof Failure) return fault(read.text);
    const { differs } = this.#reader;
    if (thorough) {
      const excess = this.#excess(input);
      if (excess !== undefined) return fault(excess);
    }
    if (read instanceof MalformedError) return "refused";
    // What was decoded must not lean on the datagram's memory, which is used again.
    this.#memory.fill(0xa5, BEFORE, BEFORE + length);
    const problem = differs ? this.#rewrite(read.value) : this.#reencode(read.value, input);
    return problem === undefined ? "accepted" : fault(problem);
  }

  /** Decodes once: the message, the error that is allowed, or what is wrong with the decoder. */
  #attempt(input: Input): { readonly value: unknown } | MalformedError | Failure {
    const { length } = input;
    const r = this.#place(input, this.#reader);
    try {
      const value = this.#codec.decode(r);
      if (r.at !== r.end) return new Failure(`ends at byte ${r.at - BEFORE} of ${length}`);
      return { value };
    } catch (error) {
      if (!(error instanceof MalformedError)) return new Failure(`throws ${describe(error)}`);
      const { path, problem, byteOffset } = error;
      if (!(Number.isInteger(byteOffset) && byteOffset >= 0 && byteOffset <= length)) {
        return new Failure(`names byte ${byteOffset} of ${length} (${error.message})`);
      }
      if (typeof path !== "string" || typeof problem !== "string" || problem === "") {
        return new Failure(`says nothing: ${String(path)}, ${String(problem)}`);
      }
      return error;
    }
  }

  /** The input between bytes that are not its own. */
  #place(input: Input, r: Reader): Reader {
    const total = BEFORE + input.length + BEHIND;
    if (this.#memory.byteLength < total) {
      this.#memory = new Uint8Array(total * 2);
      this.#view = new DataView(this.#memory.buffer);
    }
    const memory = this.#memory;
    const end = BEFORE + input.length;
    r.compat = this.#reader.compat;
    this.#reader.differs = false;
    if (input.length < 128) {
      for (let i = 0; i < input.length; i++) memory[BEFORE + i] = input.bytes[i]!;
    } else memory.set(input.bytes.subarray(0, input.length), BEFORE);
    for (let i = end; i < total; i++) memory[i] = 1;
    return r.reset(memory, this.#view, BEFORE, end);
  }

  /** One way to write each thing: what was accepted must be what the encoder writes. */
  #reencode(value: unknown, input: Bytes): string | undefined {
    const { bytes, length } = this.#message(input);
    let own: Uint8Array;
    try {
      own = encodeOnce(this.#codec, value);
    } catch (error) {
      return `accepts what the encoder refuses: ${describe(error)}`;
    }
    if (this.#compressed) own = uncompressed(own);
    if (own.length !== length) return `accepts ${length} bytes for a message of ${own.length}`;
    if (!sameBytes(own, 0, bytes, length)) {
      return `accepts what the encoder writes as ${hexOf(own.subarray(0, 100))}`;
    }
    return this.#codec.inPlace ? this.#writeInPlace(value, input) : undefined;
  }

  /** The bytes that there is one way to write. */
  #message({ bytes, length }: Bytes): Bytes {
    if (!this.#compressed) return { bytes, length };
    const message = uncompressed(bytes.subarray(0, length));
    return { bytes: message, length: message.length };
  }

  /** What another version wrote has become a message of this one, as good as its own. */
  #rewrite(value: unknown): string | undefined {
    let own: Uint8Array;
    try {
      own = encodeOnce(this.#codec, value).slice();
    } catch (error) {
      return `takes from another version what the encoder refuses: ${describe(error)}`;
    }
    const written: Bytes = { bytes: own, length: own.byteLength };
    try {
      return this.#reencode(this.#codec.decode(Reader.of(own)), written);
    } catch (error) {
      return `refuses its own bytes of another version's message: ${describe(error)}`;
    }
  }

  /** What is written where it goes must be the same at another place, with nothing behind the largest message. */
  #writeInPlace(value: unknown, { bytes, length }: Bytes): string | undefined {
    const { maxBytes } = this.#codec;
    if (this.#writer.bytes.byteLength < maxBytes + BEHIND) {
      this.#writer = new Writer(new Uint8Array(maxBytes + BEHIND));
    }
    const w = this.#writer;
    w.bytes.fill(0x77, maxBytes, maxBytes + BEHIND);
    const end = this.#codec.write(value, w, 0);
    for (let i = 0; i < BEHIND; i++) {
      if (w.bytes[maxBytes + i] !== 0x77) return "write writes behind the largest message";
    }
    return end === length && sameBytes(w.bytes, 0, bytes, length)
      ? undefined
      : `write writes ${hexOf(w.bytes.subarray(0, Math.min(end, 100)))}`;
  }

  /** Memory and steps of one decode above what its bytes allow. */
  #excess(input: Input): string | undefined {
    const counting = new CountingReader();
    this.#quietly(this.#place(input, counting));
    const allowedSteps = STEPS_ALLOWANCE + MAX_STEPS_PER_BYTE * input.length;
    if (counting.steps > allowedSteps) {
      return `takes ${counting.steps} steps for ${input.length} bytes`;
    }
    const allowed =
      ALLOCATION_ALLOWANCE_BYTES + MAX_ALLOCATION_FACTOR * this.#message(input).length;
    // Other threads of V8 allocate too: the least of a few counts. One in which a collection took away does not count.
    let least = Number.POSITIVE_INFINITY;
    for (let counts = 0, tries = 0; counts < 4 && tries < 16 && least > allowed; tries++) {
      const r = this.#place(input, this.#reader);
      const before = getHeapStatistics();
      this.#quietly(r);
      const after = getHeapStatistics();
      const heap = after.used_heap_size - before.used_heap_size;
      const external = after.external_memory - before.external_memory;
      if (heap < 0 || external < 0) continue;
      counts++;
      least = Math.min(least, heap + external);
    }
    if (least === Number.POSITIVE_INFINITY || least <= allowed) return undefined;
    return `allocates ${least} bytes for ${input.length}`;
  }

  #quietly(r: Reader): unknown {
    try {
      return this.#codec.decode(r);
    } catch {
      return undefined;
    }
  }
}

/** Something wrong with the decoder; its own class, so that no decoded value looks like it. */
class Failure {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : `no error: ${String(error)}`;
}
