/** The documents are true where a test can say so: codes, counters, links, scripts, specs in code blocks. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { counterFamilies } from "#cli/counters.js";
import { runtimeWarnings } from "#cli/runtime-errors.js";
import { defaultZero } from "#codegen/model/defaults.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import type { ZeroFacts } from "#codegen/model/zero.js";
import { allDiagnostics } from "#codegen/spec/diagnostics.js";
import { loadSpec } from "#codegen/spec/load.js";
import { toData } from "#codegen/spec/node.js";
import { allowed, transitions } from "#src/connection/lifecycle.js";
import { closeCodes } from "#src/connection-contract.js";
import { clientCounters, portCounters, requestCounters, serverCounters } from "#src/counters.js";
import { errorCodes } from "#src/errors.js";
import { DEFAULT_MAX_PEERS_PER_PORT } from "#src/listen-options.js";
import { defaultPortLimits } from "#src/port-limits.js";
import { dropReasons } from "#src/session/drop-reason.js";
import { createSessionCounters } from "#src/session/index.js";
import { DatagramHeader, FrameHeader, Reader, Violation, Writer } from "#src/wire/index.js";
import { createCounters } from "#src/zero/counters.js";
import { messages } from "#src/zero/own-messages.js";
import { lifeTable } from "./support/life-table.ts";
import { encode, protocol } from "./support/plain-arena.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** README, the changelog and everything in docs/, by path from the root. */
const documents: ReadonlyMap<string, string> = new Map(
  ["README.md", "CHANGELOG.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)]
    .filter((path) => path.endsWith(".md"))
    .map((path) => [path, read(path)]),
);

/** The text without its code blocks, in which nothing is a heading or a link. */
function prose(text: string): string {
  return text.replace(/^(```+|~~~+)[\s\S]*?^\1\s*$/gm, "");
}

function headings(text: string): string[] {
  return [...prose(text).matchAll(/^#{1,6} +(.+?) *$/gm)].map((match) => match[1]!);
}

/** As GitHub makes an anchor of a heading. */
function anchor(heading: string): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return plain.replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

describe("docs/errors.md", () => {
  const own = headings(documents.get("docs/errors.md")!);

  test("has a section for each run-time code, and none for others", () => {
    const sections = own.flatMap(
      (heading) => /^(?:Warning: )?(STARDUST_\w+)$/.exec(heading)?.[1] ?? [],
    );
    const wanted = [...Object.keys(errorCodes), ...Object.keys(runtimeWarnings)];
    expect(sections.sort()).toEqual(wanted.sort());
  });

  test("has a section for each diagnostic, under its title, and none for others", () => {
    const sections = own.filter((heading) => /^SD\d/.test(heading));
    const wanted = [...allDiagnostics()].map(([code, { title }]) => `${code}: ${title}`);
    expect(sections.sort()).toEqual(wanted.sort());
  });

  test("says what each diagnostic says", () => {
    const text = documents.get("docs/errors.md")!.replace(/\s+/g, " ");
    const lacking = [...allDiagnostics()].filter(
      ([, { message }]) => !text.includes(message.replace(/\s+/g, " ")),
    );
    expect(lacking.map(([code]) => code)).toEqual([]);
  });
});

describe("what is made from tables", () => {
  test("is up to date", () => {
    const { status, stdout, stderr } = spawnSync("node", ["scripts/docs.js", "--check"], {
      cwd: root,
      encoding: "utf8",
    });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: "" });
  });

  test("says how events are counted that a state does not expect", () => {
    expect(documents.get("docs/counters.md")).toContain("`unexpected.<state>.<event>`");
  });

  test("says in the guide what each code means with which a connection that stood is closed", () => {
    const guide = documents.get("docs/guide.md")!;
    const table = guide.slice(guide.indexOf("Codes of our own:"), guide.indexOf("## Systems"));
    const named = [...table.matchAll(/^\| `([\w-]+)`/gm)].map(([, code]) => code!);
    const { notConnected: _, ...others } = closeCodes;
    expect(named.sort()).toEqual(Object.values(others).sort());
  });

  test("names a counter that there is in each row of the table of silences", () => {
    const text = documents.get("docs/connection.md")!;
    const section = text.slice(text.indexOf("## Silences"), text.indexOf("## What plain mode"));
    const rows = section
      .split("\n")
      .filter((line) => line.startsWith("| ") && !/^\| (-|what)/.test(line));
    expect(rows.length).toBeGreaterThan(10);
    const known = new Set([
      ...Object.keys(createCounters()),
      ...Object.keys(portCounters),
      ...Object.keys(dropReasons),
    ]);
    for (const row of rows) {
      const named = [
        ...row
          .split("|")
          .at(-2)!
          .matchAll(/`(?:\w+\.)?(\w+)`/g),
      ].map((m) => m[1]!);
      expect(named.length, row).toBeGreaterThan(0);
      for (const name of named) expect(known.has(name), `${name} in ${row}`).toBe(true);
    }
  });

  test("has every counter that is counted", () => {
    const told = new Set(
      counterFamilies.flatMap(({ prefix, table }) =>
        Object.keys(table).map((name) => prefix + name),
      ),
    );
    const counted = [
      ...Object.keys(createCounters()).map((name) => `zero.${name}`),
      ...Object.keys(createSessionCounters()).map((name) => `session.${name}`),
      ...Object.keys(portCounters),
      ...Object.keys(serverCounters),
      ...Object.keys(clientCounters),
      ...Object.keys(requestCounters),
    ];
    expect(counted.length).toBeGreaterThan(80);
    expect(new Set(counted)).toEqual(told);
  });
});

describe("docs/connection.md", () => {
  const text = documents.get("docs/connection.md")!;

  test("says how long an attach must be", () => {
    const [, bytes] = /longest `attached` \((\d+) bytes/.exec(text) ?? [];
    expect(Number(bytes)).toBe(messages.attached.maxBytes);
  });
  const { states, facts, messages: stated } = defaultZero();

  test.each(["client", "server"] as const)("has the state table of the %s", (side) => {
    const [, ofClient, ofServer] = text.split(/^### The (?:client|server)'s.*$/m);
    const rows = (side === "client" ? ofClient! : ofServer!).split("\n## ")[0]!;
    const told = [...rows.matchAll(/^\| `(\w+)` +\| (.+?) +\|/gm)].map((m) => [m[1], m[2]]);
    const wanted = Object.entries(states[side]).map(([state, nexts]) => {
      const pairs = Object.entries(nexts).map(([message, next]) => `${message} → ${next}`);
      return [state, pairs.join(", ") || "none"];
    });
    expect(told).toEqual(wanted);
  });

  test.each(["client", "server"] as const)("draws what messages change at the %s", (side) => {
    const [, drawn] = text.split(`<!-- made: states of the ${side} -->`);
    const isMessage = new Set(Object.keys(messages));
    const arrows = arrowsIn(drawn!.split("<!-- /made -->")[0]!);
    const wanted = Object.entries(states[side]).flatMap(([from, nexts]) =>
      Object.entries(nexts)
        .filter(([, to]) => to !== from)
        .map(([message, to]) => `${from} ${message} ${to}`),
    );
    expect(arrows.filter((arrow) => isMessage.has(arrow.split(" ")[1]!)).sort()).toEqual(
      wanted.sort(),
    );
    // Every state is there, and whatever else leads somewhere leads to one of them.
    const known = Object.keys(states[side]);
    for (const arrow of arrows) expect(known).toContain(arrow.split(" ").at(-1));
    for (const state of known) expect(drawn).toContain(` ${state}`);
  });

  test("draws every change of a connection's state, and no other", () => {
    const arrows = arrowsIn(text.split("\n## The life of a connection")[1]!);
    const wanted = Object.entries(transitions).flatMap(([from, events]) =>
      Object.entries(events)
        .filter(([, to]) => to !== from)
        .map(([event, to]) => `${from} ${event} ${to}`),
    );
    expect(arrows.sort()).toEqual(wanted.sort());
  });

  test("says what each state of a connection allows, and which states of zero messages go with it", () => {
    const rows = lifeTable(text);
    const yes = (value: boolean): string => (value ? "yes" : "");
    expect(rows.map(({ state, datagrams, messages }) => [state, datagrams, messages])).toEqual(
      Object.entries(allowed).map(([state, { datagrams, messages }]) => [
        state,
        yes(datagrams),
        yes(messages),
      ]),
    );
    for (const side of ["client", "server"] as const) {
      const told = new Set(rows.flatMap((row) => row[side]));
      expect([...told].sort()).toEqual(Object.keys(states[side]).sort());
    }
  });

  test("says which messages have a MAC", () => {
    const named = (have: boolean) =>
      Object.entries(facts).flatMap(([name, { mac }]) => (mac === have ? [name] : []));
    const list = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    const [, never, always] =
      /^- (`[^.]+) never carry a MAC\. ([^.]+) always do\./m.exec(text) ?? [];
    expect(list(never!)).toEqual(named(false));
    expect(list(always!)).toEqual(named(true));
  });

  test("has the numbers and the sys of every message", () => {
    const table = text.split("\n## The messages")[1]!.split("\n## ")[0]!;
    const told = [...table.matchAll(/^\| `(\w+)` +\| \w+ +\| (.+?) +\| (.*?) +\|$/gm)];
    const numbers = ({ seq, ack }: ZeroFacts): string => {
      const acks =
        ack === undefined ? ["cumulative"] : seq?.length === 1 && ack[1] ? ["the join's"] : ack;
      const pairs = (seq ?? ["next"]).map((number) => `${number}, ${acks[0]}`);
      return pairs.join(" then ");
    };
    expect(told.map(([, name, told]) => [name, told])).toEqual(
      stated.map(({ name }) => [name, numbers(facts[name]!)]),
    );
    for (const [, name, , sys] of told) {
      const { sys: schema } = stated.find((message) => message.name === name)!;
      const members = (toData(schema!) as { properties?: object }).properties ?? {};
      const names = [...sys!.matchAll(/`(\w+)`/g)].map(([, member]) => member);
      expect(names.sort(), name).toEqual(Object.keys(members).sort());
    }
  });

  test("names every message and who sends it", () => {
    const table = text.split("\n## The messages")[1]!.split("\n## ")[0]!;
    const told = [...table.matchAll(/^\| `(\w+)` +\| (\w+) /gm)].map((m) => [m[1], m[2]]);
    expect(told).toEqual(stated.map(({ name, from }) => [name, from!.name]));
  });
});

