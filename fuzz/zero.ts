/**
 * Fuzzing the connection protocol: a client and a server shake hands, and at one turn the receiver is first handed
 * changed copies of what it is about to get. Nothing may throw, every datagram must raise exactly one counter of
 * `zeroDropReasons`, and a prototype must not gain a member. The cryptography is a stub whose MACs are all alike, so
 * that changed messages come as far as the parser, the schemas and the states.
 */
import type { Protocol } from "stardust-udp/protocol";
import type { SeededRandom } from "#src/testing/random.js";
import { countedDatagrams, ZeroClient, type ZeroCrypto, ZeroServer } from "#src/zero/index.js";
import type { Input } from "./input.ts";
import { fault, type Target, type Verdict } from "./target.ts";

const PORT = 4000;
const CLIENT_PORT = 5000;
const ADDRESS = "10.0.0.1";
const NOW_MS = 1000;
/**
 * Turns that may be fuzzed: join, challenge, join, processing and accept, attach, attached, ack, the server's ack,
 * rebind, verify, ack. The server's ack follows.
 */
const TURNS = 11;
/** The turn in which the client asks to be looked for. */
const REBIND_TURN = 8;
/** Datagrams of one side in a turn. */
const MAX_DATAGRAMS = 8;
/** Changed copies at the step that was chosen. */
const COPIES = 4;

const stubCrypto: ZeroCrypto = {
  hmacSha256: () => new Uint8Array(32).fill(7),
  sha256: (data) => new Uint8Array(32).fill(data.length & 0xff),
  randomBytes: (count) => new Uint8Array(count).fill(9),
  equal: (a, b) => Buffer.compare(a, b) === 0,
  keyPair: () => ({
    publicKey: new Uint8Array(32).fill(5),
    agree: () => new Uint8Array(32).fill(6),
  }),
  signingKey: (seed) => ({ publicKey: seed, sign: () => new Uint8Array(64).fill(8) }),
  verify: () => true,
};

const identity = stubCrypto.signingKey(new Uint8Array(32).fill(4));

const values: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  9007199254740992,
  "",
  "a".repeat(100),
  "\u0000",
  "__proto__",
  [],
  {},
  [[[[[[1]]]]]],
  { a: { b: { c: { d: { e: 1 } } } } },
  { toString: 1 },
];
const keys: readonly string[] = [
  "v",
  "cid",
  "msg",
  "seq",
  "ack",
  "sys",
  "body",
  "mac",
  "sig",
  "key",
  "identity",
  "pad",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hash",
  "port",
  "x",
];

export class ZeroTarget implements Target {
  readonly spec: string;
  readonly name = "zero";
  readonly weight = 4;
  readonly #protocol: Protocol;
  readonly #join: unknown;
  readonly #accept: unknown;

  /** `join` and `accept`: valid bodies. */
  constructor(spec: string, protocol: Protocol, join: unknown, accept: unknown) {
    this.spec = spec;
    this.#protocol = protocol;
    this.#join = join;
    this.#accept = accept;
  }

  /** The input is chance itself: what it changes exists only once both sides run. */
  make(random: SeededRandom, input: Input): void {
    input.randomise(random, 4);
  }

  check(random: SeededRandom, input: Input): Verdict {
    const turn = input.bytes[0]! % TURNS;
    let seen = "";
    try {
      const server = new ZeroServer({
        protocol: this.#protocol,
        crypto: stubCrypto,
        identity: this.#protocol.security === "sealed" ? identity : undefined,
        port: PORT,
        ports: [[PORT, PORT]],
        nowMs: NOW_MS,
      });
      const client = new ZeroClient({
        protocol: this.#protocol,
        crypto: stubCrypto,
        port: PORT,
        join: this.#join,
        nowMs: NOW_MS,
      });
      const toServer = (bytes: Uint8Array) =>
        server.handleDatagram(bytes, bytes.length, ADDRESS, CLIENT_PORT, NOW_MS);
      const toClient = (bytes: Uint8Array) =>
        client.handleDatagram(bytes, bytes.length, ADDRESS, PORT, NOW_MS);
      for (let step = 0; step <= TURNS; step++) {
        if (step === REBIND_TURN) client.rebind(NOW_MS);
        const back = step % 2 === 1;
        const sender = back ? server : client;
        const deliver = back ? toClient : toServer;
        const copies = step === turn ? COPIES : 0;
        for (let sent = 0; sent < MAX_DATAGRAMS; sent++) {
          const out = sender.pollTransmit(NOW_MS);
          if (out === undefined) break;
          for (let i = 0; i < copies; i++) {
            const changed = change(out.bytes, random, input);
            seen = Buffer.from(changed).toString("latin1");
            deliver(changed);
          }
          deliver(out.bytes);
        }
        this.#decide(server);
        for (let event = client.pollEvent(); event !== undefined; ) event = client.pollEvent();
      }
      const opened = client.state === "open";
      if (random.once(4)) client.close("done", "", NOW_MS);
      for (const { counters } of [client, server]) {
        const sum = countedDatagrams(counters);
        if (sum !== counters.datagramsReceived) {
          return fault(`${counters.datagramsReceived} datagrams, ${sum} counted; last ${seen}`);
        }
      }
      if (Object.keys(Object.prototype).length > 0) return fault(`a prototype grew; last ${seen}`);
      return opened ? "accepted" : "refused";
    } catch (error) {
      return fault(`throws ${String(error)}; last ${JSON.stringify(seen)}`);
    }
  }

  #decide(server: ZeroServer): void {
    for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) {
      if (event.type !== "join") continue;
      const { cid, address, port, local, hash, compat, key } = event;
      const peer = server.sizes.peers + 1;
      const accept = this.#accept;
      const place = { cid, peer, address, port, local, hash, compat };
      const reservation = { ...place, key, accept, nowMs: NOW_MS };
      server.answer(cid, server.reserve(reservation)!, NOW_MS);
    }
  }
}

/** A datagram changed as bytes, or as the JSON it carries. */
function change(bytes: Uint8Array, random: SeededRandom, input: Input): Uint8Array {
  input.set(bytes);
  if (random.once(2)) {
    do input.mutate(random, bytes);
    while (random.once(3));
    return input.copy();
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + 3, bytes.byteLength - 3).toString();
  const message = JSON.parse(text) as Record<string, unknown>;
  const inner = random.pick(["", "sys", "body"]);
  const holder = (inner === "" ? message : (message[inner] ?? message)) as Record<string, unknown>;
  const own = Object.keys(holder);
  const key = own.length > 0 && !random.once(4) ? random.pick(own) : random.pick(keys);
  const value = JSON.stringify(random.once(5) ? random.u32() : random.pick(values));
  let changed = JSON.stringify(message);
  if (random.once(4)) {
    delete holder[key];
    changed = JSON.stringify(message);
  } else {
    // As text, so that a key may stand twice and any key can be used.
    const member = `${JSON.stringify(key)}:${value}`;
    const place = `${JSON.stringify(key)}:${JSON.stringify(holder[key])}`;
    const at = changed.indexOf(place);
    if (at >= 0 && !random.once(3)) changed = changed.replace(place, () => member);
    else
      changed = changed.replace(random.once(2) ? /\}$/ : '"sys":{', (end) => joined(end, member));
  }
  return Buffer.from(`\0\0\0${changed}`);
}

function joined(end: string, member: string): string {
  return end === "}" ? `,${member}}` : `${end}${member},`;
}
