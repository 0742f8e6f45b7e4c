/**
 * A whole sealed connection in bytes, `docs/recorded-session.json`: from the first join to the acknowledged close, with the
 * private keys of both sides, so that another implementation can be held against it without a server. Played by the real
 * machines in virtual time. Private to the tests.
 */
import type { Protocol } from "#src/protocol.js";
import { KeyedPhase } from "#src/session/seal-keys.js";
import { Session } from "#src/session/session.js";
import { Pair, SeededRandom } from "#src/testing/index.js";
import { nodeCrypto } from "#src/udp/node-crypto.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { cryptoWith, seeds } from "./key-exchange-vectors.ts";
import { specUrl } from "./specs.ts";
import { messageOf, seeded, testCrypto, World } from "./zero-world.ts";

/** One datagram, in the order in which they were sent. */
export interface RecordedDatagram {
  readonly atMs: number;
  readonly from: "client" | "server";
  /** The server's port that it goes to or comes from. */
  readonly port: number;
  readonly hex: string;
  /** Of the connection protocol: its name. */
  readonly msg?: string;
  /** Of the regular protocol: what it is when it is open, clear part and plaintext. */
  readonly open?: string;
}

export interface RecordedSession {
  readonly about: string;
  readonly spec: string;
  readonly hash: string;
  readonly clientPrivateKey: string;
  readonly serverPrivateKey: string;
  readonly identitySeed: string;
  /** What was said, as values and as payloads, in the order in which it was handed on. */
  readonly messages: readonly {
    readonly from: "client" | "server";
    readonly channel: string;
    readonly value: object;
    readonly payload: string;
  }[];
  readonly datagrams: readonly RecordedDatagram[];
}

const DELAY_MS = 10;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Of the default layout, without a wide number. */
const CLEAR_BYTES = 6;
const TAG_BYTES = 16;

/** As it was before it was sealed, with the first keys. */
function opened({ cipher }: Protocol, secret: Uint8Array, sealed: Uint8Array): Uint8Array {
  const keys = new KeyedPhase(nodeSealCrypto, cipher!, secret);
  const bytes = Uint8Array.from(sealed);
  const number = new DataView(bytes.buffer).getUint16(CLEAR_BYTES - 2);
  if (!keys.open(number, bytes, 0, CLEAR_BYTES, bytes.length)) throw new Error("does not open");
  return bytes.subarray(0, -TAG_BYTES);
}

/** The chat of it: who says what on which channel. */
const said = [
  { from: "client", channel: "say", value: { text: "Hello.", number: 1 } },
  { from: "server", channel: "say", value: { text: "Welcome, ada.", number: 2 } },
  { from: "server", channel: "tell", value: { text: "now", number: 3 } },
] as const;

export async function recordSession(): Promise<RecordedSession> {
  const load = async (file: string): Promise<Protocol> =>
    ((await import(specUrl("sealed", `generated/${file}.js`).href)) as { protocol: Protocol })
      .protocol;
  const protocol = await load("protocol");
  const protocols = {
    client: await load("client-protocol"),
    server: await load("server-protocol"),
  };
  const fixed = (privateKey: Uint8Array, seed: number) => ({
    ...testCrypto(seeded(seed)),
    keyPair: cryptoWith(privateKey).keyPair,
  });
  const world = new World({
    protocol,
    minLatencyMs: DELAY_MS,
    authenticateMs: 5,
    serverOptions: {
      crypto: fixed(seeds.serverPrivateKey, 2),
      identity: nodeCrypto.signingKey(seeds.identitySeed),
    },
    place: () => 12342,
  });
  const host = world.join({
    dial: 12341,
    join: { name: "ada" },
    crypto: fixed(seeds.clientPrivateKey, 1),
  });
  world.runFor(100);
  const attached = host.events.find((event) => event.type === "attached");
  const [accepted] = world.eventsOf("attached");
  if (attached?.type !== "attached" || accepted === undefined) throw new Error("nobody attached");

  const datagrams: RecordedDatagram[] = [];
  const messages: RecordedSession["messages"][number][] = [];
  const beganMs = world.nowMs;
  const end = (role: "client" | "server"): Session => {
    const random = new SeededRandom(1, role === "client" ? 1 : 2);
    const other = role === "client" ? "server" : "client";
    return new Session({
      protocol: protocols[role],
      role,
      nowMs: 0,
      random: () => random.next(),
      sealing: { crypto: nodeSealCrypto, ...attached.secrets! },
      sink: {
        deliver: ({ channel, bytes, start, end: stop }) => {
          const { value } = said.find((one) => one.from === other && one.channel === channel.name)!;
          const payload = hex(bytes.subarray(start, stop));
          messages.push({ from: other, channel: channel.name, value, payload });
          return true;
        },
      },
    });
  };
  const [client, server] = [end("client"), end("server")];
  const pair = new Pair({
    a: client,
    b: server,
    link: { delayMs: DELAY_MS },
    seed: 1,
    tap: (side, bytes, atMs) => {
      const from = side === "a" ? "client" : "server";
      const secrets = attached.secrets!;
      const secret = from === "client" ? secrets.clientSecret : secrets.serverSecret;
      const open = hex(opened(protocol, secret, bytes));
      datagrams.push({ atMs: beganMs + atMs, from, port: attached.port, hex: hex(bytes), open });
    },
  });
  for (const { from, channel, value } of said) {
    const index = protocol.channels.findIndex(({ name }) => name === channel);
    (from === "client" ? client : server).sendMessage(index, value);
    pair.run(3 * DELAY_MS);
  }
  client.ping();
  pair.run(200);
  world.runFor(pair.time.nowMs);
  host.client.close("done", "", world.nowMs);
  world.runFor(100);
  for (const { bytes, from, to, atMs } of world.sent) {
    const side = from.startsWith("server:") ? "server" : "client";
    const port = Number((side === "server" ? from : to).split(":")[1]);
    datagrams.push({ atMs, from: side, port, hex: hex(bytes), msg: messageOf(bytes).msg });
  }
  datagrams.sort((a, b) => a.atMs - b.atMs);
  return {
    about:
      "A sealed connection from the first join to the acknowledged close, every datagram as it was sent, over a path of 10 ms each way; docs/connection.md says how to read it. Keys are hexadecimal, times milliseconds of one clock.",
    spec: "test/specs/sealed.yaml",
    hash: protocol.hash,
    clientPrivateKey: hex(seeds.clientPrivateKey),
    serverPrivateKey: hex(seeds.serverPrivateKey),
    identitySeed: hex(seeds.identitySeed),
    messages,
    datagrams,
  };
}
