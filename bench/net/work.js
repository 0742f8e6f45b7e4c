/**
 * What both ends do in the network benchmarks, whatever the protocol: the server counts, verifies and answers, the client
 * sends by a plan. A protocol is an adapter beside this file: `serve(options, work)` and `connect(options, port, take)`.
 */
import { nowUs } from "./message.js";

/** Counters of a thread, in memory that the thread that is asked for them shares; each has one writer. */
const FIELDS = {
  received: 0,
  bad: 1,
  late: 2,
  connected: 3,
  sent: 4,
  gone: 5,
  collections: 6,
  heap: 7,
  outside: 8,
  started: 9,
  steady: 10,
};
const FIELD_COUNT = 16;
const MAX_THREADS = 64;

export class Counts {
  constructor(memory = new SharedArrayBuffer(8 * FIELD_COUNT * MAX_THREADS), thread = 0) {
    this.memory = memory;
    this.all = new Float64Array(memory);
    this.base = thread * FIELD_COUNT;
  }

  add(field, count = 1) {
    this.all[this.base + FIELDS[field]] += count;
  }

  set(field, value) {
    this.all[this.base + FIELDS[field]] = value;
  }

  sum(field) {
    let total = 0;
    for (let i = FIELDS[field]; i < this.all.length; i += FIELD_COUNT) total += this.all[i];
    return total;
  }
}

/** Bytes that are alive in this thread's heap and outside it (buffers, mostly), where garbage can be collected. */
export function liveBytes() {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, outside: external };
}

/** Times between sending and taking, microseconds. */
class Samples {
  constructor() {
    this.values = new Uint32Array(1 << 20);
    this.count = 0;
  }

  add(us) {
    if (this.count < this.values.length) this.values[this.count++] = us;
  }

  /** Percentiles since it was last asked. */
  take() {
    const sorted = this.values.slice(0, this.count).sort();
    const at = (share) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const { count } = this;
    this.count = 0;
    return { count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
  }
}

/** The server's side of one thread. An adapter makes a state for each client and gives each message that it has read. */
export class ServerWork {
  constructor(scenario, counts) {
    this.counts = counts;
    this.samples = scenario.timed ? new Samples() : undefined;
    this.base = counts.base;
    this.inOrder = scenario.delivery !== "unreliable";
    this.echoes = scenario.work === "echo";
    this.ticks = 0;
  }

  connected() {
    this.counts.add("connected");
    return { last: -1 };
  }

  left() {
    this.counts.add("gone");
  }

  /** Whether the message is to be answered. `good` says that its content is what was sent. */
  take(state, sequence, good, atUs) {
    const { all } = this.counts;
    this.samples?.add((nowUs() - atUs) >>> 0);
    all[this.base + FIELDS.received]++;
    if (!good) all[this.base + FIELDS.bad]++;
    if (sequence <= state.last && this.inOrder) all[this.base + FIELDS.late]++;
    state.last = sequence;
    return this.echoes;
  }

  /** What a server of a game says in a tick: `broadcast` is given number and time, and answers to how many. */
  tick(broadcast) {
    this.counts.add("sent", broadcast(this.ticks++, nowUs()));
  }
}

/** Datagrams a second each way while code is warmed up: a server compiles what it has done some ten thousand times. */
const WARM_UP_PER_SECOND = 10_000;

/** How long a server's tick lasts until then. */
export const warmUpTickMs = ({ clients }) => (1000 * clients) / WARM_UP_PER_SECOND;

/** The clients of one process. */
export class ClientWork {
  #running = false;
  #warming = false;
  #timers = [];

  constructor(scenario) {
    this.scenario = scenario;
    this.clients = [];
    this.sent = 0;
    this.refused = 0;
    this.received = 0;
    this.bad = 0;
    this.samples = new Samples();
    this.timed = scenario.work === "echo";
  }

  /** What a client does with a message of the server. */
  take(atUs, good) {
    this.received++;
    if (!good) this.bad++;
    if (this.timed) this.samples.add((nowUs() - atUs) >>> 0);
  }

  add(client) {
    this.clients.push({ client, sequence: 0 });
  }

  #send(entry, atUs) {
    if (!entry.client.send(entry.sequence, atUs)) {
      this.refused++;
      return false;
    }
    entry.sequence++;
    this.sent++;
    return true;
  }

  /** Begins its plan or, where the rate of that would take minutes to warm up the code, with all that goes. */
  start() {
    this.#running = true;
    if (!this.scenario.warms) this.#begin();
    else if (!this.scenario.isSilent) void this.#warmUp();
  }

  /** The code is warm: the plan. */
  steady() {
    if (!this.scenario.warms) return;
    this.#warming = false;
    this.#begin();
  }

  /** A burst, as the plan has it, a turn of the event loop, of each client in its turn. */
  async #warmUp() {
    this.#warming = true;
    const { clients } = this;
    const startMs = performance.now();
    for (let next = 0; this.#warming; next++) {
      const entry = clients[next % clients.length];
      const atUs = nowUs();
      for (let i = this.scenario.burst ?? 1; i > 0 && this.#send(entry, atUs); i--);
      entry.client.flush();
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#warming && next > ((performance.now() - startMs) * WARM_UP_PER_SECOND) / 1000) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  }

  #begin() {
    const { work } = this.scenario;
    if (work === "stream") for (const entry of this.clients) this.#stream(entry);
    if ((work === "game" && !this.scenario.isSilent) || work === "echo") this.#spread();
  }

  /** `burst` messages each `everyMs`, or, where that is 0, as many as are taken. */
  async #stream(entry) {
    const { burst, everyMs } = this.scenario;
    if (everyMs > 0) {
      this.#timers.push(
        setInterval(() => {
          const atUs = nowUs();
          for (let i = 0; i < burst && this.#send(entry, atUs); i++);
          entry.client.flush();
        }, everyMs),
      );
      return;
    }
    while (this.#running) {
      let isFull = false;
      for (let i = 0; i < burst && !isFull; i++) isFull = !this.#send(entry, 0);
      entry.client.flush();
      if (isFull) await entry.client.drained();
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Each client `hz` times a second, their turns spread over the period, as those of players are. */
  #spread() {
    const { clients } = this;
    const periodMs = 1000 / this.scenario.hz;
    const startMs = performance.now();
    let next = 0;
    this.#timers.push(
      setInterval(() => {
        const due = Math.floor(((performance.now() - startMs) / periodMs) * clients.length);
        // Who has fallen behind by more than a period leaves out what it has missed, as a game does.
        if (due - next > clients.length) next = due - clients.length;
        const atUs = nowUs();
        for (; next < due; next++) {
          const entry = clients[next % clients.length];
          this.#send(entry, atUs);
          entry.client.flush();
        }
      }, 1),
    );
  }

  stop() {
    this.#running = false;
    for (const timer of this.#timers) clearInterval(timer);
  }
}
