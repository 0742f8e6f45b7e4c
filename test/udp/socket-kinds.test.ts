/** Which sockets a process takes: the option `sockets`, the environment's STARDUST_SOCKETS, and what is said where there are no native ones. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nativeSockets } from "stardust-udp/native";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openSocket } from "#src/udp/open-socket.js";
import { root, temporaryFolder } from "../cli/run.ts";
import { until } from "../support/arena.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";
import { skipWithoutNative } from "../support/native-sockets.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0, warn: false };

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the sockets that nobody asks for", () => {
  it("are those of node:dgram", async () => {
    vi.stubEnv("STARDUST_SOCKETS", undefined);
    const socket = await openSocket(LOOPBACK);
    expect(socket.constructor.name).toBe("NodeSocket");
    await socket.close();
  });

  it("are what STARDUST_SOCKETS says, and another word is refused", async () => {
    vi.stubEnv("STARDUST_SOCKETS", "fast");
    const message =
      'the environment\'s STARDUST_SOCKETS must be "node", "native" or "auto", not "fast"';
    const refused = { code: "STARDUST_INVALID_OPTION", message };
    await expect(openSocket(LOOPBACK)).rejects.toMatchObject(refused);
    await expect(narrowServer()).rejects.toMatchObject(refused);
    // Who asks for some is not concerned.
    await (await openSocket({ ...LOOPBACK, kind: "node" })).close();
    vi.stubEnv("STARDUST_SOCKETS", "auto");
    const socket = await openSocket(LOOPBACK);
    expect(socket.constructor.name).toBe(nativeSockets().available ? "NativeSocket" : "NodeSocket");
    await socket.close();
  });
});

// Native sockets are there only where a C compiler is.
describe.skipIf(skipWithoutNative)("native sockets", () => {
  it("are there", () => {
    expect(nativeSockets()).toEqual({ available: true });
  });

  it.each(["native", "auto"] as const)("carry messages both ways: %s", async (sockets) => {
    const server = await narrowServer({ sockets });
    server.receive.line((from, { n, text }) => from.send.line({ n: n + 1, text }));
    const client = await narrowClient(server, { sockets });
    const answers: number[] = [];
    client.receive.line(({ n }) => answers.push(n));
    client.send.line({ n: 1, text: "" });
    await until(() => answers.length > 0);
    expect(answers).toEqual([2]);
  });
});

describe("where native sockets were not built", () => {
  it("asking for them is an error that says so, and everything else goes on", () => {
    const folder = temporaryFolder("no-native");
    cpSync(join(root, "dist/src"), join(folder, "dist/src"), { recursive: true });
    mkdirSync(join(folder, "native/build"), { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const program = `
      import { nativeSockets } from "./dist/src/native.js";
      import { openSocket } from "./dist/src/udp/open-socket.js";
      console.log(JSON.stringify(nativeSockets()));
      const options = { host: "127.0.0.1", port: 0, warn: false };
      await openSocket({ ...options, kind: "native" }).catch(({ code, message }) => console.log(code, message));
      const socket = await openSocket({ ...options, kind: "auto" });
      console.log(socket.constructor.name);
      await socket.close();
    `;
    writeFileSync(join(folder, "program.js"), program);
    const run = () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, ["program.js"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      return stdout.split("\n");
    };
    const [what, error, kind] = run();
    expect(JSON.parse(what!)).toEqual({
      available: false,
      problem: expect.stringMatching(
        /^(they were not built when the package was installed|they are for Linux, and this is \w+)$/,
      ),
    });
    expect(error).toMatch(/^STARDUST_UNSUPPORTED there are no native sockets here: they .+;/);
    expect(kind).toBe("NodeSocket");
    // One of another machine is there and cannot be loaded.
    writeFileSync(join(folder, "native/build/socket.node"), "nothing that a linker knows");
    const [other, , still] = run();
    expect(JSON.parse(other!)).toMatchObject({
      available: false,
      problem: expect.stringMatching(/./),
    });
    expect(still).toBe("NodeSocket");
  });
});

describe("building native sockets", () => {
  const folder = temporaryFolder("native-build");
  for (const name of ["build.js", "socket.c", "seal.c", "arguments.h"])
    cpSync(join(root, "native", name), join(folder, name));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const made = join(folder, "build/socket.node");
  const build = (CC: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["build.js", ...args], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, CC },
    });
    return { status, stdout, stderr };
  };
  const silent = { status: 0, stdout: "", stderr: "" };

  it("says nothing where it cannot be, unless it is asked", () => {
    expect(build("/no/such/compiler")).toEqual(silent);
    const said = build("/no/such/compiler", "--verbose");
    expect(said).toMatchObject({ status: 1, stdout: "" });
    expect(said.stderr).toMatch(
      /^not built: (there is no C compiler|they are for Linux|Node's headers)/,
    );
    expect(existsSync(made)).toBe(false);
  });

  // Only where a C compiler is.
  it.skipIf(skipWithoutNative)("leaves what was built where a later one fails", () => {
    expect(build("")).toEqual(silent);
    const before = readFileSync(made);
    expect(build("cc -DUNUSED", "--verbose")).toEqual({
      ...silent,
      stderr: "built native/build/socket.node\n",
    });
    writeFileSync(join(folder, "socket.c"), "#error planned\n");
    expect(build("cc")).toEqual(silent);
    const said = build("cc", "--verbose");
    expect(said.status).toBe(1);
    expect(said.stderr).toContain("#error planned");
    expect(readFileSync(made).equals(before)).toBe(true);
    expect(readdirSync(join(folder, "build"))).toEqual(["socket.node"]);
  });
});
