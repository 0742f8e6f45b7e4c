/**
 * What a bundler leaves of a generated client, server and worker: the code of the messages that this side sends or
 * receives, and none of what only the other side calls. The oracle is the model: which types a channel's messages hold.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { encodeOnce, Reader } from "stardust-udp/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { definedKinds } from "#codegen/kinds/kinds.js";
import type { Model } from "#codegen/model/model.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { loadSpec } from "#codegen/spec/load.js";
import { type Direction, maySend, missingCodec, type Protocol, type Role } from "#src/protocol.js";
import { type Generated, generate } from "./support/generate.ts";

const menagerie = readFileSync(new URL("../specs/menagerie.yaml", import.meta.url), "utf8");

/** A spec with types of every kind, whose channels all go one way, or each another one. */
function directed(directions: readonly Direction[]): Model {
  const model = resolveSpec(loadSpec(menagerie, "menagerie.yaml"))!;
  const channels = model.channels.map((channel, i) => ({
    ...channel,
    direction: directions[i % directions.length]!,
  }));
  return { ...model, channels };
}

const ways: Readonly<Record<string, readonly Direction[]>> = {
  down: ["server-to-client"],
  up: ["client-to-server"],
  mixed: ["server-to-client", "client-to-server", "both"],
};
const other: Readonly<Record<Role, Role>> = { client: "server", server: "client" };

/** Functions that are made for a type, by what they are for. */
const halves = {
  encode: /^(write|valueOf)(?=[A-Z])/,
  decode: /^(decode|namesOf|nameOf|zero)(?=[A-Z])/,
};

/** The types that the messages of these channels hold, and their own. */
function typesOf(model: Model, channels: readonly { readonly message: string }[]): Set<string> {
  const parts: readonly { readonly name: string }[] = [
    ...model.structs,
    ...model.unions,
    ...definedKinds.flatMap(({ list }) => model[list]),
  ];
  const definitions = new Map(parts.map((part) => [part.name, part]));
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { kind, name } = value as { kind?: unknown; name?: unknown };
    if (kind !== undefined && typeof name === "string") add(name);
    for (const inner of Object.values(value)) look(inner);
  };
  const add = (name: string): void => {
    const definition = definitions.get(name);
    if (definition === undefined || found.has(name)) return;
    found.add(name);
    look(definition);
  };
  for (const { message } of channels) add(message);
  return found;
}

/** A generated file with all that it imports, the runtime too, as esbuild makes one file of it. */
async function bundle(folder: string, file: string): Promise<string> {
  const outfile = join(folder, `${file}.bundle.mjs`);
  await build({
    stdin: { contents: `export * from "./${file}.ts";`, resolveDir: folder },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    treeShaking: true,
    minify: false,
  });
  return readFileSync(outfile, "utf8");
}

/** Names of the functions and constants that stand at the top of a module. */
function declared(code: string): Set<string> {
  const names = code.matchAll(/^(?:export )?(?:function|const|var|let) (\w+)/gm);
  return new Set(Array.from(names, ([, name]) => name!));
}

describe.each(Object.keys(ways))("where channels go %s", (way) => {
  let model: Model;
  let generated: Generated;
  const codes = new Map<string, string>();
  const protocols = new Map<Role, Protocol>();

  beforeAll(async () => {
    model = directed(ways[way]!);
    generated = await generate(`bundle-${way}`, model);
    for (const role of ["client", "server"] as const) {
      codes.set(role, await bundle(generated.folder, role));
      const file = `${role}-protocol`;
      codes.set(file, await bundle(generated.folder, file));
      const url = pathToFileURL(join(generated.folder, `${file}.bundle.mjs`)).href;
      protocols.set(role, ((await import(url)) as { protocol: Protocol }).protocol);
    }
  }, 60_000);

  test.each(["client", "server", "client-protocol", "server-protocol"])(
    "the bundle of %s has the code of its messages and none of what only the other side calls",
    (file) => {
      const role = file.startsWith("client") ? "client" : "server";
      const all = declared(generated.files.get("codecs.ts")!);
      const kept = declared(codes.get(file)!);
      // What the threads of a server say to each other, both encode and decode.
      const own = role === "server" ? model.system! : [];
      const holds = {
        encode: typesOf(model, [
          ...model.channels.filter((c) => maySend(role, c.direction)),
          ...own,
        ]),
        decode: typesOf(model, [
          ...model.channels.filter((c) => maySend(other[role], c.direction)),
          ...own,
        ]),
      };
      let left = 0;
      for (const half of ["encode", "decode"] as const) {
        for (const name of all) {
          const prefix = halves[half].exec(name)?.[1];
          if (prefix === undefined) continue;
          const isHeld = holds[half].has(name.slice(prefix.length));
          if (!isHeld) {
            expect(kept, `${name} in ${file}`).not.toContain(name);
            left++;
          } else if (prefix === half) expect(kept, `${name} in ${file}`).toContain(name);
        }
      }
      expect(left).toBeGreaterThan(8);
      for (const { name, direction } of model.channels) {
        if (!maySend(role, direction)) expect(kept).not.toContain(`${name}Encoder`);
        if (!maySend(other[role], direction)) expect(kept).not.toContain(`${name}Decoder`);
      }
    },
  );

  test("what one side's bundle encodes the other's decodes", async () => {
    const testing = await generated.load("testing");
    for (const role of ["client", "server"] as const) {
      const protocol = protocols.get(role)!;
      expect(missingCodec(protocol, role)).toBeUndefined();
      for (const { index, name, encoder, decoder, direction } of protocol.channels) {
        expect(encoder !== undefined, name).toBe(maySend(role, direction));
        expect(decoder !== undefined, name).toBe(maySend(other[role], direction));
        if (encoder === undefined) continue;
        const message = testing.example[name]();
        const bytes = encodeOnce(encoder, message);
        const back = protocols.get(other[role])!.channels[index]!.decoder!;
        expect(back.decode(Reader.of(bytes)), name).toEqual(message);
      }
    }
  });
});
