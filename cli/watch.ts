/**
 * `generate --watch`: one generation now and one after every save of the spec or its record of versions. The files are
 * asked for their state a few times a second, which sees saves by rename, deletion and return, and network folders,
 * where events are lost. A save is taken when the files have been the same twice in a row. A broken spec prints its
 * problems and leaves the last good output. Ends with SIGINT or SIGTERM. Worst case: one `stat` a file and POLL_MS.
 */
import { readFileSync, statSync } from "node:fs";

/** Half of what a person notices. */
const POLL_MS = 60;

/** Runs `once` for each state of the files; resolves when the process is asked to end. */
export async function watchFiles(
  paths: readonly string[],
  once: () => Promise<void>,
): Promise<void> {
  const end = asked();
  const all = (of: (path: string) => string): string => paths.map(of).join("\0");
  let done: string | undefined;
  let last = all(state);
  while (!end.asked) {
    const now = all(state);
    const settled = now === last;
    last = now;
    if (settled) {
      const text = all(content);
      if (text !== done) {
        done = text;
        await once();
        continue;
      }
    }
    await end.within(POLL_MS);
  }
  end.forget();
}

/** What changes with every save, however it is made. */
function state(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "gone" : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
}

/** What a file holds, compared to tell a change from a save without one. */
function content(path: string): string {
  try {
    return `there ${readFileSync(path, "latin1")}`;
  } catch {
    return "gone";
  }
}

function asked(): { readonly asked: boolean; within(ms: number): Promise<void>; forget(): void } {
  let ended = false;
  let wake = (): void => {};
  const stop = (): void => {
    ended = true;
    wake();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return {
    get asked() {
      return ended;
    },
    within: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (ended) wake();
      }),
    forget: () => {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    },
  };
}
