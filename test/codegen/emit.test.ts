/** The generated files as a whole: they compile, are the same every time, and nothing of a spec gets out of its place. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import { emit } from "#codegen/emit/emit.js";
import type { Model } from "#codegen/model/model.js";
import {
  type Generated,
  generate,
  options,
  typeProblems,
  typeScriptOf,
} from "./support/generate.ts";
import { hostile, hostileModel } from "./support/hostile.ts";
import { kindsModel } from "./support/kinds.ts";
import { bool, Spec, u8 } from "./support/models.ts";

/** One direction only, and nothing that has to be said when joining. */
function smallModel(direction: "client-to-server" | "server-to-client"): Model {
  const spec = new Spec();
  spec.struct("MoveMessage", { go: bool });
  spec.channel("move", { direction });
  return spec.model();
}

let kinds: Generated;
let hostileCode: Generated;
let toServer: Generated;
let toClient: Generated;

beforeAll(async () => {
  kinds = await generate("emit-kinds", kindsModel());
  hostileCode = await generate("emit-hostile", hostileModel());
  toServer = await generate("emit-to-server", smallModel("client-to-server"));
  toClient = await generate("emit-to-client", smallModel("server-to-client"));
});

test("all files compile under the strictest flags, and the faces say what a user may write", () => {
  const use = join(kinds.folder, "use.ts");
  writeFileSync(
    use,
    `import fc from "fast-check";
import { connect } from "./client.ts";
import { listen, type Peer } from "./server.ts";
import { systems } from "./systems.ts";
import { arbitrary, example, isBits, validate } from "./testing.ts";
import { Weapon } from "./types.ts";

export async function run(): Promise<void> {
  const server = await listen<{ score: number }>({
    ports: { count: 2 },
    authenticate: (join) => ({ accept: true, body: { motd: join.name } }),
    state: () => ({ score: 0 }),
    handlers: { bits: (peer, message, context) => void (peer.state.score += message.count + context.header.tick) },
  });
  server.on("join", (peer: Peer<{ score: number }>) => void peer.send.bits(example.bits({ weapon: "sword" })));
  server.receive.empty((peer) => void server.broadcast.bits(example.bits(), { except: peer }).skipped.length);
  server.header.tick = Weapon.bow;
  const client = await connect({ port: 1, join: { name: "ada", spectator: true }, handlers: { mixed: () => {} } });
  for await (const message of client.messages.names({ limit: 3 })) client.send.integers({ ...example.integers(), a: message.r });
  for await (const { peer, message } of server.messages.bits()) peer.send.bits(message);
  const value: unknown = validate.bits(1);
  if (isBits(value)) client.send.bits(value);
  fc.assert(fc.property(arbitrary.bits(fc), (bits) => bits.count >= 0));
  systems<number>({ state: () => 1, receive: { bits: (peer) => void (peer.state += 1) }, tick: { everyMs: 50, run: (port) => void port.broadcast.bits(example.bits()) } });
}

export async function wrong(): Promise<void> {
  // @ts-expect-error accept has a body that must be given
  const server = await listen({ ports: "1-2" });
  // @ts-expect-error join has a name
  const client = await connect({ port: 1 });
  // @ts-expect-error clients only
  server.broadcast.empty({});
  // @ts-expect-error servers only
  client.send.names(1);
  // @ts-expect-error no such name
  client.send.bits(example.bits({ weapon: "axe" }));
  // @ts-expect-error clients only
  client.receive.empty(() => {});
  server.receive.bits((_peer, _message, context) => {
    // @ts-expect-error read only in a handler
    context.header.tick = 1;
  });
}
`,
  );
  const useToServer = join(toServer.folder, "use.ts");
  writeFileSync(
    useToServer,
    `import { connect } from "./client.ts";
import { listen } from "./server.ts";
export const client: Promise<unknown> = connect({ port: 1 }).then((c) => c.send.move({ go: true }));
export const server: Promise<unknown> = listen({ ports: [1] }).then((s) => s.receive.move((peer) => peer.close()));
`,
  );
  const useToClient = join(toClient.folder, "use.ts");
  writeFileSync(
    useToClient,
    `import { connect } from "./client.ts";
import { listen, type Peer } from "./server.ts";
import { systems } from "./systems.ts";
export const client: Promise<unknown> = connect({ port: 1 }).then((c) => c.receive.move(({ go }) => go));
export const server: Promise<unknown> = listen<number>({ ports: [1], state: () => 1, handlers: {} }).then((s) =>
  s.on("join", (peer: Peer<number>) => void (peer.state += Number(peer.send.move({ go: true })))),
);
systems<number>({ state: () => 1, receive: {}, tick: { everyMs: 50, run: (port) => void port.broadcast.move({ go: true }) } });
`,
  );
  const files = typeScriptOf([kinds, hostileCode, toServer, toClient]);
  expect(typeProblems([...files, use, useToServer, useToClient])).toEqual([]);
}, 60_000);

