/** A sealed connection whose other side breaks the protocol: it ends, and says why. */
import { describe, expect, test } from "vitest";
import { sameVersion } from "#src/negotiated-version.js";
import { Writer } from "#src/wire/writer.js";
import { protocol as plainProtocol, TestHost } from "../support/connection-pair.ts";
import { handProtocol } from "../support/hand-protocol.ts";
import { Sealer, secrets } from "../support/sealing.ts";

const protocol = handProtocol({ cipher: "chacha20-poly1305" });

function server(): TestHost {
  const host = new TestHost("server", 1, protocol);
  host.connection.attach({ negotiated: sameVersion(protocol), tag: 0, secrets }, 0);
  return host;
}

function give({ connection }: TestHost, datagram: Uint8Array): void {
  connection.handleDatagram(datagram, new DataView(datagram.buffer), datagram.length, 10);
  const w = new Writer(new Uint8Array(1200));
  do w.at = 0;
  while (connection.pollTransmit(w, 10) > 0);
}

/** A ping with padding that is not zero. */
function violation(): Uint8Array {
  const sealer = new Sealer(protocol, "client");
  sealer.header.ackNow = true;
  return sealer.seal(0, Uint8Array.of(1));
}

describe("a sealed connection", () => {
  test("is closed at once for what no peer may send, with the reason", () => {
    const host = server();
    give(host, violation());
    expect(host.asked).toEqual(["close protocol-violation reservedBits 10"]);
    expect(host.connection.takesMessages).toBe(false);
  });

  test("is closed at once where it was lingering for what was sent", () => {
    const host = server();
    host.send("event");
    host.connection.close({ code: "bye", reason: "" }, 60_000, 0);
    give(host, violation());
    expect(host.asked).toEqual(["close bye  10"]);
  });

  test("stays open whatever strangers send", () => {
    const host = server();
    const forged = violation();
    forged[forged.length - 1]! ^= 1;
    give(host, forged);
    expect(host.asked).toEqual([]);
    expect(host.connection.session!.counters.seal).toBe(1);
  });
});

describe("a sealed client that waits for attached", () => {
  const expected = { negotiated: sameVersion(protocol), tag: 0, secrets };

  function waiting(): TestHost {
    const host = new TestHost("client", 1, protocol);
    host.connection.handleZero({ type: "accepted" });
    host.connection.expect(expected);
    return host;
  }

  function ping(number: number, sealer = new Sealer(protocol, "server")): Uint8Array {
    sealer.header.ackNow = true;
    return sealer.seal(number, new Uint8Array(0));
  }

  test("is opened by the first datagram that opens, which counts as any other", () => {
    const host = waiting();
    give(host, ping(3));
    expect(host.connection.state).toBe("open");
    expect(host.asked).toEqual(["openedEarly"]);
    expect(host.connection.session!.counters).toMatchObject({ datagramsReceived: 1, seal: 0 });
    // What comes again is known, and attached changes nothing that is open.
    give(host, ping(3));
    expect(host.connection.session!.counters.duplicates).toBe(1);
    expect(host.counters.toObject()).toEqual({});
  });

  test("is opened by none that does not open, however many there are", () => {
    const host = waiting();
    const stranger = new Sealer(protocol, "client");
    for (let i = 0; i < 100; i++) {
      const forged = i % 2 === 0 ? ping(i, stranger) : ping(i);
      if (i % 2 === 1) forged[forged.length - 1]! ^= 1;
      give(host, forged);
    }
    expect([host.connection.state, host.connection.session]).toEqual(["attaching", undefined]);
    expect(host.asked).toEqual([]);
    // The session begins when attached comes, not with what strangers sent.
    host.connection.attach(expected, 5000);
    expect(host.connection.session!.lastReceivedMs).toBe(5000);
    expect(host.connection.session!.counters.seal).toBe(0);
  });

  test("is opened, and closed, by what no peer may send", () => {
    const host = waiting();
    const sealer = new Sealer(protocol, "server");
    sealer.header.ackNow = true;
    give(host, sealer.seal(0, Uint8Array.of(1)));
    expect(host.asked).toEqual(["openedEarly", "close protocol-violation reservedBits 10"]);
  });

  test("has nothing to open with once it has to start again, and none in plain mode", () => {
    const host = waiting();
    give(host, ping(0, new Sealer(protocol, "client")));
    host.connection.handleZero({ type: "restarted" });
    host.connection.handleZero({ type: "accepted" });
    give(host, ping(1));
    expect(host.connection.state).toBe("attaching");
    const plain = new TestHost("client");
    plain.connection.handleZero({ type: "accepted" });
    plain.connection.expect({ negotiated: sameVersion(plainProtocol), tag: 7 });
    give(plain, ping(0));
    expect(plain.connection.state).toBe("attaching");
  });
});
