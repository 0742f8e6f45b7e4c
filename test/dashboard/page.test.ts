/** The page in a real browser, on a real server: what it shows against `server.stats()`, by keyboard, on a phone, over a restart. */
import type { Browser, Page } from "playwright-core";
import { type Dashboard, serveDashboard } from "stardust-udp/dashboard";
import { lossySocket } from "stardust-udp/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Client } from "#generated/client.js";
import type { Server } from "#generated/server.js";
import { count } from "#src/dashboard/format.js";
import { arenaClient, arenaServer, closing, until } from "../support/arena.ts";
import {
  launchBrowser,
  openPage,
  type PageOptions,
  skipWithoutChromium,
} from "../support/browser.ts";

let browser: Browser;
beforeAll(async () => {
  if (!skipWithoutChromium) browser = await launchBrowser();
});
afterAll(() => browser?.close());

const label = (peer: { readonly join: { readonly name: string } }) => peer.join.name;

async function dashboardOf(server: Server, port = 0): Promise<Dashboard> {
  const scene = () => ({ minX: 0, minY: 0, maxX: 10, maxY: 10, items: [{ id: 1, x: 2, y: 3 }] });
  return closing(await serveDashboard(server, { port, label, scene, title: "Pit <i>1</i>" }));
}

const textOf = (page: Page, selector: string) => page.locator(selector).innerText();
/** How far what is there can be scrolled to the side. */
const overhang = (page: Page) =>
  page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
/** Cells of a table's rows. */
const rowsOf = (page: Page, table: string) =>
  page.evaluate<string[][]>(
    `[...document.querySelectorAll("${table} tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent))`,
  );
/** Of the element that has the keyboard. */
const focused = (page: Page, what: string) =>
  page.evaluate<string>(`document.activeElement.${what}`);

/** Where an element stands on the page. */
const topOf = (page: Page, selector: string) =>
  page.evaluate<number>(`document.querySelector("${selector}").offsetTop`);
/** See browser.ts. */
const shiftOf = (page: Page) => page.evaluate<number>("layoutShift");

/** Closed at the end of the test, which fails if the page had problems. */
const show = async (url: string, options?: PageOptions) =>
  closing(await openPage(browser, url, options));

/** Says something every few milliseconds until the test ends. */
function chatter(client: Client): void {
  const timer = setInterval(() => void client.send.chat({ from: 0, text: "hi" }), 5);
  closing({ [Symbol.asyncDispose]: async () => clearInterval(timer) });
}

