/** `stardust lint --usage` names channels that the project's code leaves alone. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run, spec, writeProject } from "./followed-project.ts";
import { stardust, temporaryFolder } from "./run.ts";

const timeout = 120_000;
const more = (allow = "") =>
  `${spec.replace(
    "zero:\n",
    `  spare:${allow}
    id: 3
    delivery: reliable
    direction: server-to-client
    message: { a: u8 }
zero:
`,
  )}`;

async function codes(folder: string, usage = true): Promise<string[]> {
  const { out, err } = await run(folder, "lint", [], {
    "error-format": "json",
    ...(usage ? { usage } : {}),
  });
  const { diagnostics } = JSON.parse(err === "" ? out : err) as {
    diagnostics: { code: string; message: string }[];
  };
  return diagnostics
    .filter(({ code }) => code.startsWith("channel-un") || code === "allow-without-effect")
    .map(({ code, message }) => `${code} ${/`(?:stardust-allow: )?([\w-]+)`/.exec(message)![1]}`);
}

describe("stardust lint --usage", { timeout }, () => {
  it("names channels that nobody sends or handles, and only where it is asked", async () => {
    const folder = temporaryFolder("lint-usage");
    writeProject(folder, { "protocol.yaml": more() });
    // `hit` is broadcast, and no client handles it.
    expect(await codes(folder)).toEqual([
      "channel-unhandled hit",
      "channel-unsent spare",
      "channel-unhandled spare",
    ]);
    expect(await codes(folder, false)).toEqual([]);
    const text = await run(folder, "lint", [], { usage: true });
    expect(text.code).toBe(0);
    expect(text.err).toMatch(
      /protocol\.yaml:\d+:3 warning channel-unsent: channel `spare` is sent by nobody: no server of/,
    );
    expect(await run(folder, "lint", [], { usage: true, strict: true })).toMatchObject({ code: 1 });
  });

  it("keeps quiet about what a comment allows, which has an effect only where it is asked", async () => {
    const folder = temporaryFolder("lint-allow");
    const allowed = " # stardust-allow: channel-unsent, channel-unhandled -- later";
    writeProject(folder, { "protocol.yaml": more(allowed) });
    expect(await codes(folder)).toEqual(["channel-unhandled hit"]);
    expect(await codes(folder, false)).toEqual([]);
    const used = spec.replace("chat: # said by players", "chat: # stardust-allow: channel-unsent");
    writeProject(folder, { "protocol.yaml": used });
    expect(await codes(folder)).toEqual([
      "allow-without-effect channel-unsent",
      "channel-unhandled hit",
    ]);
  });

  it("says nothing of a side that the project does not have", async () => {
    const folder = temporaryFolder("lint-client");
    writeProject(folder, { "protocol.yaml": more() });
    for (const name of ["src/server.ts", "src/kinds.ts"]) rmSync(join(folder, name));
    expect(await codes(folder)).toEqual(["channel-unhandled hit", "channel-unhandled spare"]);
  });

  it("counts a face that is used by computed names for all of its channels", async () => {
    const folder = temporaryFolder("lint-computed");
    const any = `import { client } from "./client.ts";
export const on = (name: string, handler: () => void) =>
  (client.receive[name as keyof typeof client.receive] as (h: () => void) => void)(handler);
`;
    writeProject(folder, { "protocol.yaml": more(), "src/any.ts": any });
    expect(await codes(folder)).toEqual(["channel-unsent spare"]);
  });

  it("is explained", () => {
    for (const code of ["channel-unsent", "channel-unhandled"]) {
      const { code: exit, out } = stardust(temporaryFolder("explain"), "explain", code);
      expect(exit).toBe(0);
      expect(out).toContain("What to do:");
    }
  });
});
