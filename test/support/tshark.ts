/**
 * Runs tshark over a capture with a generated dissector and reads what it says (PDML: every field with its place and its
 * value). Where there is no tshark the tests say so and are skipped; in CI they fail, because CI installs it.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const version = spawnSync("tshark", ["--version"], { encoding: "utf8" });
export const hasTshark: boolean = version.status === 0;

/** For `describe.skipIf`: never skips in CI. */
export const skipWithoutTshark: boolean = !hasTshark && process.env["CI"] === undefined;
if (skipWithoutTshark) console.warn("tshark is not installed: the dissector's tests are skipped");

export interface Field {
  readonly name: string;
  /** As a person reads it. */
  readonly showname: string;
  /** The value. */
  readonly show: string;
  /** The first byte, from the beginning of the UDP payload; -1 for what is not in the bytes. */
  readonly at: number;
  readonly size: number;
  readonly fields: readonly Field[];
}

export interface Packet {
  /** All protocols above UDP, in order. */
  readonly protocols: readonly Field[];
}

export interface Dissected {
  readonly packets: readonly Packet[];
  readonly stderr: string;
}

const HEADERS = 28;

export interface TsharkOptions {
  readonly preferences?: Readonly<Record<string, string>>;
}

export function dissect(
  lua: string | readonly string[],
  pcap: Uint8Array,
  options: TsharkOptions = {},
): Dissected {
  const { stdout, stderr } = run(lua, pcap, ["-T", "pdml"], options);
  const packets = stdout.split("<packet>").slice(1);
  return { packets: packets.map((text) => ({ protocols: readPdml(text) })), stderr };
}

export function run(
  lua: string | readonly string[],
  pcap: Uint8Array,
  args: readonly string[],
  { preferences = {} }: TsharkOptions = {},
): { stdout: string; stderr: string; status: number | null } {
  mkdirSync(resolve("test/tmp"), { recursive: true });
  const folder = mkdtempSync(resolve("test/tmp/tshark-"));
  try {
    const file = join(folder, "capture.pcap");
    const scripts = [lua].flat().flatMap((text, i) => {
      const script = join(folder, `dissector-${i}.lua`);
      writeFileSync(script, text);
      return ["-X", `lua_script:${script}`];
    });
    writeFileSync(file, pcap);
    const prefs = Object.entries(preferences).flatMap(([name, value]) => [
      "-o",
      `${name}:${value}`,
    ]);
    const all = ["-r", file, ...scripts, ...prefs, ...args];
    return spawnSync("tshark", all, { encoding: "utf8", maxBuffer: 1 << 30 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Open = { -readonly [K in keyof Field]: Field[K] } & { fields: Field[] };

/** The protocols of one packet; PDML is XML of which a few lines suffice. */
function readPdml(text: string): Field[] {
  const root: Open = { name: "", showname: "", show: "", at: -1, size: 0, fields: [] };
  const stack = [root];
  for (const [, close, attributes, empty] of text.matchAll(
    /<(\/?)(?:proto|field)((?:\s+[\w:]+="[^"]*")*)\s*(\/?)>/g,
  )) {
    if (close === "/") {
      stack.pop();
      continue;
    }
    const values = new Map<string, string>();
    for (const [, name, value] of attributes!.matchAll(/([\w:]+)="([^"]*)"/g)) {
      values.set(name!, unescapeXml(value!));
    }
    const get = (name: string): string => values.get(name) ?? "";
    const size = Number(get("size"));
    const at = get("pos") === "" || size === 0 ? -1 : Number(get("pos")) - HEADERS;
    const field: Open = {
      name: get("name"),
      showname: get("showname"),
      show: get("show"),
      at,
      size,
      fields: [],
    };
    stack.at(-1)!.fields.push(field);
    if (empty !== "/") stack.push(field);
  }
  const udp = root.fields.findIndex(({ name }) => name === "udp");
  return root.fields.slice(udp + 1);
}

function unescapeXml(text: string): string {
  return text
    .replace(/&#x([0-9a-f]+);/gi, (_, hex: string) =>
      String.fromCodePoint(Number.parseInt(hex, 16)),
    )
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
