/**
 * Each rule of `stardust breaking` with its example, and peers that were generated from both sides of it: of a breaking
 * rule they misread or refuse each other somewhere, of a compatible one (and of what to do instead) they never do.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compareModels, isBreaking } from "#codegen/rules/breaking.js";
import { type BreakingRule, breakingRules } from "#codegen/rules/breaking-table.js";
import {
  formatRecord,
  publish,
  RecordError,
  readRecord,
  recordPath,
} from "#codegen/rules/record.js";
import { compatibleHashes, negotiateJoin } from "#src/negotiated-version.js";
import { complete } from "./examples.ts";
import { type Break, breaksBetween, messageBreaks, type Peer, peersOf } from "./support/peers.ts";

const seed = Number(process.env["STARDUST_SEED"] ?? 1000);
let peers: ReadonlyMap<string, Peer>;
const peer = (spec: string): Peer => peers.get(spec)!;

/** Where a rule's break must show: in what is read, in what arrives, or in what a validator says. */
const places: readonly (readonly [RegExp, Break["shown"]])[] = [
  [/^(member|enum|flag|variant|extensible|array|integer|recursion|channel-compress)-/, "message"],
  [/^(channel|header|limit|message)-/, "session"],
  [/^zero-/, "zero"],
];

/** Breaks that no exchange between two peers shows; each is shown by what is said here. */
const apart: Readonly<Record<string, (older: Peer, newer: Peer, rule: BreakingRule) => void>> = {
  // The bytes are the same: it is the join that fails, since no record lets peers of another protocol in.
  "protocol-renamed": (older, newer, { before }) => {
    const published = publish(undefined, older.model, complete(before));
    if ("refused" in published) throw new Error(published.refused);
    const spec = join(mkdtempSync(join(tmpdir(), "stardust-proof-")), "protocol.yaml");
    writeFileSync(recordPath(spec), formatRecord(published.record));
    expect(readRecord(spec, older.model.name)).toEqual(published.record);
    expect(() => readRecord(spec, newer.model.name)).toThrow(RecordError);
    rmSync(dirname(spec), { recursive: true });
    for (const [server, client] of [
      [older.protocol, newer.protocol],
      [newer.protocol, older.protocol],
    ] as const) {
      expect(negotiateJoin(server, client.hash, compatibleHashes(client))).toBeUndefined();
    }
  },
};

/** What no rule knows has no example; and sealed peers need secrets that no exchange here hands them. */
const withoutPeers = new Set(["security-changed", "wire-changed"]);
const rules = Object.entries(breakingRules).filter(([id]) => !withoutPeers.has(id));

beforeAll(async () => {
  const specs = rules.flatMap(([, rule]) => [rule.before, rule.after, rule.instead ?? rule.after]);
  peers = await peersOf("breaking-proof", specs);
}, 120_000);

describe(`every breaking rule (STARDUST_SEED=${seed})`, () => {
  it.each(rules.filter(([, { kind }]) => kind === "breaking"))(
    "%s refuses what breaks a peer",
    (id, rule) => {
      const older = peer(rule.before);
      const newer = peer(rule.after);
      if (apart[id] !== undefined) {
        apart[id](older, newer, rule);
        return;
      }
      const place = places.find(([ids]) => ids.test(id))?.[1];
      expect(place, `no way to show ${id}`).toBeDefined();
      const found = breaksBetween(older, newer, seed);
      expect(found.map(({ shown }) => shown)).toContain(place);
    },
  );

  it.each(rules.filter(([, { kind }]) => kind === "breaking"))(
    "%s says what to do instead, and that breaks no peer",
    (_id, rule) => {
      const older = peer(rule.before);
      const newer = peer(rule.instead!);
      expect(breaksBetween(older, newer, seed)).toEqual([]);
    },
  );

  it("is content with peers of one version", () => {
    for (const [, { after }] of rules) {
      expect(breaksBetween(peer(after), peer(after), seed)).toEqual([]);
    }
  });
});

describe("every compatible rule", () => {
  it.each(rules.filter(([, { kind }]) => kind === "compatible"))(
    "%s breaks no peer",
    (_id, { before, after }) => {
      const older = peer(before);
      const newer = peer(after);
      expect(breaksBetween(older, newer, seed)).toEqual([]);
    },
  );
});

/**
 * Changes that break nothing as long as no bits are involved, and are refused all the same: a rule that one can keep
 * in mind is worth more than the few cases it forbids for nothing.
 */
const cautious = new Set([
  "member-moved",
  "member-since-changed",
  "member-range-changed",
  "recursion-bound-changed",
]);

describe("the rules and the peers", () => {
  it("agree on all pairs of examples", () => {
    const texts = rules
      .filter(([id]) => places.find(([ids]) => ids.test(id))?.[1] === "message")
      .flatMap(([, { before, after, instead }]) => [before, after, instead ?? after]);
    let pairs = 0;
    for (const older of new Set(texts)) {
      for (const newer of new Set(texts)) {
        pairs++;
        const [a, b] = [peer(older), peer(newer)];
        const found = compareModels(a.model, b.model).filter(isBreaking);
        // No message shows the protocol's name, or a channel that is gone.
        const broken = found.filter(({ rule }) => !/^(protocol|channel)-(?!compress)/.test(rule));
        const shown = messageBreaks(a, b, seed);
        const what = `${older}\n${newer}\n${JSON.stringify({ found, shown }, null, 1)}`;
        if (broken.length === 0) expect(shown, what).toEqual([]);
        else if (!broken.some(({ rule }) => cautious.has(rule))) {
          expect(shown.length, what).toBeGreaterThan(0);
        }
      }
    }
    expect(pairs).toBeGreaterThan(500);
  }, 120_000);
});
