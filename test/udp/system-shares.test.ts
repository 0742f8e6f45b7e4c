/**
 * A channel that nobody reads at the other end, and a system in a worker that sends on it until it takes no more: what the system and
 * the application send on other channels goes on, and nothing of what was taken is lost.
 */
import { expect, it } from "vitest";
import { until } from "../support/arena.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";
import { specUrl } from "../support/specs.ts";

it("holds up no other channel, of the system's or of the application's", async () => {
  const server = await narrowServer({ systems: specUrl("narrow", "flood-systems.js") });
  const client = await narrowClient(server);
  await until(() => server.peers.has(client.id));
  const peer = server.peers.get(client.id)!;
  const told: number[] = [];
  client.receive.loose(({ n }) => void told.push(n));
  // The system's share, until the first refusal; then all that is taken since, again and again.
  client.send.state({ n: 0 });
  await until(() => told.length === 1);
  expect(told[0]).toBeGreaterThan(1);
  let fromSystem = told[0]!;
  for (let round = 1; round < 40; round++) {
    client.send.state({ n: fromSystem });
    await until(() => told.length === round + 1);
    fromSystem += told[round]!;
  }
  // The client's session holds no more than its limit, and what is behind that no more than its queue and its reader's.
  const full = fromSystem;
  expect(full * 800).toBeLessThan(4 * 65_536);
  expect(told.slice(-5).every((n) => n === 0)).toBe(true);
  // The application finds the same channel full, and the others open.
  let fromApplication = 0;
  while (peer.send.line({ n: 10_000 + fromApplication, text: "y".repeat(800) })) fromApplication++;
  const before = told.length;
  for (let n = 0; n < 10; n++) {
    expect(peer.send.loose({ n, data: new Uint8Array(2000) })).toBe(true);
    await until(() => told.length === before + n + 1);
  }
  // Somebody reads: all that was taken comes, each in its order.
  const lines: number[] = [];
  client.receive.line(({ n }) => void lines.push(n));
  await until(() => lines.length === full + fromApplication);
  expect(lines.filter((n) => n < 10_000)).toEqual(Array.from({ length: full }, (_, n) => n));
  expect(lines.filter((n) => n >= 10_000)).toEqual(
    Array.from({ length: fromApplication }, (_, n) => 10_000 + n),
  );
});
