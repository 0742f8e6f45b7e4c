/** Requests and their answers over real sockets and threads: application, client and systems, typed by the generated faces. */
import { expect, it } from "vitest";
import type { StardustError } from "#src/errors.js";
import { peerOf, until } from "../support/arena.ts";
import { declined, shopClient, shopServer, shopSystems } from "../support/shop.ts";

const codeOf = (error: StardustError): string => error.code;

it("a client asks and is answered, over slices too, or declined with a typed error", async () => {
  const faults: string[] = [];
  const server = await shopServer({
    onFault: (error, where) => faults.push(`${where}: ${(error as Error).message}`),
    responders: {
      buy: async (peer, { item, count }, context) => {
        if (item === "fault") throw new Error("planted");
        if (item === "ring") return context.decline("soldOut");
        if (item === "crown") throw context.decline("tooDear", { item, price: 1000 });
        if (item === "wrong") return { left: -1, token: new Uint8Array() };
        return {
          left: peer.id === client.id ? 10 - count : 0,
          token: new Uint8Array(3000).fill(7),
        };
      },
    },
  });
  const client = await shopClient(server);
  const { left, token } = await client.request.buy({ item: "rope", count: 3 });
  expect([left, token.length, token[2999]]).toEqual([7, 3000, 7]);
  const why = async (item: string) => {
    const error: unknown = await client.request.buy({ item, count: 1 }).catch((e: unknown) => e);
    return declined.buy(error) ?? (error as StardustError).message;
  };
  expect(await why("ring")).toEqual({ kind: "soldOut", value: {} });
  expect(await why("crown")).toEqual({ kind: "tooDear", value: { item: "crown", price: 1000 } });
  expect(await why("fault")).toBe("buy: whatever answers there has failed");
  expect(await why("wrong")).toBe("buy: whatever answers there has failed");
  expect(faults).toEqual([
    "respond.buy: planted",
    expect.stringMatching(/^respond\.buy: buy: left: .*-1/),
  ]);
  await expect(client.request.buy({ item: "x", count: 10 })).rejects.toThrow(/^buy: count: /);
  const { counters } = await server.stats();
  expect(counters).toMatchObject({ requestsAnswered: 5, requestsFailed: 2 });
  expect(client.stats().counters).toMatchObject({ requestsMade: 5, requestsFailed: 0 });
});

it("the server asks a client, as soon as it has joined, and both ask at once", async () => {
  const server = await shopServer({
    responders: { swap: (_, { item, price }) => ({ item, price: -price >>> 0 }) },
  });
  const asked: Promise<unknown>[] = [];
  server.on("join", (peer) => asked.push(peer.request.prompt({ text: "ready?" })));
  const client = await shopClient(server);
  const texts: string[] = [];
  // After `connect`: a request that came with the connection is not lost for that.
  client.respond.prompt(({ text }) => {
    texts.push(text);
    return {};
  });
  client.respond.swap(async ({ item, price }) => ({ item: `${item}s`, price: price + 1 }));
  const peer = await peerOf(server, client);
  expect([client.has("buy"), peer.has("prompt"), peer.has("say")]).toEqual([true, true, true]);
  expect(await asked[0]).toEqual({});
  expect(texts).toEqual(["ready?"]);
  const both = Array.from({ length: 50 }, (_, price) =>
    Promise.all([
      client.request.swap({ item: "a", price: price + 1 }),
      peer.request.swap({ item: "b", price }),
    ]),
  );
  (await Promise.all(both)).forEach(([up, down], price) => {
    expect(up).toEqual({ item: "a", price: -(price + 1) >>> 0 });
    expect(down).toEqual({ item: "bs", price: price + 1 });
  });
});

