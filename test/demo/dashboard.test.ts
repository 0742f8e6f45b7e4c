/** Somebody who knows the README alone: one bot of the arena has a bad link, and the terminal and the page say which, where and why. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { main as cli } from "../cli/run.ts";
import { launchBrowser, openPage, skipWithoutChromium } from "../support/browser.ts";

const demo = fileURLToPath(new URL("../../dist/demo/main.js", import.meta.url));
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** The first of what a program prints that fits, while it runs on. */
async function printed(args: readonly string[], pattern: RegExp): Promise<RegExpExecArray> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  stops.push(() => child.kill("SIGTERM"));
  for await (const line of createInterface(child.stdout)) {
    const match = pattern.exec(line);
    if (match === null) continue;
    // What else it says is for nobody.
    child.stdout.resume();
    return match;
  }
  throw new Error(`${args.join(" ")} ended and had not said ${pattern}`);
}

it("finds the one bot with a bad link, its port and why, in the terminal and in the page", async () => {
  const options = ["--bots", "6", "--loss", "0.1", "--lossy-bots", "1", "--dashboard", "0"];
  const ports = ["--ports", "24341-24342"];
  const [, url] = await printed([demo, ...options, ...ports], /(http:\/\/127\.0\.0\.1:\d+\/)/);
  const pattern =
    /\| (?:.*; )?Peer (\d+) \(bot 6\) on port (\d+): loss ([\d.]+) % down, ([\d.]+) % up.*sent again.*Its own path: the \d+ other peers there lose nothing/;
  const [, peer, port, down] = await printed([cli, "top", url!], pattern);
  expect(["24341", "24342"]).toContain(port);
  expect(Number(down)).toBeGreaterThan(1.5);
  // Without Chromium the terminal has to do.
  if (skipWithoutChromium) return;
  const browser = await launchBrowser();
  stops.push(() => void browser.close());
  const { page } = await openPage(browser, url!);
  const finding = page.locator("#findings li", { hasText: `Peer ${peer} (bot 6) on port ${port}` });
  await finding.waitFor();
  expect(await finding.innerText()).toMatch(/loss [\d.]+ % down, [\d.]+ % up/);
  const box = page.locator(`.port[data-port="${port}"]`);
  expect(await box.getAttribute("class")).toMatch(/level-[12]/);
  expect(await box.getAttribute("title")).toMatch(
    /\d of 3 peers suffers?: peer \d+ \(bot 6\), loss/,
  );
  await finding.getByText("Its page").click();
  await page.waitForSelector("#peer h2:has-text('bot 6')");
  await page.waitForSelector("#scene-card[hidden]", { state: "attached" });
});
