/** The command `rename`: what it is given, what it prints and how it ends. The work is refactor's. */
import type { ExitCode, Invocation } from "./command.ts";
import { filesOf, following, shownPath, shownPlace } from "./followed.ts";
import type { RenamePlan } from "./refactor/rename.ts";
import { UsageError } from "./usage.ts";

export async function runRename(invocation: Invocation): Promise<ExitCode> {
  const [path, to] = invocation.positionals;
  if (path === undefined || to === undefined) {
    throw new UsageError("rename needs a path and a new name: stardust rename chat.text body");
  }
  const files = filesOf(invocation);
  return following(invocation, async () => {
    const { findConfig } = await import("./refactor/project.ts");
    const { openSpec } = await import("./refactor/renamed-spec.ts");
    const { planRename } = await import("./refactor/rename.ts");
    const opened = await openSpec(files, path);
    const { meant: target } = opened;
    const config = findConfig(files.spec, invocation.flags["project"] as string | undefined);
    const plan = await planRename(opened, target, to, config);
    const dry = invocation.flags["dry-run"] === true;
    if (!dry) {
      const { commit } = await import("./refactor/commit.ts");
      commit([...plan.sources, ...plan.generated]);
    }
    if (invocation.flags["json"] === true) printJson(plan, dry, invocation);
    else await printText(plan, dry, files.out, invocation);
    return 0;
  });
}

function printJson(plan: RenamePlan, dry: boolean, { out }: Invocation): void {
  const { target, to, sources, generated, hash, unfollowed, more } = plan;
  const files = sources.map(({ path, before, after }) => ({
    file: shownPath(path),
    edits: editedLines(before, after),
  }));
  const notFollowed = unfollowed.map(({ path, ...at }) => ({ file: shownPath(path), ...at }));
  const made = generated.map(({ path }) => shownPath(path));
  out(
    `${JSON.stringify({ renamed: target.path, to, written: !dry, files, generated: made, hash, notFollowed, notShown: more })}\n`,
  );
}

/** Lines that change, 1-based. */
function editedLines(before: string, after: string): { line: number; from: string; to: string }[] {
  const now = after.split("\n");
  return before.split("\n").flatMap((from, i) => {
    const to = now[i]!;
    return from === to ? [] : [{ line: i + 1, from, to }];
  });
}

async function printText(
  plan: RenamePlan,
  dry: boolean,
  folder: string,
  { out, err }: Invocation,
): Promise<void> {
  const { target, to, uses, sources, generated, hash, unfollowed, more } = plan;
  if (dry) {
    const { unifiedDiff } = await import("./refactor/edits.ts");
    for (const { path, before, after } of sources) out(unifiedDiff(shownPath(path), before, after));
  }
  const name = JSON.stringify(to);
  const where = new Set(uses.map(({ path }) => path)).size;
  const verb = dry ? "would be" : "is";
  const files = `${where} ${where === 1 ? "file" : "files"}`;
  const places = `${uses.length} ${uses.length === 1 ? "place" : "places"}`;
  const tell = dry ? err : out;
  tell(`${target.label} ${verb} ${name}: ${places} in ${files} of yours follow,\n`);
  tell(
    `and ${generated.length} files in ${shownPath(folder)} as \`stardust generate\` makes them\n`,
  );
  if (hash.before !== hash.after) {
    tell(
      `the protocol hash changes with a name: generate both ends again and publish them together;\n` +
        `where versions are recorded, \`stardust breaking\` says what that means for peers in the field\n`,
    );
  }
  if (unfollowed.length === 0) return;
  err("could not be followed, look at them yourself:\n");
  for (const place of unfollowed) err(`  ${shownPlace(place)} ${place.what}\n`);
  if (more > 0) err(`  … and ${more} more\n`);
}
