/** Linux `perf` on processes: samples of their threads between two moments, each with its stack. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export const SAMPLES_A_SECOND = 999;

/** Why nothing can be sampled here, or undefined: `perf` has to be there and to be let look into the kernel. */
export function whyNot() {
  const { status, stderr } = spawnSync("perf", ["stat", "-e", "cpu-clock:k", "--", "true"], {
    encoding: "utf8",
  });
  if (status === 0) return undefined;
  if (status === null) return "`perf` is not there: apt-get install linux-perf";
  const said = stderr.split("\n").filter((line) => /\w/.test(line) && line !== "Error:");
  return `\`perf\` (apt-get install linux-perf) is not let look into the kernel: ${said[0]}`;
}

/** Samples processes from when this is resolved until `stop`. */
export class Recording {
  static async begin(pids, file) {
    const recording = new Recording();
    const sampling = ["-e", "cpu-clock", "-F", String(SAMPLES_A_SECOND), "-g", "-p", pids.join()];
    // It is told when to begin and to end, and says when it has: attaching to all threads takes a while.
    const control = ["-D", "-1", "--control", "fd:3,4"];
    // Neither is looked at, and both make it linger.
    const without = ["--no-buildid", "--no-bpf-event"];
    recording.child = spawn("perf", ["record", ...sampling, ...control, ...without, "-o", file], {
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
    });
    recording.closed = once(recording.child, "close");
    recording.error = "";
    recording.child.stderr.on("data", (text) => {
      recording.error += text;
    });
    recording.child.stdio[3].on("error", () => {});
    recording.answers = createInterface({ input: recording.child.stdio[4] });
    await recording.#tell("enable");
    return recording;
  }

  async #tell(word) {
    const answered = once(this.answers, "line");
    this.child.stdio[3].write(`${word}\n`);
    await Promise.race([
      answered,
      this.closed.then(() => {
        throw new Error(`perf record: ${this.error}`);
      }),
    ]);
  }

  async stop() {
    await this.#tell("disable");
    await this.end();
  }

  /** Without waiting for its word, where something else has failed. */
  end() {
    this.child.kill("SIGINT");
    return this.closed;
  }
}

/** Calls `take` with the frames of each sample of a file, the innermost first: `{ symbol, file }`. */
export async function eachStack(file, take) {
  const child = spawn("perf", ["script", "-i", file, "--no-inline", "-F", "tid,comm,ip,sym,dso"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let stack = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const frame = /^\s+[0-9a-f]+ (.*) \((.*)\)$/.exec(line);
    if (frame !== null) stack.push({ symbol: frame[1], file: frame[2] });
    else if (line === "" && stack.length > 0) {
      take(stack);
      stack = [];
    }
  }
  if (stack.length > 0) take(stack);
}
