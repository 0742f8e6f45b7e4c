/** Channels with requests, as the generator sees them: their types, hash, compatibility, and what tests are given. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findTarget } from "#cli/refactor/path.js";
import { resolveSpec } from "#codegen/model/resolve.js";
import { compareModels, isBreaking } from "#codegen/rules/breaking.js";
import { formatSpec } from "#codegen/rules/formatter.js";
import { loadSpec } from "#codegen/spec/load.js";
import type { MapNode } from "#codegen/spec/node.js";
import { parseYaml } from "#codegen/spec/yaml.js";
import { specUrl } from "../support/specs.ts";
import { head } from "./specs.ts";

type ShopTesting = typeof import("../tmp/specs/shop/generated/testing.ts");
type MatchTesting = typeof import("../tmp/specs/match/generated/testing.ts");
const shop = (await import(specUrl("shop", "generated/testing.js").href)) as ShopTesting;
const match = (await import(specUrl("match", "generated/testing.js").href)) as MatchTesting;

function modelOf(channel: string) {
  const text = `${head.replace("name: test", "name: test, version: 2")}channels:\n  a: { id: 0, ${channel} }\n`;
  const loaded = loadSpec(text, "test.yaml");
  const model = resolveSpec(loaded);
  if (model === undefined) throw new Error(JSON.stringify(loaded.diagnostics.list));
  return model;
}

const plain =
  "direction: client-to-server, extensible: true, message: { x: u8 }, response: { y: u8 }";

function changes(before: string, after: string): string[] {
  const found = compareModels(modelOf(before), modelOf(after));
  return found.map((one) => `${isBreaking(one) ? "breaking" : "compatible"} ${one.rule}`);
}

describe("a channel with requests", () => {
  it("is one of both directions, whose message is a number and what is said", () => {
    const model = modelOf(plain);
    expect(model.channels[0]).toMatchObject({
      direction: "both",
      delivery: "reliable",
      message: "AMessage",
      request: { asks: "client-to-server", request: "ARequest", response: "AResponse" },
    });
    const body = model.unions.find(({ name }) => name === "ABody")!;
    expect(body.variants.map(({ tag, name }) => `${tag} ${name}`)).toEqual([
      "0 request",
      "1 cancel",
      "2 response",
      "3 failed",
    ]);
  });

  it("has what is asked and answered last, in that order", () => {
    const text = `${head}channels:\n  a:\n    errors: { gone: {} }\n    response: { y: u8 }\n    message: {}\n    id: 0\n`;
    const keys = formatSpec(loadSpec(text, "test.yaml"))!.match(/(?<=^ {4})\w+/gm);
    expect(keys).toEqual(["id", "message", "response", "errors"]);
  });

  it("may let its request and response grow, and nothing else", () => {
    const grown = plain
      .replace("x: u8", "x: u8, z: { type: u16, since: 2 }")
      .replace("y: u8", "y: u8, w: { type: u16, since: 2 }");
    expect(changes(plain, grown).filter((change) => change.startsWith("breaking"))).toEqual([]);
    expect(changes(plain, plain.replace("client-to-server", "both"))).toContain(
      "breaking channel-direction-changed",
    );
    const one = `${plain}, errors: { gone: {} }`;
    expect(changes(plain, one).join()).toContain("breaking");
    expect(changes(one, `${plain}, errors: { gone: {}, late: {} }`).join()).toContain("breaking");
    expect(changes(one, `${plain}, errors: { away: {} }`).join()).not.toContain("breaking");
    expect(modelOf(plain).hash).not.toBe(modelOf(plain.replace("client-to-server", "both")).hash);
  });
});

describe("what a path means", () => {
  const text = `${head}channels:
  a:
    id: 0
    message: { n: u8, only: u8 }
    response: { n: u8, left: { enum: { none: 0, some: 1 } } }
    errors: { gone: {}, late: { message: { by: u16 } } }
system:
  a: { direction: systems-to-systems, message: { by: u8 } }
  b: { direction: systems-to-systems, message: { by: u8 } }
`;
  const source = loadSpec(text, "test.yaml").source;
  const root = parseYaml(new TextEncoder().encode(text), "test.yaml").root as MapNode;
  const meant = (path: string) => findTarget(path, root, source);

  it("is a member of the response, an error or what that tells, and what lies in them", () => {
    expect(meant("a.only")).toMatchObject({ kind: "member", path: "channels.a.message.only" });
    expect(meant("a.left")).toMatchObject({ kind: "member", path: "channels.a.response.left" });
    expect(meant("a.response.left.some")).toMatchObject({ kind: "value", name: "some" });
    expect(meant("a.errors.gone")).toMatchObject({ kind: "error", label: "error `a.errors.gone`" });
    expect(meant("a.late.by")).toMatchObject({ path: "channels.a.errors.late.by" });
    expect(meant("b.by")).toMatchObject({ kind: "member", path: "system.b.by" });
    expect(meant("system.a")).toMatchObject({ kind: "message", label: "system message `a`" });
  });

  it("has to be said where the request and the response have it, or several sections", () => {
    expect(() => meant("a.n")).toThrow(
      /write `channels\.a\.message\.n` or `channels\.a\.response\.n`/,
    );
    expect(meant("a.message.n").span).not.toEqual(meant("a.only").span);
    expect(() => meant("a")).toThrow(/channel `a` .* and system message `a` .*`system\.a`/);
    expect(() => meant("a.errors.gome")).toThrow('did you mean "gone"?');
  });
});

describe("generated/testing", () => {
  it("has what is asked and answered by itself", () => {
    expect(shop.requests.validate.buy({ item: "a", count: 10 })).toMatchObject({ path: "count" });
    expect(shop.responses.validate.buy(shop.responses.example.buy({ left: 3 }))).toBeNull();
    expect(shop.responses.validate.buy(3)).toMatchObject({ path: "" });
    for (const name of ["buy", "prompt", "swap"] as const) {
      const valid = { verbose: 1, numRuns: 50 };
      const asked: fc.Arbitrary<unknown> = shop.requests.arbitrary[name](fc);
      const answered: fc.Arbitrary<unknown> = shop.responses.arbitrary[name](fc);
      fc.assert(
        fc.property(asked, answered, (request, response) => {
          expect(shop.requests.validate[name](request)).toBeNull();
          expect(shop.responses.validate[name](response)).toBeNull();
        }),
        valid,
      );
    }
  });

  it("has the messages of the section system", () => {
    expect(match.system.validate.start({ match: "red", round: 70_000 })).toMatchObject({
      path: "round",
    });
    expect(match.system.example.score({ points: 5 })).toMatchObject({ points: 5 });
    fc.assert(
      fc.property(match.system.arbitrary.rumour(fc), (rumour) => {
        expect(match.system.validate.rumour(rumour)).toBeNull();
      }),
      { numRuns: 50 },
    );
  });
});
