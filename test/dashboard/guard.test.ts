/** Who may ask a dashboard, and what it answers whom: over real HTTP, with what browsers and others send. */
import { request } from "node:http";
import { connect } from "node:net";
import { type Dashboard, type DashboardOptions, serveDashboard } from "stardust-udp/dashboard";
import { afterEach, describe, expect, it } from "vitest";
import { noHistogram } from "#src/histogram.js";
import { serverStats } from "#src/server-stats.js";

const open: Dashboard[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const stats = async () =>
  serverStats([], {
    atMs: performance.now(),
    uptimeMs: 1,
    joined: 0,
    left: 0,
    eventLoopDelay: noHistogram,
    authenticate: noHistogram,
    counters: {},
  });
const source = { hosts: ["127.0.0.1"], peers: new Map(), closed: new Promise(() => {}), stats };

async function dashboard(options: DashboardOptions = {}): Promise<Dashboard> {
  const one = await serveDashboard(source, options);
  open.push(one);
  return one;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

function ask(
  { port }: Dashboard,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
  method = body === undefined ? "GET" : "POST",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, text }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const token = "correct-horse-battery";

describe("a dashboard", () => {
  it.each(["0.0.0.0", "::", "192.0.2.1"])("is not bound to %s without a token", async (host) => {
    await expect(serveDashboard(source, { host })).rejects.toMatchObject({
      code: "STARDUST_INVALID_OPTION",
      message: expect.stringMatching(/^token: is needed/),
    });
  });

  it("takes no token that could be guessed, and does not show it", async () => {
    const tried = serveDashboard(source, { token: "secret" });
    await expect(tried).rejects.toThrow(/^token: must be a text of at least 16 characters/);
    await expect(tried).rejects.not.toThrow(/secret/);
  });

  it("answers under addresses, localhost and names that it was given, and no other", async () => {
    const one = await dashboard({ hosts: ["games.example"] });
    const good = [
      "127.0.0.1:1",
      `localhost:${one.port}`,
      "[::1]:9",
      "10.0.0.7",
      "games.example",
      "Games.Example:443",
    ];
    const bad = [
      "evil.example",
      `evil.example:${one.port}`,
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "a b",
    ];
    for (const host of good)
      expect([host, (await ask(one, "/state", { host })).status]).toEqual([host, 200]);
    for (const host of bad) {
      const { status } = await ask(one, "/state", { host });
      expect([host, status >= 400]).toEqual([host, true]);
    }
  });

  it("is asked by no page but its own", async () => {
    const one = await dashboard();
    const host = `127.0.0.1:${one.port}`;
    const own = { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
    expect((await ask(one, "/state", own)).status).toBe(200);
    for (const headers of [
      { host, origin: "https://evil.example" },
      { host, origin: "null" },
      { host, "sec-fetch-site": "cross-site" },
      { host, "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" },
    ]) {
      expect((await ask(one, "/state", headers)).status).toBe(403);
      expect((await ask(one, "/peers/1/trace", headers, '{"on":true}')).status).toBe(403);
    }
    // A link to it may stand anywhere.
    const link = { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await ask(one, "/", link)).status).toBe(200);
    // What a form can send switches nothing, whatever else it leaves out.
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await ask(one, "/peers/1/trace", form, '{"on":true}')).status).toBe(415);
  });

  it("allows its page nothing from outside, no frame around it, and nothing kept", async () => {
    const { headers, text } = await ask(await dashboard(), "/");
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    });
    expect(text).not.toMatch(/https?:\/\/|<style|<script>| on\w+=/);
  });

  it("shows who has no token the question for it, and nothing of the server", async () => {
    const one = await dashboard({ token, title: "Secret game" });
    const page = await ask(one, "/");
    expect(page.status).toBe(401);
    expect(page.text).toContain('type="password"');
    expect(page.text).not.toContain("Secret");
    for (const path of [
      "/state",
      "/events",
      "/peers/1/events",
      "/peers/1/trace.sqlog",
      "/scene/events",
      "/nothing",
    ]) {
      expect([path, (await ask(one, path)).status]).toEqual([path, 401]);
      const wrong = { authorization: `Bearer ${token}x` };
      expect([path, (await ask(one, path, wrong)).status]).toEqual([path, 401]);
    }
    const json = { "content-type": "application/json" };
    expect((await ask(one, "/peers/1/trace", json, '{"on":true}')).status).toBe(401);
  });

  it("takes the token in a header, or makes a cookie of it that is another text", async () => {
    const one = await dashboard({ token });
    expect((await ask(one, "/state", { authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await ask(one, "/login", {}, `token=${token}x`)).status).toBe(401);
    const login = await ask(one, "/login", {}, `token=${token}`);
    expect(login).toMatchObject({ status: 303, headers: { location: "/" } });
    const [set] = login.headers["set-cookie"] as string[];
    expect(set).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(set).not.toContain(token);
    const cookie = set!.split(";")[0]!;
    expect((await ask(one, "/state", { cookie })).status).toBe(200);
    expect((await ask(one, "/state", { cookie: `${cookie}x` })).status).toBe(401);
    // Of another token it is none.
    const other = await dashboard({ token: "another-horse-battery" });
    const value = cookie.split("=")[1];
    const moved = { cookie: `stardust-dashboard-${other.port}=${value}` };
    expect((await ask(other, "/state", moved)).status).toBe(401);
  });

  it.each([
    ["DELETE", "/", 405],
    ["GET", "/nothing", 404],
    ["GET", "/peers/99999999999/events", 404],
    ["GET", "/../package.json", 404],
    ["GET", "/%2e%2e/package.json", 404],
    ["GET", "/peers/1/trace.sqlog", 404],
    ["POST", "/state", 404],
  ])("answers %s %s with %i", async (method, path, status) => {
    const json = { "content-type": "application/json" };
    expect((await ask(await dashboard(), path, json, undefined, method)).status).toBe(status);
  });

  it("reads no more of a body than it needs, and keeps to itself what it was sent", async () => {
    const one = await dashboard({ token });
    const sent = ask(one, "/login", {}, `token=${"x".repeat(1 << 20)}`);
    const outcome = await sent.then(
      ({ status }) => status,
      () => 0,
    );
    expect([0, 401]).toContain(outcome);
    expect((await ask(one, "/state", { authorization: `Bearer ${token}` })).status).toBe(200);
  });

  it("has room for so many readers, and gives it back", async () => {
    const one = await dashboard();
    const sockets = await Promise.all(
      Array.from({ length: 32 }, async () => {
        const socket = connect(one.port, "127.0.0.1");
        socket.write("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n");
        await new Promise((resolve) => socket.once("data", resolve));
        return socket;
      }),
    );
    expect((await ask(one, "/events")).status).toBe(503);
    // One look is not a stream.
    expect((await ask(one, "/state")).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    let status = 503;
    while (status === 503) {
      const socket = connect(one.port, "127.0.0.1");
      socket.write("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n");
      const first = await new Promise((resolve) => socket.once("data", resolve));
      status = Number(/^HTTP\/1.1 (\d+)/.exec(String(first))?.[1]);
      socket.destroy();
    }
    expect(status).toBe(200);
  });

  it("closes with what is open, twice if asked, and when its server has closed", async () => {
    let closeServer!: (value: undefined) => void;
    const closed = new Promise<undefined>((resolve) => {
      closeServer = resolve;
    });
    const one = await serveDashboard({ ...source, closed });
    const reading = ask(one, "/events");
    await new Promise((resolve) => setImmediate(resolve));
    closeServer(undefined);
    await reading.catch(() => {});
    await one.close();
    await expect(ask(one, "/state")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("names an option that there is not", async () => {
    await expect(serveDashboard(source, { tokn: token } as never)).rejects.toThrow(
      /did you mean "token"/,
    );
  });
});
