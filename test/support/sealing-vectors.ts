/** Golden vectors of sealed datagrams: docs/sealing-vectors.json, for whoever implements docs/wire.md. */
import type { CipherName } from "#src/protocol.js";
import type { SealCrypto } from "#src/session/seal-crypto.js";
import { KeyedPhase } from "#src/session/seal-keys.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { toHex } from "./revive.ts";
import { secrets } from "./sealing.ts";

export interface SealedVector {
  readonly case: string;
  readonly packetNumber: number;
  readonly clear: string;
  readonly plaintext: string;
  readonly nonce: string;
  readonly datagram: string;
}

export interface PhaseVectors {
  readonly secret: string;
  readonly key: string;
  readonly iv: string;
  readonly datagrams: readonly SealedVector[];
}

export interface SealingVectors {
  readonly about: string;
  /** By cipher, the phases of one direction, one after the other. */
  readonly ciphers: Readonly<Record<CipherName, readonly PhaseVectors[]>>;
}

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** What stands in them, of the default layout of a sealed session; K is set where it belongs. */
const cases: readonly (readonly [
  name: string,
  packetNumber: number,
  clear: string,
  plaintext: string,
])[] = [
  ["a ping", 0, "00 00 01 40 00 00", ""],
  ["a message", 5, "00 00 01 20 00 05", "ff 00 00 80 00 00 01 02"],
  ["an ack with a message", 0x1234, "00 00 03 a0 12 34", "01 00 04 7f 00 03 00 00 00 07 02 68 69"],
  [
    "a wide number above 32 bits",
    2 ** 33 + 0x12345,
    "00 00 01 24 00 01 23 45",
    "ff 00 00 80 00 00 01 02",
  ],
  ["the last number but one", 2 ** 52 - 2, "00 00 01 44 ff ff ff fe", ""],
];

export function makeSealingVectors(crypto: SealCrypto = nodeSealCrypto): SealingVectors {
  const of = (cipher: CipherName): PhaseVectors[] => {
    const phases: PhaseVectors[] = [];
    let keys = new KeyedPhase(crypto, cipher, secrets.clientSecret);
    for (let phase = 0; phase < 3; phase++) {
      phases.push({
        ...shown(keys),
        datagrams: cases.map(([name, packetNumber, clearText, plainText]) => {
          const clear = bytes(clearText);
          clear[3]! |= (phase & 1) << 1;
          const plain = bytes(plainText);
          const buffer = new Uint8Array(clear.length + plain.length + 16);
          buffer.set(clear);
          buffer.set(plain, clear.length);
          const end = clear.length + plain.length;
          keys.seal(packetNumber, buffer, 0, clear.length, end);
          return {
            case: name,
            packetNumber,
            clear: toHex(clear),
            plaintext: toHex(plain),
            nonce: toHex(keys.nonce(packetNumber)),
            datagram: toHex(buffer),
          };
        }),
      });
      keys = keys.next();
    }
    return phases;
  };
  return {
    about:
      "Sealed datagrams of one direction, as docs/wire.md describes them, for each cipher: three phases, each from the secret before. Bytes in hex.",
    ciphers: { "aes-256-gcm": of("aes-256-gcm"), "chacha20-poly1305": of("chacha20-poly1305") },
  };
}

/** What is derived from the secret of a phase. */
function shown(keys: KeyedPhase): { secret: string; key: string; iv: string } {
  const { secret } = keys;
  const key = nodeSealCrypto.expandSha256(secret, new TextEncoder().encode("stardust 1 key"), 32);
  return { secret: toHex(secret), key: toHex(key), iv: toHex(keys.nonce(0)) };
}