test("these flags are all that TypeScript has for checking types, each at its strictest", () => {
  interface Option {
    readonly name: string;
    readonly type: unknown;
    readonly category?: { readonly message: string };
    readonly strictFlag?: boolean;
  }
  const { optionDeclarations } = ts as unknown as { optionDeclarations: readonly Option[] };
  const flags = optionDeclarations.filter(
    ({ category, type, strictFlag }) =>
      category?.message === "Type Checking" && type === "boolean" && strictFlag !== true,
  );
  expect(flags.length).toBeGreaterThan(10);
  const notStrict = ["stableTypeOrdering", "alwaysStrict"];
  const chosen = flags
    .map(({ name }) => name)
    .filter((name) => !notStrict.includes(name))
    .map((name) => [name, options[name]]);
  expect(chosen).toEqual(chosen.map(([name]) => [name, !/^allow/.test(String(name))]));
});

test("the same model gives the same bytes", async () => {
  expect([...(await emit(kindsModel()))]).toEqual([...kinds.files]);
});

test("files say where they come from, name the runtime by its package, and hold no require, path or date", () => {
  for (const [name, text] of kinds.files) {
    expect(text.endsWith("\n"), name).toBe(true);
    expect(text.includes(process.cwd())).toBe(false);
    if (name.endsWith(".json")) continue;
    const marker = "@generated by stardust from test.yaml. Do not edit;";
    expect(text.split("\n")[0], name).toContain(marker);
    if (!name.endsWith(".ts")) continue;
    expect(text.startsWith(`// ${marker}`), name).toBe(true);
    expect(text).not.toMatch(/\brequire\(/);
    for (const [, from] of text.matchAll(/ from "([^"]+)"/g)) {
      expect(from).toMatch(/^(stardust-udp(\/[a-z]+)?|\.\/[a-z-]+\.ts)$/);
    }
    expect(text.includes(kindsModel().hash)).toBe(name === "protocol.ts");
  }
});

test("whatever a spec says stays text", async () => {
  for (const name of hostileCode.files.keys()) {
    if (name.endsWith(".ts")) await hostileCode.load(name.replace(/\.ts$/, ""));
  }
  expect((globalThis as { pwned?: unknown }).pwned).toBeUndefined();
  const testing = await hostileCode.load("testing");
  const { protocol } = await hostileCode.load("protocol");
  expect(protocol.name).toBe(hostile);
  const message = { ...testing.example.chat(), color: hostile };
  expect(testing.decode.chat(testing.encode.chat(message))).toStrictEqual(message);
  expect(testing.validate.chat({ ...message, [hostile]: -1 }).path).toBe(hostile);
  expect(testing.validateZero.join.body(testing.exampleZero.join.body())).toBeNull();
});

