/**
 * Somebody on the path: a proxy with sockets of its own, which sees every datagram between the clients and the one port of a
 * server, and may send others instead. The server tells its clients the proxy's port (`publicPorts`).
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { closing } from "./arena.ts";

const HOST = "127.0.0.1";

export interface Seen {
  readonly from: "client" | "server";
  readonly bytes: Uint8Array;
}

/** What goes on in place of a datagram; undefined: the datagram itself. */
export type Tamper = (bytes: Buffer, from: Seen["from"]) => readonly Uint8Array[] | undefined;

export class UdpProxy {
  /** What clients dial. */
  readonly port: number;
  /** The server's port. */
  target = 0;
  tamper: Tamper = () => undefined;
  readonly seen: Seen[] = [];
  #front: Socket;
  #isShut = false;
  /** Towards the server, by the port of the client. */
  readonly #back = new Map<number, Socket>();

  private constructor(front: Socket) {
    this.#front = front;
    this.port = front.address().port;
    this.#listen();
  }

  #listen(): void {
    this.#front.on("message", (bytes, { port }) => {
      for (const out of this.#pass(bytes, "client"))
        this.#towardsServer(port).send(out, this.target, HOST);
    });
  }

  /** Closes the port that clients dial: what they send there comes back as "port unreachable". */
  shut(): void {
    this.#front.close();
    this.#isShut = true;
  }

  /** Opens it again. */
  async reopen(): Promise<void> {
    this.#front = createSocket("udp4").bind(this.port, HOST);
    await once(this.#front, "listening");
    this.#isShut = false;
    this.#listen();
  }

  /** Closed after the test. */
  static async open(): Promise<UdpProxy> {
    const front = createSocket("udp4");
    front.bind(0, HOST);
    await once(front, "listening");
    const proxy = new UdpProxy(front);
    closing({
      [Symbol.asyncDispose]: async () => {
        if (!proxy.#isShut) proxy.#front.close();
        for (const socket of proxy.#back.values()) socket.close();
      },
    });
    return proxy;
  }

  /** Everything that was sent, one behind the other. */
  get capture(): Buffer {
    return Buffer.concat(this.seen.map(({ bytes }) => bytes));
  }

  #pass(bytes: Buffer, from: Seen["from"]): readonly Uint8Array[] {
    this.seen.push({ from, bytes: Uint8Array.from(bytes) });
    return this.tamper(bytes, from) ?? [bytes];
  }

  #towardsServer(clientPort: number): Socket {
    const known = this.#back.get(clientPort);
    if (known !== undefined) return known;
    const back = createSocket("udp4");
    back.on("message", (bytes) => {
      if (this.#isShut) return;
      for (const out of this.#pass(bytes, "server")) this.#front.send(out, clientPort, HOST);
    });
    this.#back.set(clientPort, back);
    return back;
  }
}
