/**
 * One peer of a load: a connected client, what it sends when it is its turn, and what is counted of it. It never throws; what
 * goes wrong is counted.
 */
import type { RecordableHistogram } from "node:perf_hooks";
import type { CloseReason } from "../../src/connection-contract.ts";
import type { LoadPeer } from "../../src/testing/load-script.ts";
import { SeededRandom } from "../../src/testing/random.ts";
import { EchoCheck } from "./echo.ts";
import type { LoadSettings } from "./settings.ts";
import { count, type Tally } from "./tally.ts";
import type { AnyClient, Traffic } from "./traffic.ts";

export interface PeerOptions {
  readonly client: AnyClient;
  readonly index: number;
  readonly settings: LoadSettings;
  readonly traffic: Traffic;
  readonly tally: Tally;
  /** In microseconds, of all peers of the thread. */
  readonly latency: RecordableHistogram;
  /** It is connected no more. */
  readonly onGone: (peer: Peer) => void;
}

/** What of a client's counters goes into the tally. */
const counted = {
  sent: "session.messagesSent",
  received: "session.messagesReceived",
  datagramsSent: "datagramsSent",
  datagramsReceived: "datagramsReceived",
  datagramsLost: "session.datagramsLost",
  resent: "session.messagesResent",
} as const satisfies Partial<Record<keyof Tally, string>>;

export class Peer {
  readonly #o: PeerOptions;
  readonly #echo: EchoCheck | undefined;
  /** Of the script: run at each turn. */
  readonly #actions: (() => void)[] = [];
  readonly #before: Record<string, number> = {};
  #next: number;
  #isLeaving = false;
  #isGone = false;

  constructor(options: PeerOptions) {
    this.#o = options;
    const { client, index, traffic, onGone } = options;
    const { received, echo, messages, script } = traffic;
    // Not all peers send the same at the same time.
    this.#next = index % Math.max(1, messages.length);
    for (const channel of received) {
      if (channel !== echo?.channel.name) client.receive[channel]!(() => {});
    }
    if (echo !== undefined) {
      const { delivery, name } = echo.channel;
      this.#echo = new EchoCheck(delivery === "reliable-ordered");
      client.receive[name]!((message) => this.#returned(echo.bytesOf(message)));
    }
    void client.closed.then((reason) => {
      this.#ended(reason);
      onGone(this);
    });
    if (script.play !== undefined) this.#play(script.play);
  }

  /** It is its turn to send. */
  act(): void {
    const { client, traffic, tally } = this.#o;
    if (this.#isGone || this.#isLeaving) return;
    if (traffic.messages.length === 0) {
      for (const action of this.#actions) this.#guarded(action);
      return;
    }
    const { channel, message, bytes } = traffic.messages[this.#next]!;
    this.#next = (this.#next + 1) % traffic.messages.length;
    this.#guarded(() => {
      if (!client.send[channel]!(message)) tally.refused++;
      else if (bytes !== undefined) {
        tally.echoSent++;
        this.#echo!.sent(bytes, performance.now());
      }
    });
  }

  /** Adds what its connection has counted since; and its round trip, where nothing else says how long messages take. */
  sample(): void {
    const { client, tally, traffic } = this.#o;
    const { counters, rttMs } = client.stats();
    for (const [name, counter] of Object.entries(counted) as [keyof typeof counted, string][]) {
      tally[name] += this.#grown(counters, counter);
    }
    const malformed = this.#grown(counters, "messagesMalformed");
    if (malformed > 0) count(tally.broken, "a message that cannot be decoded", malformed);
    const isOther = traffic.echo !== undefined || traffic.kind === "script";
    if (!isOther && rttMs > 0) this.#took(rttMs);
  }

  /** Whether something reliable that it has sent is not known to be there, or an echo is missing that must come. */
  get isWaiting(): boolean {
    const { traffic } = this.#o;
    const mustCome = /^reliable(-ordered)?$/.test(traffic.echo?.channel.delivery ?? "");
    return this.#isUnacknowledged || (mustCome && this.#echo!.missing > 0);
  }

  get #isUnacknowledged(): boolean {
    const { client, traffic } = this.#o;
    const { channels } = client.stats();
    return traffic.reliable.some((name) => (channels[name]?.queue.bytes ?? 0) > 0);
  }

  /** Counts what is missing as broken: nothing more is waited for. */
  giveUp(): void {
    const { tally } = this.#o;
    if (!this.isWaiting) return;
    if (this.#isUnacknowledged)
      count(tally.broken, "a peer's reliable messages were not acknowledged");
    else count(tally.broken, "a reliable message that did not come back", this.#echo!.missing);
  }

  /** Nobody has lost it. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#o.client.close({ code: "load-done" });
  }

  #play(play: NonNullable<Traffic["script"]["play"]>): void {
    const { client, index, settings, tally } = this.#o;
    const random = new SeededRandom(settings.seed, index);
    const peer: LoadPeer = {
      index,
      random: () => random.next(),
      atRate: (action) => void this.#actions.push(action),
      latency: (ms) => this.#took(ms),
      broken: (what) => count(tally.broken, what),
    };
    this.#guarded(() => {
      void Promise.resolve(play(client, peer)).catch((error: unknown) => this.#threw(error));
    });
  }

  #returned(bytes: string): void {
    const { tally } = this.#o;
    const result = this.#echo!.returned(bytes, performance.now());
    if (typeof result === "string") {
      count(tally.broken, result);
      return;
    }
    tally.echoReturned++;
    this.#took(result);
  }

  #took(ms: number): void {
    this.#o.latency.record(Math.max(1, Math.round(ms * 1000)));
  }

  #ended({ code, reason, by }: CloseReason): void {
    this.#isGone = true;
    this.sample();
    if (this.#isLeaving) return;
    const whom = by === "local" ? "" : ", by the server";
    count(this.#o.tally.lost, reason === "" ? `${code}${whom}` : `${code} (${reason})${whom}`);
  }

  #grown(counters: Readonly<Record<string, number>>, name: string): number {
    const now = counters[name] ?? 0;
    const more = now - (this.#before[name] ?? 0);
    this.#before[name] = now;
    return more;
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#threw(error);
    }
  }

  #threw(error: unknown): void {
    if (!this.#isGone && !this.#isLeaving) count(this.#o.tally.broken, `thrown: ${String(error)}`);
  }
}
