/**
 * A client's half of sealed connections, for the probe: fresh keys for each join, and datagrams sealed and opened behind the
 * model's own reading and writing. The cryptography is the runtime's, which Python programs check by vectors; what is new
 * here is only where a datagram's clear part ends.
 */
import { headerItems } from "../../codegen/interpret/header-items.ts";
import type { Model } from "../../codegen/model/model.ts";
import { KeyedPhase } from "../../src/session/seal-keys.ts";
import type { TrafficSecrets } from "../../src/traffic-secrets.ts";
import { nodeCrypto } from "../../src/udp/node-crypto.ts";
import { nodeSealCrypto } from "../../src/udp/node-seal.ts";
import { openFrame } from "../../src/zero/envelope.ts";
import { ClientKeyExchange, type SealedKeys } from "../../src/zero/key-exchange.ts";
import {
  agreedKey,
  readOfferedKey,
  type SecretSeal,
  sealPiece,
  sealSecret,
} from "../../src/zero/secrets.ts";

const TAG_BYTES = 16;

/** The keys of one connection id. */
export class JoinKeys {
  readonly #exchange = new ClientKeyExchange(nodeCrypto);
  #portKey: Uint8Array | undefined;

  /** As it stands in both joins. */
  get key(): string {
    return this.#exchange.key;
  }

  /** Takes what a challenge offers to seal to; false where it is not signed by the identity that it names. */
  offered(joinKey: unknown): boolean {
    const offered = typeof joinKey === "string" ? readOfferedKey(nodeCrypto, joinKey) : undefined;
    this.#portKey = offered?.key;
    return offered !== undefined;
  }

  /** What a join says of its secret members. */
  secret(members: Readonly<Record<string, unknown>>): SecretSeal {
    return sealSecret(nodeCrypto, this.#exchange.pair, this.#portKey, members)!;
  }

  /** A piece of a body that is sealed for this join 2. */
  piece(join: Uint8Array, number: number, said: Uint8Array): Uint8Array {
    const key = agreedKey(nodeCrypto, this.#exchange.pair, this.#portKey!)!;
    return sealPiece(nodeCrypto, key, nodeCrypto.sha256(join), number, said);
  }

  /** What join 2 and the accept that answers it lead to; a text: why to nothing. */
  keysOf(join: Uint8Array, accept: Uint8Array): SealedKeys | string {
    this.#exchange.sent(join);
    const frame = openFrame(accept, accept.length);
    if (typeof frame === "string") return "accept is no zero message";
    const signed = this.#exchange.check(frame);
    if (signed === "droppedSignature") return "accept has a wrong signature";
    if (typeof signed === "string") return "accept does not begin and end as a signed one does";
    return this.#exchange.keysOf(signed) ?? "the server's key gives no secret";
  }
}

/** The bytes of a datagram's clear part: no conditional field but the upper half of a number is ever set by the probe. */
function clearBytes({ header }: Model): number {
  const always = headerItems(header.clear).filter(({ fields }) => fields[0]!.when.length === 0);
  return always.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** What one connection seals and opens with. */
export class ProbeSeal {
  readonly #send: readonly [now: KeyedPhase, next: KeyedPhase];
  readonly #receive: KeyedPhase;
  readonly #clearBytes: number;
  readonly #wideBytes: number;

  constructor(model: Model, { clientSecret, serverSecret }: TrafficSecrets) {
    const phase = (secret: Uint8Array) => new KeyedPhase(nodeSealCrypto, model.cipher!, secret);
    const first = phase(clientSecret);
    this.#send = [first, first.next()];
    this.#receive = phase(serverSecret);
    this.#clearBytes = clearBytes(model);
    const { packetNumberBits, widePacketNumberBits } = model.header;
    this.#wideBytes = (widePacketNumberBits - packetNumberBits) / 8;
  }

  /** Of a whole datagram in the clear; one that ends before its clear part does stays as it is. */
  seal(bytes: Uint8Array, number: number, isNext = false, isWide = false): Uint8Array {
    const clearBytes = this.#clearBytes + (isWide ? this.#wideBytes : 0);
    if (bytes.length < clearBytes) return bytes;
    const sealed = new Uint8Array(bytes.length + TAG_BYTES);
    sealed.set(bytes);
    this.#send[isNext ? 1 : 0].seal(number, sealed, 0, clearBytes, bytes.length);
    return sealed;
  }

  /** As it was before it was sealed, by a server in its first phase; undefined where it does not open. */
  open(bytes: Uint8Array, number: number): Uint8Array | undefined {
    const opened = Uint8Array.from(bytes);
    const isGood = this.#receive.open(number, opened, 0, this.#clearBytes, bytes.length);
    return isGood ? opened.subarray(0, bytes.length - TAG_BYTES) : undefined;
  }
}
