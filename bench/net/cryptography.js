/** What a server's cryptography of a sealed join costs by itself: a key pair, a shared secret, a signature, keys by HKDF, MACs. */
import { createHmac, diffieHellman, generateKeyPairSync, hkdfSync, sign } from "node:crypto";
import { isQuick } from "../options.js";

const JOINS = isQuick ? 50 : 1000;
/** Cookie, join, accept, attach and attached: a MAC each is made or checked. */
const MACS = 5;
/** Secrets and keys of both directions, and those of the connection's own messages. */
const DERIVED = 6;

/** As a row of a suite has it, behind as many joins that warm it up: microseconds of CPU a join, and joins a second. */
export function measureJoinCryptography() {
  const identity = generateKeyPairSync("ed25519").privateKey;
  const client = generateKeyPairSync("x25519").publicKey;
  const text = Buffer.alloc(300);
  doJoins(identity, client, text);
  const cpu = process.cpuUsage();
  const start = performance.now();
  doJoins(identity, client, text);
  const { user, system } = process.cpuUsage(cpu);
  return { cost: (user + system) / JOINS, rate: (JOINS / (performance.now() - start)) * 1000 };
}

function doJoins(identity, client, text) {
  for (let i = 0; i < JOINS; i++) {
    const { privateKey } = generateKeyPairSync("x25519");
    const secret = diffieHellman({ privateKey, publicKey: client });
    sign(null, text, identity);
    for (let k = 0; k < DERIVED; k++) hkdfSync("sha256", secret, text, "key", 32);
    for (let k = 0; k < MACS; k++) createHmac("sha256", secret).update(text).digest();
  }
}
