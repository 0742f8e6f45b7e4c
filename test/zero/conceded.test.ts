/**
 * What docs/threat-model.md concedes of the connection protocol, and where that ends: who has stolen what, and who shares what.
 * That these attacks succeed is tested as that others fail: a sentence of that page holds either way.
 */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { keyPairOf, nodeCrypto, privateKeyOf } from "#src/udp/node-crypto.js";
import { encodeBase64url } from "#src/zero/base64url.js";
import { ZeroClient } from "#src/zero/client.js";
import { buildDatagram, openFrame, secretOf } from "#src/zero/envelope.js";
import { expander } from "#src/zero/keys.js";
import { handZeroProtocol } from "../support/hand-zero.ts";
import { exchange, seeds } from "../support/key-exchange-vectors.ts";
import { identitySeed, portKey } from "../support/secret-vectors.ts";
import { messageOf, PORTS, World } from "../support/zero-world.ts";

it("an identity that leaks later opens nothing that was recorded with it", () => {
  const { join, datagram, keys } = exchange(
    seeds.clientPrivateKey,
    seeds.serverPrivateKey,
    seeds.identitySeed,
  );
  const keyOf = (bytes: Uint8Array): Uint8Array =>
    Buffer.from(messageOf(bytes).sys["key"] as string, "base64url");
  const head = datagram.subarray(0, -96);
  const transcript = nodeCrypto.sha256(
    Buffer.concat([Buffer.from("stardust 1 transcript"), nodeCrypto.sha256(join), head]),
  );
  const derived = (privateKey: Uint8Array, publicKey: Uint8Array): string => {
    const shared = keyPairOf(privateKeyOf("x25519", privateKey)).agree(publicKey)!;
    const label = Buffer.from("stardust 1 datagrams client to server");
    return Buffer.from(expander(nodeCrypto, shared, transcript)(label)).toString("hex");
  };
  const clientSecret = Buffer.from(keys.secrets.clientSecret).toString("hex");
  // The derivation is the right one: with a private key of the connection it gives the secret.
  expect(derived(seeds.serverPrivateKey, keyOf(join))).toBe(clientSecret);
  // All that the identity's owner has: the seed, and the scalar that Ed25519 makes of it.
  const scalar = createHash("sha512").update(seeds.identitySeed).digest().subarray(0, 32);
  for (const stolen of [seeds.identitySeed, scalar]) {
    for (const publicKey of [keyOf(join), keyOf(datagram)])
      expect(derived(stolen, publicKey)).not.toBe(clientSecret);
  }
});

it("who has stolen a port's key for secret members is told them, by clients that pin its server alone", () => {
  const protocol = handZeroProtocol({ security: "sealed", secrets: true });
  const serverKey = encodeBase64url(nodeCrypto.signingKey(identitySeed).publicKey);
  /** What the thief reads of a client that has asked to join, long after the key was replaced. */
  const read = (pinned: string): { said: unknown; told: string[] } => {
    const client = new ZeroClient({
      protocol,
      crypto: nodeCrypto,
      port: PORTS[0],
      join: { name: "ada", password: "open sesame" },
      serverKeys: [pinned],
      random: () => 0,
      nowMs: 0,
    });
    const first = client.pollTransmit(0)!.bytes;
    const sys = { cookie: "c".repeat(30), joinKey: portKey.text };
    const challenge = buildDatagram(nodeCrypto, {
      cid: client.cid,
      msg: "challenge",
      seq: 0,
      ack: 0,
      sys,
    });
    client.handleDatagram(challenge, challenge.length, "10.0.0.9", PORTS[0], 10);
    const second = client.pollTransmit(10)?.bytes;
    const told: string[] = [];
    for (let event = client.pollEvent(); event !== undefined; event = client.pollEvent())
      told.push(event.type);
    if (second === undefined) return { said: undefined, told };
    const frame = openFrame(second, second.length);
    if (typeof frame === "string") throw new Error(frame);
    const { secret } = messageOf(second) as unknown as { secret: string };
    const found = secretOf(frame, secret)!;
    const clientKey = Buffer.from(messageOf(first).sys["key"] as string, "base64url");
    return { said: portKey.open(clientKey, found.head, found.sealed), told };
  };
  expect(read(serverKey)).toEqual({ said: { password: "open sesame" }, told: [] });
  // With another key pinned, which is what helps, nobody is told anything.
  const other = encodeBase64url(nodeCrypto.signingKey(new Uint8Array(32)).publicKey);
  expect(read(other)).toEqual({ said: undefined, told: ["untrusted"] });
});

it("a server that shares its reset key and a port number gives the proof of the other's clients", () => {
  const worldOf = (key: number): World =>
    new World({ serverOptions: { resetKey: new Uint8Array(32).fill(key) }, place: () => PORTS[1] });
  const ours = worldOf(7);
  const { client } = ours.join();
  ours.runFor(1000);
  const reset = messageOf(ours.sentOf("accept")[0]!.bytes).sys["reset"] as string;
  const nonce = encodeBase64url(new Uint8Array(16));
  const asked = buildDatagram(
    nodeCrypto,
    {
      cid: client.cid,
      msg: "rebind",
      seq: 0,
      ack: 2,
      sys: { port: PORTS[1], tag: 7, nonce, counter: 2, reset },
    },
    { key: new Uint8Array(32) },
  );
  const proofOf = (world: World): unknown => {
    world.inject(PORTS[1], asked, "10.6.6.6", 5000);
    return messageOf(world.sentOf("gone").at(-1)!.bytes).sys["proof"];
  };
  expect(proofOf(worldOf(8))).toBeUndefined();
  const proof = proofOf(worldOf(7)) as string;
  const gone = buildDatagram(nodeCrypto, {
    cid: client.cid,
    msg: "gone",
    seq: 0,
    ack: 0,
    sys: { proof },
  });
  client.handleDatagram(gone, gone.length, "10.0.0.1", PORTS[1], ours.nowMs);
  expect(client.state).toBe("closed");
});

it("who answers in a plain server's place is taken for it, and passes on what they like", () => {
  const theirs = new World();
  const between: World = new World({
    place: (_, { body }) => {
      theirs.join({ join: { ...(body as object), name: "mallory" } });
      return PORTS[0];
    },
  });
  const { client, events } = between.join({ join: { name: "ada", spectator: true } });
  between.runFor(1000);
  theirs.runFor(1000);
  expect(client.state).toBe("open");
  // Nothing that the client is told says who it is.
  expect(events.map(({ type }) => type)).toEqual(["attached"]);
  expect(events[0]).toMatchObject({ type: "attached", serverKey: undefined });
  expect(theirs.eventsOf("join").map(({ body }) => body)).toEqual([
    { name: "mallory", spectator: true },
  ]);
  expect(theirs.eventsOf("attached")).toHaveLength(1);
});