describe.each([
  {
    page: "docs/wire.md",
    count: 30,
    files: [
      "src/limits.ts",
      "src/session/received.ts",
      "src/session/path-mtu.ts",
      "src/session/receive-age.ts",
      "src/session/receive-limit.ts",
      "src/session/reordering.ts",
      "src/session/rtt.ts",
      "src/session/sent.ts",
      "src/session/session.ts",
      "codegen/model/channels.ts",
    ],
  },
  {
    page: "docs/connection.md",
    count: 15,
    files: ["src/limits.ts", "src/negotiated-version.ts", "src/zero/peers.ts", "src/zero/rate.ts"],
  },
])("the constants in $page", ({ page, count, files }) => {
  const section = documents.get(page)!.split("\n## Constants")[1]!.split("\n## ")[0]!;
  const rows = [...section.matchAll(/^\| `([A-Z_0-9]+)` *\| (\S+) *\|/gm)];
  const sources = files.map(read).join("\n");

  test("are there", () => expect(rows.length).toBeGreaterThan(count));

  test.each(rows.map(([, name, value]) => [name!, numberOf(value!)] as const))(
    "%s is %d",
    (name, value) => {
      const [, source] = new RegExp(`\\bconst ${name}(?:: number)? = ([^;]+);`).exec(sources) ?? [];
      expect(numberOf(source ?? "")).toBe(value);
    },
  );
});

