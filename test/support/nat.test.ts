/** The NATs of tests, of each kind: who outside reaches whom inside, and where inside is seen from. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { DatagramSocket } from "stardust-udp";
import { describe, expect, it } from "vitest";
import { closing, until } from "./arena.ts";
import { Nat, natKinds } from "./nat.ts";

interface Outsider {
  readonly socket: Socket;
  readonly port: number;
  readonly address: string;
  /** What it got, and from which port. */
  readonly got: { readonly text: string; readonly port: number; readonly address: string }[];
}

async function outsider(address = "127.0.0.1"): Promise<Outsider> {
  const socket = createSocket("udp4");
  socket.bind(0, address);
  await once(socket, "listening");
  const got: Outsider["got"] = [];
  socket.on("message", (bytes, from) =>
    got.push({ text: bytes.toString(), port: from.port, address: from.address }),
  );
  closing({ [Symbol.asyncDispose]: async () => void socket.close() });
  return { socket, port: socket.address().port, address, got };
}

/** A client inside, with what reaches it. */
function insider(nat: Nat): { readonly socket: DatagramSocket; readonly got: string[] } {
  const bare = { port: 1, address: "10.0.0.1", send() {}, listen() {}, close: async () => {} };
  const socket = nat.wrap(bare);
  const got: string[] = [];
  socket.listen((bytes) => got.push(Buffer.from(bytes).toString()));
  return { socket, got };
}

const say = (socket: DatagramSocket, text: string, { port, address }: Outsider): void =>
  socket.send(Buffer.from(text), port, address);

describe.each(natKinds)("a NAT that is %s", (kind) => {
  it("lets those in that it should", async () => {
    const nat = new Nat(kind);
    const { socket, got } = insider(nat);
    const asked = await outsider();
    const sameAddress = await outsider();
    const otherAddress = await outsider("127.0.0.2");
    say(socket, "hello", asked);
    await until(() => asked.got.length === 1);
    const { port } = asked.got[0]!;
    for (const { socket: from, address } of [otherAddress, sameAddress, asked]) {
      from.send(
        address === "127.0.0.2" ? "other" : from === asked.socket ? "asked" : "same",
        port,
        "127.0.0.1",
      );
    }
    const expected = {
      "full cone": ["asked", "other", "same"],
      "address-restricted": ["asked", "same"],
      "port-restricted": ["asked"],
      symmetric: ["asked"],
    }[kind];
    await until(() => got.length + nat.refused === 3);
    expect(got.sort()).toEqual(expected);
  });

  it("shows a client at one port to all, or at one to each", async () => {
    const nat = new Nat(kind);
    const { socket } = insider(nat);
    const all = [await outsider(), await outsider(), await outsider()];
    for (const one of all) say(socket, "a", one);
    for (const one of all) say(socket, "b", one);
    await until(() => all.every(({ got }) => got.length === 2));
    for (const { got } of all) expect(got[0]!.port).toBe(got[1]!.port);
    const ports = new Set(all.map(({ got }) => got[0]!.port));
    expect(ports.size).toBe(kind === "symmetric" ? 3 : 1);
    expect(nat.size).toBe(ports.size);
  });

  it("forgets when it is told to, and after silence, and then shows another port", async () => {
    const nat = new Nat(kind);
    const { socket, got } = insider(nat);
    const server = await outsider();
    say(socket, "one", server);
    await until(() => server.got.length === 1);
    await nat.forget();
    nat.address = "127.0.0.3";
    say(socket, "two", server);
    await until(() => server.got.length === 2);
    expect(server.got[1]!.address).toBe("127.0.0.3");
    nat.idleMs = 1;
    await until(() => nat.silentMs > 1);
    server.socket.send("late", server.got[1]!.port, "127.0.0.3");
    say(socket, "three", server);
    await until(() => server.got.length === 3);
    expect(server.got[2]!.port).not.toBe(server.got[1]!.port);
    expect(got).toEqual([]);
    expect(nat.opened).toBe(3);
  });
});

it("keeps two clients apart, and lets nothing pass while it is cut", async () => {
  const nat = new Nat("port-restricted");
  const [ada, bob] = [insider(nat), insider(nat)];
  const server = await outsider();
  say(ada.socket, "ada", server);
  say(bob.socket, "bob", server);
  await until(() => server.got.length === 2);
  for (const { text, port } of server.got) server.socket.send(`to ${text}`, port, "127.0.0.1");
  await until(() => ada.got.length + bob.got.length === 2);
  expect([ada.got, bob.got]).toEqual([["to ada"], ["to bob"]]);
  nat.isCut = true;
  say(ada.socket, "nothing", server);
  nat.isCut = false;
  say(ada.socket, "again", server);
  await until(() => server.got.length === 3);
  expect(server.got[2]!.text).toBe("again");
});
