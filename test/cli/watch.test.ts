import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { smallest } from "../codegen/specs.ts";
import { main, stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("watch");
const spec = join(folder, "protocol.yaml");
const types = join(folder, "generated/types.ts");
const children: ChildProcess[] = [];

beforeEach(() => {
  rmSync(join(folder, "generated"), { recursive: true, force: true });
  writeFileSync(spec, smallest);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const has = (member: string) => smallest.replace("x: u8", `${member}: u8`);
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 });

async function watching(): Promise<{ child: ChildProcess; output: () => string }> {
  const child = spawn(process.execPath, [main, "generate", "--watch"], {
    cwd: folder,
    stdio: "pipe",
  });
  children.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  await eventually(() => expect(output).toContain("files written"));
  return { child, output: () => output };
}

describe("stardust generate --watch", () => {
  it("generates on every save, also by editors that rename a new file over the old one", async () => {
    const { output } = await watching();
    writeFileSync(spec, has("plain"));
    await eventually(() => expect(readFileSync(types, "utf8")).toContain("plain: number"));
    writeFileSync(`${spec}~`, has("renamed"));
    renameSync(`${spec}~`, spec);
    await eventually(() => expect(readFileSync(types, "utf8")).toContain("renamed: number"));
    expect(output()).not.toContain("\u001b");
  });

  it("keeps the last good output while the spec is broken or gone, and goes on when it is back", async () => {
    const { child, output } = await watching();
    const good = readFileSync(types, "utf8");
    writeFileSync(spec, smallest.replace("reliable", "relaible"));
    await eventually(() => expect(output()).toContain('did you mean "reliable"?'));
    await eventually(() => expect(output()).toContain("the last good output stays"));
    expect(readFileSync(types, "utf8")).toBe(good);
    rmSync(spec);
    await eventually(() => expect(output()).toContain("SD1001"));
    expect(readFileSync(types, "utf8")).toBe(good);
    writeFileSync(spec, has("again"));
    await eventually(() => expect(readFileSync(types, "utf8")).toContain("again: number"));
    expect(child.exitCode).toBeNull();
  });

  it("generates when a version is recorded, and outlives a record that is none", async () => {
    const { child, output } = await watching();
    const record = join(folder, "protocol.versions.json");
    const protocol = join(folder, "generated/protocol.ts");
    writeFileSync(record, "{");
    await eventually(() => expect(output()).toContain("is no record of versions: it is not JSON"));
    rmSync(record);
    expect(stardust(folder, "breaking", "--record").code).toBe(0);
    writeFileSync(spec, `${has("x")}  more: { id: 9, delivery: reliable, message: { y: u8 } }\n`);
    await eventually(() =>
      expect(readFileSync(protocol, "utf8")).toMatch(/version: 1, .*lacks: \[1\]/),
    );
    rmSync(record);
    await eventually(() => expect(readFileSync(protocol, "utf8")).toContain("versions: [],"));
    expect(child.exitCode).toBeNull();
  });

  it("takes a burst of saves as one", async () => {
    const { output } = await watching();
    const before = output().split("files written").length;
    for (let i = 0; i < 40; i++) writeFileSync(spec, has(`burst${i}`));
    await eventually(() => expect(readFileSync(types, "utf8")).toContain("burst39: number"));
    expect(output().split("files written").length - before).toBeLessThan(4);
  });

  it("ends with 0 on Ctrl-C", async () => {
    const { child } = await watching();
    const exit = new Promise((resolve) =>
      child.once("exit", (code, signal) => resolve([code, signal])),
    );
    child.kill("SIGINT");
    expect(await exit).toEqual([0, null]);
  });

  it("does not go with --check", () => {
    expect(stardust(folder, "generate", "--watch", "--check")).toMatchObject({ code: 2 });
  });
});

describe("stardust generate --target js", () => {
  it("writes JavaScript and declarations that import each other, and knows them again", async () => {
    const out = join(folder, "javascript");
    mkdirSync(out);
    const args = ["generate", "--target", "js", "--out", "javascript"];
    expect(stardust(folder, ...args)).toMatchObject({ code: 0, err: "" });
    expect(stardust(folder, ...args, "--check")).toMatchObject({ code: 0, err: "" });
    const files = readdirSync(out);
    expect(files).toContain("server.js");
    expect(files).toContain("server.d.ts");
    expect(files.some((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toBe(false);
    for (const file of files.filter((name) => /\.[jt]s$/.test(name))) {
      expect(readFileSync(join(out, file), "utf8")).not.toMatch(/from "\.\/[^"]*\.ts"/);
    }
    const { listen } = await import(join(out, "server.js"));
    const { connect } = await import(join(out, "client.js"));
    const server = await listen({ ports: { count: 1 } });
    const client = await connect({ port: server.ports[0] });
    const got = new Promise((resolve) =>
      server.receive.a((_: unknown, message: unknown) => resolve(message)),
    );
    client.send.a({ x: 7 });
    expect(await got).toEqual({ x: 7 });
    await client.close();
    await server.close();
    // Back to TypeScript: what is left over goes.
    expect(stardust(folder, "generate", "--out", "javascript").code).toBe(0);
    expect(existsSync(join(out, "server.js"))).toBe(false);
  });
});
