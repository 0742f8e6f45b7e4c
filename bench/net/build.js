/** The spec of the network benchmarks, generated plain and sealed, and ENet's program compiled; both into bench/tmp/. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "../codec/build.js";

const tmp = new URL("../tmp/", import.meta.url);

/** The spec without the room that streams of large messages are given: limits as a spec has them by itself. */
const asSet = (plain) =>
  plain
    .replace(/receiveBudgetBytes: \d+, creditBytes: \d+, /, "")
    .replace(
      /queueBytes: \d+, message: \{ data: \{ bytes: \{ maxBytes: \d+ /,
      "message: { data: { bytes: { maxBytes: 65536 ",
    );

/** Generated code, by the name that `net/stardust.js` asks for; `specs` are those with a number of channels. */
export async function buildProtocols(specs = []) {
  mkdirSync(tmp, { recursive: true });
  const plain = readFileSync(new URL("protocol.yaml", import.meta.url), "utf8");
  for (const security of ["plain", "sealed"]) {
    const spec = new URL(`net-${security}.yaml`, tmp);
    writeFileSync(spec, plain.replace("security: plain", `security: ${security}`));
    await build(spec, `net-${security}`);
  }
  const spec = new URL("net-as-set.yaml", tmp);
  writeFileSync(spec, asSet(plain));
  await build(spec, "net-as-set");
  const fillers = (count) =>
    Array.from(
      { length: count },
      (_, i) => `  filler${i}: { id: ${100 + i}, delivery: reliable-ordered, message: Words }\n`,
    );
  for (const channels of new Set(
    specs.map((name) => Number(/^net-channels-(\d+)$/.exec(name)[1])),
  )) {
    const spec = new URL(`net-channels-${channels}.yaml`, tmp);
    const [head, own] = plain.split(/^channels:\n/m);
    // Of one channel there is no more than the one that is measured.
    const kept = own
      .split("\n")
      .slice(0, channels === 1 ? 1 : undefined)
      .join("\n");
    const count = channels === 1 ? 0 : channels - own.trim().split("\n").length;
    writeFileSync(spec, `${head}channels:\n${kept}\n${fillers(count).join("")}`);
    await build(spec, `net-channels-${channels}`);
  }
}

/** The path of a C program of this folder, or undefined where there is no compiler or a library of it is missing. */
function compile(name, libraries) {
  const program = fileURLToPath(new URL(name, tmp));
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  mkdirSync(tmp, { recursive: true });
  const args = ["-O2", "-o", program, source, ...libraries];
  const { status, stderr } = spawnSync("cc", args, { encoding: "utf8" });
  if (status === 0) return program;
  if (status === null || /fatal error: .*No such file/.test(stderr)) return undefined;
  throw new Error(stderr);
}

export const buildEnet = () => compile("enet", ["-lenet"]);

/** The program that makes a bad link (link.c), where this machine lets it: it needs root, `ip` and TUN devices. */
export function buildLink() {
  const isAllowed = process.getuid?.() === 0 && existsSync("/dev/net/tun");
  if (!isAllowed || spawnSync("ip", ["netns"]).status !== 0) return undefined;
  return compile("link", []);
}
