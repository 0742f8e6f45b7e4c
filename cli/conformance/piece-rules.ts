/**
 * Rules of docs/connection.md about joins whose body comes in pieces, each tried with a join of its own. Not observable where the spec has no
 * body so long, or the server takes none.
 */
import { createHash } from "node:crypto";
import { sample } from "../../codegen/interpret/json-schema.ts";
import { writeZero, type ZeroValues } from "../../codegen/interpret/write-datagram.ts";
import type { Model } from "../../codegen/model/model.ts";
import { secretNames } from "../../codegen/model/secrets.ts";
import { MAX_JOIN_BODY_BYTES } from "../../src/limits.ts";
import { cutBody } from "../../src/zero/pieces.ts";
import { paddedJson } from "../../src/zero/secrets.ts";
import { type Answer, newCid, type Probe, secondJoin } from "./probe.ts";
import { fail, type Outcome, pass, type Rule, unseen } from "./rule.ts";
import { silent } from "./zero-rules.ts";

const where = "connection.md#a-body-in-pieces";
/** Into so many is every body cut: more than may be under way. */
const PIECES = 6;

type Sys = Readonly<Record<string, unknown>>;
const sysOf = (answer: Answer | undefined): Sys => (answer?.reading.envelope?.["sys"] ?? {}) as Sys;

const joinOf = ({ zero }: Model) => zero.messages.find(({ name }) => name === "join")!;
const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

/** What both joins say, and join 1 as a datagram. */
function first(probe: Probe, cid: string, sys: object): ZeroValues {
  const values = probe.joinValues(cid);
  const padBytes = probe.model.limits.maxDatagramBytes;
  return { ...values, sys: { ...(values.sys as object), ...sys }, body: {}, padBytes };
}

/** A join 2 that has arrived, and whose pieces are awaited. */
class Collecting {
  readonly #probe: Probe;
  readonly #cid: string;
  readonly #join: Uint8Array;
  /** As they are before they are sealed. */
  readonly #pieces: readonly Uint8Array[];
  readonly isSealed: boolean;

  private constructor(
    probe: Probe,
    cid: string,
    join: Uint8Array,
    pieces: readonly Uint8Array[],
    isSealed: boolean,
  ) {
    this.#probe = probe;
    this.#cid = cid;
    this.#join = join;
    this.#pieces = pieces;
    this.isSealed = isSealed;
  }

  /** `digest`: what the joins say of the body, where it is not sealed. */
  static async begin(
    probe: Probe,
    digest: (body: Uint8Array) => Uint8Array = sha256,
  ): Promise<Collecting | Outcome> {
    const { body: schema, bodyBytes } = joinOf(probe.model);
    if (bodyBytes === undefined) return unseen("the spec allows no body that needs pieces");
    const body = (probe.target.join ?? sample(schema, "least")) as Readonly<
      Record<string, unknown>
    >;
    const isSealed = secretNames(schema).length > 0;
    const text = isSealed ? paddedJson(body) : Buffer.from(JSON.stringify(body));
    const layout = { pieces: PIECES, bytes: text.length };
    const pieces = cutBody(text, layout);
    if (pieces.at(-1)!.length === 0)
      return unseen("the body is too short: --join gives a longer one");
    const said = {
      ...layout,
      ...(isSealed ? {} : { digest: Buffer.from(digest(text)).toString("base64url") }),
    };
    const cid = newCid();
    probe.send(writeZero(first(probe, cid, said)));
    const answer = await probe.zero(cid, "challenge", "reject");
    if (answer === undefined) return fail("a join that announces pieces is not answered");
    const { cookie, joinKey, reason } = sysOf(answer);
    if (answer.reading.zero === "reject") {
      return reason === "denied" ? unseen("the server takes no body in pieces") : fail(`${reason}`);
    }
    if (isSealed && !probe.keysOf(cid).offered(joinKey)) return fail("no joinKey in the challenge");
    const join = secondJoin(probe, cid, String(cookie), said, true);
    const collecting = new Collecting(probe, cid, join, pieces, isSealed);
    probe.send(join);
    return (await collecting.acked(0)) ? collecting : fail("join 2 gets no processing of 0 pieces");
  }

  /** Sends a piece; `data` in place of its own. */
  send(number: number, data = this.dataOf(number)): void {
    const { sys } = this.#probe.joinValues(this.#cid);
    const values = first(this.#probe, this.#cid, {});
    const text = Buffer.from(data).toString("base64url");
    this.#probe.send(
      writeZero({ ...values, sys: { ...(sys as object), piece: number, data: text } }),
    );
  }

  /** What a piece has to bring; `as`: sealed as if it were that one. */
  dataOf(number: number, as = number): Uint8Array {
    const said = this.#pieces[number - 1] ?? this.#pieces[0]!;
    return this.isSealed ? this.#probe.keysOf(this.#cid).piece(this.#join, as, said) : said;
  }

