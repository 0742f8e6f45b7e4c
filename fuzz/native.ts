/**
 * The compiled part of the native sockets under calls that make no sense: wrong types, offsets outside, closed and foreign objects, arrays
 * whose memory is gone, in any order. Each call returns or throws an error; a fault of memory ends the process, which is why it has one of its
 * own: `fuzzNative` starts it, and a process that dies is a failure. Not here: what sockets do with good calls (test/udp/native-*.test.ts).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { nativeSockets } from "stardust-udp/native";
import { SeededRandom } from "stardust-udp/testing";
import {
  FIELDS,
  Field,
  type NativeBinding,
  type NativeHandle,
  nativeThread,
} from "#src/udp/native-binding.js";

/** Calls between two turns of the event loop, in which sockets read and close. */
const CALLS_A_TURN = 50;
const TAG_BYTES = 16;
/** Descriptors that are open at most. */
const MOST_OPEN = 50;

/** What the calls of a run were answered with. */
interface Answers {
  returned: number;
  refused: number;
}

/** What a call of `seal` that returns has to have left alone, and how what it has sealed opens. */
class Guard {
  readonly #args: unknown[];
  readonly #all: Uint8Array;

  constructor(args: unknown[]) {
    this.#args = args;
    const bytes = args[2];
    // One whose memory is gone has none.
    const isThere = bytes instanceof Uint8Array && bytes.length > 0;
    this.#all = isThere ? new Uint8Array(bytes.buffer).slice() : new Uint8Array();
  }

