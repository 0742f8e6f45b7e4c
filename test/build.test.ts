/** `npm run build`, and so `npm start`: what has not changed is not built again, and what is built is said. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, temporaryFolder } from "./cli/run.ts";

const folder = temporaryFolder("build");
const write = (path: string, text: string) => {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const build = (...args: string[]) => {
  const script = join(folder, "scripts/build.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: "utf8",
  });
  return { status, out: stdout, built: [...stderr.matchAll(/\((\w+)\)/g)].map(([, part]) => part) };
};

it("builds a part when a file of it has other content, and nothing else", () => {
  const config = (include: string[]) =>
    JSON.stringify({
      compilerOptions: { outDir: "dist", rootDir: ".", types: [], skipLibCheck: true },
      include,
    });
  mkdirSync(join(folder, "scripts"));
  cpSync(join(root, "scripts/build.js"), join(folder, "scripts/build.js"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  write("package.json", '{ "type": "module" }');
  write("tsconfig.lib.json", config(["src"]));
  write("tsconfig.arena.json", config(["demo"]));
  write("src/a.ts", "export const a: number = 1;\n");
  write("demo/b.ts", "export const b: number = 1;\n");
  write("codegen/copy-assets.js", 'console.log("assets");\n');
  write("scripts/dashboard-page.js", 'console.log("page");\n');
  write("native/build.js", 'console.log("native");\n');
  expect(build()).toEqual({
    status: 0,
    out: "assets\npage\nnative\n",
    built: ["lib", "arena", "native"],
  });
  expect(build()).toEqual({ status: 0, out: "", built: [] });
  write("demo/b.ts", "export const b: number = 2;\n");
  expect(build("lib").built).toEqual([]);
  expect(build().built).toEqual(["arena"]);
  expect(readFileSync(join(folder, "dist/demo/b.js"), "utf8")).toContain("b = 2");
  write("src/a.ts", "export const a: number = true;\n");
  expect(build().status).not.toBe(0);
  expect(build().built).toEqual(["lib"]);
  write("src/a.ts", "export const a: number = 1;\n");
  expect(build().built).toEqual(["lib"]);
  write("native/socket.c", "int other;\n");
  expect(build("lib").built).toEqual(["native"]);
  rmSync(join(folder, "dist"), { recursive: true });
  expect(build("lib").built).toEqual(["lib", "native"]);
}, 120_000);
