/**
 * The fuzzer finds what it is for: faults planted one by one into a copy of generated decoders.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { HeaderCodec, Protocol } from "stardust-udp/protocol";
import { beforeAll, describe, expect, test } from "vitest";
import { codecIn } from "#fuzz/both-sides.js";
import { HeaderTarget } from "#fuzz/headers.js";
import { lenientCodecs } from "#fuzz/lenient.js";
import { MessageTarget } from "#fuzz/messages.js";
import { MAX_CASE_MS, run } from "#fuzz/run.js";
import { SessionTarget } from "#fuzz/session.js";
import type { Target } from "#fuzz/target.js";
import { corpusOf, type GeneratedTesting } from "#fuzz/targets.js";
import { DatagramOpener } from "#src/session/open-datagram.js";
import { Reassembly } from "#src/session/reassembly.js";
import type { Workspace } from "#src/session/workspace.js";
import { specUrl } from "../support/specs.ts";

const SEED = 1;
/** Of the target alone. */
const CASES = 20_000;
/** Where there is nothing to find, so many say so. */
const IDLE_CASES = 4000;

const folder = new URL("../tmp/planted/", import.meta.url);
const good = (file: string, spec = "menagerie"): URL => specUrl(spec, `generated/${file}`);

let protocol: Protocol;
let count = 0;

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  ({ protocol } = (await import(good("client-protocol.js").href)) as { protocol: Protocol });
});

