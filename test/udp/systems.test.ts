/** What systems know of a peer: what it was let in with. What they do is told in robot.test.ts. */
import { expect, it, vi } from "vitest";
import { until } from "../support/arena.ts";
import { matchClient, matchServer, matchSystems, toldTo } from "../support/match.ts";

it("know the join, what authenticate has answered, and where the peer is", async () => {
  const server = await matchServer<{ rank: number; since: Date }>({
    systems: matchSystems,
    authenticate: ({ name }) => ({
      accept: true,
      body: { team: 2 },
      state: { rank: name.length, since: new Date(0) },
    }),
  });
  const client = await matchClient(server, "ada");
  const told = toldTo(client);
  client.send.ask({ what: "me" });
  await until(() => told.length === 1);
  const peer = server.peers.get(client.id)!;
  expect(JSON.parse(told[0]!)).toEqual({
    address: peer.address,
    join: { name: "ada", match: "red" },
    accept: { team: 2 },
    state: { start: { rank: 3, since: "1970-01-01T00:00:00.000Z" }, asked: 1 },
  });
  expect(peer.state).toEqual({ rank: 3, since: new Date(0) });
});

it("have an empty accept and no start where authenticate has given none", async () => {
  const server = await matchServer({ systems: matchSystems });
  const client = await matchClient(server, "bob");
  const told = toldTo(client);
  client.send.ask({ what: "me" });
  await until(() => told.length === 1);
  expect(JSON.parse(told[0]!)).toMatchObject({ accept: {}, state: { asked: 1 } });
});

it("cannot be told of a state that no thread can be given: the client is rejected, and it is said", async () => {
  const onFault = vi.fn();
  const authenticate = () => ({ accept: true, state: { leave: () => {} } }) as const;
  const options = { authenticate, onFault };
  const server = await matchServer<object>({ ...options, systems: matchSystems });
  await expect(matchClient(server, "eve")).rejects.toMatchObject({ reason: "internal" });
  expect(onFault).toHaveBeenCalledWith(
    expect.objectContaining({ message: expect.stringMatching(/could not be cloned/) }),
    "authenticate",
    {},
  );
  // Without systems it stays on the application's thread, and may be anything.
  const alone = await matchServer<object>(options);
  const client = await matchClient(alone, "eve");
  await until(() => alone.peers.has(client.id));
  expect(alone.peers.get(client.id)!.state).toEqual({ leave: expect.any(Function) });
});
