import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root, stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("init");
const project = join(folder, "my game");

/** What `npm install` would put there, without a network. */
function install(): void {
  const modules = join(project, "node_modules");
  mkdirSync(join(modules, "@types"), { recursive: true });
  symlinkSync(root, join(modules, "stardust-udp"));
  for (const name of ["typescript", "@types/node", "undici-types"]) {
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
}

// The project's own ports are fixed, and others may be running theirs.
const port = 20_000 + 2 * Math.floor(Math.random() * 5_000);
const env = { ...process.env, PORT: String(port), PORTS: `${port}-${port + 1}` };

function node(args: string[], more = {}): { code: number | null; output: string } {
  const done = spawnSync(process.execPath, args, {
    cwd: project,
    env: { ...env, ...more },
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: done.status, output: done.stdout + done.stderr };
}

/** Resolves when the process has printed the text. */
function printed(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let all = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      all += chunk.toString();
      if (all.includes(text)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`ended with ${code} after: ${all}`)));
  });
}

async function startsAndTalks(server: string, client: string, more = {}): Promise<void> {
  const child = spawn(process.execPath, [server], {
    cwd: project,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = new Promise((resolve) => child.once("exit", resolve));
  try {
    await printed(child, `listening on ${port}, ${port + 1}`);
    expect(node([client, "ada", "hi"], more)).toEqual({ code: 0, output: "ada: hi\n" });
  } finally {
    child.kill("SIGINT");
  }
  expect(await exit).toBe(0);
}

describe("stardust init", () => {
  it("makes a project that generates, lints, builds, tests and starts", async () => {
    const { code, out } = stardust(folder, "init", "my game");
    expect(code).toBe(0);
    expect(out).toContain("npm install\n  npm test\n  npm start\n");
    const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
    expect(manifest).toMatchObject({
      name: "my-game",
      dependencies: { "stardust-udp": "file:../../../.." },
    });
    install();
    expect(stardust(project, "generate")).toMatchObject({ code: 0, err: "" });
    expect(stardust(project, "lint", "--strict")).toMatchObject({ code: 0, err: "" });
    expect(stardust(project, "format", "--check")).toMatchObject({ code: 0, err: "" });
    expect(manifest.scripts.breaking).toBe("stardust breaking");
    expect(stardust(project, "breaking", "--record")).toMatchObject({ code: 0, err: "" });
    expect(existsSync(join(project, "protocol.versions.json"))).toBe(true);
    expect(stardust(project, "breaking")).toMatchObject({ code: 0, err: "" });
    expect(node(["node_modules/typescript/bin/tsc"])).toEqual({ code: 0, output: "" });
    expect(node(["--test", "dist/test/chat.test.js"])).toMatchObject({ code: 0 });
    await startsAndTalks("dist/src/server.js", "dist/src/client.js");
    // With a key of its own; and where Node strips types by itself, the sources run as they are.
    expect(stardust(project, "keygen", "server.key")).toMatchObject({ code: 0, err: "" });
    const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript);
    const [server, client] = stripsTypes
      ? ["src/server.ts", "src/client.ts"]
      : ["dist/src/server.js", "dist/src/client.js"];
    const serverKey = readFileSync(join(project, "server.key.pub"), "utf8");
    await startsAndTalks(server!, client!, { SERVER_KEY: serverKey });
  }, 120_000);

  it("refuses a folder with files in it, and overwrites nothing even by force", () => {
    const busy = join(folder, "busy");
    mkdirSync(busy);
    writeFileSync(join(busy, "README.md"), "mine\n");
    const refused = stardust(folder, "init", "busy");
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("busy is not empty (README.md)");
    const forced = stardust(folder, "init", "busy", "--force");
    expect(forced.code).toBe(0);
    expect(forced.err).toContain("README.md is there already");
    expect(readFileSync(join(busy, "README.md"), "utf8")).toBe("mine\n");
    expect(readFileSync(join(busy, "protocol.yaml"), "utf8")).toContain("name: busy");
  });
});
