/**
 * A second reading of the protocol: takes captured datagrams apart knowing only the documents (docs/wire.md,
 * connection.md) and the spec, which it reads when it runs. It imports nothing of src/ or
 * generated/, so a mistake that encoder and decoder share does not go unseen. Slow, and strict: whatever is not
 * exactly what the documents say throws `CaptureError`.
 *
 * One instance reads one capture, datagram by datagram in the order they were sent (slices are collected).
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { fail } from "./independent/bytes.ts";
import { isMap, type Yaml } from "./independent/messages.ts";
import { type RegularCapture, RegularParser } from "./independent/regular.ts";
import { type Side, type ZeroCapture, ZeroParser } from "./independent/zero.ts";

export { CaptureError } from "./independent/bytes.ts";
export type { FrameCapture, RegularCapture } from "./independent/regular.ts";
export type { Side, ZeroCapture } from "./independent/zero.ts";

export interface CaptureOptions {
  /** The session runs between neighbouring versions: every frame but the last carries a length. */
  readonly compat?: boolean;
}

export class IndependentParser {
  readonly #zero: ZeroParser;
  readonly #regular: RegularParser;

  /** `spec` is the path of a protocol.yaml, or its text where it has more than one line. */
  constructor(spec: string | URL, options: CaptureOptions = {}) {
    const inline = typeof spec === "string" && spec.includes("\n");
    const yaml: unknown = parse(inline ? spec : readFileSync(spec, "utf8"));
    if (!isMap(yaml)) throw new TypeError("a spec is a map");
    if (yaml["security"] !== "plain") fail("sealed sessions are not covered here");
    const limits = (yaml["limits"] ?? {}) as Yaml;
    const maxDatagramBytes = (limits["maxDatagramBytes"] as number | undefined) ?? 1200;
    this.#zero = new ZeroParser((yaml["zero"] ?? {}) as Yaml, maxDatagramBytes, "plain");
    this.#regular = new RegularParser(yaml, maxDatagramBytes, options.compat ?? false);
  }

  /** Payload bytes of every slice but a message's last, as worked out from the header lists. */
  get sliceBytes(): number {
    return this.#regular.sliceBytes;
  }

  /** Takes one datagram apart; `from` is the side that sent it. Throws `CaptureError`. */
  parse(bytes: Uint8Array, from: Side): ZeroCapture | RegularCapture {
    if (bytes.length < 3) fail(`a datagram of ${bytes.length} bytes`);
    const isZero = bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0;
    return isZero ? this.#zero.parse(bytes, from) : this.#regular.parse(bytes, from);
  }
}
