/**
 * The command `conformance`: a client that tries a running server, rule by rule of docs/wire.md and docs/connection.md, and
 * prints what it does about each; with `--explain`, a server for the author of a client. The probe knows the server by its spec alone. What no datagram shows from outside is not in the
 * table. Worst case: each rule that gets no answer waits for it.
 */

import { lookup } from "node:dns/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { resolveSpec } from "../codegen/model/resolve.ts";
import { type ErrorFormat, formatDiagnostics, printable } from "../codegen/spec/format.ts";
import { loadSpecFile } from "../codegen/spec/load.ts";
import { tokenParts } from "../src/token-text.ts";
import { nodeCrypto } from "../src/udp/node-crypto.ts";
import type { OwnToken } from "../src/zero/join.ts";
import type { ExitCode, Invocation } from "./command.ts";
import { explainServer, type Listen, type Verdict, verdictText } from "./conformance/explain.ts";
import type { SessionContext } from "./conformance/parts.ts";
import { pieceRules } from "./conformance/piece-rules.ts";
import { Connection, NoAnswer, Probe, type Target } from "./conformance/probe.ts";
import { fail, type Outcome, type Rule, unseen } from "./conformance/rule.ts";
import { sessionRules } from "./conformance/session-rules.ts";
import { zeroRules } from "./conformance/zero-rules.ts";
import { joinBody, tokenOptions } from "./join-flags.ts";
import { issue } from "./token.ts";
import { readNumber, UsageError } from "./usage.ts";

export async function runConformance(invocation: Invocation): Promise<ExitCode> {
  const { flags, out, err } = invocation;
  const module = flags["explain"] as string | undefined;
  if (module !== undefined) return runExplain(module, invocation);
  const [given] = invocation.positionals;
  const place = given === undefined ? null : /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(given);
  if (place === null) throw new UsageError("conformance takes the server's host:port");
  const spec = (flags["spec"] as string | undefined) ?? "protocol.yaml";
  const loaded = loadSpecFile(spec);
  const model = resolveSpec(loaded);
  if (model === undefined) {
    const format = (flags["error-format"] as ErrorFormat | undefined) ?? "text";
    const { diagnostics, source } = loaded;
    const options = { format, colour: invocation.colour };
    err(formatDiagnostics(diagnostics.sorted(), source, options, diagnostics.dropped));
    return 1;
  }
  const { address } = await lookup((place[1] ?? place[2])!);
  const join = joinBody(flags);
  const only = flags["only"] as string | undefined;
  const known = [...joinRules(model), ...sessionRules(model)];
  if (only !== undefined && !known.some(({ id }) => id === only)) {
    throw new UsageError(`there is no rule ${printable(only)}; without --only all are listed`);
  }
  const target: Target = {
    host: address,
    port: Number(place[3]),
    waitMs: readNumber(flags, "wait", { min: 10, max: 60_000 }) ?? 1000,
    model,
    ...(join === undefined ? {} : { join }),
    token: tokensOf(flags),
  };
  const rows = await probeServer(target, (rule) => only === undefined || rule === only);
  out(flags["json"] === true ? `${JSON.stringify(rows, undefined, 2)}\n` : tableOf(rows));
  return rows.some(({ level, result }) => level === "MUST" && result === "fail") ? 1 : 0;
}

/** Until it is told to stop, a server that says what became of each datagram. */
async function runExplain(path: string, { flags, out }: Invocation): Promise<ExitCode> {
  const port = readNumber(flags, "port", { min: 0, max: 65_535 }) ?? 0;
  let listen: unknown;
  try {
    ({ listen } = (await import(pathToFileURL(resolve(path)).href)) as { listen?: unknown });
  } catch (error) {
    throw new UsageError(`cannot import ${path}: ${(error as Error).message}`);
  }
  if (typeof listen !== "function") {
    throw new UsageError(`${path} exports no listen: --explain takes a generated server.js`);
  }
  const said = (verdict: Verdict): void => out(`${verdictText(verdict)}\n`);
  const explained = await explainServer(listen as Listen, port, said);
  out(`listening on 127.0.0.1:${explained.port}; Ctrl-C ends it\n`);
  await new Promise<void>((stop) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop());
  });
  await explained.close();
  return 0;
}

