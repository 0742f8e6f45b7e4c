/** Options as programs without types give them: names that there are not, in every object that is taken, and values within. */
import { describe, expect, it } from "vitest";
import { peerOf } from "../support/arena.ts";
import { matchClient, matchServer, matchSystems } from "../support/match.ts";
import { specUrl } from "../support/specs.ts";

const refused = (message: string | RegExp) => ({
  code: "STARDUST_INVALID_OPTION",
  message: typeof message === "string" ? message : expect.stringMatching(message),
});

describe("listen", () => {
  const cases: readonly (readonly [options: object, says: string | RegExp])[] = [
    [{ prots: 3 }, 'prots: there is no such option of listen; did you mean "ports"?'],
    [{ port: 3 }, 'port: there is no such option of listen; did you mean "ports"?'],
    [{ onfault: () => {} }, 'onfault: there is no such option of listen; did you mean "onFault"?'],
    [{ reconnect: true }, /^reconnect: there is no such option of listen; there are ports, host, /],
    [{ authenticate: true }, "authenticate: must be a function, not true"],
    [{ place: 1 }, "place: must be a function, not 1"],
    [{ workers: 0 }, "workers: must be true or false, not 0"],
    [{ limits: [] }, "limits: must be an object, not []"],
    [{ limits: { pendingJoin: 5 } }, /^limits\.pendingJoin: .*did you mean "pendingJoins"\?$/],
    [{ tokens: { issuer: "x" } }, /^tokens\.issuer: .*did you mean "issuers"\?$/],
    [{ tokens: { issuers: 5 } }, /^tokens\.issuers: must be a public key.*not what was given$/],
    [{ tokens: 5 }, "tokens: must be an object, not 5"],
    [{ congestion: { fixed: { windowByte: 5 } } }, /^congestion: must be "stardust", /],
    [{ handlers: { ask: 5 } }, /^the handler of ask is not a function$/],
    [{ handlers: { aks: () => {} } }, /^handlers\.aks: .*did you mean "ask"\?$/],
    [
      { handlers: { tell: () => {} } },
      /^handlers\.tell: there is no such channel that the server receives; there are ask$/,
    ],
    [{ responders: { ask: () => {} } }, /^responders\.ask: .*; there is none$/],
    [
      { systemHandlers: { scores: () => {} } },
      /^systemHandlers\.scores: .*did you mean "score"\?$/,
    ],
    [{ systemHandlers: { score: 5 } }, "systemHandlers.score: must be a function, not 5"],
    [{ keyLog: 5 }, "keyLog: must be a path, or a function, not 5"],
    [{ sockets: "fast" }, 'sockets: must be "node", "native" or "auto", not "fast"'],
    [{ resetKey: "short" }, /^resetKey: must be a secret text .*not what was given$/],
  ];
  it.each(cases)("%o is refused", async (options, says) => {
    await expect(matchServer(options as never)).rejects.toMatchObject(refused(says));
  });

  it.each([
    ["misspelt", 'systems.recieve: there is no such option of systems; did you mean "receive"?'],
    ["state", "systems.state: must be a function, not 5"],
    ["tick", /^systems\.tick\.everyMs: must be milliseconds, from 1 .*not 0$/],
    ["never", /^systems\.tick\.everyMs: must be milliseconds, .*not undefined$/],
    ["channel", /^systems\.receive\.asks: .*did you mean "ask"\?$/],
    ["handler", 'systems.receive.ask: must be a function, not "tell"'],
    ["system", /^systems\.system\.strat: .*did you mean "start"\?$/],
    ["nothing", "systems: must be an object, not 3"],
  ] as const)("systems that are wrong are refused by name: %s", async (which, says) => {
    const systems = new URL(`?${which}`, specUrl("match", "wrong-systems.js"));
    await expect(matchServer({ systems, ports: { count: 1 } })).rejects.toMatchObject(
      refused(says),
    );
  });
});

