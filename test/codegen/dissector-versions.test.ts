/**
 * Wireshark between versions: real traffic of a client of version 3 and a server of version 4 (test/specs/versions), taken
 * apart with the dissector of either. Both learn from the accept that the two differ.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { type CapturedDatagram, pcapOf } from "../support/pcap.ts";
import { specSource, specUrl } from "../support/specs.ts";
import { type Captured, tap } from "../support/tap.ts";
import { dissect, skipWithoutTshark } from "../support/tshark.ts";
import { all } from "./support/shown.ts";

type Server4 = typeof import("../tmp/specs/fleet-4/generated/server.ts");
type Client3 = typeof import("../tmp/specs/fleet-3/generated/client.ts");
const { listen } = (await import(specUrl("fleet-4", "generated/server.js").href)) as Server4;
const { connect } = (await import(specUrl("fleet-3", "generated/client.js").href)) as Client3;

const pose = { unit: 513, x: 0, y: 0, armed: true };

const luaOf = (version: number) =>
  readFileSync(specSource(`fleet-${version}`, "generated/dissector.lua"), "utf8");

/** A client and a server of one version, who send one pose each. */
async function captureOf(
  version: 3 | 4,
  client: number,
  server: number,
): Promise<CapturedDatagram[]> {
  const of = async (side: string) =>
    import(specUrl(`fleet-${version}`, `generated/${side}.js`).href);
  const { listen } = (await of("server")) as Server4;
  const { connect } = (await of("client")) as Client3;
  const seen: Captured[] = [];
  const mine = closing(await listen({ ports: { count: 1 } }));
  const port = mine.ports[0]!;
  const joined = closing(await connect({ port, join: { name: "ada" }, wrapSocket: tap(seen) }));
  let got = 0;
  mine.receive.order(() => got++);
  joined.send.order({ unit: version, kind: "fire" });
  await until(() => got === 1);
  return seen.map(({ from, bytes }) =>
    from === "client"
      ? { bytes, sourcePort: client, destinationPort: server }
      : { bytes, sourcePort: server, destinationPort: client },
  );
}

async function capture(): Promise<Uint8Array> {
  const seen: Captured[] = [];
  const server = closing(await listen({ ports: { count: 1 } }));
  const port = server.ports[0]!;
  const client = closing(await connect({ port, join: { name: "ada" }, wrapSocket: tap(seen) }));
  await until(() => server.peers.size === 1);
  let got = 0;
  const count = () => got++;
  client.receive.pose(count);
  client.receive.track(count);
  client.receive.order(count);
  server.receive.pose(count);
  server.receive.order(count);
  client.send.order({ unit: 1, kind: "fire" });
  client.send.pose(pose);
  client.send.order({ unit: 2, kind: "hold" });
  server.broadcast.pose({ ...pose, shield: 9, stance: "prone", leader: 77 });
  server.broadcast.order({ unit: 3, kind: "move" });
  server.broadcast.track({ unit: 4, points: [{ x: 0, y: 0, speed: 1, note: "né" }] });
  await until(() => got === 6);
  return pcapOf(
    seen.map(({ from, bytes }) => {
      const [client, server] = [40_000, 7_000];
      return from === "client"
        ? { bytes, sourcePort: client, destinationPort: server }
        : { bytes, sourcePort: server, destinationPort: client };
    }),
  );
}

// Without tshark there is nothing to ask; where CI is set that fails instead.
describe.skipIf(skipWithoutTshark)("a capture of two versions", () => {
  it("is read to the last byte by the dissector of either", { timeout: 60_000 }, async () => {
    const pcap = await capture();
    const shown = (version: number) => {
      const said = dissect(luaOf(version), pcap, {
        preferences: { "stardust_fleet.ports": "7000" },
      });
      expect(said.stderr).not.toMatch(/error|lua/i);
      const fields = said.packets.flatMap(({ protocols }) => protocols.flatMap(all));
      expect(fields.filter(({ name }) => name.includes("malformed"))).toEqual([]);
      return (name: string) =>
        fields.filter((field) => field.name === `stardust_fleet.${name}`).map(({ show }) => show);
    };
    const by4 = shown(4);
    // The client's pose has no shield, the server's has.
    expect(by4("PoseMessage.unit")).toEqual(["513", "513"]);
    expect(by4("PoseMessage.leader")).toEqual(["77"]);
    expect(by4("Point.note")).toEqual(["né"]);
    expect(by4("later")).toEqual([]);
    const by3 = shown(3);
    expect(by3("PoseMessage.unit")).toEqual(["513", "513"]);
    expect(by3("OrderMessage.unit").sort()).toEqual(["1", "2", "3"]);
    // What version 4 added to pose, and to the point of the track.
    expect(by3("later")).toHaveLength(2);
  });

  it("is read by both, loaded together, each what its own clients joined", {
    timeout: 60_000,
  }, async () => {
    const pcap = pcapOf([
      ...(await captureOf(3, 40_003, 7_003)),
      ...(await captureOf(4, 40_004, 7_004)),
    ]);
    for (const [first, second] of [
      [3, 4],
      [4, 3],
    ] as const) {
      // A third one is another state of the first: the same version with another hash.
      const third = luaOf(first).replace(/hash = "\w{32}"/, `hash = "${"0".repeat(32)}"`);
      const said = dissect([luaOf(first), luaOf(second), third], pcap);
      expect(said.stderr).not.toMatch(/error|lua/i);
      const fields = said.packets.flatMap(({ protocols }) => protocols.flatMap(all));
      expect(fields.filter(({ name }) => name.includes("malformed"))).toEqual([]);
      const units = (protocol: string) =>
        fields.filter(({ name }) => name === `${protocol}.OrderMessage.unit`).map((f) => f.show);
      expect(units("stardust_fleet")).toEqual([String(first)]);
      expect(units(`stardust_fleet_v${second}`)).toEqual([String(second)]);
      for (const { protocols } of said.packets) {
        expect(protocols.filter(({ name }) => name.startsWith("stardust_fleet"))).toHaveLength(1);
      }
    }
  });
});
