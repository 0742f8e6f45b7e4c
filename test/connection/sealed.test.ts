/** A sealed connection whose other side breaks the protocol: it ends, and says why. */
import { describe, expect, test } from "vitest";
import { sameVersion } from "#src/negotiated-version.js";
import { Writer } from "#src/wire/writer.js";
import { TestHost } from "../support/connection-pair.ts";
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