describe("the limits in docs/connection.md", () => {
  const section = documents
    .get("docs/connection.md")!
    .split("\n## Limits of a server")[1]!
    .split("\n## ")[0]!;
  const rows = [
    ...section.matchAll(/^\| `([\w.]+)` +\| (.+?) +\| (.+?) +\| .+? +\| `([\w.]+)` +\|$/gm),
  ].map(([, option, value, unit, counter]) => ({ option, value, unit, counter }));

  test("are those of the code, each with its counter", () => {
    const ofPort = Object.entries(defaultPortLimits).map(([name, n]) => [`limits.${name}`, n]);
    const others = [
      ["maxJoinsPerAddress", defaultPortLimits.pendingJoins / 4],
      ["maxPeersPerPort", DEFAULT_MAX_PEERS_PER_PORT],
      ["maxPeersPerAddress", "a quarter"],
    ];
    const stated = rows.map(({ option, value }) => [
      option,
      value === "a quarter" ? value : Number(value),
    ]);
    expect(stated).toEqual([...ofPort, ...others]);
    const counters = [
      ...Object.keys(createCounters()).map((name) => `zero.${name}`),
      ...Object.keys(portCounters),
    ];
    for (const { counter } of rows) expect(counters).toContain(counter);
  });
});

/** A number as documents and code write it: `1/8`, `2^52`, `2 ** 52`, `16_383`. */
function numberOf(text: string): number {
  const [base, sign, other] = text.split(/ ?(\/|\^|\*\*) ?/).map((part) => part.replace(/_/g, ""));
  if (sign === undefined) return Number(base || Number.NaN);
  return sign === "/" ? Number(base) / Number(other) : Number(base) ** Number(other);
}