it("systems answer in their worker, and ask beside the application on one channel", async () => {
  const faults: string[] = [];
  const server = await shopServer({
    systems: shopSystems,
    onFault: (error, where) => faults.push(`${where}: ${String(error).split("\n")[0]}`),
    responders: {
      buy: () => ({ left: 1, token: new Uint8Array() }),
      swap: () => {
        throw new Error("the systems answer this");
      },
    },
  });
  const client = await shopClient(server, {
    responders: { swap: ({ item, price }) => ({ item: `${item}!`, price }), prompt: () => ({}) },
  });
  const said: string[] = [];
  client.receive.say(({ text }) => said.push(text));
  const { id } = client;
  expect(await client.request.swap({ item: "rope", price: 1 })).toEqual({
    item: `rope of ${id}`,
    price: 2,
  });
  // Not handled by the systems: the application answers.
  expect((await client.request.buy({ item: "x", count: 1 })).left).toBe(1);
  const peer = await peerOf(server, client);
  const mixed = Array.from({ length: 20 }, (_, n) => {
    client.send.say({ text: `s${n}` });
    return peer.request.swap({ item: `a${n}`, price: n });
  });
  const items = (await Promise.all(mixed)).map(({ item, price }) => `${item} for ${price}`);
  expect(items).toEqual(Array.from({ length: 20 }, (_, n) => `a${n}! for ${n}`));
  await until(() => said.length === 20);
  expect(said.sort()).toEqual(Array.from({ length: 20 }, (_, n) => `s${n}! for 7`).sort());
  const stop = new AbortController();
  const never = client.request.swap({ item: "never", price: 0 }, { signal: stop.signal });
  const fault = client.request.swap({ item: "fault", price: 0 });
  expect(await fault.catch(codeOf)).toBe("STARDUST_REQUEST_INTERNAL");
  stop.abort();
  expect(await never.catch(codeOf)).toBe("STARDUST_REQUEST_ABORTED");
  await until(() => said.includes("no longer wanted"));
  expect(faults).toEqual(["systems.respond.swap: Error: planted in systems"]);
  const [port] = (await server.stats()).ports;
  expect(port!.counters).toMatchObject({
    requestsMade: 20,
    requestsAnswered: 3,
    requestsFailed: 1,
  });
});

it("who leaves is not waited for, and what nobody answers is told", async () => {
  let fired = 0;
  const server = await shopServer({
    responders: {
      buy: (_peer, _message, { signal }) => {
        signal.addEventListener("abort", () => fired++);
        return new Promise(() => {});
      },
    },
  });
  const client = await shopClient(server, { responders: { prompt: () => new Promise(() => {}) } });
  const peer = await peerOf(server, client);
  expect(await client.request.swap({ item: "a", price: 1 }).catch(codeOf)).toBe(
    "STARDUST_REQUEST_UNANSWERED",
  );
  const open = [
    client.request.buy({ item: "a", count: 1 }),
    client.request.buy({ item: "b", count: 1 }),
    peer.request.prompt({ text: "?" }, { timeoutMs: Number.POSITIVE_INFINITY }),
  ].map((promise) => promise.catch(codeOf));
  await until(() => server.stats().then(({ counters }) => counters["requestsAnswered"] === 2));
  await client.close();
  expect(await Promise.all(open)).toEqual(Array(3).fill("STARDUST_CLOSED"));
  await until(() => fired === 2);
  expect(await client.request.buy({ item: "a", count: 1 }).catch(codeOf)).toBe("STARDUST_CLOSED");
  await until(() => peer.closed);
  expect(await peer.request.prompt({ text: "?" }).catch(codeOf)).toBe("STARDUST_CLOSED");
});

