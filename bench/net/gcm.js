/**
 * What whoever seals datagrams of `node:dgram` by hand does at least: a cipher and a decipher of node:crypto for each, its number in
 * clear before it and authenticated with it, AES-256-GCM. The key is a test key that both ends know.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

const CIPHER = "aes-256-gcm";
const KEY = new Uint8Array(32).fill(3);
const NUMBER_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OPTIONS = { authTagLength: TAG_BYTES };

/** Seals what one end sends. */
export class Sealer {
  #nonce = Buffer.alloc(NONCE_BYTES);
  #number = 0;

  seal(bytes) {
    this.#nonce.writeUInt32BE(this.#number++, NONCE_BYTES - NUMBER_BYTES);
    const clear = Buffer.from(this.#nonce.subarray(NONCE_BYTES - NUMBER_BYTES));
    const cipher = createCipheriv(CIPHER, KEY, this.#nonce, OPTIONS).setAAD(clear);
    const sealed = cipher.update(bytes);
    cipher.final();
    return Buffer.concat([clear, sealed, cipher.getAuthTag()]);
  }
}

/** Opens what the other end has sealed; throws where a byte of it is another. */
export class Opener {
  #nonce = Buffer.alloc(NONCE_BYTES);

  open(datagram) {
    datagram.copy(this.#nonce, NONCE_BYTES - NUMBER_BYTES, 0, NUMBER_BYTES);
    const decipher = createDecipheriv(CIPHER, KEY, this.#nonce, OPTIONS);
    decipher.setAAD(datagram.subarray(0, NUMBER_BYTES));
    decipher.setAuthTag(datagram.subarray(-TAG_BYTES));
    const bytes = decipher.update(datagram.subarray(NUMBER_BYTES, -TAG_BYTES));
    decipher.final();
    return bytes;
  }
}
