/**
 * Datagrams out of what people have: hexadecimal on the command line, a text file with one datagram a line, a capture
 * (pcap or pcapng). Captures are read as they come; a text is read whole and has a limit. Worst case: linear in the
 * file; what is not UDP or not whole is skipped and counted.
 */
import { closeSync, existsSync, openSync } from "node:fs";
import type { Side } from "../codegen/model/delivery.ts";
import { Bytes, type Packet, packetsOf, type Remarks } from "./capture-files.ts";
import { datagramOf, readsLink } from "./capture-frames.ts";

export interface GivenDatagram {
  /** Where it stands: a line, a packet. */
  readonly place: string;
  readonly bytes: Uint8Array;
  /** Where the file says who sent it. */
  readonly from?: Side;
  /** Address and port of the sender and the receiver, in a capture. */
  readonly source?: string;
  readonly destination?: string;
}

/** What is given is neither hexadecimal nor a capture. */
export class CaptureError extends Error {}

/** Longest input in hexadecimal, characters. */
const MAX_TEXT = 1 << 26;

/** Digits of hexadecimal, in pairs, however they are grouped; undefined for anything else. */
export function parseHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/0x|[\s:,]/gi, "");
  if (digits.length === 0 || digits.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(digits))
    return undefined;
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

/** The datagrams of an argument: hexadecimal, a file, or `-` for standard input. What is left out goes to `remarks`. */
export function* datagramsOf(input: string, remarks: Remarks): Iterable<GivenDatagram> {
  const bytes = input === "-" ? undefined : parseHex(input);
  if (bytes !== undefined) {
    yield { place: "datagram", bytes };
    return;
  }
  if (input !== "-" && !existsSync(input)) {
    const what = JSON.stringify(input.slice(0, 60));
    throw new CaptureError(`${what} is neither pairs of hexadecimal digits nor a file`);
  }
  const file = input === "-" ? 0 : openSync(input, "r");
  try {
    yield* datagramsOfFile(new Bytes(file), remarks);
  } finally {
    if (file !== 0) closeSync(file);
  }
}

function* datagramsOfFile(bytes: Bytes, remarks: Remarks): Iterable<GivenDatagram> {
  const packets = packetsOf(bytes, remarks);
  if (packets !== undefined) {
    yield* datagramsOfPackets(packets, remarks);
    return;
  }
  const text = bytes.peek(MAX_TEXT + 1);
  if (text.length > MAX_TEXT) {
    throw new CaptureError(`neither a capture nor a text of at most ${MAX_TEXT >> 20} MiB`);
  }
  yield* parseLines(text.toString("utf8"));
}

function* datagramsOfPackets(packets: Iterable<Packet>, remarks: Remarks): Iterable<GivenDatagram> {
  let unread: number | undefined;
  let any = false;
  for (const { number, link, bytes } of packets) {
    const found = datagramOf(bytes, link);
    if (found !== undefined) yield { place: `packet ${number}`, ...found };
    else remarks.skipped++;
    if (readsLink(link)) any = true;
    else unread ??= link;
  }
  if (unread !== undefined && !any) {
    throw new CaptureError(`a capture of link type ${unread}, which is not read`);
  }
}

/** One datagram a line; `client` or `server` may stand in front, `#` begins a comment. */
function parseLines(text: string): GivenDatagram[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    const bare = line.replace(/#.*/s, "").trim();
    if (bare === "") return [];
    const [, side, hex] = /^(?:(client|server)\s+)?(.*)$/s.exec(bare)!;
    const bytes = parseHex(hex!);
    if (bytes === undefined) {
      throw new CaptureError(
        `line ${i + 1}: ${JSON.stringify(bare.slice(0, 40))} is not pairs of hexadecimal digits`,
      );
    }
    const from = side === undefined ? {} : { from: side as Side };
    return [{ place: `line ${i + 1}`, bytes, ...from }];
  });
}
