/** A member that is appended to a published extensible message without `since`, which cuts off every older peer. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { stardust, temporaryFolder } from "./run.ts";

const folder = temporaryFolder("since");
const write = (version: number, more: string, file = "protocol.yaml", extensible = true) =>
  writeFileSync(
    join(folder, file),
    `stardust: 1
protocol: { name: game, version: ${version} }
security: plain
channels:
  hit:
    id: 0
    delivery: reliable
    doc: A hit.
    extensible: ${extensible}
    message:
      who: { type: u16, doc: Who. }
${more}`,
  );
const damage = "      damage: { type: u8, doc: How much. }\n";

it("is warned of by generate and lint, which say `since: 2`, before anybody is refused", () => {
  write(1, "");
  expect(stardust(folder, "breaking", "--record").code).toBe(0);
  for (const version of [1, 2]) {
    write(version, damage);
    const says = `protocol.yaml:12:7 warning member-added: channel \`hit\` has a new member \`damage\` without \`since\`: say \`since: 2\`, behind all others`;
    const raise = version === 1 ? " and raise `protocol.version` to 2" : "";
    for (const command of [["generate"], ["generate", "--check"], ["lint"]]) {
      const { err } = stardust(folder, ...command);
      expect(err).toContain(`${says}${raise} (version 1 is published without it)`);
    }
    expect(stardust(folder, "lint", "--strict").code).toBe(1);
    const { code, err } = stardust(folder, "breaking");
    expect(code).toBe(1);
    expect(err).toContain(
      `error member-added: channel \`hit\` has a new member \`damage\` without`,
    );
    expect(err).toContain("say `since: 2`");
  }
  write(2, damage.replace("type: u8", "type: u8, since: 2"));
  expect(stardust(folder, "lint").err).not.toContain("member-added");
  expect(stardust(folder, "generate").err).toBe("");
  expect(stardust(folder, "explain", "member-added").out).toContain("`since: 2`");
});

it("is not said of a message that never was extensible", () => {
  write(2, damage, "protocol.yaml", false);
  expect(stardust(folder, "generate").err).not.toContain("member-added");
  expect(stardust(folder, "breaking").err).not.toContain("without `since`: say");
});

it("is found against a version of a record that is named", () => {
  write(2, damage);
  for (const against of ["protocol.versions.json", "protocol.versions.json#1"]) {
    const { code, out, err } = stardust(folder, "breaking", "--against", against);
    expect(code).toBe(1);
    expect(err).toContain("(before, protocol.versions.json#1:");
    expect(out).toContain("since protocol.versions.json#1 (version 1, ");
  }
  const missing = stardust(folder, "breaking", "--against", "protocol.versions.json#7");
  expect(missing).toMatchObject({
    code: 2,
    err: "stardust: protocol.versions.json has no version 7 (it has 1)\n",
  });
  writeFileSync(join(folder, "broken.versions.json"), "{");
  const broken = stardust(folder, "breaking", "--against", "broken.versions.json");
  expect(broken).toMatchObject({ code: 2, err: expect.stringContaining("is not JSON") });
});
