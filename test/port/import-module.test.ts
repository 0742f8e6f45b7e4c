/**
 * Modules that workers import by URL: generated TypeScript, the user's systems, wrapped sockets; on a Node that strips
 * types, on one that does not, and with tsx in between. What goes wrong is one clear error that says what to do.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ServerFace, ServerFaceTypes, ServerProtocol } from "stardust-udp";
import { type ListenOptions, listen, type Server } from "stardust-udp/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closing } from "../support/arena.ts";
import { specSource, specUrl } from "../support/specs.ts";

type ProtocolModule = typeof import("../tmp/specs/robot/generated/server-protocol.ts");
type ClientModule = typeof import("../tmp/specs/robot/generated/client.ts");
const { protocol } = (await import(
  specUrl("robot", "generated/server-protocol.js").href
)) as ProtocolModule;
const { connect } = (await import(specUrl("robot", "generated/client.js").href)) as ClientModule;

/** Whether this Node runs TypeScript by itself, in workers too: 22.18 and later. */
const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript);

/** What the application's thread does with messages is not looked at here. */
const face: ServerFace<ServerFaceTypes> = {
  send: () => ({}),
  receive: () => ({}),
  messages: () => ({}),
  broadcast: () => ({}),
  header: () => ({}),
} as unknown as ServerFace<ServerFaceTypes>;

function open(
  changes: Partial<ServerProtocol>,
  options: Partial<ListenOptions> = {},
): Promise<Server<ServerFaceTypes>> {
  return listen({ ...protocol, ...changes }, face, { ports: { count: 2 }, ...options });
}

// Outside the repository, where no tsx is to be found.
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stardust-import-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return pathToFileURL(path).href;
}

describe("a TypeScript module in a worker", () => {
  // Where Node strips types there is nothing to refuse.
  it.skipIf(stripsTypes).each(["protocol.ts", "protocol.mts"])(
    "is one clear error that names the ways out, on a Node that cannot load it: %s",
    async (name) => {
      const url = file(name, "export const protocol: object = {};\n");
      await expect(open({ url })).rejects.toMatchObject({
        code: "STARDUST_WORKER_IMPORT",
        message: expect.stringMatching(
          /protocol\.m?ts: Unknown file .* Compile it with tsc .* Node 22\.18 or later .* install tsx beside it\.$/s,
        ),
      });
      await expect(open({}, { systems: url })).rejects.toMatchObject({
        code: "STARDUST_WORKER_IMPORT",
        message: expect.stringContaining("install tsx beside it"),
      });
    },
  );

  it("is loaded by Node itself, or by the tsx of its own project: protocol and systems", async () => {
    const url = specSource("robot", "generated/server-protocol.ts").href;
    const systems = specSource("robot", "systems.ts");
    const server = closing(await open({ url }, { systems }));
    const client = closing(await connect({ port: server.ports[0]! }));
    const answer = new Promise((resolve) => client.receive.report(resolve));
    client.header.tick = 7;
    client.send.report({ code: 1 });
    expect(await answer).toEqual({ code: 2, text: "tick 7" });
  });

  it("runs from source with plain node, workers and all", ({ skip }) => {
    skip(!stripsTypes, `Node ${process.versions.node} runs no TypeScript by itself; 22.18 does`);
    expect(run()).toEqual({ status: 0, stdout: "answered 42\n", stderr: "" });
  });

  it("runs from source with tsx, workers and all", () => {
    expect(run("--import", "tsx")).toEqual({ status: 0, stdout: "answered 42\n", stderr: "" });
  });

  function run(...flags: string[]): { status: number | null; stdout: string; stderr: string } {
    const program = fileURLToPath(specSource("robot", "program.ts"));
    // The experimental warning of some versions of type stripping is not what is looked at.
    const args = ["--disable-warning=ExperimentalWarning", ...flags, program];
    const env = { ...process.env, NODE_OPTIONS: "" };
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: fileURLToPath(specSource("robot", ".")),
      env,
      encoding: "utf8",
      timeout: 25_000,
    });
    return { status, stdout, stderr };
  }
});

describe("a module that a worker cannot use", () => {
  it("is named, with its own error and no advice on types where it threw itself", async () => {
    const url = file("throws.mjs", 'throw new Error("planted");\n');
    await expect(open({ url })).rejects.toMatchObject({
      code: "STARDUST_WORKER_IMPORT",
      message: `a worker thread cannot import ${url}: planted`,
    });
  });

  it("is named where it is not there, with what may have moved it", async () => {
    const url = pathToFileURL(join(folder, "nowhere.mjs")).href;
    await expect(open({ url })).rejects.toMatchObject({
      code: "STARDUST_WORKER_IMPORT",
      message: expect.stringMatching(/nowhere\.mjs.*bundler/s),
    });
  });

  it("is named where it exports something else", async () => {
    const other = file("other.mjs", "export default 1;\n");
    const code = "STARDUST_WORKER_IMPORT";
    const message = expect.stringContaining(other);
    await expect(open({ url: other })).rejects.toMatchObject({ code, message });
    await expect(open({}, { systems: other })).rejects.toMatchObject({ code, message });
    await expect(open({}, { wrapSocket: other })).rejects.toMatchObject({ code, message });
  });

  it("is a wrong option where it is a path and not a URL, with the way to make one", async () => {
    for (const option of ["systems", "wrapSocket"]) {
      await expect(open({}, { [option]: "./systems.js" })).rejects.toMatchObject({
        code: "STARDUST_INVALID_OPTION",
        message: `${option}: must be a URL, such as new URL(…, import.meta.url) makes, not "./systems.js"`,
      });
    }
  });
});
