/** Captures written by hand: the classic pcap format and pcapng, raw IPv4, UDP without a checksum. */

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

/** Blocks of a pcapng file, in one byte order. */
export class PcapNgWriter {
  readonly #little: boolean;
  readonly #blocks: Buffer[] = [];

  constructor(littleEndian: boolean) {
    this.#little = littleEndian;
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#blocks);
  }

  section(): this {
    return this.block(0x0a0d0d0a, this.u32(0x1a2b3c4d), this.u16(1, 0), this.u32(~0, ~0));
  }

  interface(link: number = LINKTYPE_RAW, snapBytes = 0): this {
    return this.block(1, this.u16(link, 0), this.u32(snapBytes));
  }

  packet(datagram: CapturedDatagram, index = 0, link: Uint8Array = Buffer.alloc(0)): this {
    const data = Buffer.concat([link, packet(datagram, 0).subarray(16)]);
    return this.block(6, this.u32(index, 0, 0, data.length, data.length), data);
  }

  simplePacket(datagram: CapturedDatagram): this {
    const data = packet(datagram, 0).subarray(16);
    return this.block(3, this.u32(data.length), data);
  }

  block(type: number, ...parts: readonly Uint8Array[]): this {
    const body = Buffer.concat(parts);
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    const length = this.u32(12 + padded.length);
    this.#blocks.push(Buffer.concat([this.u32(type), length, padded, length]));
    return this;
  }

  u32(...values: number[]): Buffer {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((value, i) => {
      if (this.#little) bytes.writeUInt32LE(value >>> 0, 4 * i);
      else bytes.writeUInt32BE(value >>> 0, 4 * i);
    });
    return bytes;
  }

  u16(...values: number[]): Buffer {
    const bytes = Buffer.alloc(2 * values.length);
    values.forEach((value, i) => {
      if (this.#little) bytes.writeUInt16LE(value, 2 * i);
      else bytes.writeUInt16BE(value, 2 * i);
    });
    return bytes;
  }
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
