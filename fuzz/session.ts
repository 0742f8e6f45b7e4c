/**
 * Fuzzing the regular protocol: two live sessions exchange messages on every channel, and with each datagram the receiver
 * is handed changed copies of it. Half of the time from somebody who sees no packets, where a layout has session tags: none
 * of the copies has the right one, and whatever they say, every promise is kept. Else from somebody who does, or from the
 * peer itself: then messages may be lost, but nothing throws, nothing grows beyond its bounds, and every datagram is
 * counted once.
 *
 * Where sessions are sealed, half of the copies are changed on the way: none of them is taken, and every promise is kept. The
 * others are changed before they are sealed, by a peer that has the keys: those may end the session, and do nothing worse.
 */
import {
  type ChannelDefinition,
  type CipherName,
  maySend,
  type Protocol,
  type Role,
} from "stardust-udp/protocol";
import { MAX_ACK_RANGES, MESSAGE_OVERHEAD_BYTES } from "#src/limits.js";
import { largestDatagramBytes } from "#src/protocol.js";
import { dropReasons } from "#src/session/drop-reason.js";
import { type SealCrypto, type SealKey, TAG_BYTES } from "#src/session/seal-crypto.js";
import { Session } from "#src/session/session.js";
import type { SeededRandom } from "#src/testing/random.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { DatagramHeader, FrameHeader } from "#src/wire/header.js";
import { Reader } from "#src/wire/reader.js";
import { Writer } from "#src/wire/writer.js";
import type { Input } from "./input.ts";
import { fault, hexOf, type Target, type Verdict } from "./target.ts";

const TICKS = 4;
const TICK_MS = 20;
/** Changed copies of each datagram, at most. */
const MAX_COPIES = 4;
/** Until all is acknowledged there may be as many turns, or it never is. */
const MAX_SETTLING_TURNS = 200;
const MAX_TURN_DATAGRAMS = 64;
/** Of sealed sessions; nothing here depends on which. */
const secrets = {
  clientSecret: new Uint8Array(32).fill(1),
  serverSecret: new Uint8Array(32).fill(2),
};
/** Keys change in each case. */
const limits = { updateAfter: 3 };
const reasons = Object.keys(dropReasons) as (keyof typeof dropReasons)[];

/** What a session holds and remembers; the fuzzer looks where no user may. */
interface Insides {
  readonly context: { readonly unreliableBytes: number; readonly sequencedBytes: number };
  readonly receiveLimit: {
    readonly heldBytes: number;
    readonly flow: { readonly shares: { readonly totalBytes: number } };
  };
  readonly received: { readonly count: number };
}

/** Node's cryptography, beside which a peer that has the keys seals changed copies of what it is given. */
class ChangingCrypto implements SealCrypto {
  /** Made since they were taken last. */
  readonly copies: Uint8Array[] = [];
  readonly #change: (plaintext: Uint8Array) => readonly Uint8Array[];

  constructor(change: (plaintext: Uint8Array) => readonly Uint8Array[]) {
    this.#change = change;
  }

  expandSha256(secret: Uint8Array, info: Uint8Array, count: number): Uint8Array {
    return nodeSealCrypto.expandSha256(secret, info, count);
  }

  key(cipher: CipherName, bytes: Uint8Array): SealKey {
    const key = nodeSealCrypto.key(cipher, bytes);
    return {
      open: (...of) => key.open(...of),
      seal: (nonce, datagram, start, clearEnd, end) => {
        for (const plaintext of this.#change(datagram.slice(clearEnd, end))) {
          const clearBytes = clearEnd - start;
          const copy = new Uint8Array(clearBytes + plaintext.length + TAG_BYTES);
          copy.set(datagram.subarray(start, clearEnd));
          copy.set(plaintext, clearBytes);
          key.seal(nonce, copy, 0, clearBytes, clearBytes + plaintext.length);
          this.copies.push(copy);
        }
        key.seal(nonce, datagram, start, clearEnd, end);
      },
    };
  }
}

/** One end, what it sent and what it was handed, by channel. */
class End {
  readonly session: Session;
  readonly sent: Map<string, string[]> = new Map();
  readonly handed: Map<string, string[]> = new Map();
  /** Datagrams it was given. */
  given = 0;
  /** Whether a changed copy was taken for a good one. */
  deceived = false;

