/**
 * A client and the two ports of a server for the fuzzer, led by hand to any state of their tables. Their cryptography is
 * a quick stand-in: sums instead of hashes, repeatable keys and nonces. While it is `lenient` every MAC, cookie and
 * signature is a good one, as if who changes a message had the keys to it.
 */
import type { Protocol } from "stardust-udp/protocol";
import {
  ZeroClient,
  type ZeroClientTransmit,
  type ZeroCrypto,
  ZeroServer,
  type ZeroServerEvent,
  type ZeroServerOptions,
  type ZeroServerTransmit,
} from "#src/zero/index.js";
import type { OwnToken } from "#src/zero/join.js";
import { signToken } from "#src/zero/token.js";

export const PORT = 4000;
/** The other port of the server. */
export const OTHER_PORT = 4001;
export const CLIENT_PORT = 5000;
export const CLIENT_ADDRESS = "10.0.0.1";
export const SERVER_ADDRESS = "10.0.0.9";
const PEER = 7;
/** A handshake has seven. */
const MAX_FLIGHTS = 40;

/** Whenever that is. */
const TOKEN_ENDS_MS = 1_782_907_200_000;

const DIGEST_BYTES = 32;
const TAG_BYTES = 16;

/** Every byte of `data` counts, and where it stands. */
function sum(key: Uint8Array, data: Uint8Array, bytes: number): Uint8Array {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i]!, 0x0100_0193);
  for (let i = 0; i < data.length; i++) hash = Math.imul(hash ^ data[i]!, 0x0100_0193);
  const all = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) {
    hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1_e995);
    all[i] = hash >>> 8;
  }
  return all;
}

const nothing = new Uint8Array(0);
/** Pauses without jitter: when a message comes is the change's to say. */
const exact = (): number => 0;

