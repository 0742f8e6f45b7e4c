/** The real socket: what is handed over is sent as it was then, whatever becomes of the memory that it lay in. */
import { expect, test, vi } from "vitest";
import { openSocket } from "#src/udp/open-socket.js";

const LOOPBACK = { host: "127.0.0.1", port: 0, warn: false };

test("sends datagrams of any length as they were, from memory that is used again", async () => {
  const [one, other, target] = await Promise.all([1, 2, 3].map(() => openSocket(LOOPBACK)));
  const received = new Map<number, string[]>([
    [one!.port, []],
    [other!.port, []],
  ]);
  target!.listen((bytes, _address, port) =>
    received.get(port)!.push(Buffer.from(bytes).toString("hex")),
  );
  const memory = new Uint8Array(9000);
  const sent: string[] = [];
  for (const length of [1, 60, 1200, 60, 5000, 59, 9000, 1]) {
    const bytes = memory.subarray(9000 - length);
    for (const socket of [one!, other!]) {
      bytes.fill(sent.length + 1);
      socket.send(bytes, target!.port, target!.address);
      bytes.fill(0xff);
    }
    sent.push(Buffer.alloc(length, sent.length + 1).toString("hex"));
  }
  await vi.waitFor(() => {
    expect([...received.values()]).toEqual([sent, sent]);
  });
  await Promise.all([one, other, target].map((socket) => socket!.close()));
});

test("sends from an IPv6 socket to IPv6 addresses", async () => {
  const [from, target] = await Promise.all(
    [1, 2].map(() => openSocket({ ...LOOPBACK, host: "::1" })),
  );
  const received: string[] = [];
  target!.listen((bytes, address, port) =>
    received.push(`${Array.from(bytes)} ${address} ${port}`),
  );
  from!.send(Uint8Array.of(7, 8), target!.port, target!.address);
  await vi.waitFor(() => {
    expect(received).toEqual([`7,8 ::1 ${from!.port}`]);
  });
  await Promise.all([from, target].map((socket) => socket!.close()));
});
