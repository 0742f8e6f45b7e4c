/**
 * NATs in front of clients, on real sockets: what a client sends leaves by a socket of the NAT's own, and what comes back there
 * reaches the client where the NAT's kind lets it. The kinds are the four of RFC 3489, by what they keep apart (RFC 4787).
 * A NAT may forget what it has mapped, of itself after some silence or when it is told to, and may have another address.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { DatagramListener, DatagramSocket } from "stardust-udp";
import { closing } from "./arena.ts";

export const natKinds = [
  "full cone",
  "address-restricted",
  "port-restricted",
  "symmetric",
] as const;
export type NatKind = (typeof natKinds)[number];

/** A socket of the NAT's for one client; a symmetric one has one for each destination. */
interface Mapping {
  readonly outside: Socket;
  /** Whom the client has sent to by it, as the kind tells them apart. */
  readonly asked: Set<string>;
  usedAtMs: number;
}

export class Nat {
  readonly kind: NatKind;
  /** What it sends from; sockets that it opens later have this address. */
  address: string;
  /** After so long without a datagram from inside, a mapping is forgotten. */
  idleMs: number = Number.POSITIVE_INFINITY;
  /** Nothing passes, either way. */
  isCut = false;
  /** Datagrams from outside that nobody inside had asked for. */
  refused = 0;
  /** Sockets that it has opened. */
  opened = 0;
  readonly #mappings = new Map<string, Mapping>();
  #clients = 0;

  constructor(kind: NatKind, address = "127.0.0.1") {
    this.kind = kind;
    this.address = address;
    closing({ [Symbol.asyncDispose]: () => this.forget() });
  }

  /** For `wrapSocket`: puts a client behind it. */
  readonly wrap = (inside: DatagramSocket): DatagramSocket => {
    const client = this.#clients++;
    let listener: DatagramListener = () => {};
    let isClosed = false;
    const receive: DatagramListener = (bytes, address, port) => {
      if (!isClosed) listener(bytes, address, port);
    };
    return {
      port: inside.port,
      address: inside.address,
      send: (bytes, port, address) => {
        if (isClosed || this.isCut) return;
        const mapping = this.#mappingOf(client, address, port, receive);
        mapping.asked.add(this.#asked(address, port));
        mapping.outside.send(Uint8Array.from(bytes), port, address);
      },
      listen: (next) => {
        listener = next;
      },
      close: () => {
        isClosed = true;
        return inside.close();
      },
    };
  };

  /** How many mappings are there. */
  get size(): number {
    return this.#mappings.size;
  }

  /** The ports that servers see, once their sockets are bound. */
  get ports(): number[] {
    return [...this.#mappings.values()].map(({ outside }) => outside.address().port);
  }

  /** All mappings are gone: what comes to them reaches nobody, and what goes out has others. */
  async forget(): Promise<void> {
    const outsides = [...this.#mappings.values()].map(({ outside }) => outside);
    this.#mappings.clear();
    for (const outside of outsides) {
      // Bound or not: a socket that is being bound is closed behind that.
      const closed = once(outside, "close");
      outside.close();
      await closed;
    }
  }

  /** How long nothing has gone out; 0 where nothing is mapped. */
  get silentMs(): number {
    const used = [...this.#mappings.values()].map(({ usedAtMs }) => usedAtMs);
    return used.length === 0 ? 0 : performance.now() - Math.max(...used);
  }

  #asked(address: string, port: number): string {
    if (this.kind === "full cone") return "";
    return this.kind === "address-restricted" ? address : `${address}:${port}`;
  }

  #mappingOf(client: number, address: string, port: number, receive: DatagramListener): Mapping {
    const key = this.kind === "symmetric" ? `${client} ${address}:${port}` : `${client}`;
    const known = this.#mappings.get(key);
    const now = performance.now();
    if (known !== undefined && now - known.usedAtMs < this.idleMs) {
      known.usedAtMs = now;
      return known;
    }
    known?.outside.close();
    const outside = createSocket("udp4");
    const mapping = { outside, asked: new Set<string>(), usedAtMs: now };
    this.#mappings.set(key, mapping);
    this.opened++;
    outside.bind(0, this.address);
    outside.on("message", (bytes, from) => {
      const isForgotten =
        this.#mappings.get(key) !== mapping || performance.now() - mapping.usedAtMs >= this.idleMs;
      if (isForgotten || this.isCut) return;
      if (mapping.asked.has(this.#asked(from.address, from.port))) {
        receive(bytes, from.address, from.port);
      } else this.refused++;
    });
    return mapping;
  }
}