  constructor(
    protocol: Protocol,
    role: Role,
    tag: number,
    random: SeededRandom,
    crypto: SealCrypto,
  ) {
    this.session = new Session({
      protocol,
      role,
      tag,
      nowMs: 0,
      random: () => random.next(),
      ...(protocol.security === "sealed" && { sealing: { crypto, ...secrets, limits } }),
      sink: {
        deliver: ({ channel, bytes, start, end }) => {
          listOf(this.handed, channel.name).push(hexOf(bytes.subarray(start, end)));
          return true;
        },
      },
    });
  }

  /** Whether it was applied. */
  give(datagram: Uint8Array, nowMs: number): boolean {
    this.given++;
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    const { session } = this;
    return session.handleDatagram(datagram, view, datagram.byteLength, nowMs) === undefined;
  }
}

function listOf(lists: Map<string, string[]>, name: string): string[] {
  let list = lists.get(name);
  if (list === undefined) {
    list = [];
    lists.set(name, list);
  }
  return list;
}

export class SessionTarget implements Target {
  readonly spec: string;
  readonly name = "session";
  readonly weight = 1;
  readonly #protocol: Protocol;
  readonly #writer: Writer;
  readonly #header: DatagramHeader = new DatagramHeader(16);
  readonly #frame: FrameHeader = new FrameHeader();
  readonly #reader: Reader = new Reader();

  constructor(spec: string, protocol: Protocol) {
    this.spec = spec;
    this.#protocol = protocol;
    this.#writer = new Writer(new Uint8Array(largestDatagramBytes(protocol.limits)));
    this.#header = new DatagramHeader(protocol.header.userFields.length);
  }

  /** The input is chance itself: what it changes exists only once both ends run. */
  make(random: SeededRandom, input: Input): void {
    input.randomise(random, 4);
  }

