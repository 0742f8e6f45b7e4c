/** The rhythm of turns on a real event loop: what comes first when a thread has stood still. */
import { expect, it } from "vitest";
import { openSocket } from "#src/udp/open-socket.js";
import { Turn } from "#src/udp/turn.js";

const LOOPBACK = { host: "127.0.0.1", port: 0, warn: false };

/** The thread does nothing at all until its timers are overdue. */
function standStill(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

it("takes what has arrived before it does what is overdue", async () => {
  const socket = await openSocket(LOOPBACK);
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    let turns = 0;
    const turn = new Turn((now) => {
      seen.push(++turns === 1 ? "first turn" : "overdue");
      if (turns === 1) {
        // The timer is set when this returns; the datagram is there before anybody looks.
        socket.send(Uint8Array.of(1), socket.port, socket.address);
        queueMicrotask(standStill);
        return now + 1;
      }
      resolve();
      return Number.POSITIVE_INFINITY;
    });
    socket.listen(() => {
      seen.push("datagram");
      turn.wake();
    });
    turn.wake();
  });
  await socket.close();
  expect(seen).toEqual(["first turn", "datagram", "overdue"]);
});

it("goes on behind a turn that threw, where somebody has caught that", async () => {
  let turns = 0;
  await new Promise<void>((resolve) => {
    const turn = new Turn(() => {
      if (++turns === 1) throw new Error("of a controller");
      resolve();
      return Number.POSITIVE_INFINITY;
    });
    expect(() => turn.flush()).toThrow("of a controller");
  });
  expect(turns).toBe(2);
});
