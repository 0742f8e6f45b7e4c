/** What is said to whoever sends a message that is none: which channel, which member, what is wrong with it. */
import { expect, it } from "vitest";
import { peerOf, until } from "../support/arena.ts";
import { matchClient, matchServer, matchSystems, toldTo } from "../support/match.ts";

const wrong = { text: "x".repeat(201) } as const;
const says = {
  name: "InvalidMessageError",
  code: "STARDUST_INVALID_MESSAGE",
  where: "tell",
  path: "text",
  message: expect.stringMatching(/^tell: text: /),
};

it("names the channel to a server's peer, broadcast and group, and to a client", async () => {
  const server = await matchServer();
  const client = await matchClient(server, "ada");
  const peer = await peerOf(server, client);
  expect(() => peer.send.tell(wrong)).toThrow(expect.objectContaining(says));
  expect(() => server.broadcast.tell(wrong)).toThrow(expect.objectContaining(says));
  expect(() => server.group("red").send.tell(wrong)).toThrow(expect.objectContaining(says));
  expect(() => client.send.ask({} as never)).toThrow(
    expect.objectContaining({ where: "ask", message: expect.stringMatching(/^ask: what: /) }),
  );
  // Nothing of it was queued: what is good comes through.
  const told = toldTo(client);
  expect(peer.send.tell({ text: "good" })).toBe(true);
  await until(() => told.length > 0);
  expect(told).toEqual(["good"]);
});

it("names it to systems, whose handler it ends", async () => {
  const faults: string[] = [];
  const onFault = (error: unknown): void => void faults.push(String(error));
  const server = await matchServer({ systems: matchSystems, onFault });
  const client = await matchClient(server, "ada");
  client.send.ask({ what: "wrong" });
  await until(() => faults.length === 1);
  expect(faults[0]).toMatch(/InvalidMessageError: tell: text: /);
});

it("names join and accept, whose bodies are the application's", async () => {
  const faults: string[] = [];
  const server = await matchServer({
    authenticate: () => ({ accept: true, body: { team: 9 } }),
    onFault: (error, where) => faults.push(`${where}: ${(error as Error).message}`),
  });
  const join = { name: "", match: "red" };
  await expect(matchClient(server, "", { join })).rejects.toMatchObject({
    where: "join",
    path: "name",
    message: expect.stringMatching(/^join: name: /),
  });
  await expect(matchClient(server, "ada")).rejects.toMatchObject({ reason: "internal" });
  expect(faults).toEqual([expect.stringMatching(/^authenticate: .*accept: team: /)]);
});