class StandInCrypto implements ZeroCrypto {
  lenient = false;
  /** A MAC made with it is as good as any other to who is lenient. */
  readonly anyKey: Uint8Array = new Uint8Array(DIGEST_BYTES);
  #drawn = 0;

  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
    return sum(key, data, DIGEST_BYTES);
  }

  sha256(data: Uint8Array): Uint8Array {
    return sum(nothing, data, DIGEST_BYTES);
  }

  randomBytes(count: number): Uint8Array {
    return sum(nothing, Uint8Array.of(++this.#drawn), count);
  }

  /** Digests of joins stay themselves: another join is another one, whoever sends it. */
  equal(a: Uint8Array, b: Uint8Array): boolean {
    if (a.length !== b.length) return false;
    return (this.lenient && a.length !== DIGEST_BYTES) || Buffer.compare(a, b) === 0;
  }

  keyPair(): ReturnType<ZeroCrypto["keyPair"]> {
    return {
      publicKey: this.randomBytes(32),
      // The sum of nothing but zeros stands for a point of low order.
      agree: (key) => (key.some((byte) => byte > 0) ? new Uint8Array(32).fill(6) : undefined),
    };
  }

  signingKey(seed: Uint8Array): ReturnType<ZeroCrypto["signingKey"]> {
    return { publicKey: seed, sign: (data) => sum(seed, data, 64) };
  }

  /** In the clear: what the fuzzer changes in it is to be found. */
  seal(key: Uint8Array, _nonce: Uint8Array, said: Uint8Array, bytes: Uint8Array): Uint8Array {
    return Buffer.concat([bytes, sum(key, Buffer.concat([said, bytes]), TAG_BYTES)]);
  }

  open(
    key: Uint8Array,
    nonce: Uint8Array,
    said: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined {
    if (sealed.length < TAG_BYTES) return undefined;
    const bytes = sealed.subarray(0, sealed.length - TAG_BYTES);
    const isRight = Buffer.compare(this.seal(key, nonce, said, bytes), sealed) === 0;
    return this.lenient || isRight ? bytes : undefined;
  }

  verify(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
    return this.lenient || Buffer.compare(sum(publicKey, data, 64), signature) === 0;
  }
}

/** Of an issuer and a client of its own; nothing of it takes room that a join may need. */
function ownToken(crypto: ZeroCrypto): OwnToken {
  const [issuer, key] = [5, 6].map((seed) => crypto.signingKey(new Uint8Array(32).fill(seed)));
  const contents = {
    id: new Uint8Array(16),
    clientKey: key!.publicKey,
    expiresAtMs: TOKEN_ENDS_MS,
    audience: "",
    claims: {},
  };
  return { signed: signToken(issuer!, contents), key: key! };
}

function tokenRules(crypto: ZeroCrypto): NonNullable<ZeroServerOptions["tokens"]> {
  const { publicKey } = crypto.signingKey(new Uint8Array(32).fill(5));
  return { issuers: [publicKey], audience: "", leewayMs: 0, wallMs: () => TOKEN_ENDS_MS - 60_000 };
}

export type Side = "client" | "server";

export interface Bodies {
  readonly join: unknown;
  readonly accept: unknown;
}

/** Which port a join is sent to, or whether it is refused; missing: it is decided later. */
export type Decision = "same port" | "other port" | "reject";

export class ZeroPair {
  readonly crypto: StandInCrypto = new StandInCrypto();
  readonly client: ZeroClient;
  /** By port: the one that is dialled first. */
  readonly servers: ReadonlyMap<number, ZeroServer>;
  /** Everything that either side has sent, oldest first. */
  readonly sent: Uint8Array[] = [];
  readonly protocol: Protocol;
  readonly bodies: Bodies;
  nowMs = 1000;
  decision: Decision | undefined = undefined;
  /** The port that is looked at, where it is not the one with the place. */
  watched: number | undefined = undefined;
  /** Joins that nobody has decided. */
  #undecided: Extract<ZeroServerEvent, { type: "join" }>[] = [];
  #toServer: { readonly bytes: Uint8Array; readonly port: number }[] = [];
  #toClient: { readonly bytes: Uint8Array; readonly port: number }[] = [];

  /** `hasToken`: the server asks for connect tokens, and the client has one. */
  constructor(protocol: Protocol, bodies: Bodies, hasToken = false) {
    this.protocol = protocol;
    this.bodies = bodies;
    const { crypto, nowMs } = this;
    const isSealed = protocol.security === "sealed";
    const identity = isSealed ? crypto.signingKey(new Uint8Array(32).fill(4)) : undefined;
    this.servers = new Map(
      [PORT, OTHER_PORT].map((port) => {
        const ports = [[PORT, OTHER_PORT]] as const;
        const tokens = hasToken ? tokenRules(crypto) : undefined;
        const own = { identity, resetKey: crypto.anyKey, tokens };
        return [
          port,
          new ZeroServer({ protocol, crypto, port, ports, random: exact, nowMs, ...own }),
        ];
      }),
    );
    const token = hasToken ? ownToken(crypto) : undefined;
    const own = { join: bodies.join, token, random: exact };
    this.client = new ZeroClient({ protocol, crypto, port: PORT, nowMs, ...own });
    this.#collect();
  }

  /** The port that the client talks to: that of its place, where it has one. */
  get port(): number {
    return this.decision === "other port" && this.#isPlaced ? OTHER_PORT : PORT;
  }

  get #isPlaced(): boolean {
    return ["attaching", "open", "closing", "draining"].includes(this.client.state);
  }

  /** What is under way to a side, oldest first. */
  underWay(to: Side): readonly Uint8Array[] {
    return (to === "client" ? this.#toClient : this.#toServer).map(({ bytes }) => bytes);
  }

  /** What is under way to a side arrives. */
  deliver(to: Side): void {
    const { client, nowMs } = this;
    if (to === "client") {
      for (const { bytes, port } of this.#toClient.splice(0)) {
        client.handleDatagram(bytes, bytes.length, SERVER_ADDRESS, port, nowMs);
      }
    } else {
      for (const { bytes, port } of this.#toServer.splice(0)) {
        const server = this.servers.get(port);
        server?.handleDatagram(bytes, bytes.length, CLIENT_ADDRESS, CLIENT_PORT, nowMs);
      }
    }
    this.#collect();
  }

  /** Time passes, and timers run out; where there was one, something is then under way. */
  wait(ms: number): void {
    this.nowMs += ms;
    this.client.handleTimeout(this.nowMs);
    for (const server of this.servers.values()) server.handleTimeout(this.nowMs);
    this.#collect();
  }

  /** The joins that wait are decided. */
  decide(decision: Decision): void {
    this.decision = decision;
    this.#collect();
  }

  /** Back and forth until the client or the dialled port is in this state, or nothing is under way. */
  lead(side: Side, state: string): void {
    for (let i = 0; i < MAX_FLIGHTS && this.stateOf(side) !== state; i++) {
      if (this.#toServer.length + this.#toClient.length === 0) return;
      this.deliver(i % 2 === 0 ? "server" : "client");
    }
  }

  stateOf(side: Side): string {
    return side === "client" ? this.client.state : this.server.stateOf(this.client.cid);
  }

  /** The port that is looked at: the one that has the client's place, or would get its join. */
  get server(): ZeroServer {
    return this.servers.get(this.watched ?? this.#portOfPlace)!;
  }

  get #portOfPlace(): number {
    return this.decision === "other port" ? OTHER_PORT : PORT;
  }

  /** How many events a machine has had to tell. */
  takeEvents(machine: ZeroClient | ZeroServer): number {
    let count = 0;
    while (machine.pollEvent() !== undefined) count++;
    return count;
  }

  /** What a machine has had to send; it goes nowhere. */
  takeTransmits<T extends ZeroClientTransmit | ZeroServerTransmit>(machine: {
    pollTransmit(nowMs: number): T | undefined;
  }): T[] {
    const all: T[] = [];
    for (let out = machine.pollTransmit(this.nowMs); out !== undefined; ) {
      all.push(out);
      out = machine.pollTransmit(this.nowMs);
    }
    return all;
  }

  /** Back and forth until nothing is under way. */
  settle(): void {
    for (let i = 0; i < MAX_FLIGHTS; i++) this.deliver(i % 2 === 0 ? "server" : "client");
  }

  closeClient(): void {
    this.client.close("done", "", this.nowMs);
    this.#collect();
  }

  /** The client comes to another address, or asks whether it has. */
  rebindClient(): void {
    this.client.rebind(this.nowMs);
    this.#collect();
  }

  /** The port without the place expects the peer, and its client may be told. */
  moveClient(isTold: boolean): void {
    const [from, to] = [this.#portOfPlace, this.#portOfPlace === PORT ? OTHER_PORT : PORT];
    const { moves } = this.servers.get(from)!;
    const reset = this.servers.get(to)!.moves.expect(moves.offer(PEER)!);
    if (isTold) moves.tell(PEER, to, reset, this.nowMs);
    this.watched = to;
    this.#collect();
  }

  closeServer(): void {
    this.servers.get(this.#portOfPlace)!.close(PEER, "done", "", this.nowMs);
    this.#collect();
  }

  forgetPeer(): void {
    this.servers.get(this.#portOfPlace)!.forget(PEER);
  }

  /** What the machines want to send or tell; the events of the client are of no interest. */
  #collect(): void {
    const { client } = this;
    this.takeEvents(client);
    for (const out of this.takeTransmits(client)) {
      this.sent.push(out.bytes);
      this.#toServer.push(out);
    }
    for (const [port, server] of this.servers) {
      for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) {
        if (event.type === "join") this.#undecided.push(event);
      }
      if (this.decision !== undefined) {
        for (const event of this.#undecided.splice(0)) this.#decide(event, server, this.decision);
      }
      for (const { bytes } of this.takeTransmits(server)) {
        this.sent.push(bytes);
        this.#toClient.push({ bytes, port });
      }
    }
  }

  #decide(
    { cid, address, port, local, hash, compat, key }: Extract<ZeroServerEvent, { type: "join" }>,
    asked: ZeroServer,
    decision: Decision,
  ): void {
    const { nowMs } = this;
    if (decision === "reject") {
      asked.reject(cid, "denied", "not today", nowMs);
      return;
    }
    const place = { cid, peer: PEER, address, port, local, hash, compat };
    const { accept } = this.bodies;
    const chosen = this.servers.get(this.#portOfPlace)!;
    const datagram = chosen.reserve({ ...place, key, accept, nowMs });
    if (datagram === undefined) asked.reject(cid, "denied", "", nowMs);
    else asked.answer(cid, datagram, nowMs);
  }
}
