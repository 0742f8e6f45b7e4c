/**
 * Several files changed as one: every new text is written beside its file first, then all are renamed into their
 * places; where one fails, those before it are put back as they were. A file that is not as it was read is not touched.
 * Worst case: the machine stops between two renames; then the files in place are whole, some old and some new.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Refusal } from "./refusal.ts";

export interface FileWrite {
  readonly path: string;
  /** What must be there; undefined where anything may be, or nothing. */
  readonly before?: string;
  /** Undefined removes the file. */
  readonly after: string | undefined;
}

interface Step {
  readonly path: string;
  /** The new text, in a file beside it. */
  readonly temporary: string | undefined;
  /** What to put back; undefined where there was no file. */
  readonly was: Buffer | undefined;
}

/** Throws Refusal, and then every file is as it was. */
export function commit(writes: readonly FileWrite[]): void {
  const steps: Step[] = [];
  const done: Step[] = [];
  try {
    for (const write of writes) steps.push(prepare(write));
    for (const step of steps) {
      done.push(step);
      if (step.temporary === undefined) rmSync(step.path, { force: true });
      else renameSync(step.temporary, step.path);
    }
  } catch (error) {
    const lost = done.reverse().filter((step) => !putBack(step));
    const { message } = error as Error;
    if (lost.length === 0) throw new Refusal(`nothing was changed: ${message}`);
    throw new Refusal(
      `${message}; these could not be put back`,
      lost.map(({ path }) => path),
    );
  } finally {
    for (const { temporary } of steps) if (temporary) rmSync(temporary, { force: true });
  }
}

function prepare({ path: given, before, after }: FileWrite): Step {
  // What a link points at is changed, not the link.
  const path = existsSync(given) ? realpathSync(given) : given;
  const was = existsSync(path) && statSync(path).isFile() ? readFileSync(path) : undefined;
  if (before !== undefined && was?.toString("utf8") !== before) {
    throw new Error(`${path} has changed since it was read`);
  }
  if (after === undefined) return { path, temporary: undefined, was };
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    writeFileSync(temporary, after);
    if (was !== undefined) chmodSync(temporary, statSync(path).mode);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return { path, temporary, was };
}

/** Whether the file is as it was. */
function putBack({ path, was }: Step): boolean {
  try {
    if (was === undefined) rmSync(path, { force: true });
    else writeFileSync(path, was);
    return true;
  } catch {
    // A folder that stands in a file's place was there before: it is as it was.
    return was === undefined && existsSync(path);
  }
}
