/**
 * What `stardust decode --keys` opens sealed datagrams with: the secrets of a key log, by connection id, and what is known
 * of each direction of a connection as a capture goes on, its keys and its newest packet number. Which connection the
 * datagrams of two addresses are of, their zero messages have said; without addresses every connection is tried.
 * Worst case of a datagram: two directions of MAX_TRIED connections, START_TRIES numbers each.
 */
import { readFileSync } from "node:fs";
import type { Side } from "../codegen/model/delivery.ts";
import { ciphers } from "../codegen/model/security.ts";
import type { CipherName } from "../src/protocol.ts";
import { KeyedPhase } from "../src/session/seal-keys.ts";
import { keyLogLabels } from "../src/udp/key-log.ts";
import { nodeSealCrypto } from "../src/udp/node-seal.ts";
import { UsageError } from "./usage.ts";

/** Longest key log that is read. */
const MAX_BYTES = 1 << 26;
/** Connections that a datagram without addresses is tried with: those at the end of the log. */
const MAX_TRIED = 64;
/** Packet numbers that the first datagram of a direction is tried with, where the capture begins in the middle. */
const START_TRIES = 64;
const TAG_BYTES = 16;

const LINE = /^(\S+) ([A-Za-z0-9_-]{22}) ([0-9a-fA-F]{64})$/;

/** What anybody can read of a sealed datagram. */
export interface ClearPart {
  readonly bytes: Uint8Array;
  /** Where the sealed part begins. */
  readonly clearBytes: number;
  /** As on the wire, and how many bits of it that are. */
  readonly packetNumber: number;
  readonly packetNumberBits: number;
  readonly keyPhase: boolean;
  readonly from: Side | undefined;
}

class Direction {
  #keys: KeyedPhase;
  #previous: KeyedPhase | undefined;
  #next: KeyedPhase | undefined;
  #phase = false;
  /** The newest number that was opened; negative: none yet. */
  #newest = -1;

  constructor(cipher: CipherName, secret: Uint8Array) {
    this.#keys = new KeyedPhase(nodeSealCrypto, cipher, secret);
  }

  /** Opens it in place. */
  open({ bytes, clearBytes, packetNumber, packetNumberBits, keyPhase }: ClearPart): boolean {
    const isOther = keyPhase !== this.#phase;
    if (isOther) this.#next ??= this.#keys.next();
    const candidates = isOther ? [this.#next!, this.#previous] : [this.#keys];
    for (const keys of candidates) {
      for (const number of this.#numbers(packetNumber, 2 ** packetNumberBits)) {
        if (keys?.open(number, bytes, 0, clearBytes, bytes.length) !== true) continue;
        if (keys === this.#next) {
          this.#previous = this.#keys;
          this.#keys = keys;
          this.#next = undefined;
          this.#phase = keyPhase;
        }
        this.#newest = Math.max(this.#newest, number);
        return true;
      }
    }
    return false;
  }

  /** The numbers with these lower bits: the one nearest to what comes next, or the first ones of a connection. */
  #numbers(low: number, span: number): readonly number[] {
    if (this.#newest < 0) {
      const count = span > 2 ** 16 ? 1 : START_TRIES;
      return Array.from({ length: count }, (_, i) => low + i * span);
    }
    const expected = this.#newest + 1;
    const near = Math.floor(expected / span) * span + low;
    const all = [near, near - span, near + span].filter((number) => number >= 0);
    return [all.sort((a, b) => Math.abs(a - expected) - Math.abs(b - expected))[0]!];
  }
}

export class KeyRing {
  readonly #connections = new Map<string, Partial<Record<Side, Direction>>>();

  /** Throws `UsageError` for a file that cannot be read. Lines that are of something else are passed over. */
  constructor(file: string, cipher: CipherName = ciphers[0]) {
    for (const line of readLog(file).split(/\r?\n/)) {
      const [, label, cid, secret] = LINE.exec(line.trim()) ?? [];
      const side = label === keyLogLabels.client ? "client" : "server";
      if (cid === undefined || label !== keyLogLabels[side]) continue;
      const directions = this.#connections.get(cid) ?? {};
      directions[side] = new Direction(cipher, Buffer.from(secret!, "hex"));
      this.#connections.set(cid, directions);
    }
  }

  /** A copy with the sealed part opened, its tag still behind it; undefined: none of the keys opens it. */
  open(cid: string | undefined, datagram: ClearPart): Uint8Array | undefined {
    if (datagram.bytes.length < datagram.clearBytes + TAG_BYTES) return undefined;
    const bytes = Uint8Array.from(datagram.bytes);
    const known = cid === undefined ? undefined : this.#connections.get(cid);
    const tried =
      cid === undefined ? [...this.#connections.values()].slice(-MAX_TRIED) : known ? [known] : [];
    for (const directions of tried) {
      for (const side of ["client", "server"] as const) {
        if (datagram.from !== undefined && datagram.from !== side) continue;
        if (directions[side]?.open({ ...datagram, bytes }) === true) return bytes;
      }
    }
    return undefined;
  }
}

function readLog(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= MAX_BYTES) return bytes.toString("utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`cannot read ${file}: ${code ?? String(error)}`);
  }
  throw new UsageError(`${file} is larger than ${MAX_BYTES >> 20} MiB`);
}
