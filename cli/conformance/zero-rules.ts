/** Rules of docs/connection.md, each tried with a join of its own. */
import { randomBytes } from "node:crypto";
import { writeZero } from "../../codegen/interpret/write-datagram.ts";
import type { Model } from "../../codegen/model/model.ts";
import {
  type Accepted,
  accepted,
  another,
  attach,
  Connection,
  challenged,
  hasMac,
  newCid,
  type Probe,
  secondJoin,
} from "./probe.ts";
import { fail, type Outcome, pass, type Rule, unseen } from "./rule.ts";

const page = (section: string): string => `connection.md#${section}`;

/** Passes where nothing was said to `cid`. */
export async function silent(probe: Probe, cid: string): Promise<Outcome> {
  if (!(await probe.isAlive())) return fail("the server answers nobody any more");
  // One of the ids that are tried lacks its last character.
  const said = probe.answers.find(({ reading }) =>
    String(reading.envelope?.["cid"]).startsWith(cid.slice(0, 21)),
  );
  return said === undefined ? pass : fail(`is answered with ${said.reading.zero ?? "something"}`);
}

/** A join 1 as text, with `change` made to it, padded to the full size. */
function textOf(probe: Probe, cid: string, change: (text: string) => string): Uint8Array {
  const plain = Buffer.from(writeZero(probe.joinValues(cid))).toString("latin1");
  const changed = change(plain);
  const missing = probe.model.limits.maxDatagramBytes - changed.length - ',"pad":""'.length;
  const padded = missing <= 0 ? changed : within(changed, `"pad":"${".".repeat(missing)}"`);
  return Uint8Array.from(Buffer.from(padded, "latin1"));
}

/** With a member more. */
function within(text: string, member: string): string {
  const end = text.lastIndexOf("}");
  return `${text.slice(0, end)},${member}${text.slice(end)}`;
}

const keys = Array.from({ length: 65 }, (_, i) => `"k${i}":0`).join(",");

