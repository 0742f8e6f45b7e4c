/**
 * Whole joins in bytes, `docs/recorded-joins.json`: with secret members, with a connect token, with a body in pieces. Each
 * with the private keys of both sides, the times, and what each side's owner is told, so that another implementation of either
 * side can be held against it. Played by the real machines in virtual time, and played again to each of them from the record
 * alone. Private to the tests.
 */
import type { Protocol } from "#src/protocol.js";
import { keyPairOf, nodeCrypto, privateKeyOf } from "#src/udp/node-crypto.js";
import { ZeroClient } from "#src/zero/client.js";
import type { ZeroCrypto } from "#src/zero/crypto.js";
import type { ZeroClientEvent, ZeroServerEvent } from "#src/zero/events.js";
import type { OwnToken } from "#src/zero/join.js";
import { signToken } from "#src/zero/token.js";
import { handZeroProtocol } from "./hand-zero.ts";
import { seeds } from "./key-exchange-vectors.ts";
import { joinPrivateKey } from "./secret-vectors.ts";
import { specUrl } from "./specs.ts";
import {
  clientSeed,
  contents,
  EXPIRES_AT_MS,
  issuer,
  issuerSeed,
  client as tokenKey,
} from "./token-vectors.ts";
import { messageOf, seeded, testCrypto, World } from "./zero-world.ts";

/** One datagram, in the order in which they were sent. */
export interface RecordedDatagram {
  readonly atMs: number;
  readonly from: "client" | "server";
  /** The server's port that it goes to or comes from. */
  readonly port: number;
  readonly msg: string;
  readonly hex: string;
  /** It does not arrive; any other does DELAY_MS later. */
  readonly lost?: true;
}

/** What the owner of a machine is told, with the facts that are for it. */
export interface RecordedEvent {
  readonly atMs: number;
  readonly to: "client" | "server";
  /** The server's port whose machine tells it. */
  readonly at?: number;
  readonly type: string;
  readonly [fact: string]: unknown;
}

export interface RecordedJoin {
  readonly case: string;
  /** Whose body of join it is; missing: the one that the case says. */
  readonly spec?: string;
  readonly hash: string;
  readonly secrets: readonly string[];
  readonly body: object;
  readonly token?: string;
  readonly datagrams: readonly RecordedDatagram[];
  readonly events: readonly RecordedEvent[];
}