describe("connect", () => {
  const cases: readonly (readonly [options: object, says: string | RegExp])[] = [
    [{ prot: 3 }, 'prot: there is no such option of connect; did you mean "port"?'],
    [{ ports: [3] }, 'ports: there is no such option of connect; did you mean "port"?'],
    [{ host: 5 }, "host: must be a text, not 5"],
    [{ port: undefined }, "port: any port of the server's range"],
    [{ authenticate: () => {} }, /^authenticate: there is no such option of connect; there are /],
    [{ reconnect: "yes" }, 'reconnect: must be true, false, or an object, not "yes"'],
    [
      { reconnect: { delay: 5 } },
      /^reconnect\.delay: there is no such option of connect; there are delayMs, /,
    ],
    [{ reconnect: { attempt: 5 } }, /^reconnect\.attempt: .*did you mean "attempts"\?$/],
    [{ reconnect: { jitter: 2 } }, "reconnect.jitter: must be a number from 0 to 1, not 2"],
    [{ sockets: true }, 'sockets: must be "node", "native" or "auto", not true'],
    [{ handlers: { tel: () => {} } }, /^handlers\.tel: .*did you mean "tell"\?$/],
    [{ responders: 5 }, "responders: must be an object, not 5"],
    [{ serverKey: "short" }, /^serverKey: must be a public key.*not what was given$/],
  ];
  it.each(cases)("%o is refused", async (options, says) => {
    const connecting = matchClient({ ports: [9] }, "ada", options as never);
    await expect(connecting).rejects.toMatchObject(refused(says));
  });
});

it("what is left undefined is left out, whatever its name", async () => {
  const server = await matchServer({ ports: { count: 1 }, other: undefined } as never);
  await matchClient(server, "ada", { other: undefined } as never);
});

it("what peers, groups and iterators take is looked at as well", async () => {
  const server = await matchServer({ ports: { count: 1 }, systems: matchSystems });
  const client = await matchClient(server, "ada");
  const peer = await peerOf(server, client);
  const wrong = (call: () => unknown, says: string | RegExp): void => {
    expect(call).toThrow(expect.objectContaining(refused(says)));
  };
  const any = (value: unknown) => value as never;
  wrong(
    () => peer.close(any({ resaon: "x" })),
    'resaon: there is no such option of close; did you mean "reason"?',
  );
  wrong(() => server.messages.ask(any({ limits: 5 })), /^limits: .*did you mean "limit"\?$/);
  wrong(
    () => client.messages.tell(any({ overflow: "wiat" })),
    /^overflow: must be "wait", .*not "wiat"$/,
  );
  wrong(() => server.group(any(undefined)), "name: a group has a text for its name, not undefined");
  wrong(() => server.group(any(5)), "name: must be a text, not 5");
  wrong(() => server.group("red").add(any(undefined)), "add: must be a peer, not undefined");
  wrong(() => server.group("red").add(any({ name: "ada" })), "add: must be a peer, not an object");
  const tell = { text: "x" };
  wrong(
    () => server.broadcast.tell(tell, any({ expect: peer })),
    /^expect: .*did you mean "except"\?$/,
  );
  wrong(
    () => server.broadcast.tell(tell, any({ except: [peer, 5] })),
    "except: must be a peer, not 5",
  );
  wrong(
    () => server.group("red").send.tell(tell, any(peer.id)),
    /^a broadcast takes its options as an object, not \d+$/,
  );
  wrong(() => server.receive.ask(any("x")), "the handler of ask is not a function");
  await expect(server.close(any({ drain: 5 }))).rejects.toMatchObject(
    refused(/^drain: there is no such option of close; .*reason, lingerMs, drainMs$/),
  );
  await expect(server.stats(any({ peer: true }))).rejects.toMatchObject(
    refused('peer: there is no such option of stats; did you mean "peers"?'),
  );
  expect(server.peers.size).toBe(1);
});