// Without Chromium there is nothing that could show the page.
describe.skipIf(skipWithoutChromium)("the dashboard's page", () => {
  it("shows what server.stats() says, and what peers say of themselves as text", async () => {
    const server = await arenaServer({
      ports: { count: 2 },
      authenticate: (join) =>
        join.name === "no" ? { accept: false } : { accept: true, body: { motd: "hi" } },
    });
    let heard = 0;
    server.receive.chat(() => void heard++);
    const name = "<script>1</script>";
    const [one] = await Promise.all([
      arenaClient(server, { join: { name } }),
      arenaClient(server),
      arenaClient(server),
    ]);
    await expect(arenaClient(server, { join: { name: "no" } })).rejects.toThrow(/denied/);
    for (let i = 0; i < 1234; i++) await say(one!, "hello");
    await until(() => heard === 1234);
    const { url } = await dashboardOf(server);
    const opened = await show(url);
    const { page } = opened;
    await page.waitForSelector("#peers tbody tr");
    const stats = await server.stats({ peers: true });
    expect(await textOf(page, "#tiles dl:first-child dd")).toBe(String(server.peers.size));
    const ports = page.locator(".port");
    expect(await ports.count()).toBe(2);
    for (const [i, { port, peers, peerStats }] of stats.ports.entries()) {
      expect(await ports.nth(i).innerText()).toMatch(
        new RegExp(`^(?:[△▲] )?${port}\\n+${peers} peers`),
      );
      const chips = page.locator(".pool li", { has: page.locator(`[data-port="${port}"]`) });
      const shown = await chips
        .locator("a")
        .evaluateAll((all) => all.map((a) => a.getAttribute("href")));
      expect(shown).toEqual(peerStats!.map(({ id }) => `#/peer/${id}`).sort());
    }
    for (const [channel, , , , , down, up] of await rowsOf(page, "#channels")) {
      const { messagesSent, messagesReceived } = stats.channels[channel!]!;
      expect([channel, down, up]).toEqual([channel, count(messagesSent), count(messagesReceived)]);
    }
    expect(stats.channels["chat"]!.messagesReceived).toBe(1234);
    expect(await rowsOf(page, "#refused")).toEqual([
      ["denied", "1", expect.any(String), "because `authenticate` or the rules for tokens said no"],
    ]);
    const names = (await rowsOf(page, "#peers")).map(([first]) => first);
    expect(names).toContain(`${name} · ${one!.id}`);
    expect(await textOf(page, "#title")).toBe("Pit <i>1</i>");
    expect(await page.locator("main script, #title i").count()).toBe(0);
    expect(await page.locator("#throughput canvas").count()).toBe(1);
    await page.waitForSelector("#scene[aria-label='The game from above: 1 players']");
    expect(await shiftOf(page)).toBeLessThan(0.1);
  });

  it("points at the peer that loses, at its port, and leads to its trace, by keyboard alone", async () => {
    const server = await arenaServer({ ports: { count: 2 } });
    const good = await Promise.all(
      [1, 2, 3].map((n) => arenaClient(server, { join: { name: `good ${n}` } })),
    );
    const bad = await arenaClient(server, {
      join: { name: "bad" },
      wrapSocket: (socket) => lossySocket(socket, { loss: 0.2, seed: 5 }),
    });
    for (const client of [...good, bad]) chatter(client);
    const { url } = await dashboardOf(server);
    const opened = await show(url, { width: 375, dark: true });
    const { page } = opened;
    await page.waitForSelector(".port");
    const top = await topOf(page, "#peers");
    // On a busy machine workers may be late, which is said too.
    const finding = page.locator("#findings .level-2", { hasText: "Peer" });
    await finding.waitFor();
    expect(await finding.innerText()).toMatch(
      new RegExp(
        `^▲ Peer ${bad.id} \\(bad\\) on port ${bad.port}: loss [\\d.]+ % down, [\\d.]+ % up`,
      ),
    );
    expect(await overhang(page)).toBeLessThanOrEqual(0);
    const ports = await page
      .locator(".port")
      .evaluateAll((all) =>
        all.map((one) => [one.getAttribute("data-port"), one.className, one.getAttribute("title")]),
      );
    for (const [port, mark, why] of ports) {
      expect(/\d of 2 peers suffers?: peer \d+ \(bad\)/.test(why ?? "")).toBe(
        port === String(bad.port),
      );
      if (port === String(bad.port)) expect(mark).toContain("level-2");
    }
    expect(await textOf(page, "#peers tbody tr:first-child td:first-child")).toBe(
      `bad · ${bad.id}`,
    );
    // Whatever is found and however long its words are, nothing below has moved.
    expect(await topOf(page, "#peers")).toBe(top);
    // From the top: what can be skipped, the title, and then what suffers.
    for (let i = 0; i < 3; i++) await page.keyboard.press("Tab");
    expect(await focused(page, "textContent")).toBe("Its page");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#peer-why.level-2");
    expect(await focused(page, "tagName")).toBe("H2");
    await page.keyboard.press("Tab");
    expect(await focused(page, "id")).toBe("trace-toggle");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#peer .event");
    await until(async () => /lost/.test(await textOf(page, "#peer")));
    expect(await textOf(page, "#trace-toggle")).toBe("Stop the trace");
    expect(await overhang(page)).toBeLessThanOrEqual(0);
    const file = await page.evaluate(
      async (path) => (await fetch(path)).text(),
      `/peers/${bad.id}/trace.sqlog`,
    );
    expect(file).toContain('"qlog_version"');
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=The recording has ended");
    // Its worker records no more: another trace can be switched on.
    await (await server.peers.get(bad.id)!.trace()).stop();
  });

  it("says that the server is gone, and goes on when there is one again", async () => {
    const first = await arenaServer({ ports: { count: 1 } });
    const { url, port } = await dashboardOf(first);
    const opened = await show(url);
    const { page, problems } = opened;
    await page.waitForSelector("text=live");
    await first.close();
    await page.waitForSelector("text=no connection; trying again");
    const second = await arenaServer({ ports: { count: 3 } });
    await dashboardOf(second, port);
    await page.waitForSelector("text=the server was started again");
    expect(await page.locator(".port").count()).toBe(3);
    // A browser writes down each attempt that found nobody.
    expect(problems.splice(0).filter((text) => !/ERR_|asked/.test(text))).toEqual([]);
  });

  it("asks for the token first, where there is one", async () => {
    const server = await arenaServer({ ports: { count: 1 } });
    const token = "correct-horse-battery";
    const { url } = closing(await serveDashboard(server, { token }));
    const opened = await show(url);
    const { page, problems } = opened;
    await page.getByLabel("Token").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".port");
    expect(page.url()).toBe(url);
    // A browser writes down that it was asked for it.
    expect(problems.splice(0).filter((text) => !/401/.test(text))).toEqual([]);
  });
});

/** Sends a line, and waits where there is no room for it. */
async function say(client: Client, text: string): Promise<void> {
  while (!client.send.chat({ from: 0, text })) await client.drained();
}
