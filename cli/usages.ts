/** The command `usages`: what it is given and what it prints. The work is refactor's. */
import type { ExitCode, Invocation } from "./command.ts";
import { filesOf, following, shownPath, shownPlace } from "./followed.ts";
import type { Usage, Usages } from "./refactor/usages.ts";
import { UsageError } from "./usage.ts";

export async function runUsages(invocation: Invocation): Promise<ExitCode> {
  const [path] = invocation.positionals;
  if (path === undefined) throw new UsageError("usages needs a path: stardust usages chat.text");
  const files = filesOf(invocation);
  return following(invocation, async () => {
    const { findConfig } = await import("./refactor/project.ts");
    const { openSpec } = await import("./refactor/renamed-spec.ts");
    const { findUsages } = await import("./refactor/usages.ts");
    const opened = await openSpec(files, path);
    const { meant: target } = opened;
    const config = findConfig(files.spec, invocation.flags["project"] as string | undefined);
    const found = await findUsages(opened, target, config);
    if (invocation.flags["json"] === true) printJson(found, invocation);
    else printText(found, invocation);
    return 0;
  });
}

function printJson({ target, usages, computed }: Usages, { out }: Invocation): void {
  const found = usages.map(({ path, line, column, kind, by, what }) => ({
    file: shownPath(path),
    line,
    column,
    kind,
    ...(by === undefined ? {} : { by }),
    text: what,
  }));
  const maybe = computed.map(({ path, ...at }) => ({ file: shownPath(path), ...at }));
  out(`${JSON.stringify({ path: target.path, usages: found, computed: maybe })}\n`);
}

/** In the order in which people ask. */
const order: readonly Usage["kind"][] = [
  "sent",
  "received",
  "tracked",
  "asked",
  "answered",
  "built",
  "written",
  "given",
  "read",
  "compared",
  "tested",
  "named",
];

function printText({ target, usages, computed }: Usages, { out }: Invocation): void {
  if (usages.length === 0) out(`nothing in the project uses ${target.label}\n`);
  for (const kind of order) {
    for (const usage of usages.filter((one) => one.kind === kind)) {
      const by = usage.by === undefined ? "" : ` by the ${usage.by}`;
      out(`${shownPlace(usage)} ${kind}${by}: ${usage.what}\n`);
    }
  }
  for (const place of computed) out(`${shownPlace(place)} may be: ${place.what}\n`);
}