  check(random: SeededRandom, input: Input): Verdict {
    const protocol = this.#protocol;
    const tag = random.u32();
    const isSealed = protocol.security === "sealed";
    const blind = (isSealed || protocol.header.hasSessionTag) && random.once(2);
    const crypto = new ChangingCrypto((plaintext) => {
      if (blind) return [];
      const count = random.below(MAX_COPIES + 1);
      return Array.from({ length: count }, () => this.#changed(plaintext, random, input));
    });
    const ends = [
      new End(protocol, "client", tag, random, crypto),
      new End(protocol, "server", tag, random, crypto),
    ] as const;
    let nowMs = 0;
    let seen = "";
    const turn = (): void => {
      for (const [i, from] of ends.entries()) {
        from.session.handleTimeout(nowMs);
        const to = ends[1 - i]!;
        for (let count = 0; count < MAX_TURN_DATAGRAMS; count++) {
          const w = this.#writer;
          w.at = 0;
          const length = from.session.pollTransmit(w, nowMs);
          if (length === 0) break;
          const datagram = w.bytes.slice(0, length);
          const copies = crypto.copies.splice(0);
          const some = isSealed && !blind ? 0 : random.below(MAX_COPIES + 1);
          for (let i = 0; i < some; i++) copies.push(this.#changed(datagram, random, input));
          for (const copy of copies) {
            if (blind && this.#isGood(copy, datagram, tag)) continue;
            seen = hexOf(copy);
            if (to.give(copy, nowMs)) to.deceived = true;
          }
          to.give(datagram, nowMs);
        }
      }
    };
    try {
      for (let tick = 0; tick < TICKS; tick++) {
        for (const [i, role] of (["client", "server"] as const).entries()) {
          this.#speak(ends[i]!, role, random);
        }
        turn();
        nowMs += TICK_MS;
      }
      let turns = 0;
      const settled = () => ends.every(({ session }) => !session.unacknowledged);
      for (; turns < MAX_SETTLING_TURNS && !settled(); turns++) {
        nowMs += TICK_MS;
        turn();
      }
      const problem = this.#judge(ends, blind);
      if (problem !== undefined) return fault(`${problem}; last ${seen}`);
      return ends.some(({ deceived }) => deceived) ? "accepted" : "refused";
    } catch (error) {
      return fault(`throws ${String(error)}; last ${seen}`);
    }
  }

  /** A few messages on each channel, mostly small ones. */
  #speak(end: End, role: Role, random: SeededRandom): void {
    for (const channel of this.#protocol.channels) {
      if (!maySend(role, channel.direction)) continue;
      for (let count = random.below(3); count > 0; count--) {
        const payload = random.fill(new Uint8Array(this.#sizeFor(channel, random)));
        if (!end.session.send(channel.index, payload, 0, payload.length)) continue;
        listOf(end.sent, channel.name).push(hexOf(payload));
      }
    }
  }

  #sizeFor({ fixedBytes, maxBytes, fragment }: ChannelDefinition, random: SeededRandom): number {
    if (fixedBytes >= 0) return fixedBytes;
    const { sliceBytes } = this.#protocol.limits;
    const most = fragment && random.once(8) ? 3 * sliceBytes : 40;
    return random.below(Math.min(maxBytes, most) + 1);
  }

  #changed(datagram: Uint8Array, random: SeededRandom, input: Input): Uint8Array {
    input.set(datagram);
    do input.mutate(random, datagram);
    while (random.once(3));
    return input.copy();
  }

  /** Whether a changed copy may be taken all the same: it is not changed, or has the right session tag. */
  #isGood(copy: Uint8Array, datagram: Uint8Array, tag: number): boolean {
    if (this.#protocol.security === "plain") return this.#tagOf(copy) === tag;
    return Buffer.compare(copy, datagram) === 0;
  }

  /** The session tag that a datagram says; undefined where it says none. */
  #tagOf(datagram: Uint8Array): number | undefined {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    const r = this.#reader.reset(datagram, view, 0, datagram.byteLength);
    const violation = this.#protocol.header.readClear(this.#header, this.#frame, r);
    return violation === 0 ? this.#header.sessionTag : undefined;
  }

  #judge(ends: readonly [End, End], blind: boolean): string | undefined {
    for (const [i, end] of ends.entries()) {
      const { session, given } = end;
      const { counters } = session;
      const counted = reasons.reduce((sum, reason) => sum + counters[reason], 0);
      if (counters.datagramsReceived + counted !== given) {
        return `${given} datagrams, ${counters.datagramsReceived} applied and ${counted} dropped`;
      }
      const beyond = this.#beyond(session as unknown as Insides);
      if (beyond !== undefined) return beyond;
      if (blind && session.failure !== undefined) return `closed for ${session.failure.reason}`;
      if (blind && end.deceived && this.#protocol.security === "sealed")
        return "took a changed one";
      const kept = blind ? this.#broken(ends[1 - i]!, end) : undefined;
      if (kept !== undefined) return kept;
    }
    return undefined;
  }

  /** What is larger than it may be. */
  #beyond({ context, receiveLimit, received }: Insides): string | undefined {
    const { receiveBudgetBytes, maxDatagramBytes } = this.#protocol.limits;
    // What a last slice adds is counted when it comes.
    const most = receiveLimit.flow.shares.totalBytes + maxDatagramBytes;
    const held = receiveLimit.heldBytes;
    if (held > most) return `${held} bytes of reliable messages are held`;
    const slack = maxDatagramBytes + 512 * MESSAGE_OVERHEAD_BYTES;
    for (const bytes of [context.unreliableBytes, context.sequencedBytes]) {
      if (bytes > receiveBudgetBytes + slack) return `${bytes} bytes of other messages are held`;
    }
    if (received.count > MAX_ACK_RANGES) return `${received.count} ranges are remembered`;
    return undefined;
  }

  /** The promise that was not kept from one end to the other. */
  #broken(from: End, to: End): string | undefined {
    if (from.session.unacknowledged) return "reliable messages are never acknowledged";
    for (const { name, delivery } of this.#protocol.channels) {
      const sent = listOf(from.sent, name);
      const handed = listOf(to.handed, name);
      const all = [...handed];
      if (delivery === "reliable-ordered" && handed.join() !== sent.join())
        return `${name} differs`;
      if (delivery === "reliable" && all.sort().join() !== [...sent].sort().join()) {
        return `${name} lacks some, or has some twice`;
      }
      if (delivery === "reliable-sequenced" && handed.at(-1) !== sent.at(-1)) {
        return `the newest of ${name} did not come`;
      }
      const left = new Set(sent);
      if (handed.some((payload) => !left.has(payload))) return `${name} has what was not sent`;
    }
    return undefined;
  }
}