/** A fresh token for each join: each lets in once. */
function tokensOf(flags: Invocation["flags"]): (() => OwnToken) | undefined {
  const options = tokenOptions(flags);
  if (options === undefined) return undefined;
  const make = (): OwnToken => {
    const { signed, seed } = tokenParts(issue(options).token);
    return { signed, key: nodeCrypto.signingKey(Buffer.from(seed!, "base64url")) };
  };
  // What is wrong with them is said before anything is sent.
  make();
  return make;
}

export interface Row {
  readonly rule: string;
  readonly level: string;
  readonly where: string;
  readonly says: string;
  readonly result: Outcome["result"];
  readonly detail?: string;
}

/** Tries the rules that `wanted` takes, by default all. Throws UsageError where no server answers at all. */
export async function probeServer(
  target: Target,
  wanted: (rule: string) => boolean = () => true,
): Promise<Row[]> {
  const probe = await Probe.open(target);
  try {
    if (!(await probe.isAlive())) {
      const at = `${target.host}:${target.port}`;
      throw new UsageError(`nobody answers a join at ${at}: is it a server of this spec?`);
    }
    const rows: Row[] = [];
    for (const rule of joinRules(target.model).filter(({ id }) => wanted(id))) {
      rows.push(await tried(rule, probe, probe));
    }
    const rules = sessionRules(target.model).filter(({ id }) => wanted(id));
    return rules.length === 0 ? rows : [...rows, ...(await sessionRows(probe, rules))];
  } finally {
    probe.close();
  }
}

/** Those of the connection protocol. */
function joinRules(model: Target["model"]): readonly Rule<Probe>[] {
  return [...zeroRules(model), ...pieceRules];
}

/** Where it is sealed, what a rule sends may end the connection: each has one of its own. */
async function sessionRows(probe: Probe, rules: readonly Rule<SessionContext>[]): Promise<Row[]> {
  const rows: Row[] = [];
  const isShared = probe.model.security === "plain";
  let connection: Connection | string | undefined;
  for (const rule of rules.filter(({ alone }) => !alone)) {
    if (connection === undefined || !isShared) connection = await connected(probe);
    rows.push(
      typeof connection === "string"
        ? rowOf(rule, unseen(`nobody attaches: ${connection}`))
        : await tried(rule, probe, { probe, connection }),
    );
  }
  const alone = rules.filter((rule) => rule.alone);
  // Side by side, for they wait most of the time; few, for a server bounds how many join at once from one address.
  for (let i = 0; i < alone.length; i += AT_ONCE) {
    const some = alone.slice(i, i + AT_ONCE);
    rows.push(...(await Promise.all(some.map((rule) => aloneRow(probe.target, rule)))));
  }
  return rows;
}

const AT_ONCE = 4;
/** As long as the ack of a close is waited for. */
const GOODBYE_MS = 100;

/** With a connection and a socket of its own, both given back. */
async function aloneRow(target: Target, rule: Rule<SessionContext>): Promise<Row> {
  const probe = await Probe.open(target);
  try {
    const connection = await connected(probe);
    if (typeof connection === "string") {
      return rowOf(rule, unseen(`nobody attaches: ${connection}`));
    }
    const row = await tried(rule, probe, { probe, connection });
    connection.close();
    await probe.answer(({ reading }) => reading.zero === "ack", GOODBYE_MS);
    return row;
  } finally {
    probe.close();
  }
}

/** A connection; a text: why there is none. */
async function connected(probe: Probe): Promise<Connection | string> {
  try {
    return await Connection.open(probe);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return error.message;
  }
}

async function tried<Context>(rule: Rule<Context>, probe: Probe, context: Context): Promise<Row> {
  probe.clear();
  try {
    return rowOf(rule, await rule.check(context));
  } catch (error) {
    if (error instanceof NoAnswer) return rowOf(rule, fail(error.message));
    throw error;
  }
}

function rowOf<Context>({ id, level, where, says }: Rule<Context>, outcome: Outcome): Row {
  return { rule: id, level, where, says, ...outcome };
}

function tableOf(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ rule }) => rule.length));
  const lines = rows.map(({ rule, level, where, says, result, detail }) => {
    const head = `${result.padEnd(14)}  ${level.padEnd(6)}  ${rule.padEnd(width)}  ${says} (${where})`;
    return printable(detail === undefined ? head : `${head}: ${detail}`);
  });
  const count = (word: string): number => rows.filter(({ result }) => result === word).length;
  const sum = `${count("pass")} pass, ${count("fail")} fail, ${count("not observable")} not observable`;
  return `${[...lines, sum].join("\n")}\n`;
}
