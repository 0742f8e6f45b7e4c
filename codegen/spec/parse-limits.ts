/** The section `limits` with its defaults and bounds. */
import type { LimitsAst } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { Fields } from "./fields.ts";
import type { MapNode } from "./node.ts";
import { MAX_FIELD_BYTES, MAX_LIST_ITEMS } from "./parse-types.ts";
import type { Span } from "./source.ts";

interface LimitRow {
  readonly low: number;
  readonly high: number;
  readonly default: number;
}

/** 1472 is an Ethernet frame's payload behind IPv4 and UDP; 64 ms is what the ack delay byte can say. */
export const limitTable: { readonly [name in keyof LimitsAst]: LimitRow } = {
  maxDatagramBytes: { low: 512, high: 1472, default: 1200 },
  receiveBudgetBytes: { low: 65_536, high: 2 ** 30, default: 1_048_576 },
  creditBytes: { low: 65_536, high: 2 ** 30, default: 524_288 },
  idleTimeoutMs: { low: 100, high: 86_400_000, default: 10_000 },
  keepAliveMs: { low: 50, high: 86_400_000, default: 2500 },
  handshakeTimeoutMs: { low: 100, high: 600_000, default: 10_000 },
  authenticateTimeoutMs: { low: 50, high: 600_000, default: 5000 },
  maxAckDelayMs: { low: 0, high: 60, default: 20 },
  defaultMaxStringBytes: { low: 1, high: MAX_FIELD_BYTES, default: 256 },
  defaultMaxBytesBytes: { low: 1, high: MAX_FIELD_BYTES, default: 1024 },
  defaultMaxListItems: { low: 1, high: MAX_LIST_ITEMS, default: 64 },
  defaultMaxMapItems: { low: 1, high: MAX_LIST_ITEMS, default: 64 },
};

const ordered: readonly (readonly [keyof LimitsAst, keyof LimitsAst])[] = [
  ["keepAliveMs", "idleTimeoutMs"],
  ["authenticateTimeoutMs", "handshakeTimeoutMs"],
];

export function parseLimits(node: MapNode | undefined, d: Diagnostics): LimitsAst {
  const limits: Record<string, number> = {};
  const fields = node && new Fields(node, "`limits`", d);
  for (const [name, row] of Object.entries(limitTable)) {
    limits[name] = fields?.integer(name, row.low, row.high) ?? row.default;
  }
  fields?.finish();
  const result = limits as unknown as LimitsAst;
  for (const [low, high] of ordered) {
    if (result[low] < result[high]) continue;
    const entry = fields?.entry(low) ?? fields?.entry(high);
    const span: Span = entry?.value.span ?? { start: 0, end: 0 };
    d.report("SD1601", span, { low, high, lowValue: result[low], highValue: result[high] });
  }
  return result;
}