/** What leads where in a diagram of states: `from event to`. */
function arrowsIn(text: string): string[] {
  return [...text.matchAll(/^ {2}(\w+) --> (\w+): (.+)$/gm)].flatMap(([, from, to, events]) =>
    events!.split(", ").map((event) => `${from} ${event} ${to}`),
  );
}

describe("docs/threat-model.md", () => {
  const text = documents.get("docs/threat-model.md")!;
  const [claims, list] = text.split("## The attacks") as [string, string];
  const attacks = new Map(
    [...list.matchAll(/^\| (A\d+) +\| (\S+) +\| (.+?) +\|$/gm)].map(([, id, file, title]) => [
      id!,
      { file: file!, title: title! },
    ]),
  );

  test.each([...attacks])("%s is a test", (_, { file, title }) => {
    const called = [...read(file).matchAll(/["`](?:[^"`\\\n]|\\.)*["`]/g)].map(([name]) =>
      name.slice(1, -1),
    );
    expect(called.some((name) => name.startsWith(title))).toBe(true);
  });

  /** Sentences that claim nothing of an attacker: who that is, what belongs together, what to do, what follows by arithmetic. */
  const unclaimed =
    /^(?:They (?:can send|see) |Bounds of a port|Guessing takes|Where this matters|But one that is well-formed can$|Unless a spec says|For those |It is a tool for your own|A client with a good join|So a peer that misbehaves|Watch the|What a handler of yours|Somebody gets you|The generated code runs|Read what you)/;

  test("names an attack for every sentence about an attacker, and each attack for some", () => {
    const about = claims.split(/## Off the path[^\n]*/)[1]!.split("## Not covered")[0]!;
    const parts = about
      .split(/\n\n|\n(?=- |\| )/)
      .map((part) => part.replaceAll(/\s+/g, " ").trim())
      .filter((part) => !/^$|^#|^\| ?-|^\| (?:they may try|what) /.test(part));
    // A row of a table is one claim; all else is taken sentence by sentence.
    const sentences = parts.flatMap((part) =>
      part.startsWith("|") ? [part] : part.replace(/^- /, "").split(/(?<=[.:!?)])\s+(?=[A-Z])/),
    );
    expect(sentences.length).toBeGreaterThan(120);
    const bare = sentences.filter(
      (sentence) => !/\bA\d+\b/.test(sentence) && !unclaimed.test(sentence),
    );
    expect(bare).toEqual([]);
    const named = new Set([...claims.matchAll(/\bA\d+\b/g)].map(([id]) => id));
    expect([...named].sort()).toEqual([...attacks.keys()].sort());
  });
});

describe("docs/wire.md", () => {
  const hex = (bytes: Uint8Array): string =>
    [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const blocks = [...documents.get("docs/wire.md")!.matchAll(/^```hex\n([\s\S]*?)^```$/gm)].map(
    (match) => match[1]!.replace(/#.*$/gm, "").trim().split(/\s+/),
  );

  test("has datagrams that the generated header reads, and would write", () => {
    const datagrams = blocks.filter((bytes) => bytes.slice(0, 3).join("") !== "000000");
    expect(datagrams.length).toBeGreaterThan(6);
    for (const texts of datagrams) {
      const isSlice = (Number(`0x${texts[3]}`) & 0x10) !== 0;
      // The page leaves out what a slice carries.
      const bytes = Uint8Array.from([...texts.map((t) => Number(`0x${t}`)), ...zeros(isSlice)]);
      const { header } = protocol;
      const read = new DatagramHeader(0);
      const frame = new FrameHeader();
      const r = Reader.of(bytes);
      const w = new Writer(new Uint8Array(1200));
      expect(header.readClear(read, frame, r), texts.join(" ")).toBe(Violation.none);
      expect(header.readSealed(read, r), texts.join(" ")).toBe(Violation.none);
      header.writeClear(read, frame.channel < 0 ? undefined : frame, w);
      header.writeSealed(read, w);
      let previous: FrameHeader | undefined;
      for (let first = true; read.frames && (first || frame.more); first = false) {
        expect(header.readFrame(frame, first, r), texts.join(" ")).toBe(Violation.none);
        header.writeFrame(frame, previous, w);
        w.raw(bytes.subarray(frame.payloadStart, frame.payloadStart + frame.payloadBytes));
        previous = Object.assign(new FrameHeader(), frame);
      }
      expect(hex(w.bytes.subarray(0, w.at))).toBe(hex(bytes));
    }
  });

  const zeros = (isSlice: boolean): number[] => (isSlice ? new Array<number>(732).fill(0) : []);

  test("has the bytes of the messages it names", () => {
    const text = documents.get("docs/wire.md")!;
    const event = { sequence: 1, kind: "death", subject: 9, amount: -5 } as const;
    for (const bytes of [
      encode.ready({ mapChecksum: 0xdeadbeef }),
      encode.chat({ from: 7, text: "hi" }),
      encode.event(event),
      encode.event({ ...event, object: 300 }),
    ]) {
      expect(text).toContain(`\`${hex(bytes)}\``);
    }
    const at = { x: -512, y: 512 };
    const entity = { id: 7, kind: "player", at, heading: 0, health: 100, weapon: "bow" } as const;
    const snapshot = encode.snapshot({ tick: 1, lastInput: 2, entities: [entity] });
    expect(blocks.map((block) => block.join(" "))).toContain(hex(snapshot));
  });
});

describe("links", () => {
  const links = [...documents].flatMap(([path, text]) =>
    [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => [path, match[1]!] as const),
  );
  const relatives = links.filter(([, target]) => !/^[a-z]+:/.test(target));

  test("that stay in the repository lead somewhere", () => {
    expect(relatives.length).toBeGreaterThan(20);
    const broken = relatives.filter(([path, target]) => {
      const [file, fragment] = target.split("#") as [string, string | undefined];
      const to = file === "" ? path : relative(root, join(root, dirname(path), file));
      if (!existsSync(join(root, to))) return true;
      if (fragment === undefined || !to.endsWith(".md")) return false;
      return !headings(read(to)).map(anchor).includes(fragment);
    });
    expect(broken).toEqual([]);
  });
});

describe("commands", () => {
  const scripts = Object.keys(
    (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts,
  );

  test("of npm that a document names are there", () => {
    const named = [...documents].flatMap(([path, text]) => [
      ...[...text.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].map((m) => [path, m[1]!]),
      ...[...text.matchAll(/\bnpm (start|test)\b/g)].map((m) => [path, m[1]!]),
    ]);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(([, script]) => !scripts.includes(script!))).toEqual([]);
  });
});

describe("specs in the documents", () => {
  const specs = [...documents].flatMap(([path, text]) =>
    [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)]
      .map((match) => match[1]!)
      .filter((block) => /^stardust: 1$/m.test(block))
      .map((block, i) => [`${path} #${i + 1}`, block] as const),
  );

  test.each(specs)("%s is legal", (_, spec) => {
    const loaded = loadSpec(spec, "protocol.yaml");
    resolveSpec(loaded);
    expect(loaded.diagnostics.sorted()).toEqual([]);
  });
});
