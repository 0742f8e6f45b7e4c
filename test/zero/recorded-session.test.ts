/** A whole sealed connection in bytes, docs/recorded-session.json: what it is made of, and that it is played again the same. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { recordSession } from "../support/recorded-session.ts";

const file = fileURLToPath(new URL("../../docs/recorded-session.json", import.meta.url));

it("has each message of the handshake, a chat both ways, and its end", async () => {
  const { datagrams, messages } = await recordSession();
  const names = datagrams.flatMap(({ from, msg }) => (msg === undefined ? [] : [`${from} ${msg}`]));
  expect(names).toEqual([
    "client join",
    "server challenge",
    "client join",
    "server processing",
    "server accept",
    "client attach",
    "server attached",
    "client ack",
    "server ack",
    "client close",
    "server ack",
  ]);
  expect(messages.map(({ from, channel }) => `${from} ${channel}`)).toEqual([
    "client say",
    "server say",
    "server tell",
  ]);
  const regular = datagrams.filter(({ open }) => open !== undefined);
  for (const from of ["client", "server"]) {
    expect(regular.filter((one) => one.from === from).length).toBeGreaterThan(1);
  }
  expect(new Set(datagrams.map(({ port }) => port))).toEqual(new Set([12341, 12342]));
});

it("is played again the same", async () => {
  const lines = (await recordSession()) as object as Record<string, unknown>;
  const print = (value: unknown): string =>
    Array.isArray(value)
      ? `[\n${value.map((one) => `    ${JSON.stringify(one)}`).join(",\n")}\n  ]`
      : JSON.stringify(value);
  const members = Object.entries(lines).map(([name, value]) => `  "${name}": ${print(value)}`);
  await expect(`{\n${members.join(",\n")}\n}\n`).toMatchFileSnapshot(file);
});
