/**
 * From a packet as a network sent it to the UDP datagram in it: Ethernet, Linux cooked, raw IP and loopback, IPv4 and
 * IPv6. It puts no fragments together. Worst case: linear in the packet.
 */

/** A datagram, with address and port of its sender and its receiver. */
export interface CapturedDatagram {
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly destination: string;
}

/** Bytes in front of the IP header, by link type. */
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

export function readsLink(link: number): boolean {
  return Object.hasOwn(linkHeaders, link);
}

/** Undefined for what is no whole UDP datagram, and for links that are not read. */
export function datagramOf(packet: Uint8Array, link: number): CapturedDatagram | undefined {
  const header = linkHeaders[link];
  return header === undefined ? undefined : parseIp(packet.subarray(vlan(packet, link, header)));
}

/** Ethernet may have tags of four bytes before its type. */
function vlan(packet: Uint8Array, link: number, header: number): number {
  let bytes = header;
  if (link !== 1) return bytes;
  const type = (): number => packet[bytes - 2]! * 256 + packet[bytes - 1]!;
  while (packet.length >= bytes + 4 && [0x8100, 0x88a8].includes(type())) bytes += 4;
  return bytes;
}

function parseIp(ip: Uint8Array): CapturedDatagram | undefined {
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

function parseUdp(
  udp: Uint8Array,
  source: string,
  destination: string,
): CapturedDatagram | undefined {
  const port = (at: number): number => udp[at]! * 256 + udp[at + 1]!;
  const length = port(4);
  if (length < 8 || length > udp.length) return undefined;
  return {
    bytes: udp.slice(8, length),
    source: `${source}:${port(0)}`,
    destination: `${destination}:${port(2)}`,
  };
}
