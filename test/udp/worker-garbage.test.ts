/** What a worker's garbage collector has to do while much is received: `node:dgram` makes new memory for each datagram. */
import { describe, expect, it } from "vitest";
import { narrowClient, narrowServer } from "../support/narrow.ts";

const MESSAGES = 1000;

describe("a worker that receives 60 MB", () => {
  it("collects what is new, and seldom searches its whole heap", { timeout: 60_000 }, async () => {
    const systems = new URL(`../support/collecting-systems.mjs?${MESSAGES - 1}`, import.meta.url);
    const server = await narrowServer({ systems, sockets: "node" });
    const client = await narrowClient(server, { sockets: "node" });
    const told = new Promise<string>((resolve) => {
      client.receive.line(({ text }) => resolve(text));
    });
    const data = new Uint8Array(60_000);
    for (let n = 0; n < MESSAGES; ) {
      if (client.send.big({ n, data })) n++;
      else await client.drained();
    }
    const [minor, major] = (await told).split(" ").map(Number);
    expect(minor).toBeGreaterThan(0);
    expect(major).toBeLessThan(minor! / 2);
  });
});
