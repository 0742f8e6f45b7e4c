/**
 * `npm run pictures`: makes docs/pictures/ of the dashboard and of `stardust top` anew, from the arena as it runs, with one bot on a bad link. It
 * needs Chromium, and looks for it under the names that systems give it. Whoever changes what is seen runs it, and looks at what has come of it.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = `${root}docs/pictures/`;
/** Until the curves have something to show. */
const PLAY_MS = 45_000;
const TRACE_MS = 12_000;

const names = ["chromium", "chromium-browser", "google-chrome"];
const executablePath = names
  .map((name) => spawnSync("which", [name], { encoding: "utf8" }).stdout.trim())
  .find((path) => path !== "");
if (executablePath === undefined) {
  console.error(`This needs a Chromium: none of ${names.join(", ")} is there.`);
  process.exit(2);
}

const options = ["--loss", "0.1", "--lossy-bots", "1", "--dashboard", "0"];
const arena = spawn(process.execPath, ["dist/demo/main.js", ...options], {
  cwd: root,
  stdio: ["ignore", "pipe", "inherit"],
});
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const url = await addressOf(arena.stdout);
  mkdirSync(folder, { recursive: true });
  const light = await open(url, { width: 1280, height: 1000 });
  const dark = await open(url, { width: 1280, height: 1000 }, "dark");
  const phone = await open(url, { width: 375, height: 812 });
  await light.waitForTimeout(PLAY_MS);
  const [, peer] = /Peer (\d+)/.exec(await light.locator("#findings").innerText()) ?? [];
  if (peer === undefined) throw new Error("nobody suffers: there is nothing to show");
  await light.screenshot({ path: `${folder}dashboard.png` });
  await dark.screenshot({ path: `${folder}dashboard-dark.png` });
  await phone.screenshot({ path: `${folder}dashboard-phone.png` });
  await light.locator("#scene-card").screenshot({ path: `${folder}dashboard-arena.png` });
  await light.goto(`${url}#/peer/${peer}`);
  await light.locator("#trace-toggle").click();
  await light.waitForTimeout(TRACE_MS);
  await light.screenshot({ path: `${folder}dashboard-peer.png` });
  await terminal(`${folder}top.png`, ["top", url, "--once", "--peers", "6"]);
} finally {
  await browser.close();
  arena.kill("SIGTERM");
}

async function addressOf(stream) {
  for await (const line of createInterface(stream)) {
    const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)?.[0];
    if (url === undefined) continue;
    // Nobody reads the rest.
    stream.resume();
    return url;
  }
  throw new Error("the arena has ended");
}

async function open(url, viewport, colorScheme = "light") {
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

/** What a command prints, as a terminal would show it. */
async function terminal(path, args) {
  const { stdout } = spawnSync(process.execPath, ["dist/cli/main.js", ...args], {
    cwd: root,
    encoding: "utf8",
  });
  const page = await open("about:blank", { width: 1000, height: 200 });
  await page.evaluate(
    ([command, text]) => {
      const body = document.body;
      body.style.cssText = "margin:0;background:#12161c;display:inline-block";
      const pre = document.createElement("pre");
      pre.style.cssText =
        "margin:0;padding:16px;color:#d7dee6;font:13px/1.35 'DejaVu Sans Mono',monospace";
      for (const line of [`$ npx stardust ${command}`, ...text.trimEnd().split("\n")]) {
        const row = document.createElement("span");
        row.textContent = `${line}\n`;
        if (line.startsWith("▲")) row.style.color = "#ff7e9d";
        if (line.startsWith("△")) row.style.color = "#f1b54a";
        pre.append(row);
      }
      body.append(pre);
    },
    [
      args
        .slice(0, 3)
        .join(" ")
        .replace(/:\d+\//, ":12340/"),
      stdout,
    ],
  );
  await page.locator("pre").screenshot({ path });
}
