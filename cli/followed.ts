/** What the commands that follow names through a user's code share: their flags, and how they refuse. */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { RecordError } from "../codegen/rules/record.ts";
import type { Diagnostic } from "../codegen/spec/diagnostics.ts";
import type { ExitCode, Invocation } from "./command.ts";
import type { Files } from "./refactor/renamed-spec.ts";
import { DEFAULT_SPEC, printLoaded } from "./report.ts";
import { UsageError } from "./usage.ts";

/** The spec and what is made of it; JavaScript where there is some and nothing else is asked for. */
export function filesOf({ flags }: Invocation, given?: string): Files {
  const spec = given ?? (flags["spec"] as string | undefined) ?? DEFAULT_SPEC;
  const out = (flags["out"] as string | undefined) ?? join(dirname(spec), "generated");
  const made = existsSync(join(out, "types.js")) && !existsSync(join(out, "types.ts"));
  const target = (flags["target"] as Files["target"] | undefined) ?? (made ? "js" : "ts");
  return { spec, out, target };
}

/** A path as the user would write it: from where the command runs. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), resolve(path)).split(sep).join("/");
  return short.startsWith("../../") ? path : short;
}

/** A place behind a path, as compilers write it. */
export function shownPlace(at: { path: string; line: number; column: number }): string {
  return `${shownPath(at.path)}:${at.line}:${at.column}`;
}

/** Runs what follows names; where it is refused, says why and that nothing was done. */
export async function following(
  invocation: Invocation,
  run: () => Promise<ExitCode>,
): Promise<ExitCode> {
  const { BrokenSpec } = await import("./refactor/renamed-spec.ts");
  const { Refusal } = await import("./refactor/refusal.ts");
  const { PathError } = await import("./refactor/path.ts");
  const json = invocation.flags["json"] === true;
  try {
    return await run();
  } catch (error) {
    if (error instanceof PathError || error instanceof RecordError) {
      throw new UsageError(error.message);
    }
    if (error instanceof BrokenSpec) {
      const diagnostics: readonly Diagnostic[] = error.loaded.diagnostics.sorted();
      if (json) invocation.out(`${JSON.stringify({ refused: error.message, diagnostics })}\n`);
      else {
        printLoaded(error.loaded, invocation);
        invocation.err(`refused: ${error.message}\n`);
      }
      return 1;
    }
    if (!(error instanceof Refusal)) throw error;
    const places = error.places.map(fromHere);
    if (json) invocation.out(`${JSON.stringify({ refused: error.message, places })}\n`);
    else invocation.err(`refused: ${error.message}\n${places.map((at) => `  ${at}\n`).join("")}`);
    return 1;
  }
}

function fromHere(place: string): string {
  const [path, ...rest] = place.split(":");
  return path!.startsWith("/") ? [shownPath(path!), ...rest].join(":") : place;
}
