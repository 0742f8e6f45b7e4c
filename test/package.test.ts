/**
 * The package as npm would publish it: what is in it, that its entry points are there, and that it runs where the
 * optional packages (what only the command line needs) are not installed. On what was built; nothing is packed to disk.
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
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectFiles } from "#cli/init-files.js";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { types: string; default: string }>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly sideEffects: readonly string[];
}
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;

/** Paths in the package, by npm itself. */
function packed(): string[] {
  // npm tells its scripts where it is; without it (vitest run by hand) the one on the path will do.
  const path = process.env["npm_execpath"];
  const [command, first] = path === undefined ? ["npm", []] : [process.execPath, [path]];
  const args = [...first, "pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout, stderr, status } = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    shell: path === undefined && process.platform === "win32",
  });
  expect(status, stderr).toBe(0);
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map((file) => file.path).sort();
}

/** Files below a folder of the repository, with `/`. */
function filesOf(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length).replaceAll("\\", "/"));
}

const targets = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === "string" ? [[name, target]] : Object.values(target).map((path) => [name, path]),
) as [name: string, path: string][];

let paths: string[];
beforeAll(() => {
  paths = packed();
});

describe("the package", () => {
  it("holds what was made of each source of the runtime, the generator and the command line", () => {
    const wanted = ["src", "codegen", "cli"].flatMap((folder) =>
      filesOf(folder, /\.ts$/).flatMap((file) => {
        const name = `dist/${file.slice(0, -".ts".length)}`;
        return [`${name}.js`, `${name}.d.ts`];
      }),
    );
    const assets = filesOf("codegen", /\.(yaml|json|lua)$/).map((file) => `dist/${file}`);
    expect(assets.length).toBeGreaterThan(2);
    expect(paths).toEqual(expect.arrayContaining([...wanted, ...assets]));
  });

  it("holds nothing else: no example game, no test, no source, no source map, no lock file", () => {
    const allowed =
      /^(package\.json|README\.md|CHANGELOG\.md|native\/(build\.js|(socket|seal)\.c|arguments\.h)|LICENSE-(MIT|APACHE)|dist\/(src|codegen|cli)\/.+\.(js|d\.ts)|dist\/codegen\/(spec|model|emit\/dissector)\/[\w.-]+\.(yaml|json|lua)|dist\/src\/dashboard\/assets\/(page\.(js|css)|(index|login)\.html|icon\.svg))$/;
    expect(paths.filter((path) => !allowed.test(path))).toEqual([]);
  });

  it("holds the dashboard's page, with the licence of the library that is bundled into it", () => {
    const assets = ["icon.svg", "index.html", "login.html", "page.css", "page.js"];
    const folder = "dist/src/dashboard/assets";
    expect(paths).toEqual(expect.arrayContaining(assets.map((name) => `${folder}/${name}`)));
    const licence = readFileSync(join(root, "node_modules/uplot/LICENSE"), "utf8").trim();
    for (const name of ["page.css", "page.js"])
      expect(readFileSync(join(root, folder, name), "utf8")).toContain(licence);
  });

  it("holds its licences, README and CHANGELOG", () => {
    const texts = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"];
    expect(paths).toEqual(expect.arrayContaining(texts));
  });

  it.each(targets)("has the entry point %s: %s", (_name, target) => {
    const path = target.slice("./".length);
    expect(existsSync(join(root, path))).toBe(true);
    expect(paths).toContain(path);
  });

  it("has every path that a new project, the examples and the documents name inside it", () => {
    const texts = [
      ...Object.values(projectFiles({ name: "game", dependency: "*" })),
      ...["README.md", ...filesOf("docs", /\.md$/), "examples/pong/protocol.yaml"].map((path) =>
        readFileSync(join(root, path), "utf8"),
      ),
    ];
    const named = texts.flatMap((text) =>
      [...text.matchAll(/node_modules\/stardust-udp\/([\w./-]*\w)/g)].map((match) => match[1]!),
    );
    expect(named.length).toBeGreaterThan(1);
    expect(named.filter((path) => !paths.includes(path))).toEqual([]);
  });

  it("tells bundlers which modules are imported for what they do", () => {
    const found = filesOf("src", /\.ts$/).flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").matchAll(/^import "(.+)\.ts";$/gm)].map(
        (match) => `./dist/${posix.join(posix.dirname(file), match[1]!)}.js`,
      ),
    );
    expect(found.length).toBeGreaterThan(0);
    expect([...new Set(found)].sort()).toEqual(manifest.sideEffects);
  });

  it("has a command that can be run", () => {
    for (const target of Object.values(manifest.bin)) {
      const path = join(root, target);
      expect(readFileSync(path, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
      if (process.platform !== "win32") expect(statSync(path).mode & 0o111).toBe(0o111);
    }
  });
});

