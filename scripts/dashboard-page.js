/**
 * Makes the dashboard's page: bundles `dashboard/` with the chart library into files beside the server that serves them
 * (`dist/src/dashboard/assets/`), with the library's licence at the top. Types are checked by `npm run types`.
 */
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "dashboard");
const out = join(root, "dist", "src", "dashboard", "assets");
const library = dirname(createRequire(import.meta.url).resolve("uplot/package.json"));
const { version } = JSON.parse(readFileSync(join(library, "package.json"), "utf8"));
const licence = readFileSync(join(library, "LICENSE"), "utf8").trim();
const banner = `/*!\nContains uPlot ${version}, https://github.com/leeoniya/uPlot\n\n${licence}\n*/`;

await build({
  entryPoints: [join(page, "main.ts"), join(page, "page.css")],
  entryNames: "page",
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  banner: { js: banner, css: banner },
  logLevel: "warning",
});
mkdirSync(out, { recursive: true });
for (const name of ["index.html", "login.html", "icon.svg"])
  copyFileSync(join(page, name), join(out, name));
