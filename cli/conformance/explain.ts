/**
 * A server of a project's own generated code that says what became of each datagram: for who writes a client. A relay
 * stands in front of it and hands on one datagram at a time, so that the counter which rose is that datagram's. Not for
 * players. Worst case: a datagram waits for those before it, of which MAX_QUEUED may wait.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { portCounters } from "../../src/counters.ts";
import { dropReasons } from "../../src/session/drop-reason.ts";
import { zeroDropReasons } from "../../src/zero/counters.ts";

/** What became of a datagram. */
export interface Verdict {
  readonly from: string;
  readonly bytes: number;
  /** Of the first bytes. */
  readonly hex: string;
  /** Empty for one that was taken. */
  readonly reasons: readonly { readonly counter: string; readonly says: string }[];
}

/** As much of a generated server as is needed here. */
export interface ExplainedServer {
  readonly ports: readonly number[];
  stats(): Promise<{
    readonly ports: readonly { readonly counters: Readonly<Record<string, number>> }[];
  }>;
  close(): Promise<void>;
}

export type Listen = (options: {
  readonly host: string;
  readonly ports: { readonly count: number };
  readonly publicPorts: readonly number[];
}) => Promise<ExplainedServer>;

const HOST = "127.0.0.1";
const MAX_QUEUED = 1024;
const MAX_CLIENTS = 64;
const SHOWN_BYTES = 32;
/** The longest that the server's worker is waited for. */
const WAIT_MS = 5000;

const { accepted: _, ...zeroDrops } = zeroDropReasons;
const reasonTexts: Readonly<Record<string, string>> = {
  ...prefixed("zero.", zeroDrops),
  ...prefixed("session.", dropReasons),
  datagramsFromStrangers: portCounters.datagramsFromStrangers,
  datagramsRunt: portCounters.datagramsRunt,
};

function prefixed(prefix: string, table: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(table).map(([name, says]) => [prefix + name, says]));
}

/** Starts such a server on `port` of this machine's loopback (0: any); every datagram ends with a call of `tell`. */
export async function explainServer(
  listen: Listen,
  port: number,
  tell: (verdict: Verdict) => void,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const front = createSocket("udp4");
  front.bind(port, HOST);
  await once(front, "listening");
  const { port: frontPort } = front.address();
  const server = await listen({ host: HOST, ports: { count: 1 }, publicPorts: [frontPort] });
  const clients = new Map<string, Socket>();
  let counters = await countersOf(server);
  let work: Promise<void> = Promise.resolve();
  let queued = 0;
  let closed = false;

  /** The socket that stands for a client; what the server answers there goes back to it. */
  const socketFor = (address: string, clientPort: number): Socket => {
    const name = `${address}:${clientPort}`;
    const known = clients.get(name);
    if (known !== undefined) return known;
    const [oldest] = clients;
    if (clients.size >= MAX_CLIENTS) {
      oldest![1].close();
      clients.delete(oldest![0]);
    }
    const back = createSocket("udp4");
    back.on("error", () => {});
    back.on("message", (bytes) => {
      if (!closed) front.send(bytes, clientPort, address);
    });
    clients.set(name, back);
    return back;
  };

  const give = async (bytes: Uint8Array, address: string, clientPort: number): Promise<void> => {
    if (closed) return;
    const before = counters;
    socketFor(address, clientPort).send(bytes, server.ports[0]!, HOST);
    const deadline = performance.now() + WAIT_MS;
    do counters = await countersOf(server);
    while (
      counters["datagramsReceived"] === before["datagramsReceived"] &&
      performance.now() < deadline
    );
    const rose = Object.entries(reasonTexts).filter(([name]) => counters[name]! > before[name]!);
    tell({
      from: `${address}:${clientPort}`,
      bytes: bytes.length,
      hex: Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString("hex"),
      reasons: rose.map(([counter, says]) => ({ counter, says })),
    });
  };

  front.on("error", () => {});
  front.on("message", (bytes, { address, port: clientPort }) => {
    if (queued >= MAX_QUEUED) return;
    queued++;
    const copy = Uint8Array.from(bytes);
    work = work.then(() => give(copy, address, clientPort)).finally(() => queued--);
    // A server that is closed has no counters.
    work = work.catch(() => {});
  });
  return {
    port: frontPort,
    async close() {
      closed = true;
      await work;
      front.close();
      for (const socket of clients.values()) socket.close();
      await server.close();
    },
  };
}

async function countersOf(server: ExplainedServer): Promise<Readonly<Record<string, number>>> {
  return (await server.stats()).ports[0]!.counters;
}

/** A line for people. */
export function verdictText({ from, bytes, hex, reasons }: Verdict): string {
  const more = bytes > SHOWN_BYTES ? "…" : "";
  const head = `${from}, ${bytes} bytes, ${hex}${more}`;
  if (reasons.length === 0) return `taken    ${head}`;
  return reasons
    .map(({ counter, says }) => `dropped  ${head}\n         ${counter}: ${says}`)
    .join("\n");
}
