/**
 * What is under way while a peer of a sealed protocol is away, over sockets and threads: requests, answers, cancels, messages
 * and groups of who comes back in time, from another address and at loss, and of who does not.
 */
import { expect, it } from "vitest";
import type { StardustError } from "#src/errors.js";
import { peerOf, until } from "../support/arena.ts";
import { Line } from "../support/line.ts";
import { matchClient, matchServer, matchSystems, toldTo } from "../support/match.ts";
import { shopClient, shopServer, shopSystems } from "../support/shop.ts";

const wrapSocket = new URL("../support/impatient.mjs", import.meta.url);
await import(wrapSocket.href);

const reconnect = { delayMs: 20, maxDelayMs: 100 };
const codeOf = (error: StardustError): string => error.code;

/** Who answers when it is told to, and never what is to be given up: what it was asked, each time, and what it need not answer. */
class Answerer {
  readonly asked: string[] = [];
  readonly givenUp: string[] = [];
  readonly #waiting: (() => void)[] = [];

  async answer(what: string, signal: AbortSignal): Promise<string> {
    this.asked.push(what);
    signal.addEventListener("abort", () => this.givenUp.push(what));
    await new Promise<void>((resolve) => {
      if (what !== "stopped") this.#waiting.push(resolve);
    });
    return what;
  }