test("a type whose name is no identifier is refused", async () => {
  const spec = new Spec();
  spec.struct("A {} alert(1)", { a: u8 });
  spec.channel("a");
  await expect(emit(spec.model())).rejects.toThrow("cannot be the name");
});

describe("the connection protocol", () => {
  test("has validators that name what is wrong and remove what the spec does not name", async () => {
    const { zero } = await kinds.load("zero");
    const validateBody = zero.bodies.join;
    const body = JSON.parse(
      '{"name":"ada","x":1,"__proto__":{"y":1},"deep":{"x":1,"z":2},"tags":["a",{"b":1}]}',
    );
    expect(validateBody(body)).toBeNull();
    expect(Object.keys(body)).toEqual(["name", "deep", "tags"]);
    expect(body.deep).toEqual({ x: 1 });
    expect(validateBody({})).toEqual({ path: "/name", problem: "is missing" });
    expect(validateBody(Object.create({ name: "inherited" }))).toEqual({
      path: "/name",
      problem: "is missing",
    });
    expect(validateBody({ name: "" })?.path).toBe("/name");
    expect(validateBody({ name: "𝄞".repeat(24) })).toBeNull();
    expect(validateBody({ name: "x".repeat(25) })?.path).toBe("/name");
    expect(validateBody({ name: "x", tags: ["b"] })?.path).toBe("/tags/0");
    for (const value of [null, 1, "x", [], undefined]) expect(validateBody(value)?.path).toBe("");
  });

  test("has no validators of the runtime's own, and no file of them where the spec has none", async () => {
    const { zero } = await kinds.load("zero");
    expect(Object.keys(zero)).toEqual(["bodies"]);
    expect(Object.keys(zero.bodies)).toEqual(["join", "accept"]);
    const spec = new Spec();
    spec.struct("A", { a: u8 });
    spec.channel("A");
    const files = await emit(spec.model());
    expect(files.has("validators.ts")).toBe(false);
    expect(files.get("zero.ts")).toContain("join: emptied,");
  });

  test("has valid examples of every body", async () => {
    const testing = await kinds.load("testing");
    for (const name of ["join", "accept"]) {
      expect(testing.validateZero[name].body(testing.exampleZero[name].body())).toBeNull();
    }
  });
});

test("guards and arbitraries of zero messages agree with their validators", async () => {
  const testing = await kinds.load("testing");
  for (const name of ["join", "accept"]) {
    fc.assert(
      fc.property(testing.arbitraryZero[name].body(fc), (value) => {
        expect(testing.isZero[name].body(value)).toBe(true);
        expect(testing.validateZero[name].body(structuredClone(value))).toBeNull();
      }),
      { numRuns: 30 },
    );
    for (const wrong of [undefined, 7, [], () => {}]) {
      expect(testing.isZero[name].body(wrong)).toBe(false);
    }
  }
  const body = { name: "ada", more: 1 };
  expect(testing.isZero.join.body(body)).toBe(true);
  // A guard only looks.
  expect(body).toEqual({ name: "ada", more: 1 });
});

test("faces call their target with the channel's index, and nothing more", async () => {
  const { ServerSend, ClientSend, Broadcast, Header } = await kinds.load("face");
  const calls: unknown[][] = [];
  const target = {
    send: (...a: unknown[]) => calls.push(a),
    broadcast: (...a: unknown[]) => calls.push(a),
  };
  const message = {};
  new ServerSend(target).bits(message);
  new ClientSend(target).empty(message);
  new Broadcast(target).mixed(message, { except: { id: 3 } });
  new ServerSend(target).names(message);
  expect(calls).toEqual([
    [1, message],
    [4, message],
    [2, message, { except: { id: 3 } }],
    [5, message],
  ]);
  expect(new ServerSend(target).empty).toBeUndefined();
  const values = [0];
  const header = new Header({
    get: (i: number) => values[i],
    set: (i: number, v: number) => (values[i] = v),
  });
  header.tick = 9;
  expect([values[0], header.tick]).toEqual([9, 9]);
});
