/** The section `limits` with its defaults and bounds. */

import { MAX_FIELD_BYTES } from "../kinds/length.ts";
import type { LimitsAst } from "./ast.ts";
import { MAX_LIST_ITEMS } from "./bounds.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { Fields } from "./fields.ts";
import type { MapNode } from "./node.ts";
import { closed, type MapSchema, whole } from "./schema-parts.ts";
import type { Span } from "./source.ts";

interface LimitRow {
  readonly low: number;
  readonly high: number;
  /** Missing: there is no such limit where the spec does not give it. */
  readonly default?: number;
  /** What it bounds, for editors. */
  readonly doc: string;
}

/** 1472 is an Ethernet frame's payload behind IPv4 and UDP; 64 ms is what the ack delay byte can say. */
export const limitTable: { readonly [name in keyof LimitsAst]-?: LimitRow } = {
  maxDatagramBytes: {
    low: 512,
    high: 1472,
    default: 1200,
    doc: "No datagram is larger, on a path of which nothing is known.",
  },
  maxPathDatagramBytes: {
    low: 512,
    high: 1472,
    doc: "Datagrams of up to so many bytes are tried on each path, and sent where it carries them; above maxDatagramBytes.",
  },
  receiveBudgetBytes: {
    low: 65_536,
    high: 2 ** 30,
    default: 1_048_576,
    doc: "Bytes of reliable messages that a peer may have in flight or waiting at the receiver.",
  },
  creditBytes: {
    low: 65_536,
    high: 2 ** 30,
    default: 524_288,
    doc: "Bytes that may wait for one peer between the application's thread and its worker, each way.",
  },
  idleTimeoutMs: {
    low: 100,
    high: 86_400_000,
    default: 10_000,
    doc: "Without any datagram for this long, the peer is gone.",
  },
  keepAliveMs: {
    low: 50,
    high: 86_400_000,
    default: 2500,
    doc: "An idle side sends something after this long; below idleTimeoutMs.",
  },
  handshakeTimeoutMs: {
    low: 100,
    high: 600_000,
    default: 10_000,
    doc: "From the first join to attached.",
  },
  authenticateTimeoutMs: {
    low: 50,
    high: 600_000,
    default: 5000,
    doc: "What the application's authenticate may take; below handshakeTimeoutMs.",
  },
  maxAckDelayMs: {
    low: 0,
    high: 60,
    default: 20,
    doc: "The longest an acknowledgement of reliable data is held back.",
  },
  defaultMaxStringBytes: {
    low: 1,
    high: MAX_FIELD_BYTES,
    default: 256,
    doc: "Bound of a string without one of its own.",
  },
  defaultMaxBytesBytes: {
    low: 1,
    high: MAX_FIELD_BYTES,
    default: 1024,
    doc: "Bound of bytes without one of their own.",
  },
  defaultMaxListItems: {
    low: 1,
    high: MAX_LIST_ITEMS,
    default: 64,
    doc: "Bound of a list without one of its own.",
  },
  defaultMaxMapItems: {
    low: 1,
    high: MAX_LIST_ITEMS,
    default: 64,
    doc: "Most entries of a map that has no bound of its own.",
  },
};

export const limitsSection: MapSchema = closed(
  "Bounds, each with a default.",
  Object.fromEntries(
    Object.entries(limitTable).map(([name, row]) => [
      name,
      {
        ...whole(row.low, row.high, row.doc),
        ...(row.default === undefined ? {} : { default: row.default }),
      },
    ]),
  ),
);

const ordered: readonly (readonly [keyof LimitsAst, keyof LimitsAst])[] = [
  ["maxDatagramBytes", "maxPathDatagramBytes"],
  ["keepAliveMs", "idleTimeoutMs"],
  ["authenticateTimeoutMs", "handshakeTimeoutMs"],
];

export function parseLimits(node: MapNode | undefined, d: Diagnostics): LimitsAst {
  const limits: Record<string, number> = {};
  const fields = node && new Fields(node, limitsSection, "`limits`", d);
  for (const [name, row] of Object.entries(limitTable)) {
    const value = fields?.integer(name) ?? row.default;
    if (value !== undefined) limits[name] = value;
  }
  fields?.finish();
  const result = limits as unknown as LimitsAst;
  for (const [low, high] of ordered) {
    const lowValue = result[low];
    const highValue = result[high];
    if (lowValue === undefined || highValue === undefined || lowValue < highValue) continue;
    const entry = fields?.entry(low) ?? fields?.entry(high);
    const span: Span = entry?.value.span ?? { start: 0, end: 0 };
    const params = { low, high, lowValue, highValue };
    d.report("SD1601", span, params, defaultHelp(fields, low, high));
  }
  return result;
}

/** Which of the two the spec does not give, and what it has to be. */
function defaultHelp(
  fields: Fields | undefined,
  low: keyof LimitsAst,
  high: keyof LimitsAst,
): { readonly help?: string } {
  if (fields?.has(low) === fields?.has(high)) return {};
  const [missing, given, way] = fields?.has(low) ? [high, low, "above"] : [low, high, "below"];
  return { help: `\`${missing}\` has its default: give it too, ${way} \`${given}\`` };
}