it("what is open when a connection is lost is answered by nobody, and the next connection asks anew", async () => {
  const server = await shopServer({
    responders: {
      buy: (_, { item }) =>
        item === "slow" ? new Promise(() => {}) : { left: 4, token: new Uint8Array() },
    },
  });
  const client = await shopClient(server, {
    reconnect: { delayMs: 1, retryCodes: ["again"] },
    responders: { prompt: () => ({}) },
  });
  const slow = client.request.buy({ item: "slow", count: 1 }).catch(codeOf);
  const peer = await peerOf(server, client);
  await until(() => server.stats().then(({ counters }) => counters["requestsAnswered"] === 1));
  const back = new Promise<void>((resolve) => {
    client.on("reconnected", () => resolve());
  });
  peer.close({ code: "again" });
  expect(await slow).toBe("STARDUST_CLOSED");
  await back;
  expect((await client.request.buy({ item: "rope", count: 1 })).left).toBe(4);
  expect(await (await peerOf(server, client)).request.prompt({ text: "?" })).toEqual({});
});

it("a queue that is full delays requests and answers, and none is lost", async () => {
  const server = await shopServer({
    responders: { buy: (_, { item }) => ({ left: Number(item), token: new Uint8Array(3000) }) },
  });
  const client = await shopClient(server);
  // Answers of 750 kB: far more than the channel's queue holds.
  const all = await Promise.all(
    Array.from({ length: 250 }, (_, n) => client.request.buy({ item: String(n), count: 1 })),
  );
  expect(all.map(({ left }) => left)).toEqual(Array.from({ length: 250 }, (_, n) => n));
});

it("no more are open than `maxOpenRequests` of each end says, in systems too", async () => {
  const open: (() => void)[] = [];
  const server = await shopServer({
    systems: shopSystems,
    maxOpenRequests: 2,
    responders: {
      buy: async () => {
        await new Promise<void>((resolve) => open.push(resolve));
        return { left: 1, token: new Uint8Array() };
      },
    },
  });
  const stop = new AbortController();
  const client = await shopClient(server, {
    maxOpenRequests: 3,
    responders: { prompt: () => ({}) },
  });
  const buy = () => client.request.buy({ item: "a", count: 1 }).then(() => "bought", codeOf);
  const bought = [buy(), buy(), buy()];
  // Not made: three are open here.
  expect(await buy()).toBe("STARDUST_REQUEST_BUSY");
  expect(client.stats().counters).toMatchObject({ requestsMade: 3, requestsOverLimit: 1 });
  // Made, and refused by the server, which answers two at once.
  expect(await bought[2]).toBe("STARDUST_REQUEST_BUSY");
  for (const answer of open) answer();
  expect(await Promise.all(bought.slice(0, 2))).toEqual(["bought", "bought"]);
  const never = () =>
    client.request.swap({ item: "never", price: 0 }, { signal: stop.signal }).catch(codeOf);
  const swapped = [never(), never(), never()];
  expect(await Promise.race(swapped)).toBe("STARDUST_REQUEST_BUSY");
  stop.abort();
  await Promise.all(swapped);
  const peer = await peerOf(server, client);
  const asked = Array.from({ length: 3 }, () =>
    peer.request.prompt({ text: "?" }).then(() => "answered", codeOf),
  );
  expect(await Promise.all(asked)).toEqual(["answered", "answered", "STARDUST_REQUEST_BUSY"]);
  const { counters, ports } = await server.stats();
  expect(counters).toMatchObject({ requestsBusy: 1, requestsOverLimit: 1 });
  expect(ports[0]!.counters).toMatchObject({ requestsAnswered: 2, requestsBusy: 1 });
});

it("responders and handlers of no such channel are refused", async () => {
  const wrong = { sell: () => ({}) };
  await expect(shopServer({ responders: wrong as never })).rejects.toThrow(
    "responders.sell: there is no such channel on which the server is asked; there are buy, swap",
  );
  await expect(shopServer({ responders: { prompt: () => ({}) } as never })).rejects.toThrow(
    "responders.prompt: there is no such channel on which the server is asked",
  );
  await expect(shopServer({ handlers: { buy: () => {} } as never })).rejects.toThrow(
    "handlers.buy: its messages are requests: give what answers them as `responders`",
  );
});
