/** A worker that ends takes its own peers only, however it ends; and ports that cannot be had, each with a clear result. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { root } from "../cli/run.ts";
import { until } from "../support/arena.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";

const systems = new URL("../support/fatal-systems.mjs", import.meta.url);
const HEAP_BYTES = 32 * 2 ** 20;
/** Without an answer it is ended: well before its clients give it up, or not while it dies of something else. */
const HANG_MS = 1500;
const PATIENT_MS = 30_000;

/** Datagrams that the kernel has dropped for want of room, at this process's and all other sockets. */
function kernelDrops(): number {
  if (!existsSync("/proc/net/udp")) return Number.POSITIVE_INFINITY;
  const rows = readFileSync("/proc/net/udp", "utf8").trim().split("\n").slice(1);
  return rows.reduce((sum, row) => sum + Number(row.trim().split(/\s+/).at(-1)), 0);
}

describe("a worker that ends", () => {
  it.each([
    ["exits", "die", "ended with code 3", PATIENT_MS],
    ["throws where nobody catches it", "reject", "thrown in a timer", PATIENT_MS],
    ["runs out of heap", "pause", "memory limit", PATIENT_MS],
    ["never returns", "hang", `has answered nothing for ${HANG_MS} ms`, HANG_MS],
  ] as const)(
    "because it %s takes its own peers only, and its port comes back",
    { timeout: 60_000 },
    async (_, what, why, workerTimeoutMs) => {
      const onFault = vi.fn();
      const server = await narrowServer({
        ports: { count: 2 },
        systems,
        workerHeapBytes: HEAP_BYTES,
        workerTimeoutMs,
        onFault,
      });
      const doomed = await narrowClient(server);
      const other = await narrowClient(server);
      await until(() => server.peers.size === 2);
      expect([doomed.port, other.port]).toEqual(server.ports);
      const left: [number, string][] = [];
      server.on("leave", (peer, { code }) => left.push([peer.id, code]));
      const before = kernelDrops();
      const { closed } = doomed;
      let isOver = false;
      void closed.then(() => {
        isOver = true;
      });
      // What goes on at the other port all the while: numbered both ways, reliable and not.
      const got = { blobs: [] as number[], lines: [] as number[] };
      other.receive.blob(({ n }) => got.blobs.push(n));
      server.receive.line(({ id }, { n }) => void (id === other.id && got.lines.push(n)));
      const peer = server.peers.get(other.id)!;
      let n = 0;
      let lines = 0;
      const traffic = setInterval(() => {
        n++;
        if (!peer.send.blob({ n, data: new Uint8Array(100) })) n--;
        if (other.send.line({ n: lines + 1, text: "on" })) lines++;
        // Whoever asks a port that is back learns that it has lost him; who has been told takes no more.
        if (!isOver) doomed.send.line({ n: 0, text: "still there?" });
      }, 5);
      // It can be asked for its numbers at any time, while a worker dies and another begins.
      let isAsking = true;
      const asking = (async () => {
        while (isAsking) expect((await server.stats()).ports).toHaveLength(2);
      })();
      doomed.send.order({ what });
      await until(() => left.length === 1);
      expect(left).toEqual([[doomed.id, "worker-died"]]);
      await until(() => onFault.mock.calls.length === 1);
      const [[error, where]] = onFault.mock.calls as [[{ code: string; message: string }, string]];
      expect(where).toBe(`port ${doomed.port}`);
      expect(`${error.code} ${error.message}`).toContain(why);
      // It comes back, and tells the peer that it has lost: sooner than silence would.
      expect((await closed).code).toBe("server-restarted");
      const again = await narrowClient(server, { port: other.port });
      await until(() => server.peers.size === 2);
      expect(server.ports).toContain(again.port);
      // What came before one that is here is here as well, or will never be.
      const last = n;
      await until(() => got.blobs.at(-1)! > last);
      clearInterval(traffic);
      isAsking = false;
      await asking;
      await until(() => got.lines.length === lines);
      expect(got.lines).toEqual(Array.from({ length: lines }, (_, i) => i + 1));
      const came = got.blobs.filter((blob) => blob <= last).length;
      expect(last - came).toBeLessThanOrEqual(kernelDrops() - before);
      expect(left).toHaveLength(1);
      expect(onFault).toHaveBeenCalledOnce();
    },
  );
});

describe("a port that cannot be had", () => {
  it("is named where a range is partly in use, and left out where that is allowed", async () => {
    const taken = createSocket("udp4");
    taken.bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    try {
      const ports = [port, 0, 0];
      await expect(narrowServer({ ports })).rejects.toMatchObject({
        code: "STARDUST_PORT_BIND",
        message: expect.stringMatching(new RegExp(`${port}.*EADDRINUSE`)),
      });
      const server = await narrowServer({ ports, allowMissingPorts: true });
      expect(server.ports).toHaveLength(2);
      expect(server.ports).not.toContain(port);
      const clients = [await narrowClient(server), await narrowClient(server)];
      expect(clients.map((client) => client.port)).toEqual(server.ports);
    } finally {
      taken.close();
    }
  });

  const isRoot = process.getuid?.() === 0;
  const start = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
  const isGuarded = existsSync(start) && Number(readFileSync(start, "utf8")) > 80;

  // Where anybody may bind any port, as in some containers, there is no permission to lack.
  it.runIf(isGuarded)("says that permission is lacking", async () => {
    const child = spawn(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `import { listen } from ${JSON.stringify(`${root}test/tmp/dist/narrow/generated/server.js`)};
         await listen({ ports: [80] }).catch((error) => console.log(error.code, error.message));`,
      ],
      // What root may, nobody may not.
      {
        cwd: "/",
        stdio: ["ignore", "pipe", "inherit"],
        ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
      },
    );
    let out = "";
    child.stdout.on("data", (text) => {
      out += String(text);
    });
    const [code] = await once(child, "exit");
    expect(out).toMatch(/^STARDUST_PORT_BIND .*80.*EACCES/);
    expect(code).toBe(0);
  });
});
