/**
 * Datagrams out of what people have: hexadecimal on the command line, a text file with one datagram a line, a capture
 * of the classic pcap format (Ethernet, Linux cooked, raw IP, loopback; IPv4 and IPv6, UDP). pcapng is named and
 * refused. Worst case: linear in the file; what is cut short or not UDP is skipped and counted.
 */
import type { Side } from "../codegen/interpret/reading.ts";

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

export interface Given {
  readonly datagrams: readonly GivenDatagram[];
  /** Packets of a capture that are no whole UDP datagram. */
  readonly skipped: number;
}

/** What is given is neither hexadecimal nor a capture. */
export class CaptureError extends Error {}

/** Digits of hexadecimal, in pairs, however they are grouped; undefined for anything else. */
export function parseHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/0x|[\s:,]/gi, "");
  if (digits.length === 0 || digits.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(digits))
    return undefined;
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

/** A file's content, whichever of the formats it has. */
export function parseFile(content: Uint8Array): Given {
  if (content.length >= 4) {
    const magic = Buffer.from(content.subarray(0, 4)).toString("hex");
    if (magic === "0a0d0d0a") {
      throw new CaptureError(
        "pcapng is not read; `tshark -F pcap -r in.pcapng -w out.pcap` makes a pcap of it",
      );
    }
    const order = { a1b2c3d4: false, a1b23c4d: false, d4c3b2a1: true, "4d3cb2a1": true }[magic];
    if (order !== undefined) return parsePcap(content, order);
  }
  return { datagrams: parseLines(Buffer.from(content).toString("utf8")), skipped: 0 };
}

/** One datagram a line; `client` or `server` may stand in front, `#` begins a comment. */
function parseLines(text: string): GivenDatagram[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    const bare = line.replace(/#.*/, "").trim();
    if (bare === "") return [];
    const [, side, hex] = /^(?:(client|server)\s+)?(.*)$/.exec(bare)!;
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

/** Bytes in front of the IP header, by link type; null: it says so itself. */
const linkHeaders: Readonly<Record<number, number>> = {
  0: 4,
  1: 14,
  12: 0,
  14: 0,
  101: 0,
  108: 4,
  113: 16,
  228: 0,
  229: 0,
  276: 20,
};

function parsePcap(content: Uint8Array, littleEndian: boolean): Given {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (content.length < 24) throw new CaptureError("a pcap file that is cut off");
  const link = view.getUint32(20, littleEndian) & 0xffff;
  const header = linkHeaders[link];
  if (header === undefined)
    throw new CaptureError(`a pcap file of link type ${link}, which is not read`);
  const datagrams: GivenDatagram[] = [];
  let skipped = 0;
  let number = 0;
  for (let at = 24; at < content.length; ) {
    number++;
    if (content.length - at < 16) throw new CaptureError(`packet ${number}: the file is cut off`);
    const length = view.getUint32(at + 8, littleEndian);
    const start = at + 16;
    if (length > content.length - start)
      throw new CaptureError(`packet ${number}: the file is cut off`);
    const found = parseIp(
      content.subarray(
        start + Math.min(length, vlan(view, link, start, length, header)),
        start + length,
      ),
    );
    if (found === undefined) skipped++;
    else datagrams.push({ place: `packet ${number}`, ...found });
    at = start + length;
  }
  return { datagrams, skipped };
}

/** Ethernet may have tags of four bytes before its type. */
function vlan(view: DataView, link: number, start: number, length: number, header: number): number {
  let bytes = header;
  if (link !== 1) return bytes;
  while (length >= bytes + 4 && [0x8100, 0x88a8].includes(view.getUint16(start + bytes - 2)))
    bytes += 4;
  return bytes;
}

type Found = Omit<GivenDatagram, "place" | "from">;

function parseIp(ip: Uint8Array): Found | undefined {
  const version = ip.length > 0 ? ip[0]! >> 4 : 0;
  if (version === 4) {
    const header = (ip[0]! & 15) * 4;
    if (header < 20 || ip.length < header + 8 || ip[9] !== 17) return undefined;
    const fragment = ((ip[6]! & 0x3f) << 8) | ip[7]!;
    if (fragment !== 0) return undefined;
    const address = (at: number): string => ip.subarray(at, at + 4).join(".");
    return parseUdp(ip.subarray(header), address(12), address(16));
  }
  if (version !== 6 || ip.length < 48 || ip[6] !== 17) return undefined;
  const address = (at: number): string => {
    const groups = Buffer.from(ip.subarray(at, at + 16))
      .toString("hex")
      .match(/.{4}/g)!;
    return `[${groups.map((group) => group.replace(/^0{1,3}/, "")).join(":")}]`;
  };
  return parseUdp(ip.subarray(40), address(8), address(24));
}

function parseUdp(udp: Uint8Array, source: string, destination: string): Found | undefined {
  const port = (at: number): number => udp[at]! * 256 + udp[at + 1]!;
  const length = port(4);
  if (length < 8 || length > udp.length) return undefined;
  return {
    bytes: udp.slice(8, length),
    source: `${source}:${port(0)}`,
    destination: `${destination}:${port(2)}`,
  };
}
