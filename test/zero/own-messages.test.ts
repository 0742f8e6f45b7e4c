/** What the runtime knows of its own messages is what zero.yaml says, and is not said by hand a second time. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { expect, it } from "vitest";
import { sysChecks } from "#src/zero/own-checks.js";
import {
  clientStates,
  type MessageName,
  messages,
  type SysOf,
  serverStates,
} from "#src/zero/own-messages.js";
import { zeroYaml } from "../support/hand-zero.ts";

it("is made from zero.yaml, and up to date", () => {
  const script = fileURLToPath(new URL("../../scripts/zero-messages.js", import.meta.url));
  const said = execFileSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(said.match(/is what zero.yaml says/g)).toHaveLength(2);
});

it("has the states, and who sends which message with a MAC", () => {
  expect({ client: clientStates, server: serverStates }).toEqual(zeroYaml.states);
  const told = Object.entries(zeroYaml.messages).map(([name, { from }]) => [
    name,
    { from, mac: zeroYaml.facts[name]!.mac },
  ]);
  expect(messages).toMatchObject(Object.fromEntries(told));
});

/** With every member. */
const exampleSys: { readonly [M in MessageName]: Readonly<Record<string, unknown>> & SysOf[M] } = {
  join: {
    version: 1,
    hash: "0".repeat(32),
    compatible: ["1".repeat(32)],
    cookie: "c".repeat(22),
    key: "k".repeat(43),
    token: "t",
    stay: true,
    pieces: 64,
    bytes: 8192,
    digest: "d".repeat(43),
    piece: 1,
    data: "da",
  },
  challenge: { cookie: "c".repeat(64), joinKey: "j".repeat(171) },
  processing: { pieces: 0 },
  accept: {
    key: "k".repeat(43),
    identity: "i".repeat(43),
    port: 1,
    ports: [[1, 65_535]],
    ticket: "t".repeat(43),
    hash: "0".repeat(32),
    compat: true,
    peer: 0,
    tag: 7,
    reset: "r".repeat(22),
    resumeMs: 1,
  },
  reject: {
    reason: "protocol",
    detail: "",
    protocol: "p".repeat(64),
    version: 1,
    hash: "0".repeat(32),
    clientVersion: 2,
    clientHash: "1".repeat(32),
  },
  attach: { port: 65_535, tag: 7, nonce: "n".repeat(22), counter: 1 },
  attached: { nonce: "n".repeat(22) },
  rebind: {
    port: 65_535,
    tag: 7,
    nonce: "n".repeat(22),
    counter: 1,
    reset: "r".repeat(22),
    move: 3,
  },
  verify: { nonce: "n".repeat(22), counter: 1 },
  move: { port: 65_535, reset: "r".repeat(22) },
  ack: { nonce: "n".repeat(22) },
  close: { code: "c", reason: "r" },
  gone: { proof: "p".repeat(22) },
};

/** Of every kind, and around every bound that zero.yaml names. */
const samples: readonly unknown[] = [
  null,
  true,
  {},
  ...[
    -1,
    0,
    0.5,
    1,
    64,
    65,
    8192,
    8193,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
    1e300,
  ],
  ...[
    0, 1, 21, 22, 23, 31, 32, 33, 42, 43, 44, 64, 65, 96, 97, 170, 171, 172, 1024, 1025, 1500, 1501,
  ].flatMap((length) => ["a".repeat(length), "𝄞".repeat(length)]),
  ...["protocol", "internal", "Protocol"],
  ...[0, 1, 8, 9, 16, 17].flatMap((length) => [
    Array(length).fill("a".repeat(32)),
    Array(length).fill("a".repeat(31)),
    Array(length).fill([1, 65_535]),
    Array(length).fill([1]),
    Array(length).fill([0, 1, 2]),
  ]),
];

it.each(Object.keys(messages) as MessageName[])("checks sys of %s as its schema does", (name) => {
  const schema = zeroYaml.messages[name]!.sys;
  const validate = new Ajv().compile(schema);
  const good = exampleSys[name];
  let accepted = 0;
  const compare = (sys: Record<string, unknown>): void => {
    const isValid = validate(sys);
    if (isValid) accepted++;
    expect(sysChecks[name](sys), JSON.stringify(sys)).toBe(isValid);
  };
  compare({ ...good, future: 1 });
  expect(accepted).toBe(1);
  expect(Object.keys(good)).toEqual(Object.keys(schema.properties ?? {}));
  for (const member of Object.keys(good)) {
    const { [member]: _, ...without } = good;
    compare(without);
    for (const value of samples) compare({ ...without, [member]: value });
  }
});
