/** Sealed sessions of tests: secrets that everybody knows. */
import type { Protocol, Role } from "#src/protocol.js";
import { type SealLimits, SendKeys, sealLimits } from "#src/session/seal-keys.js";
import type { SealingOptions } from "#src/session/session.js";
import { nodeSealCrypto } from "#src/udp/node-seal.js";
import { DatagramHeader, FrameHeader } from "#src/wire/header.js";
import { Writer } from "#src/wire/writer.js";

const secret = (first: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => first + i);
export const secrets = { clientSecret: secret(0), serverSecret: secret(100) };

export function sealing(limits?: Partial<SealLimits>): SealingOptions {
  return { crypto: nodeSealCrypto, ...secrets, limits };
}

/** Makes datagrams with the right keys, whatever stands in them. */
export class Sealer {
  readonly keys: SendKeys;
  readonly header: DatagramHeader;
  readonly #protocol: Protocol;

  constructor(protocol: Protocol, role: Role) {
    const cipher = protocol.cipher!;
    const options = { crypto: nodeSealCrypto, cipher, limits: sealLimits[cipher], keepMs: () => 0 };
    this.keys = new SendKeys(
      options,
      role === "client" ? secrets.clientSecret : secrets.serverSecret,
    );
    this.header = new DatagramHeader(protocol.header.userFields.length);
    this.#protocol = protocol;
  }

  /** Datagram `number`: the clear part of `header` (and of the first frame), then `sealed`, then the tag. */
  seal(number: number, sealed: Uint8Array, channel = -1): Uint8Array {
    const { header } = this;
    const first = new FrameHeader();
    first.channel = channel;
    header.packetNumber = number;
    header.frames = channel >= 0;
    header.keyPhase = this.keys.phase;
    const w = new Writer(new Uint8Array(1500));
    this.#protocol.header.writeClear(header, channel < 0 ? undefined : first, w);
    const clearEnd = w.at;
    w.bytes.set(sealed, clearEnd);
    const end = clearEnd + sealed.length;
    this.keys.seal(number, w.bytes, 0, clearEnd, end);
    return w.bytes.slice(0, end + 16);
  }
}
