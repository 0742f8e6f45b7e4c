/** Captures for tshark, written by hand: the classic pcap format, raw IPv4, UDP without a checksum. */

export interface CapturedDatagram {
  readonly bytes: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const MAGIC = 0xa1b2c3d4;
const LINKTYPE_RAW = 101;
const IP_HEADER = 20;
const UDP_HEADER = 8;

/** The file; one packet a millisecond. Clients are 10.0.0.2, servers 10.0.0.1: the lower port's. */
export function pcapOf(datagrams: readonly CapturedDatagram[]): Uint8Array {
  const head = Buffer.alloc(24);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt16BE(2, 4);
  head.writeUInt16BE(4, 6);
  head.writeUInt32BE(65_535, 16);
  head.writeUInt32BE(LINKTYPE_RAW, 20);
  return Buffer.concat([head, ...datagrams.map(packet)]);
}

function packet({ bytes, sourcePort, destinationPort }: CapturedDatagram, i: number): Buffer {
  const length = IP_HEADER + UDP_HEADER + bytes.length;
  const record = Buffer.alloc(16 + length);
  record.writeUInt32BE(Math.floor(i / 1000), 0);
  record.writeUInt32BE((i % 1000) * 1000, 4);
  record.writeUInt32BE(length, 8);
  record.writeUInt32BE(length, 12);
  const ip = record.subarray(16);
  ip[0] = 0x45;
  ip.writeUInt16BE(length, 2);
  ip[8] = 64;
  ip[9] = 17;
  const toServer = destinationPort < sourcePort;
  ip.set(toServer ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2], 12);
  ip.writeUInt16BE(checksum(ip.subarray(0, IP_HEADER)), 10);
  const udp = ip.subarray(IP_HEADER);
  udp.writeUInt16BE(sourcePort, 0);
  udp.writeUInt16BE(destinationPort, 2);
  udp.writeUInt16BE(UDP_HEADER + bytes.length, 4);
  udp.set(bytes, UDP_HEADER);
  return record;
}

function checksum(header: Buffer): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += header.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
