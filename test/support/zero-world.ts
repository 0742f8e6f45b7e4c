/**
 * Clients, the ports of a server and its application on a lossy link in virtual time, all from one seed. Private to
 * the tests of the connection protocol.
 */
import { expect } from "vitest";
import type { Protocol } from "#src/protocol.js";
import { SeededRandom } from "#src/testing/random.js";
import { keyPairOf, nodeCrypto, privateKeyOf } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { ZeroClient } from "#src/zero/client.js";
import { countedDatagrams, type ZeroCounters } from "#src/zero/counters.js";
import type { SigningKey, ZeroCrypto } from "#src/zero/crypto.js";
import type { ZeroClientEvent, ZeroServerEvent } from "#src/zero/events.js";
import type { OwnToken } from "#src/zero/join.js";
import { ZeroServer } from "#src/zero/server.js";
import type { ZeroServerOptions } from "#src/zero/server-options.js";
import { handZeroProtocol } from "./hand-zero.ts";

/** Numbers in [0, 1). */
export function seeded(seed: number): () => number {
  const random = new SeededRandom(seed);
  return () => random.next();
}

/** Node's, but for what is drawn at random. */
export function testCrypto(random: () => number): ZeroCrypto {
  const randomBytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => Math.floor(random() * 256));
  return {
    ...nodeCrypto,
    randomBytes,
    keyPair: () => keyPairOf(privateKeyOf("x25519", randomBytes(32))),
  };
}

export const protocol: Protocol = handZeroProtocol();
export const sealedProtocol: Protocol = handZeroProtocol({ security: "sealed" });
/** Of the servers of a sealed world. */
export const identity: SigningKey = nodeCrypto.signingKey(new Uint8Array(32).fill(1));
export const PORTS = [12341, 12342, 12343] as const;

export function expectCountersToAddUp(counters: Readonly<ZeroCounters>): void {
  expect(countedDatagrams(counters)).toBe(counters.datagramsReceived);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(3));
}

export function messageOf(bytes: Uint8Array): {
  cid: string;
  msg: string;
  seq: number;
  ack: number;
  sys: Record<string, unknown>;
  body: Record<string, unknown>;
  mac?: string;
} {
  return JSON.parse(textOf(bytes));
}

export interface WorldOptions {
  readonly seed?: number;
  readonly loss?: number;
  /** Whether the nth datagram of all is lost, from 1, whatever `loss` says. */
  readonly loses?: (nth: number) => boolean;
  readonly duplicate?: number;
  readonly minLatencyMs?: number;
  readonly maxLatencyMs?: number;
  readonly authenticateMs?: number;
  /** Pauses have no jitter. */
  readonly exactPauses?: boolean;
  /** Whether a client's firewall lets it reach this port; default: all. What comes back passes. */
  readonly reaches?: (port: number) => boolean;
  /** Decides on a join; default: the first port with the fewest peers. */
  readonly place?: (world: World, event: ServerJoin, port: number) => number | "reject" | "silent";
  readonly serverOptions?: Partial<ZeroServerOptions>;
  readonly protocol?: Protocol;
  readonly clientProtocol?: Protocol;
  /** Told of each event as it comes, and of each reservation. */
  readonly onClientEvent?: (host: Host, event: ZeroClientEvent) => void;
  readonly onServerEvent?: (event: ZeroServerEvent) => void;
  readonly onReserved?: (peer: number, cid: string, server: ZeroServer) => void;
}

export type ServerJoin = Extract<ZeroServerEvent, { type: "join" }>;

export interface Host {
  readonly client: ZeroClient;
  address: string;
  /** The port its datagrams come from, by where they go: a NAT may give each its own. */
  readonly natPort: (towards: number) => number;
  /** At which of the server's addresses they arrive, by where they go. Only that one is heard. */
  readonly asks: (towards: number) => number;
  /** How it began and ended. */
  readonly events: ZeroClientEvent[];
  /** What lay between. */
  readonly progress: string[];
}

export interface Sent {
  readonly bytes: Uint8Array;
  readonly from: string;
  readonly to: string;
  /** Which of the server's addresses it comes from or goes to. */
  readonly local: number;
  readonly atMs: number;
}

interface Flight {
  readonly atMs: number;
  readonly order: number;
  readonly deliver: () => void;
}

