/** The exact bytes of representative datagrams: docs/wire.md, "So: 6 bytes on a lone unreliable message ...". */
import { describe, expect, it } from "vitest";
import { InvalidMessageError } from "#src/errors.js";
import type { DropReason } from "#src/session/drop-reason.js";
import { Writer } from "#src/wire/writer.js";
import { channelIndex, handProtocol } from "../support/hand-protocol.js";
import { type Side, side } from "../support/session-pair.js";

const protocol = handProtocol();
const ids = Object.fromEntries(protocol.channels.map((c) => [c.name, c.id + 1]));

/** A session that never skips a packet number: no random source returns 1000, but it keeps the bytes fixed. */
function quiet(role: "client" | "server", p = protocol): Side {
  return side(p, role, 1, { random: () => 1000 });
}

function next(from: Side, nowMs: number): Uint8Array | undefined {
  const w = new Writer(new Uint8Array(1200));
  const length = from.session.pollTransmit(w, nowMs);
  return length === 0 ? undefined : w.bytes.slice(0, length);
}

function give(to: Side, datagram: Uint8Array, nowMs: number): DropReason | undefined {
  return to.session.handleDatagram(datagram, new DataView(datagram.buffer), datagram.length, nowMs);
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

describe("the bytes of a datagram", () => {
  it("spends 6 bytes on a lone unreliable message", () => {
    const client = quiet("client");
    client.send("state", bytes(7, 8, 9));
    expect(next(client, 0)).toEqual(bytes(0, 0, ids["state"]!, 0x20, 0, 0, 7, 8, 9));
    expect(next(client, 0)).toBeUndefined();
  });

  it("spends 10 with an ack", () => {
    const client = quiet("client");
    const server = quiet("server");
    server.send("state", bytes(1));
    give(client, next(server, 0)!, 0);
    client.send("state", bytes(7));
    expect(next(client, 5)).toEqual(bytes(0, 0, ids["state"]!, 0xa0, 0, 0, 0, 0, 20, 0x00, 7));
  });

  it("spends 12 on a reliable one with an ack, and 3 or 2 on each that follows", () => {
    const client = quiet("client");
    const server = quiet("server");
    server.send("chat", bytes(1));
    give(client, next(server, 0)!, 0);
    client.send("chat", bytes(7));
    expect(next(client, 0)).toHaveLength(12 + 1);
    client.send("chat", bytes(5));
    client.send("chat", bytes(6));
    expect(next(client, 0)).toEqual(
      bytes(0, 0, ids["chat"]!, 0x28, 0, 1, 0, 1, 1, 5, 0x80 | 0x10, 6),
    );
    client.send("tick", bytes(1, 1, 1, 1));
    client.send("tick", bytes(2, 2, 2, 2));
    expect(next(client, 0)).toEqual(
      bytes(0, 0, ids["tick"]!, 0x28, 0, 2, 0, 0, 1, 1, 1, 1, 0x90, 2, 2, 2, 2),
    );
  });

  it("acknowledges a reliable message in 10 bytes, within the promised delay", () => {
    const client = quiet("client");
    const server = quiet("server");
    client.send("chat", bytes(1));
    give(server, next(client, 100)!, 100);
    expect(next(server, 100)).toBeUndefined();
    // 20 ms are promised, and timers fire late.
    expect(server.session.pollDeadline()).toBe(118);
    expect(next(server, 120)).toEqual(bytes(0, 0, 1, 0x80, 0, 0, 0, 0, 80, 0x00));
    expect(next(server, 120)).toBeUndefined();
    expect(server.session.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("answers a ping at once", () => {
    const client = quiet("client");
    const server = quiet("server");
    client.session.ping();
    const ping = next(client, 0)!;
    expect(ping).toEqual(bytes(0, 0, 1, 0x40, 0, 0));
    expect(give(server, ping, 10)).toBe(undefined);
    give(client, next(server, 10)!, 20);
    expect(client.session.rttMs).toBe(20);
    expect(client.session.lastReceivedMs).toBe(20);
    expect(next(client, 20)).toBeUndefined();
  });

  it("never acknowledges an acknowledgement", () => {
    const client = quiet("client");
    const server = quiet("server");
    client.send("chat", bytes(1));
    give(server, next(client, 0)!, 0);
    give(client, next(server, 20)!, 20);
    expect(next(client, 20)).toBeUndefined();
    expect(client.session.pollDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(client.session.unacknowledged).toBe(false);
  });

  it("cuts large messages into slices of sliceBytes", () => {
    const client = quiet("client");
    const { sliceBytes } = protocol.limits;
    client.send("map", new Uint8Array(sliceBytes + 50).fill(3));
    const first = next(client, 0)!;
    expect([...first.subarray(0, 10)]).toEqual([0, 0, ids["map"]!, 0x30, 0, 0, 0, 0, 0, 2]);
    expect(first.length).toBe(10 + sliceBytes);
    const second = next(client, 0)!;
    expect([...second.subarray(0, 10)]).toEqual([0, 0, ids["map"]!, 0x30, 0, 1, 0, 0, 1, 2]);
    expect(second.length).toBe(10 + 50);
  });

  it("fills the rest of a datagram with what fits, and then says how long the slice is", () => {
    const client = quiet("client");
    const { sliceBytes } = protocol.limits;
    client.send("map", new Uint8Array(sliceBytes + 1).fill(3));
    const only = next(client, 0)!;
    expect(only[3]).toBe(0x38);
    expect([...only.subarray(10, 12)]).toEqual([0x80 | (sliceBytes & 0x7f), sliceBytes >> 7]);
    expect([...only.subarray(12 + sliceBytes)]).toEqual([0x80 | 0x40, 0, 0, 1, 2, 3]);
    expect(next(client, 0)).toBeUndefined();
  });

  it("writes the packet number wide once 2^14 are not acknowledged", () => {
    const client = quiet("client");
    const server = quiet("server");
    // Acks only: nobody acknowledges those.
    for (let i = 0; i < 2 ** 14; i++) {
      server.session.ping();
      give(client, next(server, i)!, i);
      const ack = next(client, i)!;
      if (i < 2 ** 14 - 1) expect(ack[3]! & 0x04).toBe(0);
      else {
        expect(ack[3]! & 0x04).toBe(0x04);
        expect([...ack.subarray(4, 8)]).toEqual([0, 0, 0x3f, 0xff]);
      }
      // Later ones ask to be acknowledged.
      if (i < 2 ** 13 - 1) expect(give(server, ack, i)).toBe(undefined);
    }
  });

  it("carries the user's fields as they were when it was built", () => {
    const withTick = handProtocol({ userFields: 1 });
    const client = quiet("client", withTick);
    const server = quiet("server", withTick);
    client.send("chat", bytes(1));
    client.session.setUserField(0, 41);
    client.session.setUserField(0, 42);
    const first = next(client, 0)!;
    client.send("chat", bytes(2));
    client.session.setUserField(0, 43);
    const second = next(client, 0)!;
    give(server, second, 1);
    give(server, first, 2);
    expect(server.inbox.of("chat")).toEqual([bytes(1), bytes(2)]);
    expect(server.inbox.users).toEqual([[42], [43]]);
  });
});

describe("what may be sent", () => {
  it("refuses a size that the channel does not have, before anything is queued", () => {
    const client = quiet("client");
    expect(() => client.send("tick", bytes(1))).toThrow(InvalidMessageError);
    expect(() => client.send("chat", new Uint8Array(2000))).toThrow(InvalidMessageError);
    expect(client.session.queuedBytes(channelIndex(protocol, "chat"))).toBe(0);
    expect(next(client, 0)).toBeUndefined();
  });

  it("refuses channels of the other direction", () => {
    expect(() => quiet("server").send("order", bytes(1))).toThrow(/may not send/);
  });

  it("encodes a message into the queue, over the end of its memory too", () => {
    const client = quiet("client");
    const server = quiet("server");
    const chat = channelIndex(protocol, "chat");
    for (let i = 0; i < 50; i++) {
      expect(client.session.sendMessage(chat, new Uint8Array(100 + i).fill(i))).toBe(true);
      if (i % 3 !== 2) continue;
      for (let d = next(client, i); d !== undefined; d = next(client, i)) give(server, d, i);
      for (let d = next(server, i); d !== undefined; d = next(server, i)) give(client, d, i);
    }
    for (let d = next(client, 60); d !== undefined; d = next(client, 60)) give(server, d, 60);
    expect(server.inbox.of("chat").map((m) => [m.length, m[0], m[m.length - 1]])).toEqual(
      Array.from({ length: 50 }, (_, i) => [100 + i, i, i]),
    );
    expect(() => client.session.sendMessage(chat, "text")).toThrow(InvalidMessageError);
  });

  it("sends a message whose getter has everything before it sent", () => {
    const client = quiet("client");
    const server = quiet("server");
    class Draining extends Uint8Array {
      override get length(): number {
        for (let d = next(client, 0); d !== undefined; d = next(client, 0)) give(server, d, 0);
        return super.length;
      }
    }
    client.send("chat", bytes(1));
    expect(client.session.sendMessage(channelIndex(protocol, "chat"), new Draining([7]))).toBe(
      true,
    );
    const datagram = next(client, 0);
    expect(datagram).toBeDefined();
    give(server, datagram!, 0);
    expect(server.inbox.of("chat").map(([first]) => first)).toEqual([1, 7]);
  });
});
