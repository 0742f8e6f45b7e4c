/**
 * Whether the `sys` of a message is what its schema in zero.yaml says; members that are not known are ignored.
 * @generated from codegen/model/zero.yaml: do not edit, run `npm run generate:zero`.
 */

import { isBoolean, isInteger, isList, isOneOf, isText } from "./checks.ts";
import type { MessageName } from "./own-messages.ts";

/** `sys` as it was received: an object whose members are not known yet. */
export type Unchecked = Readonly<Record<string, unknown>>;

export const sysChecks: Readonly<Record<MessageName, (sys: Unchecked) => boolean>> = {
  join: (sys) =>
    isInteger(sys.version, 0, 4294967295) &&
    isText(sys.hash, 32, 32) &&
    (sys.compatible === undefined ||
      isList(sys.compatible, 0, 8, (item) => isText(item, 32, 32))) &&
    (sys.cookie === undefined || isText(sys.cookie, 22, 64)) &&
    (sys.key === undefined || isText(sys.key, 43, 43)) &&
    (sys.token === undefined || isText(sys.token, 1, 1024)) &&
    (sys.stay === undefined || isBoolean(sys.stay)) &&
    (sys.pieces === undefined || isInteger(sys.pieces, 1, 64)) &&
    (sys.bytes === undefined || isInteger(sys.bytes, 1, 8192)) &&
    (sys.digest === undefined || isText(sys.digest, 43, 43)) &&
    (sys.piece === undefined || isInteger(sys.piece, 1, 64)) &&
    (sys.data === undefined || isText(sys.data, 2, 1500)),
  challenge: (sys) =>
    isText(sys.cookie, 22, 64) && (sys.joinKey === undefined || isText(sys.joinKey, 171, 171)),
  processing: (sys) => sys.pieces === undefined || isInteger(sys.pieces, 0, 64),
  accept: (sys) =>
    (sys.key === undefined || isText(sys.key, 43, 43)) &&
    (sys.identity === undefined || isText(sys.identity, 43, 43)) &&
    isInteger(sys.port, 1, 65535) &&
    isList(sys.ports, 1, 16, (item) => isList(item, 2, 2, (inner) => isInteger(inner, 1, 65535))) &&
    (sys.ticket === undefined || isText(sys.ticket, 43, 43)) &&
    isText(sys.hash, 32, 32) &&
    (sys.compat === undefined || isBoolean(sys.compat)) &&
    isInteger(sys.peer, 0, 4294967295) &&
    (sys.tag === undefined || isInteger(sys.tag, 0, 4294967295)) &&
    (sys.reset === undefined || isText(sys.reset, 22, 22)) &&
    (sys.resumeMs === undefined || isInteger(sys.resumeMs, 1, 2147483647)),
  reject: (sys) =>
    isOneOf(sys.reason, ["protocol", "full", "denied", "timeout", "shutting-down", "internal"]) &&
    (sys.detail === undefined || isText(sys.detail, 0, 96)) &&
    (sys.protocol === undefined || isText(sys.protocol, 1, 64)) &&
    (sys.version === undefined || isInteger(sys.version, 0, 4294967295)) &&
    (sys.hash === undefined || isText(sys.hash, 32, 32)) &&
    (sys.clientVersion === undefined || isInteger(sys.clientVersion, 0, 4294967295)) &&
    (sys.clientHash === undefined || isText(sys.clientHash, 32, 32)),
  attach: (sys) =>
    isInteger(sys.port, 1, 65535) &&
    (sys.tag === undefined || isInteger(sys.tag, 0, 4294967295)) &&
    isText(sys.nonce, 22, 22) &&
    isInteger(sys.counter, 0, 9007199254740991),
  attached: (sys) => isText(sys.nonce, 22, 22),
  rebind: (sys) =>
    isInteger(sys.port, 1, 65535) &&
    (sys.tag === undefined || isInteger(sys.tag, 0, 4294967295)) &&
    isText(sys.nonce, 22, 22) &&
    isInteger(sys.counter, 0, 9007199254740991) &&
    (sys.reset === undefined || isText(sys.reset, 22, 22)) &&
    (sys.move === undefined || isInteger(sys.move, 1, 9007199254740991)),
  verify: (sys) => isText(sys.nonce, 22, 22) && isInteger(sys.counter, 0, 9007199254740991),
  move: (sys) =>
    isInteger(sys.port, 1, 65535) && (sys.reset === undefined || isText(sys.reset, 22, 22)),
  ack: (sys) => sys.nonce === undefined || isText(sys.nonce, 22, 22),
  close: (sys) =>
    isText(sys.code, 1, 32) && (sys.reason === undefined || isText(sys.reason, 0, 96)),
  gone: (sys) => sys.proof === undefined || isText(sys.proof, 22, 22),
};
