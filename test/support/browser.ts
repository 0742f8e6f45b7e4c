/**
 * A headless Chromium of the system for tests of the dashboard's page, by playwright-core (which brings no browser along). A page that is opened
 * here is watched: what it writes to the console, throws, or asks of anybody but its dashboard fails the test. Where there is no
 * Chromium the tests say so and are skipped; in CI they fail, because CI installs it.
 */
import { spawnSync } from "node:child_process";
import { type Browser, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const found = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** For `describe.skipIf`: never skips in CI. */
export const skipWithoutChromium: boolean = found === undefined && process.env["CI"] === undefined;
if (skipWithoutChromium) console.warn("Chromium is not installed: tests of the page are skipped");

export function launchBrowser(): Promise<Browser> {
  const path = spawnSync("which", [found ?? "chromium"], { encoding: "utf8" }).stdout.trim();
  // Containers have no user namespaces for its sandbox; it only sees pages of ours.
  return chromium.launch({ executablePath: path, args: ["--no-sandbox"] });
}

export interface PageOptions {
  readonly width?: number;
  readonly dark?: boolean;
}

export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** What it has done that it must not; a test may expect some, and clear it. */
  readonly problems: string[];
}

/** In the page: how far things have jumped that nobody had asked for, as Chromium scores it; up to 0.1 is called good. */
const sumShifts = `
  globalThis.layoutShift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) layoutShift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
`;

/** At the end of its scope it is closed, and has had no problems. */
export async function openPage(
  browser: Browser,
  url: string,
  { width = 1280, dark = false }: PageOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: dark ? "dark" : "light",
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`thrown: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) problems.push(`asked: ${request.url()}`);
  });
  await page.addInitScript(sumShifts);
  await page.goto(url);
  return {
    page,
    problems,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      expect(problems).toEqual([]);
    },
  };
}
