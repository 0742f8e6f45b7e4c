/** What every command line of the project shares: wrong use is one error, and numbers are read in one way. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** A command line that cannot be understood, or that asks for what cannot be done: its message is printed, exit code 2. */
export class UsageError extends Error {}

export type FlagValues = Readonly<Record<string, string | boolean | undefined>>;

/** The values of long options, as `parseArgs` of Node has them. */
export function readFlags(
  args: readonly string[],
  options: NonNullable<ParseArgsConfig["options"]>,
): FlagValues {
  try {
    return parseArgs({ args: [...args], options }).values as FlagValues;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(". ")[0]}; --help lists the options`);
  }
}

/** The number behind `--name`, or undefined where it is left out. Both bounds are allowed. */
export function readNumber(
  values: FlagValues,
  name: string,
  {
    min,
    max,
    whole = true,
  }: { readonly min: number; readonly max: number; readonly whole?: boolean },
): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== "" && value >= min && value <= max && (!whole || Number.isInteger(value)))
    return value;
  throw new UsageError(
    `--${name} takes a ${whole ? "whole number" : "number"} from ${min} to ${max}, not "${String(text)}"`,
  );
}
