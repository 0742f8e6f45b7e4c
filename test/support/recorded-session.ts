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
import { zeroDropReasons } from "#src/zero/counters.js";
import { cryptoWith, seeds } from "./key-exchange-vectors.ts";
import { specUrl } from "./specs.ts";
import { type Host, messageOf, seeded, testCrypto, World } from "./zero-world.ts";

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
  /** Datagrams that change nothing where one of the others is expected. */
  readonly refused: readonly RefusedDatagram[];
}

/** What is dropped without an answer when it comes just before a datagram of the record, which is then taken all the same. */
export interface RefusedDatagram {
  readonly case: string;
  /** That datagram, counted from 0. */
  readonly before: number;
  readonly hex: string;
  /** The counter that says why. */
  readonly counter: string;
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

const DIALLED = 12341;
const CHOSEN = 12342;

/** The same each time: a client that has just asked to join, and a server that will send it to another port. */
function openWorld(protocol: Protocol): { readonly world: World; readonly host: Host } {
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
    place: () => CHOSEN,
  });
  const host = world.join({
    dial: DIALLED,
    join: { name: "ada" },
    crypto: fixed(seeds.clientPrivateKey, 1),
  });
  return { world, host };
}

export async function recordSession(): Promise<RecordedSession> {
  const load = async (file: string): Promise<Protocol> =>
    ((await import(specUrl("sealed", `generated/${file}.js`).href)) as { protocol: Protocol })
      .protocol;
  const protocol = await load("protocol");
  const { world, host } = openWorld(protocol);
  const protocols = {
    client: await load("client-protocol"),
    server: await load("server-protocol"),
  };
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
    refused: refusals(protocol, datagrams),
  };
}

/** With a member more, the last. */
const within = (text: string, member: string): string => `${text.slice(0, -1)},${member}}`;
const keys = Array.from({ length: 65 }, (_, i) => `"k${i}":0`).join(",");
const text43 = "A".repeat(43);