export interface RecordedJoins {
  readonly about: string;
  /** Of the address that the client comes from, at every port. */
  readonly client: { readonly address: string; readonly port: number };
  readonly delayMs: number;
  readonly authenticateMs: number;
  readonly keys: Readonly<Record<string, string>>;
  readonly joins: readonly RecordedJoin[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const DELAY_MS = 10;
const AUTHENTICATE_MS = 5;
const BEGUN_MS = 1000;
const DIALLED = 12341;
const CHOSEN = 12342;
const ADDRESS = "10.0.0.1";
const CLIENT_PORT = 40_000;

/** What a case needs, beside its record. */
export interface Case {
  readonly name: string;
  readonly spec?: string;
  readonly protocol: Protocol;
  readonly body: object;
  readonly token?: OwnToken;
  /** Which datagrams of all are lost, from 1. */
  readonly lost: readonly number[];
}

const ticket = "0123456789abcdef".repeat(190);

export async function cases(): Promise<Case[]> {
  const load = async (spec: string): Promise<Protocol> =>
    ((await import(specUrl(spec, "generated/protocol.js").href)) as { protocol: Protocol })
      .protocol;
  const token = { signed: signToken(issuer, contents), key: tokenKey };
  return [
    {
      name: "secret members",
      spec: "test/specs/lobby.yaml",
      protocol: await load("lobby"),
      body: { name: "ada", password: "open sesame", pin: 4711 },
      lost: [],
    },
    {
      name: "a connect token",
      spec: "test/specs/sealed.yaml",
      protocol: await load("sealed"),
      body: { name: "ada" },
      token,
      lost: [],
    },
    {
      name: "a body in sealed pieces and a connect token, the second piece lost",
      spec: "test/specs/ticket.yaml",
      protocol: await load("ticket"),
      body: { name: "ada", ticket },
      token,
      lost: [6],
    },
    {
      name: "a body in readable pieces, plain, an answer to them and accept lost: `name`, and `ticket` of at most 8,192 characters",
      protocol: handZeroProtocol({ large: true }),
      body: { name: "ada", ticket },
      lost: [9, 13],
    },
  ];
}

/** X25519 keys in the order in which they are asked for, and all else from a seed. */
function fixed(seed: number, privateKeys: readonly Uint8Array[]): ZeroCrypto {
  const left = [...privateKeys];
  return {
    ...testCrypto(seeded(seed)),
    keyPair: () => keyPairOf(privateKeyOf("x25519", left.shift()!)),
  };
}

function clientCrypto(): ZeroCrypto {
  return fixed(1, [seeds.clientPrivateKey]);
}

/**
 * A server of three ports, of which one sends every client to another. `lost`: datagrams by their numbers, from 1. What is told
 * goes to `events`.
 */
function worldOf(
  { protocol, token }: Case,
  lost: readonly number[],
  events: RecordedEvent[],
): World {
  const own = [...(protocol.zero.secrets ? [joinPrivateKey] : []), seeds.serverPrivateKey];
  const world: World = new World({
    protocol,
    minLatencyMs: DELAY_MS,
    authenticateMs: AUTHENTICATE_MS,
    exactPauses: true,
    loses: (nth) => lost.includes(nth),
    serverOptions: {
      crypto: fixed(2, own),
      ...(protocol.security === "sealed" && {
        identity: nodeCrypto.signingKey(seeds.identitySeed),
      }),
      ...(token && {
        tokens: {
          issuers: [issuer.publicKey],
          audience: contents.audience,
          leewayMs: 0,
          wallMs: () => EXPIRES_AT_MS - 60_000,
        },
      }),
    },
    place: () => CHOSEN,
    onClientEvent: (_, event) => {
      events.push({ atMs: world.nowMs, to: "client", ...told(event) });
    },
    onServerEvent: (event) => {
      const { port } = world.serverEvents.at(-1)!;
      events.push({ atMs: world.nowMs, to: "server", at: port, ...told(event) });
    },
  });
  return world;
}

/** What somebody else can compare: no objects of ours, bytes as hex. */
function told(event: ZeroClientEvent | ZeroServerEvent): { type: string } {
  const { negotiated: _, key: _key, ...rest } = event as typeof event & Record<string, unknown>;
  // What `toJSON` of a Buffer makes of it is not what is wanted.
  const text = JSON.stringify(rest, function (this: Record<string, unknown>, name, value) {
    const own = this[name];
    return own instanceof Uint8Array ? hex(own) : value;
  });
  return JSON.parse(text) as { type: string };
}

/** Of a world, as they are kept. */
function datagramsOf(world: World, lost: readonly number[]): RecordedDatagram[] {
  return world.sent.map(({ bytes, from, to, atMs }, i) => {
    const side = from.startsWith("server:") ? "server" : "client";
    const port = Number((side === "server" ? from : to).split(":")[1]);
    const { msg } = messageOf(bytes);
    return {
      atMs,
      from: side,
      port,
      msg,
      ...(lost.includes(i + 1) && { lost: true as const }),
      hex: hex(bytes),
    };
  });
}

const CLOSE = ["done", "to the end"] as const;
/** When the client closes, after it began. */
const CLOSES_AFTER_MS = 900;

function recordJoin(one: Case): RecordedJoin {
  const events: RecordedEvent[] = [];
  const world = worldOf(one, one.lost, events);
  const { name, spec, protocol, body, token } = one;
  const host = world.join({
    dial: DIALLED,
    join: body,
    crypto: clientCrypto(),
    ...(token && { token }),
  });
  world.runFor(CLOSES_AFTER_MS);
  host.client.close(...CLOSE, world.nowMs);
  world.runFor(100);
  return {
    case: name,
    ...(spec === undefined ? {} : { spec }),
    hash: protocol.hash,
    secrets: protocol.zero.secrets ?? [],
    body,
    ...(token && { token: token.signed }),
    events,
    datagrams: datagramsOf(world, one.lost),
  };
}

export async function recordJoins(): Promise<RecordedJoins> {
  return {
    about:
      "Joins from the first datagram to the acknowledged close, every datagram as it was sent; docs/connection.md says how to read it. Keys are hexadecimal, times milliseconds of one clock.",
    client: { address: ADDRESS, port: CLIENT_PORT },
    delayMs: DELAY_MS,
    authenticateMs: AUTHENTICATE_MS,
    keys: {
      clientPrivateKey: hex(seeds.clientPrivateKey),
      serverPrivateKey: hex(seeds.serverPrivateKey),
      joinPrivateKey: hex(joinPrivateKey),
      identitySeed: hex(seeds.identitySeed),
      issuerSeed: hex(issuerSeed),
      tokenKeySeed: hex(clientSeed),
    },
    joins: (await cases()).map(recordJoin),
  };
}

/** What a machine sent and told that was given the other side's half of a record. */
export interface Replayed {
  readonly datagrams: RecordedDatagram[];
  readonly events: RecordedEvent[];
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** A client's machine by itself: it gets the server's datagrams of the record, and no server. */
export function replayToClient(one: Case, { datagrams }: RecordedJoin): Replayed {
  const { protocol, body, token } = one;
  let nowMs = BEGUN_MS;
  const made: Replayed = { datagrams: [], events: [] };
  const client = new ZeroClient({
    protocol,
    crypto: clientCrypto(),
    port: DIALLED,
    join: body,
    token,
    random: () => 0,
    nowMs,
  });
  const pump = (): void => {
    for (let out = client.pollTransmit(nowMs); out !== undefined; ) {
      const { bytes, port } = out;
      const { msg } = messageOf(bytes);
      made.datagrams.push({ atMs: nowMs, from: "client", port, msg, hex: hex(bytes) });
      out = client.pollTransmit(nowMs);
    }
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent())
      made.events.push({ atMs: nowMs, to: "client", ...told(event) });
  };
  const passTo = (untilMs: number): void => {
    while (client.pollDeadline() < untilMs) {
      nowMs = client.pollDeadline();
      client.handleTimeout(nowMs);
      pump();
    }
    nowMs = untilMs;
  };
  pump();
  const arrivals = datagrams.filter(({ from, lost }) => from === "server" && !lost);
  let closed = false;
  const close = (): void => {
    passTo(BEGUN_MS + CLOSES_AFTER_MS);
    client.close(...CLOSE, nowMs);
    closed = true;
    pump();
  };
  for (const { atMs, port, hex: text } of arrivals) {
    if (!closed && atMs >= BEGUN_MS + CLOSES_AFTER_MS) close();
    passTo(atMs + DELAY_MS);
    const bytes = bytesOf(text);
    client.handleDatagram(bytes, bytes.length, "10.0.0.9", port, nowMs);
    pump();
  }
  return made;
}

/** The machines of a server's ports: they get the client's datagrams of the record, and no client. */
export function replayToServer(one: Case, { datagrams }: RecordedJoin): Replayed {
  const events: RecordedEvent[] = [];
  const world = worldOf(one, [], events);
  for (const { atMs, from, port, hex: text, lost } of datagrams) {
    if (from !== "client" || lost) continue;
    const deliver = (): void => world.inject(port, bytesOf(text), ADDRESS, CLIENT_PORT);
    world.after(atMs + DELAY_MS - BEGUN_MS, deliver);
  }
  world.runFor(CLOSES_AFTER_MS + 100);
  return { datagrams: datagramsOf(world, []), events };
}
