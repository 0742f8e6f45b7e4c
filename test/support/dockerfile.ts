/**
 * A Dockerfile's instructions, done in folders instead of images: COPY copies, RUN runs in a shell, and what is to be run at last is
 * returned. Knows what examples/deploy's uses, and throws for everything else. Users, exposed ports and labels have no meaning here.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** What the last stage leaves behind. */
export interface Image {
  /** The folder that stands for `/`. */
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly stopSignal: string;
}

interface Stage {
  readonly root: string;
  workdir: string;
  env: Record<string, string>;
}

/** Instructions with their lines put together, without comments. */
function instructionsOf(text: string): [name: string, rest: string][] {
  const lines = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .replaceAll(/\\\n/g, " ")
    .split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return [name, rest];
    });
}

/** Docker lets a pattern find nothing, a name not. Patterns are of the folder itself. */
function matching(origin: string, word: string): string[] {
  if (!word.includes("*")) {
    const path = join(origin, word);
    if (!existsSync(path)) throw new Error(`COPY ${word}: there is none`);
    return [path];
  }
  const pattern = new RegExp(`^${word.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
  return readdirSync(origin)
    .filter((name) => pattern.test(name))
    .map((name) => join(origin, name));
}

/** `context` is what the build is given, `folder` gets a folder for each stage. Throws what a RUN that failed has said. */
export function build(
  text: string,
  context: string,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Image {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  let command: string[] = [];
  let healthcheck: string[] = [];
  let stopSignal = "SIGTERM";
  const inStage = (): Stage => {
    if (stage === undefined) throw new Error("there is no FROM before it");
    return stage;
  };
  const at = ({ root, workdir }: Stage, path: string): string =>
    path.startsWith("/") ? join(root, path) : join(root, workdir, path);
  for (const [name, rest] of instructionsOf(text)) {
    if (name === "FROM") {
      const [, as = String(stages.size)] = / AS (\w+)$/.exec(rest) ?? [];
      stage = { root: join(folder, as), workdir: "/", env: {} };
      stages.set(as, stage);
      mkdirSync(stage.root);
    } else if (name === "WORKDIR") {
      inStage().workdir = rest;
      mkdirSync(at(inStage(), "."), { recursive: true });
    } else if (name === "ENV") {
      const [key, value] = rest.split("=");
      inStage().env[key!] = value!;
    } else if (name === "COPY") {
      const words = rest.split(/\s+/);
      const [, from] = /^--from=(\w+)$/.exec(words[0]!) ?? [];
      if (from !== undefined) words.shift();
      const to = words.pop()!;
      const origin = from === undefined ? context : stages.get(from)!.root;
      for (const word of words) {
        for (const path of matching(origin, word)) {
          const isInto = to.endsWith("/") && !statSync(path).isDirectory();
          cpSync(path, isInto ? join(at(inStage(), to), basename(path)) : at(inStage(), to), {
            recursive: true,
          });
        }
      }
    } else if (name === "RUN") {
      const { root, workdir } = inStage();
      const { status, stdout, stderr } = spawnSync("sh", ["-c", rest], {
        cwd: join(root, workdir),
        env: { ...env, ...inStage().env },
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`RUN ${rest}: exit ${status}\n${stdout}\n${stderr}`);
    } else if (name === "CMD") {
      command = JSON.parse(rest) as string[];
    } else if (name === "HEALTHCHECK") {
      healthcheck = JSON.parse(rest.slice(rest.indexOf("CMD ") + 4)) as string[];
    } else if (name === "STOPSIGNAL") {
      stopSignal = rest;
    } else if (name !== "USER" && name !== "EXPOSE") {
      throw new Error(`${name} is not known here`);
    }
  }
  const { root, workdir } = inStage();
  const cwd = join(root, workdir);
  if (!existsSync(cwd)) throw new Error("the last stage is empty");
  return { root, workdir: cwd, env: inStage().env, command, healthcheck, stopSignal };
}