export class World {
  readonly random: () => number;
  readonly servers: Map<number, ZeroServer> = new Map();
  readonly hosts: Host[] = [];
  readonly serverEvents: { port: number; event: ZeroServerEvent }[] = [];
  /** All datagrams that were sent, before the link did anything to them. */
  readonly sent: Sent[] = [];
  /** Server side: bytes from and to each address. */
  readonly received: Map<string, number> = new Map();
  readonly replied: Map<string, number> = new Map();
  readonly options: WorldOptions;
  nowMs = 1000;
  loss: number;
  #flights: Flight[] = [];
  #order = 0;
  #nextPeer = 1;
  #machines = 0;

  constructor(options: WorldOptions = {}) {
    this.options = options;
    this.loss = options.loss ?? 0;
    this.random = seeded(options.seed ?? 1);
    for (const port of PORTS) this.restart(port);
  }

  /** Another machine on this port, which knows nothing of what was there. */
  restart(port: number, other: Partial<ZeroServerOptions> = {}): void {
    const { options } = this;
    this.servers.set(
      port,
      new ZeroServer({
        protocol: options.protocol ?? protocol,
        crypto: testCrypto(this.random),
        ...((options.protocol ?? protocol).security === "sealed" ? { identity } : {}),
        port,
        ports: [[PORTS[0], PORTS[2]]],
        random: this.#jitter(),
        nowMs: this.nowMs,
        ...options.serverOptions,
        ...other,
      }),
    );
  }

  join(
    o: {
      dial?: number;
      address?: string;
      natPort?: (towards: number) => number;
      asks?: (towards: number) => number;
      join?: unknown;
      serverKeys?: readonly string[];
      crypto?: ZeroCrypto;
      token?: OwnToken;
    } = {},
  ): Host {
    const index = this.hosts.length;
    const host: Host = {
      client: new ZeroClient({
        protocol: this.options.clientProtocol ?? this.options.protocol ?? protocol,
        crypto: o.crypto ?? testCrypto(this.random),
        port: o.dial ?? PORTS[0],
        join: o.join ?? { name: `bot${index}` },
        serverKeys: o.serverKeys,
        token: o.token,
        random: this.#jitter(),
        nowMs: this.nowMs,
      }),
      address: o.address ?? `10.0.0.${index + 1}`,
      natPort: o.natPort ?? (() => 40_000 + index),
      asks: o.asks ?? (() => 0),
      events: [],
      progress: [],
    };
    this.hosts.push(host);
    this.pump();
    return host;
  }

  /** Of one machine: a stream of its own, so that what it draws changes nothing else. */
  #jitter(): () => number {
    if (this.options.exactPauses === true) return () => 0;
    const random = new SeededRandom(this.options.seed ?? 1, ++this.#machines);
    return () => random.next();
  }

  after(delayMs: number, deliver: () => void): void {
    this.#flights.push({ atMs: this.nowMs + delayMs, order: this.#order++, deliver });
  }

  /** Hands a datagram to a port as if it came from there, at once. */
  inject(port: number, bytes: Uint8Array, address: string, fromPort: number, local = 0): void {
    const key = `${address}:${fromPort}`;
    this.received.set(key, (this.received.get(key) ?? 0) + bytes.length);
    const server = this.servers.get(port)!;
    server.handleDatagram(bytes, bytes.length, address, fromPort, this.nowMs, local);
    this.pump();
  }