describe("without the optional packages", () => {
  let project: string;
  let installed: string;

  beforeAll(() => {
    // Outside the repository, so that nothing is found above it.
    project = mkdtempSync(join(tmpdir(), "stardust-package-"));
    installed = join(project, "node_modules", "stardust-udp");
    for (const path of paths) {
      mkdirSync(dirname(join(installed, path)), { recursive: true });
      cpSync(join(root, path), join(installed, path));
    }
    writeFileSync(join(project, "package.json"), '{ "type": "module" }\n');
    cpSync(join(root, "protocol.yaml"), join(project, "protocol.yaml"));
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  function node(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: project,
      encoding: "utf8",
      timeout: 25_000,
      // Native sockets are built by npm, which did not install this.
      env: { ...process.env, STARDUST_SOCKETS: "node" },
    });
    return { status, stdout, stderr };
  }

  it("depends on nothing", () => {
    expect(manifest.dependencies ?? {}).toEqual({});
  });

  it("every entry point can be imported", () => {
    const names = Object.keys(manifest.exports).filter((name) => !name.endsWith(".json"));
    const imports = names.map((name) => `await import("stardust-udp${name.slice(1)}");`);
    expect(node("--input-type=module", "--eval", imports.join("\n"))).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });

  it.each(["client", "server"])("long text is read by Node's own reader behind %s", (entry) => {
    const program = `
      const { utf8Slice } = Buffer.prototype;
      let calls = 0;
      Buffer.prototype.utf8Slice = function (...all) {
        calls++;
        return utf8Slice.apply(this, all);
      };
      await import("stardust-udp/${entry}");
      const { utf8Read } = await import("stardust-udp/wire");
      calls = 0;
      utf8Read(new Uint8Array(100).fill(0x61), 0, 100);
      console.log(calls);
    `;
    const ran = node("--input-type=module", "--eval", program);
    expect(ran).toEqual({ status: 0, stdout: "1\n", stderr: "" });
  });

  it("a game runs: generated code, a server with its workers, a client", () => {
    cpSync(join(root, "dist", "generated"), join(project, "generated"), { recursive: true });
    const program = `
      import { connect } from "./generated/client.js";
      import { listen } from "./generated/server.js";
      const authenticate = () => ({ accept: true, body: { motd: "hi" } });
      const server = await listen({ ports: { count: 2 }, authenticate });
      const client = await connect({ port: server.ports[0], join: { name: "ada" } });
      console.log(client.accept.motd);
      await client.close();
      await server.close();
    `;
    writeFileSync(join(project, "game.js"), program);
    expect(node("game.js")).toEqual({ status: 0, stdout: "hi\n", stderr: "" });
  });

  it("generate exits 2 and names the package to install, each that is missing", () => {
    const main = join(installed, "dist", "cli", "main.js");
    const folders = join(project, "node_modules");
    const missing: string[] = [];
    for (let round = 0; round <= Object.keys(manifest.optionalDependencies).length; round++) {
      const { status, stderr } = node(main, "generate");
      if (status === 0) break;
      expect(status).toBe(2);
      const name = /^stardust: this needs the package ([\w-]+): npm install/.exec(stderr)?.[1];
      expect(stderr).toContain(`npm install --save-dev ${name}`);
      missing.push(name!);
      symlinkSync(join(root, "node_modules", name!), join(folders, name!), "junction");
    }
    expect(missing.sort()).toEqual(["ajv", "yaml"]);
    // ts-morph is only for what needs a compiler, which says so likewise.
    for (const args of [
      ["generate", "--target", "js"],
      ["usages", "chat"],
      ["rename", "chat", "say"],
      ["lint", "--usage"],
    ]) {
      const { status, stderr } = node(main, ...args);
      expect([args, status]).toEqual([args, 2]);
      expect(stderr).toContain("npm install --save-dev ts-morph");
    }
    expect(existsSync(join(project, "generated", "protocol.ts"))).toBe(true);
  });
});
