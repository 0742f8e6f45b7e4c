/**
 * A client that says what it likes: a socket, and what a server answers, read by the model of a spec (codegen/interpret).
 * That nothing was answered is not told by a clock alone: behind each datagram that is to be dropped goes one that has to
 * be answered, and what came before that answer is all there was. Worst case: `waitMs` for each answer
 * that does not come.
 */
import { createHmac, randomBytes, randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import type { Reading } from "../../codegen/interpret/datagram.ts";
import { sample } from "../../codegen/interpret/json-schema.ts";
import { DatagramReader } from "../../codegen/interpret/read-datagram.ts";
import {
  type DatagramValues,
  type FrameValues,
  keysOfTicket,
  writeDatagram,
  writeZero,
  type ZeroValues,
} from "../../codegen/interpret/write-datagram.ts";
import { hasRole } from "../../codegen/model/header-roles.ts";
import type { ChannelModel, Model } from "../../codegen/model/model.ts";
import { secretNames, secretSchema } from "../../codegen/model/secrets.ts";
import { nodeCrypto } from "../../src/udp/node-crypto.ts";
import type { OwnToken } from "../../src/zero/join.ts";
import { splitBody } from "../../src/zero/secrets.ts";
import { signJoin } from "../../src/zero/token.ts";
import { JoinKeys, ProbeSeal } from "./sealing.ts";

export interface Target {
  /** An address. */
  readonly host: string;
  readonly port: number;
  /** The longest that an answer is waited for, milliseconds. */
  readonly waitMs: number;
  readonly model: Model;
  /** Body of join; default: the least that the spec takes. */
  readonly join?: unknown;
  /** A connect token for each join, where the server asks for them. */
  readonly token?: (() => OwnToken) | undefined;
}

export interface Answer {
  readonly reading: Reading;
  readonly bytes: Uint8Array;
}

/** Answers that are kept; a server that sends more while a rule is tried loses the oldest. */
const MAX_ANSWERS = 4096;

export class Probe {
  readonly target: Target;
  readonly model: Model;
  readonly #socket: Socket;
  readonly #reader: DatagramReader;
  #answers: Answer[] = [];
  readonly #everything: Answer[] = [];
  /** Of sealed connections, by their ids. */
  readonly #keys = new Map<string, JoinKeys>();
  /** Opens regular datagrams of the connection that there is. */
  seal: ProbeSeal | undefined = undefined;
  #wake: () => void = () => {};

  private constructor(target: Target, socket: Socket) {
    this.target = target;
    this.model = target.model;
    this.#socket = socket;
    this.#reader = new DatagramReader(target.model);
    socket.on("error", () => {});
    socket.on("message", (bytes, { address }) => {
      if (address !== target.host) return;
      const copy = Uint8Array.from(bytes);
      const answer = { bytes: copy, reading: this.#read(copy) };
      for (const list of [this.#answers, this.#everything]) {
        if (list.length >= MAX_ANSWERS) list.shift();
        list.push(answer);
      }
      this.#wake();
    });
  }

  static async open(target: Target): Promise<Probe> {
    const socket = createSocket(isIPv6(target.host) ? "udp6" : "udp4");
    socket.bind(0);
    await once(socket, "listening");
    return new Probe(target, socket);
  }

  close(): void {
    this.#socket.close();
  }

  /** What does not open is read as far as it is clear. */
  #read(bytes: Uint8Array): Reading {
    const from = "server";
    if (this.model.security === "plain") return this.#reader.read(bytes, { from });
    const sealed = this.#reader.read(bytes, { from, sealed: true });
    const number = sealed.packetNumber;
    const opened = number === undefined ? undefined : this.seal?.open(bytes, number);
    return opened === undefined ? sealed : this.#reader.read(opened, { from });
  }

  /** Those of a connection id, made when they are first asked for. */
  keysOf(cid: string): JoinKeys {
    let keys = this.#keys.get(cid);
    if (keys === undefined) {
      keys = new JoinKeys();
      this.#keys.set(cid, keys);
    }
    return keys;
  }

  send(bytes: Uint8Array, port: number = this.target.port): void {
    this.#socket.send(bytes, port, this.target.host);
  }

  /** Forgets what has come. */
  clear(): void {
    this.#answers = [];
  }

  /** All that has come since. */
  get answers(): readonly Answer[] {
    return this.#answers;
  }

  /** All of the regular protocol that has ever come, oldest first. */
  get regular(): readonly Answer[] {
    return this.#everything.filter(({ reading }) => reading.kind === "regular");
  }

  /** The first answer that `test` likes; undefined where none comes in time, by default the target's. */
  async answer(
    test: (answer: Answer) => boolean,
    waitMs: number = this.target.waitMs,
  ): Promise<Answer | undefined> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const found = this.#answers.find(test);
      if (found !== undefined) return found;
      const left = deadline - performance.now();
      if (left <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The zero message of that name and connection. */
  zero(cid: string, ...names: readonly string[]): Promise<Answer | undefined> {
    return this.answer(
      ({ reading }) => reading.envelope?.["cid"] === cid && names.includes(reading.zero ?? ""),
    );
  }

  /** A join's first datagram, not padded yet. */
  joinValues(cid: string): ZeroValues {
    const { version, hash, zero } = this.model;
    const schema = zero.messages.find(({ name }) => name === "join")!.body;
    const whole = (this.target.join ?? sample(schema, "least")) as Readonly<
      Record<string, unknown>
    >;
    const { readable: body } = splitBody(secretNames(schema), whole);
    const key = this.model.security === "sealed" ? { key: this.keysOf(cid).key } : {};
    return { cid, msg: "join", seq: 0, ack: 0, sys: { version, hash, ...key }, body };
  }

  /** What join 2 keeps to itself, sealed to what the challenge has brought; nothing where the spec has no such members. */
  secretOf(cid: string): Pick<ZeroValues, "secret"> {
    const schema = this.model.zero.messages.find(({ name }) => name === "join")!.body;
    const secret = secretSchema(schema);
    if (secret === undefined) return {};
    const whole = (this.target.join ?? sample(schema, "least")) as Readonly<
      Record<string, unknown>
    >;
    const members = splitBody(secretNames(schema), whole).secret;
    return { secret: this.keysOf(cid).secret(members) };
  }

  join(cid: string): Uint8Array {
    return writeZero({ ...this.joinValues(cid), padBytes: this.model.limits.maxDatagramBytes });
  }

  /** Whether a join is answered: what came before the answer is all that was said to what was sent before it. */
  async isAlive(): Promise<boolean> {
    const cid = newCid();
    this.send(this.join(cid));
    return (await this.zero(cid, "challenge")) !== undefined;
  }
}

export function newCid(): string {
  return randomBytes(16).toString("base64url");
}

/** A server that does not answer where nothing can be tried without. */
export class NoAnswer extends Error {}

/** A join that was challenged. */
export async function challenged(probe: Probe): Promise<{ cid: string; cookie: string }> {
  const cid = newCid();
  probe.send(probe.join(cid));
  const challenge = await probe.zero(cid, "challenge");
  const sys = challenge?.reading.envelope?.["sys"] as
    | { cookie?: unknown; joinKey?: unknown }
    | undefined;
  if (typeof sys?.cookie !== "string") throw new NoAnswer("a join gets no challenge");
  const { body } = probe.model.zero.messages.find(({ name }) => name === "join")!;
  if (secretNames(body).length > 0 && !probe.keysOf(cid).offered(sys.joinKey)) {
    throw new NoAnswer("challenge brings no joinKey that its identity has signed");
  }
  return { cid, cookie: sys.cookie };
}

/** Join 2; `comesInPieces`: its body follows. */
export function secondJoin(
  probe: Probe,
  cid: string,
  cookie: string,
  sys: object = {},
  comesInPieces = false,
): Uint8Array {
  const first = probe.joinValues(cid);
  const { hash, ...others } = first.sys as { readonly hash: string };
  const padBytes = probe.model.limits.maxDatagramBytes;
  const token = probe.target.token?.();
  return writeZero({
    ...first,
    seq: 1,
    sys: { cookie, hash, ...others, ...(token && { token: token.signed }), ...sys },
    padBytes,
    ...(comesInPieces ? { body: {} } : probe.secretOf(cid)),
    ...(token && { sign: (head) => signJoin(nodeCrypto, token.key, head) }),
  });
}

/** A join that was accepted: what its attach needs. */
export interface Accepted {
  readonly cid: string;
  readonly port: number;
  readonly tag: number | undefined;
  readonly keys: { readonly client: Uint8Array; readonly server: Uint8Array };
  /** Where it is sealed. */
  readonly seal?: ProbeSeal;
  readonly join: Uint8Array;
  readonly accept: Answer;
}

export async function accepted(probe: Probe): Promise<Accepted> {
  const { cid, cookie } = await challenged(probe);
  const join = secondJoin(probe, cid, cookie);
  probe.send(join);
  const accept = await probe.zero(cid, "accept", "reject");
  if (accept === undefined) throw new NoAnswer("join 2 gets neither accept nor reject");
  const sys = accept.reading.envelope!["sys"] as Readonly<Record<string, unknown>>;
  if (accept.reading.zero === "reject") {
    throw new NoAnswer(
      `the join is rejected (${String(sys["reason"])}); --join gives another body`,
    );
  }
  const { problem } = accept.reading;
  if (problem !== undefined) throw new NoAnswer(`accept is malformed: ${problem.problem}`);
  const rest = { cid, port: Number(sys["port"]), join, accept };
  if (probe.model.security === "plain") {
    const keys = keysOfTicket(Buffer.from(String(sys["ticket"]), "base64url"));
    return { ...rest, tag: sys["tag"] as number | undefined, keys };
  }
  const keys = probe.keysOf(cid).keysOf(join, accept.bytes);
  if (typeof keys === "string") throw new NoAnswer(keys);
  const seal = new ProbeSeal(probe.model, keys.secrets);
  return { ...rest, tag: undefined, keys: keys.zero, seal };
}

/** The attach of an accepted join; `over` replaces members of `sys`, `values` those of the message. */
export function attach(
  probe: Probe,
  { cid, port, tag, keys }: Accepted,
  over: object = {},
  values: Partial<ZeroValues> = {},
): Uint8Array {
  const nonce = newCid();
  const sys = { port, nonce, counter: 1, ...(tag === undefined ? {} : { tag }), ...over };
  const padBytes = probe.model.zero.messages.find(({ name }) => name === "attached")!.maxBytes;
  return writeZero({
    cid,
    msg: "attach",
    seq: 2,
    ack: 1,
    sys,
    body: {},
    padBytes,
    key: keys.client,
    ...values,
  });
}

/** Whether the last member is the MAC of all before it. */
export function hasMac({ bytes }: Answer, key: Uint8Array): boolean {
  const text = Buffer.from(bytes);
  const head = text.subarray(0, -32);
  const mac = createHmac("sha256", key).update(head).digest().subarray(0, 16);
  return text.subarray(-32).toString() === `,"mac":"${mac.toString("base64url")}"}`;
}

/** A connection whose address is proven: regular datagrams, numbered as they are sent. */
export class Connection {
  readonly accepted: Accepted;
  readonly #probe: Probe;
  #next = 0;
  /** Of each channel, by its index: the number of its next message. */
  readonly #messages = new Map<number, number>();

  private constructor(probe: Probe, from: Accepted) {
    this.#probe = probe;
    this.accepted = from;
  }

  static async open(probe: Probe): Promise<Connection> {
    const from = await accepted(probe);
    probe.send(attach(probe, from), from.port);
    const attached = await probe.zero(from.cid, "attached");
    if (attached === undefined) throw new NoAnswer("attach gets no attached");
    probe.seal = from.seal;
    const connection = new Connection(probe, from);
    const { nonce } = attached.reading.envelope!["sys"] as { nonce: string };
    connection.zero("ack", 0, 2, { nonce });
    if ((await probe.zero(from.cid, "ack")) === undefined) {
      throw new NoAnswer("the ack that proves the address gets no ack");
    }
    return connection;
  }

  zero(msg: string, seq: number, ack: number, sys: object, key?: Uint8Array): void {
    const { cid, keys, port } = this.accepted;
    const values = { cid, msg, seq, ack, sys, body: {}, key: key ?? keys.client };
    this.#probe.send(writeZero(values), port);
  }

  /** Takes the connection back, so that it holds no place. */
  close(): void {
    this.zero("close", 3, 2, { code: "probe" });
  }

  /** The next packet number, used up. */
  number(): number {
    return this.#next++;
  }

  /** Skips numbers. */
  jump(count: number): void {
    this.#next += count;
  }

  /** The number of a channel's next message. */
  message(index: number): number {
    const number = this.#messages.get(index) ?? 0;
    this.#messages.set(index, number + 1);
    return number;
  }

  datagram(values: DatagramValues, frames: readonly FrameValues[] = []): Uint8Array {
    const { model } = this.#probe;
    const { tag } = this.accepted;
    const tagged = hasRole(model.header.clear, "session-tag") ? { sessionTag: tag ?? 0 } : {};
    return writeDatagram(model, { ...tagged, ...values }, frames);
  }

  /** Sends what `datagram` has made, as it is to be sealed; `isWide`: with a wide number. */
  send(bytes: Uint8Array, number: number, isNextPhase = false, isWide = false): void {
    this.sendAsIs(this.accepted.seal?.seal(bytes, number, isNextPhase, isWide) ?? bytes);
  }

  sendAsIs(bytes: Uint8Array): void {
    this.#probe.send(bytes, this.accepted.port);
  }

  /** An ack that names a number; undefined where none comes in time. */
  async ackOf(number: number): Promise<Ack | undefined> {
    const { model } = this.#probe;
    const low = number % 2 ** model.header.ackBits;
    let found: Ack | undefined;
    await this.#probe.answer(({ reading }) => {
      const named = reading.problem === undefined ? namedBy(model, reading) : undefined;
      if (named?.has(low)) found = { named, reading };
      return found !== undefined;
    });
    return found;
  }

  /** Asks for an ack, or with `asks` for the limit of a channel, and waits for what names that. */
  ask(asks?: ChannelModel): Promise<Ack | undefined> {
    const packetNumber = this.number();
    const values = { packetNumber, ackNow: true, ...(asks && { asks }) };
    this.send(this.datagram(values), packetNumber);
    return this.ackOf(packetNumber);
  }

  /** Asks for an ack; the packet numbers that it names, or undefined where none comes. */
  ping(): Promise<ReadonlySet<number> | undefined> {
    return this.acked({ packetNumber: this.number(), ackNow: true });
  }

  /** Sends a datagram that asks for an ack, and waits for one that names it. */
  async acked(
    values: DatagramValues,
    isNextPhase = false,
  ): Promise<ReadonlySet<number> | undefined> {
    const { packetNumber: number } = values;
    this.#probe.clear();
    this.send(this.datagram(values), number, isNextPhase);
    return (await this.ackOf(number))?.named;
  }
}

/** An ack, with the numbers that it names, as far as they are on the wire. */
export interface Ack {
  readonly named: ReadonlySet<number>;
  readonly reading: Reading;
}

/** The numbers that an ack names, where none is above the width of the field. */
export function namedBy({ header }: Model, { ack }: Reading): ReadonlySet<number> | undefined {
  if (ack === undefined) return undefined;
  const named = new Set<number>();
  let at = ack.largest;
  ack.runs.forEach((run, i) => {
    for (let k = 0; k < run; k++, at--)
      if (i % 2 === 0) named.add((at + 2 ** header.ackBits) % 2 ** header.ackBits);
  });
  return named;
}

/** Any number but this one, of 32 bits. */
export function another(tag: number): number {
  return (tag + 1 + randomInt(2 ** 31)) % 2 ** 32;
}
