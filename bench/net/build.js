/** The spec of the network benchmarks, generated plain and sealed, and ENet's program compiled; both into bench/tmp/. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "../codec/build.js";

const tmp = new URL("../tmp/", import.meta.url);

/** Generated code, by the name that `net/stardust.js` asks for. */
export async function buildProtocols() {
  mkdirSync(tmp, { recursive: true });
  const plain = readFileSync(new URL("protocol.yaml", import.meta.url), "utf8");
  for (const security of ["plain", "sealed"]) {
    const spec = new URL(`net-${security}.yaml`, tmp);
    writeFileSync(spec, plain.replace("security: plain", `security: ${security}`));
    await build(spec, `net-${security}`);
  }
}

/** The path of ENet's program, or undefined where there is no compiler or no libenet-dev. */
export function buildEnet() {
  const program = fileURLToPath(new URL("enet", tmp));
  const source = fileURLToPath(new URL("enet.c", import.meta.url));
  mkdirSync(tmp, { recursive: true });
  const { status, stderr } = spawnSync("cc", ["-O2", "-o", program, source, "-lenet", "-lm"], {
    encoding: "utf8",
  });
  if (status === 0 && existsSync(program)) return program;
  if (/enet\/enet\.h/.test(stderr ?? "") || status === null) return undefined;
  throw new Error(stderr);
}
