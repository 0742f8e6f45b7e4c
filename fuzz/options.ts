/** The fuzzer's command line: what it takes, and the text of `--help`. */
import { readFlags, readNumber } from "#cli/usage.js";

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  /** Only this spec. */
  readonly spec: string | undefined;
  /** Only this target of each spec: a channel, `header`, `session` or `zero`; or `native`, which belongs to no spec. */
  readonly target: string | undefined;
  /** Only this case. */
  readonly only: number | undefined;
  readonly json: boolean;
}

export const help = `Mutated inputs for every generated decoder and for live sessions: messages, headers, datagrams, connection protocol.

Usage: npm run fuzz -- [options]

  --cases N     how many (default 100000)
  --seed S      whole number; the same seed makes the same cases (default: by chance, and printed)
  --spec NAME   only this spec: arena, or one of test/specs/
  --target NAME only this: a channel's messages, header, session or zero; or native, which calls the native sockets' compiled
                part with arguments that make no sense, and takes --cases and --seed
  --case K      only case K of the seed, as a failure prints it
  --json        the result as one JSON object on stdout; all else on stderr
  --help        this text

Exit code: 0; 1 when something is wrong; 2 for wrong use; 130 when interrupted.
`;

export function parseOptions(args: readonly string[]): FuzzOptions | "help" {
  const values = readFlags(args, {
    cases: { type: "string" },
    seed: { type: "string" },
    spec: { type: "string" },
    target: { type: "string" },
    case: { type: "string" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values["help"] === true) return "help";
  const whole = (name: string): number | undefined =>
    readNumber(values, name, { min: 0, max: 2 ** 31 - 1 });
  return {
    cases: whole("cases") ?? 100_000,
    seed: whole("seed") ?? Math.floor(Math.random() * 2 ** 31),
    spec: values["spec"] as string | undefined,
    target: values["target"] as string | undefined,
    only: whole("case"),
    json: values["json"] === true,
  };
}