/** By the datagram in whose place it comes: what is wrong, how the good one is changed to be so, and the counter. */
const changes: readonly (readonly [
  before: "client join" | "server accept" | "client attach" | "server attached",
  what: string,
  change: (text: string) => string,
  counter: string,
])[] = [
  ["client join", "v is 2", (text) => text.replace('"v":1', '"v":2'), "droppedFrame"],
  ["client join", "a space in front of v", (text) => text.replace('{"v"', '{ "v"'), "droppedFrame"],
  [
    "client join",
    "a connection id with an unused bit set",
    (text) => text.replace(/(?<="cid":".{21})./, "B"),
    "droppedFrame",
  ],
  ["client join", "a byte behind the object", (text) => `${text} `, "droppedFrame"],
  ["client join", "no JSON", (text) => within(text, '"x":'), "droppedJson"],
  ["client join", "seven levels", (text) => within(text, '"x":[[[[[[]]]]]]'), "droppedScan"],
  ["client join", "more than 64 keys", (text) => within(text, `"x":{${keys}}`), "droppedScan"],
  ["client join", "a raw control character", (text) => within(text, '"x":"\u0001"'), "droppedScan"],
  ["client join", "__proto__", (text) => within(text, '"__proto__":{}'), "droppedForbidden"],
  [
    "client join",
    "constructor, written with an escape, in the body",
    (text) => text.replace('"body":{', '"body":{"\\u0063onstructor":1,'),
    "droppedForbidden",
  ],
  ["client join", "no UTF-8", (text) => within(text, '"x":"\u00ff"'), "droppedUtf8"],
  [
    "client join",
    "half of a surrogate pair as an escape",
    (text) => within(text, '"x":"\\ud83d"'),
    "droppedUtf8",
  ],
  ["client join", "1,501 bytes", (text) => text.padEnd(1500, " ").concat("}"), "droppedLength"],
  ["client join", "no sys", (text) => text.replace('"sys"', '"was"'), "droppedEnvelope"],
  [
    "client join",
    "a message that there is not",
    (text) => text.replace('"msg":"join"', '"msg":"jump"'),
    "droppedMessage",
  ],
  [
    "client join",
    "a message of the server's",
    (text) => text.replace('"msg":"join"', '"msg":"challenge"'),
    "droppedMessage",
  ],
  ["client join", "seq is 3", (text) => text.replace('"seq":0', '"seq":3'), "droppedSequence"],
  [
    "client join",
    "hash is a number",
    (text) => text.replace(/"hash":"[^"]*"/, '"hash":7'),
    "droppedSchema",
  ],
  ["client join", "no key", (text) => text.replace(/,"key":"[^"]*"/, ""), "droppedSchema"],
  ["client join", "a MAC", (text) => within(text, `"mac":"${"A".repeat(22)}"`), "droppedEnvelope"],
  [
    "server accept",
    "a bit of the signature",
    (text) => text.replace(/(?<="sig":".{8})./, (c) => (c === "A" ? "B" : "A")),
    "droppedSignature",
  ],
  [
    "server accept",
    "another port",
    (text) => text.replace(`"port":${CHOSEN}`, `"port":${DIALLED}`),
    "droppedSignature",
  ],
  [
    "server accept",
    "another key",
    (text) => text.replace(/"key":"[^"]*"/, `"key":"${text43}"`),
    "droppedSignature",
  ],
  [
    "server accept",
    "no signature",
    (text) => text.replace(/,"sig":"[^"]*"/, ""),
    "droppedEnvelope",
  ],
  [
    "server accept",
    "key is not the first member of sys",
    (text) => text.replace(/"sys":\{("key":"[^"]*"),/, '"sys":{"a":1,$1,'),
    "droppedEnvelope",
  ],
  [
    "client attach",
    "a bit of the MAC",
    (text) => text.replace(/(?<="mac":".{8})./, (c) => (c === "A" ? "B" : "A")),
    "droppedMac",
  ],
  ["client attach", "no MAC", (text) => text.replace(/,"mac":"[^"]*"/, ""), "droppedBytes"],
  ["client attach", "a member behind the MAC", (text) => within(text, '"x":1'), "droppedBytes"],
  [
    "server attached",
    "a bit of the nonce",
    (text) => text.replace(/(?<="nonce":".{8})./, (c) => (c === "A" ? "B" : "A")),
    "droppedMac",
  ],
];

/** Each change made, and what the machines did about it: nothing. */
function refusals(
  protocol: Protocol,
  datagrams: readonly RecordedDatagram[],
): readonly RefusedDatagram[] {
  return changes.map(([where, what, change, counter]) => {
    const before = datagrams.findIndex(({ from, msg }) => `${from} ${msg}` === where);
    const { atMs, from, port, hex: good } = datagrams[before]!;
    // Half as long as a join has to be is enough for what a challenge answers.
    const text = Buffer.from(good, "hex")
      .toString("latin1")
      .replace(/\.{600}/, "");
    const bytes = Buffer.from(change(text), "latin1");
    const { world, host } = openWorld(protocol);
    world.run(atMs + DELAY_MS - 1);
    const { counters } = from === "client" ? world.servers.get(port)! : host.client;
    const counted = { ...counters };
    const sent = world.sent.length;
    if (from === "client") world.inject(port, bytes, host.address, host.natPort(port));
    else host.client.handleDatagram(bytes, bytes.length, "10.0.0.1", port, world.nowMs);
    world.pump();
    const rose = Object.entries(counters).filter(
      ([name, count]) => name in zeroDropReasons && count !== counted[name as "accepted"],
    );
    const problem = `${where}, ${what}: ${JSON.stringify(rose)}`;
    if (rose.length !== 1 || rose[0]![0] !== counter) throw new Error(problem);
    if (world.sent.length !== sent) throw new Error(`${problem}, and it was answered`);
    world.runFor(200);
    if (!host.events.some(({ type }) => type === "attached"))
      throw new Error(`${problem}: no peer`);
    return { case: `${where}: ${what}`, before, hex: hex(bytes), counter: `zero.${counter}` };
  });
}