  answerAll(): void {
    for (const answer of this.#waiting.splice(0)) answer();
  }
}

/** A server that answers `buy` and a client that answers `prompt`, each when it is told to, on a line between them. */
async function shop(resumeMs: number) {
  const line = new Line();
  const [seller, player] = [new Answerer(), new Answerer()];
  const server = await shopServer({
    resumeMs,
    wrapSocket,
    systems: shopSystems,
    responders: {
      buy: async (_peer, { item }, { signal }) => {
        const what = await seller.answer(item, signal);
        return { left: what.length, token: new Uint8Array() };
      },
    },
  });
  const client = await shopClient(server, {
    reconnect,
    wrapSocket: line.wrapSocket,
    responders: {
      prompt: async ({ text }, { signal }) => {
        await player.answer(text, signal);
        return {};
      },
    },
  });
  const resumed: boolean[] = [];
  client.on("reconnected", ({ isResumed }) => resumed.push(isResumed));
  const peer = await peerOf(server, client);
  const buy = (item: string, signal?: AbortSignal) =>
    client.request.buy({ item, count: 1 }, { signal }).then(({ left }) => left, codeOf);
  const prompt = (text: string, signal?: AbortSignal) =>
    peer.request.prompt({ text }, { signal }).then(() => "answered", codeOf);
  return { line, server, client, peer, seller, player, resumed, buy, prompt };
}

it("requests are asked and answered once over a loss that the client comes back from in time", async () => {
  const { line, server, client, peer, seller, player, resumed, buy, prompt } = await shop(60_000);
  const said: string[] = [];
  client.receive.say(({ text }) => said.push(text));
  const stops = Array.from({ length: 3 }, () => new AbortController());
  const never = { item: "never", price: 1 };
  const stopped = [
    buy("stopped", stops[0]!.signal),
    prompt("stopped", stops[1]!.signal),
    client.request.swap(never, { signal: stops[2]!.signal }).catch(codeOf),
  ];
  const answered: Promise<unknown>[] = [buy("held"), prompt("held")];
  await until(async () => {
    const [port] = (await server.stats()).ports;
    const isAnswering = port!.counters["requestsAnswered"] === 1;
    return isAnswering && seller.asked.length === 2 && player.asked.length === 2;
  });
  const { sockets } = line;
  line.isUp = false;
  answered.push(buy("under way"), prompt("under way"));
  await until(() => client.isAway && peer.isAway);
  // Answers and cancels of both sides to one that does not hear, and questions to it.
  seller.answerAll();
  player.answerAll();
  for (const stop of stops) stop.abort();
  expect(await Promise.all(stopped)).toEqual(Array(3).fill("STARDUST_REQUEST_ABORTED"));
  answered.push(buy("away"), prompt("away"));
  answered.push(client.request.swap({ item: "rope", price: 1 }));
  expect([seller.asked.length, player.asked.length]).toEqual([2, 2]);
  await until(() => line.sockets > sockets);
  line.loss = 0.3;
  line.isUp = true;
  await until(() => seller.asked.length === 4 && player.asked.length === 4);
  await until(() => said.includes("no longer wanted"));
  seller.answerAll();
  player.answerAll();
  expect(await Promise.all(answered)).toEqual([
    ...[4, "answered", 9, "answered", 4, "answered"],
    { item: `rope of ${client.id}`, price: 2 },
  ]);
  for (const { asked, givenUp } of [seller, player]) {
    expect([...asked].sort()).toEqual(["away", "held", "stopped", "under way"]);
    expect(givenUp).toEqual(["stopped"]);
  }
  expect(new Set(resumed)).toEqual(new Set([true]));
  const { counters } = await server.stats();
  expect(counters).toMatchObject({ requestsRepeated: 0, requestsFailed: 0, answersUnknown: 0 });
  expect(client.stats().counters).toMatchObject({ requestsRepeated: 0, requestsFailed: 0 });
});

it("requests of both sides reject where the client comes back too late, and another peer is in no group", async () => {
  const { line, server, client, peer, seller, player, resumed, buy, prompt } = await shop(50);
  const regulars = server.group("regulars").add(peer);
  const left: string[][] = [];
  server.on("leave", ({ groups }) => left.push([...groups]));
  const before = [buy("held"), prompt("held")];
  await until(() => seller.asked.length === 1 && player.asked.length === 1);
  line.isUp = false;
  await until(() => server.peers.size === 0);
  expect(await before[1]).toBe("STARDUST_CLOSED");
  expect([left, regulars.size, seller.givenUp]).toEqual([[["regulars"]], 0, ["held"]]);
  expect(await before[0]).toBe("STARDUST_CLOSED");
  expect(player.givenUp).toEqual(["held"]);
  // While there is no connection there is nobody to ask.
  expect(await buy("between")).toBe("STARDUST_CLOSED");
  line.isUp = true;
  await until(() => resumed.includes(false));
  const next = await peerOf(server, client);
  expect([next === peer, [...next.groups]]).toEqual([false, []]);
  // Answers to what was asked before are nobody's, and are not taken for another's.
  seller.answerAll();
  player.answerAll();
  const after = buy("after");
  await until(() => seller.asked.length === 2);
  seller.answerAll();
  expect(await after).toBe(5);
  expect(seller.asked).toEqual(["held", "after"]);
  expect(client.stats().counters).toMatchObject({ answersUnknown: 0, requestsFailed: 0 });
});

it("messages of a sealed session and to its groups come once and in order after a loss, from another address", async () => {
  const line = new Line();
  const server = await matchServer({
    resumeMs: 60_000,
    wrapSocket,
    systems: matchSystems,
    ports: { count: 1 },
  });
  const a = await matchClient(server, "a", { reconnect, wrapSocket: line.wrapSocket });
  const b = await matchClient(server, "b", { reconnect });
  const told = [toldTo(a), toldTo(b)] as const;
  const [peer, other] = [await peerOf(server, a), await peerOf(server, b)];
  a.send.ask({ what: "join" });
  await until(() => told[0].length === 1);
  b.send.ask({ what: "join" });
  await until(() => told[1].length === 1);
  const blue = server.group("blue").add(peer).add(other);
  let n = 0;
  const tell = (): void => {
    expect(blue.send.tell({ text: `${n++}` })).toEqual({ sent: 2, skipped: [] });
    // To the systems, whose count of what they were asked tells whether all came, and once.
    a.send.ask({ what: "-" });
  };
  line.loss = 0.3;
  for (let i = 0; i < 20; i++) tell();
  await until(() => told[0].length > 1);
  const { sockets } = line;
  line.isUp = false;
  for (let i = 0; i < 10; i++) tell();
  await until(() => peer.isAway && a.isAway);
  for (let i = 0; i < 10; i++) tell();
  b.send.ask({ what: "hail" });
  await until(() => told[1].length === 2 + n && line.sockets > sockets);
  expect([blue.size, [...peer.groups]]).toEqual([2, ["blue"]]);
  line.isUp = true;
  a.send.ask({ what: "groups" });
  a.send.ask({ what: "me" });
  await until(() => told[0].length >= n + 4);
  const numbers = (lines: readonly string[]) => lines.filter((text) => /^\d+$/.test(text));
  const all = Array.from({ length: n }, (_, i) => `${i}`);
  expect([numbers(told[0]), numbers(told[1])]).toEqual([all, all]);
  const [joined, hailed, groups, me] = told[0].filter((text) => !/^\d+$/.test(text));
  expect([joined, hailed, groups]).toEqual(["1 in red", "hail to red", "red: 2"]);
  expect(JSON.parse(me!).state).toMatchObject({ asked: n + 3 });
  expect([blue.has(peer), [...peer.groups]]).toEqual([true, ["blue"]]);
});