  /** Everything that the machines want to send or tell. */
  pump(): void {
    for (const host of this.hosts) {
      for (let out = host.client.pollTransmit(this.nowMs); out !== undefined; ) {
        const { bytes, port } = out;
        const fromPort = host.natPort(port);
        const local = host.asks(port);
        this.#fly(bytes, `${host.address}:${fromPort}`, `server:${port}`, local, () => {
          if (this.options.reaches?.(port) ?? true)
            this.inject(port, bytes, host.address, fromPort, local);
        });
        out = host.client.pollTransmit(this.nowMs);
      }
      for (let event = host.client.pollEvent(); event !== undefined; ) {
        this.options.onClientEvent?.(host, event);
        if (event.type === "accepted" || event.type === "restarted") host.progress.push(event.type);
        else host.events.push(event);
        event = host.client.pollEvent();
      }
    }
    for (const [port, server] of this.servers) {
      for (let event = server.pollEvent(); event !== undefined; event = server.pollEvent()) {
        this.serverEvents.push({ port, event });
        this.options.onServerEvent?.(event);
        if (event.type === "join") this.#decide(event, port);
      }
      for (let out = server.pollTransmit(this.nowMs); out !== undefined; ) {
        const { bytes, address, port: to, local } = out;
        const key = `${address}:${to}`;
        this.replied.set(key, (this.replied.get(key) ?? 0) + bytes.length);
        this.#fly(bytes, `server:${port}`, key, local, () => {
          const host = this.hosts.find((h) => h.address === address && h.natPort(port) === to);
          if (host?.asks(port) === local)
            host.client.handleDatagram(bytes, bytes.length, "10.0.0.1", port, this.nowMs);
          this.pump();
        });
        out = server.pollTransmit(this.nowMs);
      }
    }
  }

  /** Lets time pass until then. */
  run(untilMs: number): void {
    this.pump();
    for (;;) {
      const dueMs = Math.min(
        ...this.#flights.map((flight) => flight.atMs),
        ...this.hosts.map((host) => host.client.pollDeadline()),
        ...[...this.servers.values()].map((server) => server.pollDeadline()),
      );
      if (dueMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, dueMs);
      const due = this.#flights.filter((flight) => flight.atMs <= this.nowMs);
      this.#flights = this.#flights.filter((flight) => flight.atMs > this.nowMs);
      due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      for (const flight of due) flight.deliver();
      for (const host of this.hosts) {
        if (host.client.pollDeadline() <= this.nowMs) host.client.handleTimeout(this.nowMs);
      }
      for (const server of this.servers.values()) {
        if (server.pollDeadline() <= this.nowMs) server.handleTimeout(this.nowMs);
      }
      this.pump();
    }
    this.nowMs = untilMs;
  }

  runFor(ms: number): void {
    this.run(this.nowMs + ms);
  }

  eventsOf<T extends ZeroServerEvent["type"]>(type: T): Extract<ZeroServerEvent, { type: T }>[] {
    return this.serverEvents
      .map(({ event }) => event)
      .filter((event): event is Extract<ZeroServerEvent, { type: T }> => event.type === type);
  }

  /** Datagrams sent that carry this message. */
  sentOf(msg: string): Sent[] {
    return this.sent.filter(({ bytes }) => messageOf(bytes).msg === msg);
  }

  #decide(event: ServerJoin, port: number): void {
    const { place } = this.options;
    this.after(this.options.authenticateMs ?? 0, () => {
      const chosen = place?.(this, event, port) ?? this.#emptiest();
      if (chosen === "silent") return;
      const p0 = this.servers.get(port)!;
      if (chosen === "reject") p0.reject(event.cid, "denied", "not today", this.nowMs);
      else {
        const server = this.servers.get(chosen)!;
        if (server.hasPlaced(event.cid, this.nowMs)) {
          p0.turnAway(event.cid, this.nowMs);
          this.pump();
          return;
        }
        const peer = this.#nextPeer++;
        const accept = server.reserve({
          cid: event.cid,
          peer,
          address: event.address,
          port: event.port,
          local: event.local,
          hash: event.hash,
          compat: event.compat,
          key: event.key,
          accept: { motd: "welcome" },
          nowMs: this.nowMs,
        });
        if (accept === undefined) {
          p0.reject(event.cid, "denied", "its key is refused", this.nowMs);
          this.pump();
          return;
        }
        this.options.onReserved?.(peer, event.cid, server);
        p0.answer(event.cid, accept, this.nowMs);
      }
      this.pump();
    });
  }

  #emptiest(): number {
    let best: number = PORTS[0];
    for (const port of PORTS) {
      if (this.servers.get(port)!.sizes.peers < this.servers.get(best)!.sizes.peers) best = port;
    }
    return best;
  }

  #fly(bytes: Uint8Array, from: string, to: string, local: number, deliver: () => void): void {
    this.sent.push({ bytes, from, to, local, atMs: this.nowMs });
    const { duplicate = 0, minLatencyMs = 10, maxLatencyMs = minLatencyMs } = this.options;
    if (this.options.loses?.(this.sent.length)) return;
    const copies = this.random() < duplicate ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.random() < this.loss) continue;
      this.after(minLatencyMs + this.random() * (maxLatencyMs - minLatencyMs), deliver);
    }
  }
}

/** A connection id. */
export const CID: string = encodeBase64url(new Uint8Array(16));
export const JOIN_SYS: string = `{"hash":"${protocol.hash}","version":1}`;

/** Three zeros and this text. */
export function raw(text: string): Uint8Array {
  return new TextEncoder().encode(`\0\0\0${text}`);
}

/** A join 1 with these members behind `"msg"`, padded by `pad`. */
export function join1(rest: string, pad = ".".repeat(500)): Uint8Array {
  return raw(`{"v":1,"cid":"${CID}","msg":"join","seq":0,"ack":0,${rest},"pad":"${pad}"}`);
}

/** A world with one open connection and everything that was sent. */
export function openWorld(seed = 1): World {
  const world = new World({ seed });
  world.join();
  world.runFor(1000);
  expect(world.hosts[0]!.client.state).toBe("open");
  return world;
}