  /** Whether so many pieces are acknowledged, within the time that an answer has. */
  async acked(pieces: number): Promise<boolean> {
    const answer = await this.#probe.answer(
      ({ reading }) =>
        reading.envelope?.["cid"] === this.#cid &&
        reading.zero === "processing" &&
        (reading.envelope["sys"] as Sys)["pieces"] === pieces,
    );
    return answer !== undefined;
  }

  /** Sends these one by one, each when the one before is acknowledged; what decides the join. */
  async finish(from: number): Promise<Answer | undefined> {
    for (let number = from; number <= PIECES; number++) {
      this.send(number);
      if (number < PIECES && !(await this.acked(number))) return undefined;
    }
    return this.#probe.zero(this.#cid, "accept", "reject");
  }

  silent(): Promise<Outcome> {
    return silent(this.#probe, this.#cid);
  }

  clear(): void {
    this.#probe.clear();
  }
}

function rule(
  id: string,
  says: string,
  check: (join: Collecting, probe: Probe) => Promise<Outcome>,
): Rule<Probe> {
  return {
    id: `pieces-${id}`,
    level: "MUST",
    where,
    says,
    check: async (probe) => {
      const join = await Collecting.begin(probe);
      return join instanceof Collecting ? check(join, probe) : join;
    },
  };
}

/** That what was just sent has no answer and no effect: behind it comes the true piece 1. */
async function ignored(join: Collecting): Promise<Outcome> {
  const outcome = await join.silent();
  if (outcome.result !== "pass") return outcome;
  join.clear();
  join.send(1);
  return (await join.acked(1)) ? pass : fail("the true piece that follows is not acknowledged");
}

export const pieceRules: readonly Rule<Probe>[] = [
  {
    id: "pieces-early",
    level: "MUST",
    where,
    says: "rejects, to join 1 already, a body that is longer than it takes",
    check: async (probe) => {
      const { body, bodyBytes = 0 } = joinOf(probe.model);
      if (bodyBytes >= MAX_JOIN_BODY_BYTES - 64)
        return unseen("the spec allows the longest there is");
      const cid = newCid();
      const digest = Buffer.from(sha256(new Uint8Array(0))).toString("base64url");
      const said = { pieces: 16, bytes: MAX_JOIN_BODY_BYTES };
      const isSealed = secretNames(body).length > 0;
      probe.send(writeZero(first(probe, cid, { ...said, ...(isSealed ? {} : { digest }) })));
      const answer = await probe.zero(cid, "reject", "challenge");
      const { reason } = sysOf(answer);
      return reason === "denied" ? pass : fail(answer?.reading.zero ?? "is not answered");
    },
  },
  {
    id: "pieces-unknown",
    level: "MUST",
    where,
    says: "answers a piece of a connection id that it does not know with `gone`",
    check: async (probe) => {
      const cid = newCid();
      const { sys, ...values } = first(probe, cid, {});
      probe.send(writeZero({ ...values, sys: { ...(sys as object), piece: 1, data: "AAAA" } }));
      const answer = await probe.zero(cid, "gone", "challenge", "processing", "reject");
      return answer?.reading.zero === "gone"
        ? pass
        : fail(answer?.reading.zero ?? "is not answered");
    },
  },
  rule(
    "order",
    "acknowledges the pieces that are there with none missing before them",
    async (join) => {
      for (const number of [3, 2]) {
        join.clear();
        join.send(number);
        if (!(await join.acked(0)))
          return fail(`piece ${number} without the first is not answered with 0`);
      }
      join.send(1);
      if (!(await join.acked(3))) return fail("with the first, 3 are not acknowledged");
      const decided = await join.finish(4);
      return decided?.reading.zero === "accept" ? pass : fail(decided?.reading.zero ?? "no accept");
    },
  ),
  rule("again", "answers a piece that comes again with the answer of the join", async (join) => {
    const decided = await join.finish(1);
    if (decided === undefined) return fail("the join is not decided");
    join.clear();
    join.send(1);
    const again = await join.finish(PIECES);
    if (again === undefined) return fail("is not answered");
    return Buffer.compare(again.bytes, decided.bytes) === 0 ? pass : fail("in other bytes");
  }),
  rule("length", "drops a piece of another length than its number has", async (join) => {
    join.clear();
    join.send(1, join.dataOf(1).subarray(1));
    return ignored(join);
  }),
  rule("number", "drops a piece whose number is above what the joins said", async (join) => {
    join.clear();
    join.send(PIECES + 1, join.dataOf(1, PIECES + 1));
    return ignored(join);
  }),
  rule("window", "drops a piece that is further ahead than 4", async (join) => {
    join.clear();
    join.send(PIECES);
    const outcome = await ignored(join);
    if (outcome.result !== "pass") return outcome;
    for (let number = 2; number < PIECES; number++) join.send(number);
    return (await join.acked(PIECES - 1)) ? pass : fail("was kept, or those before it were not");
  }),
  rule("sealed", "drops a piece that was sealed for another number", async (join) => {
    if (!join.isSealed) return unseen("the spec has no secret members");
    join.clear();
    join.send(1, join.dataOf(1, 2));
    return ignored(join);
  }),
  {
    id: "pieces-digest",
    level: "MUST",
    where,
    says: "rejects a body that is not what `digest` says",
    check: async (probe) => {
      const join = await Collecting.begin(probe, (body) => sha256(body.subarray(1)));
      if (!(join instanceof Collecting)) return join;
      if (join.isSealed) return unseen("what is sealed has no digest");
      const decided = await join.finish(1);
      const { reason } = sysOf(decided);
      return reason === "denied" ? pass : fail(decided?.reading.zero ?? "is not answered");
    },
  },
];