/** What no server answers: how a join is changed to become it. */
const malformed: readonly (readonly [
  id: string,
  says: string,
  change: (text: string) => string,
])[] = [
  ["version", "`v` is 1", (text) => text.replace('"v":1', '"v":2')],
  [
    "cid-length",
    "a connection id has 22 characters",
    (text) => text.replace(/(?<="cid":".{21})./, ""),
  ],
  ["behind", "nothing stands behind the object", (text) => `${within(text, '"x":1')} `],
  ["json", "it is JSON", (text) => within(text, '"x":')],
  ["depth", "at most 6 levels", (text) => within(text, '"x":[[[[[[[]]]]]]]')],
  ["keys", "at most 64 keys", (text) => within(text, `"x":{${keys}}`)],
  ["prototype", "no key `__proto__`", (text) => within(text, '"__proto__":{}')],
  ["constructor", "no key `constructor`", (text) => within(text, '"x":{"constructor":{}}')],
  ["control", "no control characters", (text) => within(text, '"x":"\u0001"')],
  ["utf8", "strict UTF-8", (text) => within(text, '"x":"\u00ff"')],
  ["surrogate", "no half of a surrogate pair", (text) => within(text, '"x":"\\ud83d"')],
  ["length", "at most 1,500 bytes", (text) => within(text, `"x":"${"x".repeat(1500)}"`)],
  ["message", "a message that there is", (text) => text.replace('"msg":"join"', '"msg":"jump"')],
  [
    "side",
    "a message of the client's",
    (text) => text.replace('"msg":"join"', '"msg":"challenge"'),
  ],
  ["sequence", "join 1 has `seq` 0", (text) => text.replace('"seq":0', '"seq":3')],
  ["schema", "`sys` is what the schema says", (text) => text.replace(/"hash":"[^"]*"/, '"hash":7')],
  [
    "mac-on-join",
    "join carries no MAC",
    (text) => within(text, `"mac":"${randomBytes(16).toString("base64url")}"`),
  ],
];

const dropped: readonly Rule<Probe>[] = malformed.map(([id, says, change]) => ({
  id: `zero-${id}`,
  level: "MUST",
  where: page("a-zero-message"),
  says: `drops what is otherwise: ${says}`,
  check: async (probe) => {
    const cid = newCid();
    probe.send(textOf(probe, cid, change));
    return silent(probe, cid);
  },
}));

/** What is sent to the chosen port instead of an attach, and gets nothing. */
function badAttach(
  id: string,
  says: string,
  make: (probe: Probe, from: Accepted) => Uint8Array,
): Rule<Probe> {
  return {
    id: `attach-${id}`,
    level: "MUST",
    where: page("attach-and-attached"),
    says,
    check: async (probe) => {
      const from = await accepted(probe);
      probe.clear();
      probe.send(make(probe, from), from.port);
      return silent(probe, from.cid);
    },
  };
}

const common: readonly Rule<Probe>[] = [
  {
    id: "challenge",
    level: "MUST",
    where: page("join"),
    says: "answers join 1 with a challenge whose cookie has 22 to 64 characters",
    check: async (probe) => {
      const { cookie } = await challenged(probe);
      const [answer] = probe.answers.filter(({ reading }) => reading.zero === "challenge");
      const { problem } = answer!.reading;
      if (problem !== undefined) return fail(`${problem.path}: ${problem.problem}`);
      return cookie.length >= 22 && cookie.length <= 64
        ? pass
        : fail(`${cookie.length} characters`);
    },
  },
  {
    id: "amplification",
    level: "MUST",
    where: page("limits-of-a-server"),
    says: "answers who has proved nothing with no more bytes than were asked with",
    check: async (probe) => {
      const cid = newCid();
      const small = writeZero(probe.joinValues(cid));
      probe.send(small);
      if (!(await probe.isAlive())) return fail("the server answers nobody any more");
      const said = probe.answers.filter(({ reading }) => reading.envelope?.["cid"] === cid);
      const bytes = said.reduce((sum, one) => sum + one.bytes.length, 0);
      return bytes <= small.length ? pass : fail(`${bytes} bytes for ${small.length}`);
    },
  },
  ...dropped,
  {
    id: "unknown-members",
    level: "MUST",
    where: page("a-zero-message"),
    says: "ignores members of the envelope and of `sys` that it does not know",
    check: async (probe) => {
      const cid = newCid();
      const add = (text: string) =>
        within(text, '"later":{}').replace('"sys":{', '"sys":{"later":1,');
      probe.send(textOf(probe, cid, add));
      return (await probe.zero(cid, "challenge")) === undefined ? fail("is not answered") : pass;
    },
  },
  {
    id: "other-hash",
    level: "MUST",
    where: page("join"),
    says: "rejects another protocol's hash, to join 1 already",
    check: async (probe) => {
      const cid = newCid();
      const other = probe.model.hash.replace(/./g, (c) => (c === "0" ? "1" : "0"));
      probe.send(textOf(probe, cid, (text) => text.replace(probe.model.hash, other)));
      const answer = await probe.zero(cid, "reject", "challenge");
      const sys = answer?.reading.envelope?.["sys"] as { reason?: string } | undefined;
      return sys?.reason === "protocol" ? pass : fail(answer?.reading.zero ?? "is not answered");
    },
  },
  {
    id: "forged-cookie",
    level: "MUST",
    where: page("gone"),
    says: "answers a cookie that is not its own with `gone`",
    check: async (probe) => {
      const { cid, cookie } = await challenged(probe);
      const forged = (cookie.startsWith("A") ? "B" : "A") + cookie.slice(1);
      probe.send(secondJoin(probe, cid, forged));
      const answer = await probe.zero(cid, "gone", "processing", "accept", "reject");
      return answer?.reading.zero === "gone"
        ? pass
        : fail(answer?.reading.zero ?? "is not answered");
    },
  },
  {
    id: "accept-again",
    level: "MUST",
    where: page("join"),
    says: "answers the same join 2 with the same accept, byte for byte",
    check: async (probe) => {
      const { cid, join, accept } = await accepted(probe);
      probe.clear();
      probe.send(join);
      const again = await probe.zero(cid, "accept");
      if (again === undefined) return fail("is not answered");
      return Buffer.compare(again.bytes, accept.bytes) === 0 ? pass : fail("in other bytes");
    },
  },
  {
    id: "other-bytes",
    level: "MUST",
    where: page("join"),
    says: "drops other bytes than those of the first join 2 of a connection id",
    check: async (probe) => {
      const { cid, cookie } = await challenged(probe);
      probe.send(secondJoin(probe, cid, cookie));
      if ((await probe.zero(cid, "accept", "reject")) === undefined) return fail("no accept");
      probe.clear();
      probe.send(secondJoin(probe, cid, cookie, { later: 1 }));
      return silent(probe, cid);
    },
  },
  badAttach("mac", "drops an attach whose MAC is wrong", (probe, from) =>
    attach(probe, from, {}, { key: randomBytes(32) }),
  ),
  badAttach("no-mac", "drops an attach without a MAC", (probe, from) =>
    Uint8Array.from(
      Buffer.from(
        `${Buffer.from(attach(probe, from)).toString("latin1").slice(0, -32)}}`,
        "latin1",
      ),
    ),
  ),
  badAttach("port", "drops an attach that was meant for another port", (probe, from) =>
    attach(probe, from, { port: (from.port % 65_535) + 1 }),
  ),
  {
    id: "attached",
    level: "MUST",
    where: page("attach-and-attached"),
    says: "answers attach with attached, with its MAC, and a repeated attach again",
    check: async (probe) => {
      const from = await accepted(probe);
      const bytes = attach(probe, from);
      for (const time of ["the first", "the second"]) {
        probe.clear();
        probe.send(bytes, from.port);
        const answer = await probe.zero(from.cid, "attached");
        if (answer === undefined) return fail(`${time} is not answered`);
        const { problem } = answer.reading;
        if (problem !== undefined) return fail(`${time}: ${problem.path}: ${problem.problem}`);
        if (!hasMac(answer, from.keys.server)) return fail(`${time}: the MAC is wrong`);
      }
      return pass;
    },
  },
  {
    id: "nonce",
    level: "MUST",
    where: page("the-address"),
    says: "takes no nonce as proof of an address but the one that it sent there",
    check: async (probe) => {
      const from = await accepted(probe);
      probe.send(attach(probe, from), from.port);
      if ((await probe.zero(from.cid, "attached")) === undefined) return fail("no attached");
      probe.clear();
      const { cid, keys: both, port } = from;
      const sys = { nonce: newCid() };
      probe.send(
        writeZero({ cid, msg: "ack", seq: 0, ack: 2, sys, body: {}, key: both.client }),
        port,
      );
      if (!(await probe.isAlive())) return fail("the server answers nobody any more");
      const said = probe.answers.find(({ reading }) => reading.zero === "ack");
      return said === undefined ? pass : fail("is answered with an ack");
    },
  },
  {
    id: "rebind",
    level: "MUST",
    where: page("moving-to-another-address"),
    says: "answers rebind with verify, that names its counter, and the ack of its nonce with an ack that repeats it",
    check: async (probe) => {
      const { accepted: from, ...connection } = await opened(probe);
      for (const time of ["the first", "the second"]) {
        probe.clear();
        connection.rebind(7);
        const answer = await probe.zero(from.cid, "verify");
        if (answer === undefined) return fail(`${time} is not answered`);
        const { problem, envelope } = answer.reading;
        if (problem !== undefined) return fail(`${time}: ${problem.path}: ${problem.problem}`);
        if (!hasMac(answer, from.keys.server)) return fail(`${time}: the MAC is wrong`);
        const { nonce, counter } = envelope!["sys"] as { nonce: string; counter: number };
        if (counter !== 7) return fail(`${time}: the counter is ${counter}`);
        if (time === "the first") continue;
        connection.confirm(nonce);
        const ack = await probe.zero(from.cid, "ack");
        if (ack === undefined) return fail("the ack of its nonce is not answered");
        const said = ack.reading.envelope!["sys"] as { nonce?: string };
        if (said.nonce !== nonce) return fail(`the ack says the nonce ${said.nonce}`);
      }
      return pass;
    },
  },
  {
    id: "rebind-old",
    level: "MUST",
    where: page("moving-to-another-address"),
    says: "drops a rebind whose counter is not above that with which the address was proven",
    check: async (probe) => {
      const { accepted: from, rebind } = await opened(probe);
      probe.clear();
      rebind(1);
      return silent(probe, from.cid);
    },
  },
];

/** A connection that may ask to be looked for. */
async function opened(probe: Probe) {
  const connection = await Connection.open(probe);
  const { accepted: from } = connection;
  const { port, tag } = from;
  return {
    accepted: from,
    rebind: (counter: number): void => {
      const sys = { port, ...(tag === undefined ? {} : { tag }), nonce: newCid(), counter };
      connection.zero("rebind", 0, 2, sys);
    },
    confirm: (nonce: string): void => connection.zero("ack", 0, 2, { nonce }),
  };
}

const ofPlain: readonly Rule<Probe>[] = [
  badAttach("tag", "drops an attach with another session tag than accept gave", (probe, from) =>
    attach(probe, from, { tag: another(from.tag ?? 0) }),
  ),
];

const ofSealed: readonly Rule<Probe>[] = [
  {
    id: "accept-signed",
    level: "MUST",
    where: page("keys-of-sealed-connections"),
    says: "signs accept with the key that it names, over both datagrams",
    check: async (probe) => {
      const { cid, cookie } = await challenged(probe);
      const join = secondJoin(probe, cid, cookie);
      probe.send(join);
      const accept = await probe.zero(cid, "accept");
      if (accept === undefined) return fail("no accept");
      const keys = probe.keysOf(cid).keysOf(join, accept.bytes);
      return typeof keys === "string" ? fail(keys) : pass;
    },
  },
  {
    id: "join-key",
    level: "MUST",
    where: page("keys-of-sealed-connections"),
    says: "drops a join without a key",
    check: async (probe) => {
      const cid = newCid();
      probe.send(textOf(probe, cid, (text) => text.replace(/,"key":"[^"]*"/, "")));
      return silent(probe, cid);
    },
  },
  {
    id: "join-low-order",
    level: "MUST",
    where: page("keys-of-sealed-connections"),
    says: "rejects a join whose key gives no secret",
    check: async (probe) => {
      const { cid, cookie } = await challenged(probe);
      probe.send(secondJoin(probe, cid, cookie, { key: "A".repeat(43) }));
      const answer = await probe.zero(cid, "accept", "reject");
      const sys = answer?.reading.envelope?.["sys"] as { reason?: string } | undefined;
      return sys?.reason === "denied" ? pass : fail(answer?.reading.zero ?? "is not answered");
    },
  },
  {
    id: "secret-changed",
    level: "MUST",
    where: page("secret-members"),
    says: "rejects a join whose secret members were sealed beside other bytes",
    check: async (probe) => {
      const { cid, cookie } = await challenged(probe);
      const join = Buffer.from(secondJoin(probe, cid, cookie));
      if (!join.includes(',"secret":"')) return unseen("the spec has no secret members");
      // A byte of the padding; with a token, it is that which is refused.
      const at = join.indexOf('"pad":"...');
      if (at < 0) return unseen("no room to change a byte that says nothing");
      join[at + '"pad":"'.length] = 0x2d;
      probe.send(join);
      const answer = await probe.zero(cid, "accept", "reject", "processing");
      const sys = answer?.reading.envelope?.["sys"] as { reason?: string } | undefined;
      return sys?.reason === "denied" ? pass : fail(answer?.reading.zero ?? "is not answered");
    },
  },
  badAttach("ticket", "drops an attach that carries a session tag", (probe, from) =>
    attach(probe, from, { tag: 1 }),
  ),
];

export function zeroRules({ security }: Model): readonly Rule<Probe>[] {
  return [...common, ...(security === "plain" ? ofPlain : ofSealed)];
}
