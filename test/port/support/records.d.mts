export function payloadBytes(number: number): number;
export function isRecord(
  number: number,
  kind: number,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): boolean;
