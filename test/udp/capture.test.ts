/**
 * What is on the wire, read by somebody who knows only the documents: an independent parser for every datagram of a
 * run, and offsets written by hand for a spec of one's own.
 */
import { lossySocket } from "stardust-udp/testing";
import { expect, it } from "vitest";
import { closing, pattern, until } from "../support/arena.ts";
import { IndependentParser } from "../support/independent-parser.ts";
import { plainClient, plainServer, plainSpec } from "../support/plain-arena.ts";
import { specUrl } from "../support/specs.ts";
import { type Captured, tap } from "../support/tap.ts";

it("every datagram of a run is what the documents say, on every port, each way", async () => {
  const server = await plainServer();
  server.on("join", (peer) => {
    peer.send.map({ name: "pit", width: 200, height: 200, tiles: pattern(40_000) });
  });
  const lines: string[] = [];
  server.receive.chat((peer, chat) => {
    lines.push(chat.text);
    server.broadcast.chat({ from: peer.id, text: chat.text });
    peer.send.event({ sequence: lines.length, kind: "hit", subject: 1, object: 2, amount: -3 });
    peer.send.snapshot({ tick: lines.length, lastInput: 0, entities: [] });
  });
  const captures: Captured[][] = [];
  const clients = await Promise.all(
    Array.from({ length: 6 }, (_, i) => {
      const captured: Captured[] = [];
      captures.push(captured);
      const wrapSocket = tap(captured);
      return plainClient(server, {
        port: server.ports[i % 3]!,
        // Outside the tap, so that what is lost was seen first: both ends of the line are checked.
        wrapSocket: (socket) => lossySocket(wrapSocket(socket), { loss: 0.05, seed: i + 1 }),
      });
    }),
  );
  let heard = 0;
  for (const client of clients) {
    client.receive.chat(() => heard++);
    for (let i = 0; i < 10; i++) {
      client.send.chat({ from: 0, text: `line ${i} of ${client.id}` });
      client.send.input({ sequence: i, moveX: 0.5, moveY: -1, heading: 3, fire: true, use: false });
    }
    client.send.ready({ mapChecksum: 0xdeadbeef });
  }
  await until(() => heard === 6 * 6 * 10);
  for (const client of clients) await client.close({ code: "done", reason: "tested" });

  const seen = { zero: 0, regular: 0, frames: 0, slices: 0 };
  const ports = new Set<number>();
  const names = new Set<string>();
  for (const captured of captures) {
    const parser = new IndependentParser(plainSpec);
    for (const { from, serverPort, bytes } of captured) {
      const parsed = parser.parse(bytes, from);
      ports.add(serverPort);
      if (parsed.kind === "zero") {
        seen.zero++;
        names.add(parsed.message);
        expect([...bytes.subarray(0, 4)]).toEqual([0, 0, 0, 0x7b]);
      } else {
        seen.regular++;
        seen.frames += parsed.frames.length;
        for (const frame of parsed.frames) names.add(frame.channel);
      }
    }
  }
  expect([...ports].sort()).toEqual([...server.ports].sort());
  for (const name of [
    "join",
    "challenge",
    "processing",
    "accept",
    "attach",
    "attached",
    "ack",
    "close",
  ]) {
    expect(names).toContain(name);
  }
  for (const name of ["input", "snapshot", "chat", "event", "ready", "map"]) {
    expect(names).toContain(name);
  }
  expect(seen.frames).toBeGreaterThan(500);
});

it("a spec of one's own lies on the wire where its header says", async () => {
  const { listen } = (await import(
    specUrl("robot", "generated/server.js").href
  )) as typeof import("../tmp/specs/robot/generated/server.ts");
  const { connect } = (await import(
    specUrl("robot", "generated/client.js").href
  )) as typeof import("../tmp/specs/robot/generated/client.ts");
  const captured: Captured[] = [];
  const server = closing(await listen({ ports: { count: 1 } }));
  const client = closing(await connect({ port: server.ports[0]!, wrapSocket: tap(captured) }));
  await until(() => server.peers.has(client.id));
  const regular = (from: string): Captured[] =>
    captured.filter(
      (one) => one.from === from && one.bytes[2]! + one.bytes[1]! + one.bytes[0]! > 0,
    );

  client.header.tick = 0x0a0b0c0d;
  client.send.report({ code: 0x1234, text: "hi" });
  client.flush();
  await until(() => regular("client").some(({ bytes }) => bytes[2] === 8));
  const report = regular("client").find(({ bytes }) => bytes[2] === 8)!.bytes;
  const number = report.slice(4, 8);
  const expected = [
    ...[0x00, 0x00, 0x08], // channel id 7, shifted by one
    0x20, // frames, and nothing else
    ...number, // a packet number of 32 bits
    ...[0x0a, 0x0b, 0x0c, 0x0d], // tick
    ...[0x00, 0x00], // message number 0
    0x80, // bit block: text is there
    ...[0x12, 0x34], // code
    ...[0x02, 0x68, 0x69], // text: two bytes, "hi"
  ];
  expect([...report]).toEqual(expected);
  // Numbers start at 0; one in 4096 is skipped.
  expect(new DataView(number.buffer).getUint32(0)).toBeLessThan(4);

  client.send.joints({ joints: [{ angle: 3.2, torque: -1 }] });
  client.flush();
  await until(() => regular("client").some(({ bytes }) => bytes[0] === 0xff));
  const joints = regular("client").find(({ bytes }) => bytes[0] === 0xff)!.bytes;
  // The largest id there is, 2^24 - 2, is 0xffffff on the wire.
  expect([...joints.subarray(0, 3)]).toEqual([0xff, 0xff, 0xff]);
  // The message runs to the end: one element, its 12 bits at their largest in a block of 2 bytes, then an f32.
  expect([...joints.subarray(-7)]).toEqual([0x01, 0xff, 0xf0, 0xbf, 0x80, 0x00, 0x00]);

  server.peers.get(client.id)!.send.command({ name: "go", value: -2 });
  await until(() => regular("server").some(({ bytes }) => bytes[1] === 3 && bytes[2] === 0xe9));
  const command = regular("server").find(({ bytes }) => bytes[1] === 3 && bytes[2] === 0xe9)!.bytes;
  expect([...command.subarray(-13)]).toEqual([
    ...[0x00, 0x00], // message number 0
    ...[0x02, 0x67, 0x6f], // name: two bytes, "go"
    ...[0xc0, 0, 0, 0, 0, 0, 0, 0], // value: -2 as f64
  ]);
});
