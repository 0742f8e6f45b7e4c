/** The fuzzer's command line: what it takes, and the text of `--help`. */
import { parseArgs } from "node:util";

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  /** Only this spec. */
  readonly spec: string | undefined;
  /** Only this case. */
  readonly only: number | undefined;
  readonly json: boolean;
}

export const help = `Mutated inputs for every generated decoder: messages, headers, connection protocol.

Usage: npm run fuzz -- [options]

  --cases N     how many (default 100000)
  --seed S      whole number; the same seed makes the same cases (default: by chance, and printed)
  --spec NAME   only this spec: arena, or one of test/specs/
  --case K      only case K of the seed, as a failure prints it
  --json        the result as one JSON object on stdout; all else on stderr
  --help        this text

Exit code: 0; 1 when a decoder is wrong; 2 for wrong use; 130 when interrupted.
`;

/** Wrong use: the message says what is wrong. */
export class UsageError extends Error {}

export function parseOptions(args: readonly string[]): FuzzOptions | "help" {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        cases: { type: "string" },
        seed: { type: "string" },
        spec: { type: "string" },
        case: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(". ")[0]}; --help lists the options`);
  }
  if (values["help"] === true) return "help";
  const number = (name: string): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text === "" || !(Number.isInteger(value) && value >= 0 && value < 2 ** 31)) {
      throw new UsageError(`--${name} takes a whole number from 0 to ${2 ** 31 - 1}`);
    }
    return value;
  };
  return {
    cases: number("cases") ?? 100_000,
    seed: number("seed") ?? Math.floor(Math.random() * 2 ** 31),
    spec: values["spec"] as string | undefined,
    only: number("case"),
    json: values["json"] === true,
  };
}
