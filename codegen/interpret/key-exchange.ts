/**
 * The key exchange of docs/connection.md once more, for golden vectors: of fixed private keys, so that everybody can make the
 * same. Not the runtime's (src/zero/key-exchange.ts), which a test holds against it.
 */
import {
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  sign,
} from "node:crypto";

/** 32 bytes that rise by one. */
function rising(from: number): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => from + i);
}

/** The private keys of the vectors. */
export const privateKeys: Readonly<
  Record<"clientPrivateKey" | "serverPrivateKey" | "identitySeed" | "joinPrivateKey", Uint8Array>
> = {
  clientPrivateKey: rising(0x10),
  serverPrivateKey: rising(0x40),
  identitySeed: rising(0x80),
  joinPrivateKey: rising(0xa0),
};

/** What stands before the 32 bytes in PKCS #8. */
const PKCS8 = {
  x25519: "302e020100300506032b656e04220420",
  ed25519: "302e020100300506032b657004220420",
};

function privateKey(curve: keyof typeof PKCS8, bytes: Uint8Array): KeyObject {
  const key = Buffer.concat([Buffer.from(PKCS8[curve], "hex"), bytes]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

const client = privateKey("x25519", privateKeys.clientPrivateKey);
const server = privateKey("x25519", privateKeys.serverPrivateKey);
const joinKey = privateKey("x25519", privateKeys.joinPrivateKey);
const identity = privateKey("ed25519", privateKeys.identitySeed);

function publicText(key: KeyObject): string {
  return createPublicKey(key).export({ format: "jwk" }).x!;
}

/** As they stand in `sys`. */
export const publicKeys: Readonly<Record<"client" | "server" | "identity", string>> = {
  client: publicText(client),
  server: publicText(server),
  identity: publicText(identity),
};

function transcript(join: Uint8Array, acceptHead: Uint8Array): Buffer {
  const digest = createHash("sha256").update(join).digest();
  return createHash("sha256")
    .update("stardust 1 transcript")
    .update(digest)
    .update(acceptHead)
    .digest();
}

/** `sig` of an accept that begins with `acceptHead`. */
export function signAccept(join: Uint8Array, acceptHead: Uint8Array): Uint8Array {
  const label = Buffer.from("stardust 1 server signature");
  return sign(null, Buffer.concat([label, transcript(join, acceptHead)]), identity);
}

/** The keys of a connection. */
export interface ExchangedKeys {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  readonly clientSecret: Uint8Array;
  readonly serverSecret: Uint8Array;
}

export function exchangedKeys(join: Uint8Array, acceptHead: Uint8Array): ExchangedKeys {
  const shared = diffieHellman({ privateKey: client, publicKey: createPublicKey(server) });
  const salt = transcript(join, acceptHead);
  const key = (label: string) =>
    new Uint8Array(hkdfSync("sha256", shared, salt, `stardust 1 ${label}`, 32));
  return {
    client: key("zero mac client to server"),
    server: key("zero mac server to client"),
    clientSecret: key("datagrams client to server"),
    serverSecret: key("datagrams server to client"),
  };
}

function publicBytes(key: KeyObject): Buffer {
  return Buffer.from(publicText(key), "base64url");
}

/** `joinKey` of a challenge. */
export function joinKeyText(): string {
  const said = Buffer.concat([publicBytes(joinKey), publicBytes(identity)]);
  const label = Buffer.from("stardust 1 join key");
  return Buffer.concat([said, sign(null, Buffer.concat([label, said]), identity)]).toString(
    "base64url",
  );
}

/** What `secret` of a join says of these members, for the client's private key of the vectors. */
export function sealJoin(members: unknown): {
  readonly bytes: number;
  readonly seal: (head: Uint8Array) => Uint8Array;
} {
  const text = JSON.stringify(members);
  const length = Buffer.byteLength(text);
  const padded = Buffer.concat([Buffer.from(text), Buffer.alloc((64 - (length % 64)) % 64, " ")]);
  const shared = diffieHellman({ privateKey: client, publicKey: createPublicKey(joinKey) });
  const salt = Buffer.concat([publicBytes(client), publicBytes(joinKey)]);
  const key = new Uint8Array(hkdfSync("sha256", shared, salt, "stardust 1 join secret", 32));
  return {
    bytes: padded.length + 16,
    seal: (head) => {
      const cipher = createCipheriv("aes-256-gcm", key, Buffer.alloc(12)).setAAD(head);
      return Buffer.concat([cipher.update(padded), cipher.final(), cipher.getAuthTag()]);
    },
  };
}