  problems(binding: NativeBinding): string[] {
    const [cipher, secret, bytes, start, clearEnd, end] = this.#args as [
      number,
      Uint8Array,
      Uint8Array,
      number,
      number,
      number,
    ];
    const problems: string[] = [];
    // Node-API makes a whole number of any.
    if (![cipher, start, clearEnd, end].every((value) => value === (value | 0))) return problems;
    const now = new Uint8Array(bytes.buffer);
    const from = bytes.byteOffset + clearEnd;
    const to = bytes.byteOffset + end + TAG_BYTES;
    const isSame = () =>
      Buffer.compare(now.subarray(0, from), this.#all.subarray(0, from)) === 0 &&
      Buffer.compare(now.subarray(to), this.#all.subarray(to)) === 0;
    if (!isSame()) problems.push("seal wrote elsewhere");
    // What is to be sealed and where its key is may be the same memory.
    if (secret.buffer === bytes.buffer) return problems;
    if (!binding.unseal(cipher, secret, bytes, start, clearEnd, end + TAG_BYTES))
      problems.push("what was sealed does not open");
    const closed = [now, this.#all].map((all) => all.subarray(from, to - TAG_BYTES));
    if (!isSame() || Buffer.compare(closed[0]!, closed[1]!) !== 0)
      problems.push("what was opened is not what was sealed");
    return problems;
  }
}

class Calls {
  readonly answers: Answers = { returned: 0, refused: 0 };
  readonly problems: string[] = [];
  readonly #binding: NativeBinding;
  readonly #random: SeededRandom;
  readonly #sockets: NativeHandle[] = [];
  /** Their ports, and one where hardly anybody listens. */
  #ports: number[] = [1];

  constructor(binding: NativeBinding, seed: number) {
    this.#binding = binding;
    this.#random = new SeededRandom(seed);
  }

  /** One call with arguments of which most are right, or one only, or none. */
  one(): void {
    const random = this.#random;
    const name = random.pick([
      "open",
      "local",
      "send",
      "send",
      "send",
      "watchWrites",
      "watchReads",
      "unref",
      "close",
      "parse",
      "text",
      "area",
      "seal",
      "unseal",
    ] as const);
    const args = this.#argumentsOf(name).map((value) =>
      random.once(12) ? this.#anything() : value,
    );
    if (random.once(20)) args.length = random.below(args.length + 1);
    if (random.once(50)) args.push(this.#anything());
    const guard = name === "seal" ? new Guard(args) : undefined;
    try {
      const call = this.#binding[name] as (...all: unknown[]) => unknown;
      const result = call(...args);
      this.answers.returned++;
      if (guard !== undefined) this.problems.push(...guard.problems(this.#binding));
      if (name === "open") this.#keep(result as NativeHandle);
    } catch (error) {
      this.answers.refused++;
      const { code } = error as NodeJS.ErrnoException;
      // Of the system's errors only `open` and `local` tell.
      const isSystems =
        typeof code === "string" && /^E[A-Z]+$/.test(code) && (name === "open" || name === "local");
      if (!(error instanceof TypeError) && !isSystems)
        this.problems.push(`${name}: ${String(error)}`);
    }
  }

  /** Closes what is open. */
  end(): void {
    for (const socket of this.#sockets) this.#binding.close(socket);
  }

  #keep(socket: NativeHandle): void {
    this.#sockets.push(socket);
    const local = new Uint32Array(FIELDS);
    this.#binding.local(socket, local);
    this.#ports = [...this.#ports, local[Field.port]!].slice(-MOST_OPEN);
    if (this.#sockets.length > MOST_OPEN) this.#binding.close(this.#sockets.shift()!);
  }

  #argumentsOf(name: string): unknown[] {
    const random = this.#random;
    switch (name) {
      case "open":
        return [
          random.pick(["127.0.0.1", "::1", "::", "0.0.0.0"]),
          0,
          random.once(2),
          random.pick([0, 1, 65_536, 2 ** 31 - 1]),
          this.#listener(),
        ];
      case "local":
        return [this.#socket(), this.#fields(1 + random.below(3))];
      case "send": {
        const count = random.below(200);
        const bytes = new Uint8Array(random.pick([0, 1, 1000, 70_000]));
        const from = random.below(count + 1);
        return [
          this.#socket(),
          bytes,
          this.#datagrams(count, bytes.length),
          from,
          from + random.below(count - from + 1),
        ];
      }
      case "parse":
        return [
          random.once(2),
          random.pick(["127.0.0.1", "::1", "fe80::1%lo", "x"]),
          this.#fields(1),
        ];
      case "text":
        return [random.once(2), this.#fields(4), random.below(4)];
      case "watchReads":
        return [this.#socket(), random.once(2)];
      case "area":
        return [];
      case "seal":
      case "unseal":
        return this.#sealing();
      default:
        return [this.#socket()];
    }
  }

  /** What is sealed or opened: mostly within its bytes, and with room for a tag. */
  #sealing(): unknown[] {
    const random = this.#random;
    // Within more memory, which is to stay as it is.
    const around = Uint8Array.from({ length: 71_000 }, (_, i) => i * 5);
    const length = random.pick([0, 15, 16, 17, 100, 1300, 70_000]);
    const bytes = around.subarray(500, 500 + length);
    const [start, clearEnd, end] = Array.from({ length: 3 }, () =>
      random.below(Math.max(1, bytes.length - 15)),
    ).sort((a, b) => a - b);
    const secret = Uint8Array.from({ length: random.once(10) ? random.below(60) : 44 }, () =>
      random.below(256),
    );
    return [random.below(random.once(10) ? 4 : 2), secret, bytes, start, clearEnd, end];
  }

  /** Datagrams of which now and then one is not where its bytes are; they go to sockets of this process. */
  #datagrams(count: number, size: number): Uint32Array {
    const random = this.#random;
    const fields = new Uint32Array(count * FIELDS);
    let at = 0;
    const length = random.pick([0, 1, 7, 100, 1200, 65_535]);
    for (let i = 0; i < count; i++) {
      const base = i * FIELDS;
      if (at + length > size) at = 0;
      fields[base + Field.at] = at;
      fields[base + Field.length] = Math.min(
        random.once(20) ? random.below(size + 1) : length,
        size - at,
      );
      fields[base + Field.port] = random.once(20) ? random.below(2) : random.pick(this.#ports);
      fields[base + Field.word3] = random.once(2) ? 0x7f00_0001 : 1;
      if (random.once(3000)) fields[base + random.below(FIELDS)] = random.u32();
      // What was changed by chance goes nowhere but here.
      fields.fill(0, base + Field.word0, base + Field.word3);
      fields[base + Field.scope] = 0;
      if (fields[base + Field.word3] !== 0x7f00_0001) fields[base + Field.word3] = 1;
      at += fields[base + Field.length]!;
      if (at > size) at = 0;
    }
    return fields;
  }

  #fields(count: number): Uint32Array {
    return Uint32Array.from({ length: count * FIELDS }, () => this.#random.u32());
  }

  #socket(): unknown {
    return this.#sockets.length === 0 ? {} : this.#random.pick(this.#sockets);
  }

  /** Looks at what was read, closes its socket or another, calls again, throws nothing. */
  #listener(): (count: number) => void {
    return (count) => {
      const { bytes, fields } = this.#binding.area();
      for (let i = 0; i < count; i++) {
        const at = fields[i * FIELDS + Field.at]!;
        const length = fields[i * FIELDS + Field.length]!;
        if (at + length > bytes.length) this.problems.push(`read outside: ${at}, ${length}`);
      }
      if (this.#random.once(3)) this.one();
    };
  }

  #anything(): unknown {
    const random = this.#random;
    const gone = new Uint8Array(1000);
    structuredClone(gone, { transfer: [gone.buffer] });
    return random.pick<() => unknown>([
      () => undefined,
      () => null,
      () =>
        random.pick([
          -1,
          0,
          1,
          0.5,
          2 ** 31,
          2 ** 32,
          -(2 ** 31),
          Number.NaN,
          Number.POSITIVE_INFINITY,
          1e300,
        ]),
      () => random.below(100_000),
      () => 1n,
      () => random.pick(["", "127.0.0.1", "::1", "\0", "x".repeat(random.below(200)), "\ud800"]),
      () => Symbol("any"),
      () => ({}),
      () => [],
      () => () => {},
      () => new Proxy({}, {}),
      () => Object.create(this.#socket() as object),
      () => this.#socket(),
      () => this.#binding,
      () => gone,
      () => new Uint8Array(random.below(2000)),
      () => new Uint32Array(random.below(100)),
      () => new Uint32Array(0),
      () => new Int32Array(FIELDS),
      () => new Float64Array(100),
      () => new DataView(new ArrayBuffer(100)),
      () => new Uint32Array(new SharedArrayBuffer(8 * FIELDS)),
      () => new Uint8Array(new SharedArrayBuffer(1000)),
      () => Buffer.alloc(100),
      () => this.#binding.area().bytes,
      () => this.#binding.area().fields,
    ])();
  }
}

/** Runs `cases` calls here; what was wrong. A fault of memory ends the process. */
async function callAll(
  seed: number,
  cases: number,
): Promise<{ answers: Answers; problems: readonly string[] }> {
  const { binding } = nativeThread()!;
  const calls = new Calls(binding, seed);
  if (!binding.seals) calls.problems.push("it does not seal here");
  for (let done = 0; done < cases; done++) {
    calls.one();
    if (done % CALLS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    // Where it can be asked for, collections free what nobody holds.
    if (done % 5000 === 0) globalThis.gc?.();
  }
  calls.end();
  return calls;
}

/** The command of the fuzzer: a process of its own makes the calls. Returns the exit code. */
export async function fuzzNative(seed: number, cases: number): Promise<number> {
  const native = nativeSockets();
  if (!native.available) {
    process.stderr.write(`there are no native sockets here: ${native.problem}\n`);
    return 2;
  }
  const args = ["--expose-gc", fileURLToPath(import.meta.url), String(seed), String(cases)];
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  const [status, signal] = await once(child, "close");
  if (status === 0) return 0;
  const how = signal === null ? `exit code ${status}` : `signal ${signal}`;
  process.stdout.write(
    `the compiled part ended its process: ${how}; npm run fuzz -- --target native --seed ${seed} --cases ${cases}\n`,
  );
  return 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seed, cases] = process.argv.slice(2).map(Number);
  process.stdout.write(`seed ${seed}, calls of the compiled part\n`);
  const { answers, problems } = await callAll(seed!, cases!);
  process.stdout.write(
    `${cases} calls: ${answers.returned} returned, ${answers.refused} were refused, besides those of listeners\n`,
  );
  for (const problem of problems.slice(0, 20)) process.stdout.write(`  ${problem}\n`);
  process.stdout.write(
    problems.length === 0 ? "nothing was wrong\n" : `${problems.length} faults\n`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
