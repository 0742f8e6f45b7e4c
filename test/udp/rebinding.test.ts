/** A client whose address changes on the way, as behind a NAT that forgets: connections cannot move, so they end. */
import { lossySocketUrl } from "stardust-udp/testing";
import { expect, it } from "vitest";
import { until } from "../support/arena.ts";
import { narrowClient, narrowServer } from "../support/narrow.ts";

/** Soon after the client has joined; and again, should that have taken long. */
const rebindsAtMs = [1500, 10_000, 20_000];

it("ends by silence on both sides when a NAT forgets the client", { timeout: 60_000 }, async () => {
  const server = await narrowServer({
    wrapSocket: lossySocketUrl,
    wrapSocketData: { rebindsAtMs },
  });
  const left: string[] = [];
  server.on("leave", (_peer, { code }) => left.push(code));
  const client = await narrowClient(server);
  expect(await client.closed).toMatchObject({ code: "idle-timeout", by: "local" });
  await until(() => left.length === 1);
  expect(left).toEqual(["idle-timeout"]);
});
