/** Values of golden vectors back from JSON: what JSON has no word for stands there as an object with one `$` member. */

/** For `JSON.parse`. */
export function reviver(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { $map } = value as { $map?: [unknown, unknown][] };
  if (Array.isArray($map)) return new Map($map);
  const { $bigint, $bytes, $number } = value as Record<string, string | undefined>;
  if ($bigint !== undefined) return BigInt($bigint);
  if ($bytes !== undefined) return fromHex($bytes);
  return $number === undefined ? value : Number($number);
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export interface MessageVector {
  readonly channel: string;
  readonly case: string;
  readonly value: Record<string, unknown>;
  readonly hex: string;
}

export interface DatagramVector {
  readonly case: string;
  readonly sessionTag?: number;
  readonly packetNumber: number;
  readonly wide: boolean;
  readonly ackNow: boolean;
  readonly ack?: { readonly largest: number; readonly delay: number; readonly runs: number[] };
  readonly receiveLimit?: number;
  readonly clock?: number;
  readonly padding?: number;
  readonly user: readonly { readonly name: string; readonly value: number }[];
  readonly frames: readonly {
    readonly channel: string;
    readonly number?: number;
    readonly slice?: { readonly index: number; readonly count: number };
    readonly payload: string;
  }[];
  readonly hex: string;
}

export interface ZeroVector {
  readonly case: string;
  readonly from: "client" | "server";
  readonly mac: boolean;
  readonly cid: string;
  readonly msg: string;
  readonly seq: number;
  readonly ack: number;
  readonly sys: object;
  readonly body: object;
  readonly padBytes: number;
  readonly hex: string;
}

export interface Vectors {
  readonly "stardust-vectors": 1;
  readonly keys: { readonly ticket: string; readonly client: string; readonly server: string };
  readonly messages: readonly MessageVector[];
  readonly datagrams: readonly DatagramVector[];
  readonly zero: readonly ZeroVector[];
  /** Only where a channel has `compress`. */
  readonly deflated?: readonly MessageVector[];
  readonly compatMessages: readonly MessageVector[];
  readonly compatDatagrams: readonly DatagramVector[];
  readonly refused: readonly { channel?: string; case: string; hex: string }[];
}

export function readVectors(text: string): Vectors {
  return JSON.parse(text, reviver) as Vectors;
}