/** Imports a copy of a generated file in which every match is replaced; there must be one. */
async function plant(
  file: string,
  edits: readonly [RegExp, string][],
  spec?: string,
  // biome-ignore lint/suspicious/noExplicitAny: code that was just written
): Promise<any> {
  let text = readFileSync(good(file, spec), "utf8").replace(/^\/\/# sourceMappingURL.*$/m, "");
  for (const [from, to] of edits) {
    expect(text, `${file} has no ${from}`).toMatch(from);
    text = text.replace(from, to);
  }
  const copy = new URL(`${count++}-${file}`, folder);
  writeFileSync(copy, text);
  return import(copy.href);
}

async function firstFailure(target: Target, cases = CASES): Promise<string> {
  const targets = [target];
  const { failures } = await run({ targets, seed: SEED, cases, maxFailures: 1 });
  if (failures[0] === undefined) return `not found in ${cases} cases`;
  // How long one takes is the machine's to say, and whether that is too long the second time as well.
  if (failures[0].problem.startsWith("takes ")) return failures[0].problem;
  // Alone, the case must show the same, but for how many bytes of memory were counted.
  const again = await run({ targets, seed: SEED, from: failures[0].case, cases: 1 });
  const wordsOf = (text: string | undefined) => text?.replace(/allocates \d+/, "allocates");
  expect(wordsOf(again.failures[0]?.problem)).toBe(wordsOf(failures[0].problem));
  return failures[0].problem;
}

async function fuzzMessages(
  channel: string,
  edits: readonly [RegExp, string][],
  cases = CASES,
  spec = "menagerie",
): Promise<string> {
  const codecs = await plant("codecs.js", edits, spec);
  const sound = codecIn(await import(good("codecs.js", spec).href), channel);
  const makers = (await import(good("testing.js", spec).href)) as GeneratedTesting;
  const corpus = corpusOf(makers, channel, sound, SEED);
  const lenient = codecIn(await lenientCodecs(good("codecs.js", spec)), channel);
  return firstFailure(
    new MessageTarget("planted", channel, codecIn(codecs, channel), lenient, corpus),
    cases,
  );
}

test("a case that had to wait for the machine is none that takes long", async () => {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const target: Target = {
    spec: "planted",
    name: "waits",
    weight: 1,
    make: () => {},
    check: () => {
      Atomics.wait(sleeper, 0, 0, MAX_CASE_MS + 5);
      return "accepted";
    },
  };
  const { failures, slowestMs } = await run({ targets: [target], seed: SEED, cases: 1 });
  expect(slowestMs).toBeGreaterThan(MAX_CASE_MS);
  expect(failures).toEqual([]);
});

/** The function of a varint reader that takes any form; appended to the code. */
const sloppyVarint = `
function sloppyVarint(r) {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = r.bytes[r.take(1, "i")];
    value += (byte & 0x7f) * scale;
    if (value > Number.MAX_SAFE_INTEGER) r.fail("i", "too large");
    if (byte < 0x80) return value;
  }
}
`;

const messageFaults: [string, string, [RegExp, string][], RegExp][] = [
  [
    "a bounds check is gone",
    "numbers",
    [[/r\.take\(30, "a"\)/g, "(r.at += 30) - 30"]],
    /names byte \d+ of \d+/,
  ],
  [
    "a list is read without a bounds check",
    "lists",
    [
      [/r\.take\(wordsCount \* 4, "words"\)/g, "(r.at += wordsCount * 4) - wordsCount * 4"],
      [/r\.count\(50, 4, "words"\)/g, 'r.length(50, "words")'],
    ],
    /names byte|throws RangeError/,
  ],
  [
    "padding is ignored",
    "bits",
    [[/if \(\(byte8 & 0x0f\) !== 0\)\s+r\.refuse\([^;]*;/g, ""]],
    /writes as/,
  ],
  [
    "a list may be one too long",
    "lists",
    [[/r\.count\(6, 7, "things"\)/g, 'r.count(7, 7, "things")']],
    /accepts what the encoder refuses.*things/,
  ],
  [
    "a list may be endless",
    "lists",
    [[/r\.count\(9, 1, "flags"\)/g, 'r.count(1e9, 1, "flags")']],
    // Whichever is seen first.
    /accepts what the encoder refuses.*flags|takes \d+ ms/,
  ],
  [
    "an inner list may be one too long",
    "lists",
    [[/r\.count\(3, 2, ""\)/g, 'r.count(4, 2, "")']],
    /accepts what the encoder refuses.*grid/,
  ],
  [
    "a string may be one byte too long",
    "mixed",
    [[/r\.string\(40, "name"\)/g, 'r.string(41, "name")']],
    /accepts what the encoder refuses: .*name/,
  ],
  [
    "an optional string may be too long",
    "mixed",
    [[/r\.string\(30, "maybeText"\)/g, 'r.string(60, "maybeText")']],
    /accepts what the encoder refuses.*maybeText/,
  ],
  [
    "bytes may be one too many",
    "large",
    [[/r\.blob\(20000, "data"\)/g, 'r.blob(20001, "data")']],
    /accepts what the encoder refuses.*data/,
  ],
  [
    "a varint may be longer than it needs to be",
    "numbers",
    [
      [/r\.varint\("i"\)/g, "sloppyVarint(r)"],
      [/$/, sloppyVarint],
    ],
    /bytes for a message of/,
  ],
  [
    "bits of what is absent are ignored",
    "bits",
    [[/if \(!hasAngle && angleBits !== 0\)\s+r\.refuse\([^;]*;/g, ""]],
    /writes as/,
  ],
  [
    "steps beyond the last are taken",
    "bits",
    [[/if \(healthBits > 100\)\s+r\.refuse\([^;]*;/g, ""]],
    /accepts what the encoder refuses.*health/,
  ],
  [
    "an unknown name becomes a known one",
    "bits",
    [[/\?\? r\.refuse\(at, path, `\$\{value\} is no Weapon`\);/, '?? "fists";']],
    /writes as/,
  ],
  [
    "another kind of error",
    "bits",
    [
      [
        /return r\.refuse\(at, path, `\$\{value\} is no Sparse`\);/,
        'throw new RangeError("none");',
      ],
    ],
    /throws RangeError/,
  ],
  [
    "an error points elsewhere",
    "bits",
    [[/r\.refuse\(at \+ 7, "offset"/g, 'r.refuse(at + 700, "offset"']],
    /names byte/,
  ],
  [
    "an error is swallowed",
    "tree",
    [[/rethrowWithin\(error, `leaves\[\$\{i\}\]`\);/g, "console.assert(true);"]],
    /accepts|throws|refuses/,
  ],
  ["what follows is ignored", "numbers", [[/r\.finish\(\);/g, ""]], /ends at byte/],
  [
    "floats may be infinite",
    "numbers",
    [[/r\.f32\(kAt, "k"\)/g, "view.getFloat32(kAt)"]],
    /accepts what the encoder refuses.*k/,
  ],
  [
    "a member has the other byte order",
    "numbers",
    [[/view\.getUint32\(at \+ 3\)/g, "view.getUint32(at + 3, true)"]],
    /writes as/,
  ],
  [
    "bytes lean on the datagram",
    "mixed",
    [
      [
        /r\.blob\(300, "blob"\)/g,
        '((n) => r.bytes.subarray(r.at - n, r.at))(r.blob(300, "blob").byteLength)',
      ],
    ],
    /writes as/,
  ],
  [
    "memory is taken on trust",
    "mixed",
    [
      [
        /r\.blob\(300, "blob"\)/g,
        'r.blob(new Float64Array(30000).fill(1).length > 5 ? 300 : 0, "blob")',
      ],
    ],
    /allocates/,
  ],
  [
    "work is done on trust",
    "mixed",
    [[/const blob = /g, "for (let n = 0; n < 5000; n++) { r.take(0); } const blob = "]],
    /steps/,
  ],
];

describe("a fault in a message's decoder is found:", () => {
  test.each(messageFaults)("%s", async (_what, channel, edits, problem) => {
    expect(await fuzzMessages(channel, edits)).toMatch(problem);
  });

  test.each(["numbers", "bits", "mixed", "lists", "tree", "large", "empty"])(
    "and none where there is none: %s",
    async (channel) => {
      expect(await fuzzMessages(channel, [[/$/, ""]], IDLE_CASES)).toBe(
        `not found in ${IDLE_CASES} cases`,
      );
    },
  );
});

/** Of the decoders of fleet-4, which older and newer writers reach. */
const versionFaults: [string, string, [RegExp, string][], RegExp][] = [
  [
    "what a newer writer added is left over",
    "pose",
    [[/r\.leave\(end\);/g, "r.end = end;"]],
    /refuses what another version may write/,
  ],
  [
    "what an older writer left out becomes what no writer has",
    "pose",
    [[/shield = 100;/g, "shield = 200;"]],
    /from another version what the encoder refuses: .*shield/,
  ],
  [
    "a message may end early between equals too",
    "pose",
    [[/r\.stops/g, "r.at === r.end"]],
    /bytes for a message of/,
  ],
  [
    "an older writer is refused",
    "track",
    [[/if \(r\.stops\)/g, "if (r.stops && false)"]],
    /refuses what another version may write/,
  ],
  [
    "what equals write is refused where versions differ",
    "track",
    [[/if \(r\.stops\)/g, 'if (r.compat && r.end < 40) r.fail("", "old");\nif (r.stops)']],
    /compat refuses|another version/,
  ],
];

describe("a fault in what is done about other versions is found:", () => {
  test.each(versionFaults)("%s", async (_what, channel, edits, problem) => {
    expect(await fuzzMessages(channel, edits, CASES, "fleet-4")).toMatch(problem);
  });

  test.each(["pose", "track"])("and none where there is none: %s", async (channel) => {
    expect(await fuzzMessages(channel, [[/$/, ""]], IDLE_CASES, "fleet-4")).toBe(
      `not found in ${IDLE_CASES} cases`,
    );
  });
});

const headerFaults: [string, [RegExp, string][], RegExp][] = [
  [
    "reserved bits are ignored",
    [[/if \(\(bits & 0x0f\) !== 0\)\s+return Violation\.reservedBits;/, ""]],
    /another way/,
  ],
  [
    "a bounds check is gone",
    [[/if \(r\.end - at3 < 2\)\s+return Violation\.truncated;/, ""]],
    /goes on to byte/,
  ],
  [
    "the same channel may be named again",
    [[/if \(channel === frame\.channel\)\s+return Violation\.nonMinimal;/, ""]],
    /accepts/,
  ],
  [
    "the next number may be written out",
    [[/if \(same && number === \(\(frame\.number \+ 1\) & 65535\)\) \{/, "if (false) {"]],
    /accepts/,
  ],
  [
    "a slice beyond the last is taken",
    [[/ \|\| frame\.sliceIndex >= frame\.sliceCount/, ""]],
    /accepts slice \d+ of \d+/,
  ],
  [
    "a message may have one slice too many",
    [[/\(frame\.sliceCount - 1\) \* 11\d\d >= most\(frame\)/, "frame.sliceCount > 1e6"]],
    /slices for/,
  ],
  [
    "a slice in the middle may be short",
    [[/if \(!last && payloadBytes !== 11\d\d\)\s+return Violation\.payloadSize;/, ""]],
    /short slice/,
  ],
  [
    "any size of a fixed payload is taken",
    [[/fixed >= 0 \? payloadBytes !== fixed :/, "fixed >= 0 ? false :"]],
    /accepts \d+ bytes of/,
  ],
  [
    "a limit needs no ack",
    [[/if \(h\.limit && !h\.ack\)\s+return Violation\.flags;/, ""]],
    /limit without an ack/,
  ],
  ["it throws", [[/return Violation\.unknownChannel;/, 'throw new Error("unknown");']], /throws/],
];

describe("a fault in the header's reader is found:", () => {
  const fuzzHeader = async (edits: [RegExp, string][], cases = CASES): Promise<string> => {
    const { header } = (await plant("header.js", edits)) as { header: HeaderCodec };
    return firstFailure(new HeaderTarget("planted", protocol, header), cases);
  };

  test.each(headerFaults)("%s", async (_what, edits, problem) => {
    expect(await fuzzHeader(edits)).toMatch(problem);
  });

  test("and none where there is none", async () => {
    expect(await fuzzHeader([[/$/, ""]], IDLE_CASES)).toBe(`not found in ${IDLE_CASES} cases`);
  });
});

describe("a fault in a session is found:", () => {
  const target = (): SessionTarget => new SessionTarget("menagerie", protocol);

  test("without one there is nothing to find", async () => {
    expect(await firstFailure(target(), 300)).toBe("not found in 300 cases");
  });

  test("any session tag is taken", async () => {
    const { open } = DatagramOpener.prototype;
    DatagramOpener.prototype.open = function (
      this: DatagramOpener,
      space: Workspace,
      nowMs: number,
    ) {
      const { reader } = space;
      // Behind channel and flags of the default layout; one that is too short is refused for that.
      const { tag } = this as unknown as { tag: number };
      if (reader.end - reader.at >= 8) reader.view.setUint32(reader.at + 4, tag);
      return open.call(this, space, nowMs);
    };
    try {
      expect(await firstFailure(target(), 3000)).not.toMatch(/^not found/);
    } finally {
      DatagramOpener.prototype.open = open;
    }
  });

  test("a slice that comes twice counts twice", async () => {
    const { has } = Reassembly.prototype;
    Reassembly.prototype.has = () => false;
    try {
      const { failures } = await run({
        targets: [target()],
        seed: SEED,
        cases: 3000,
        maxFailures: 1,
      });
      // Which of its exceptions depends on what the sessions of a thread share.
      expect(failures.map(({ problem }) => problem.slice(0, 6))).toEqual(["throws"]);
    } finally {
      Reassembly.prototype.has = has;
    }
  });
});
