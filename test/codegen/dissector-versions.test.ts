/**
 * Wireshark between versions: real traffic of a client of version 3 and a server of version 4 (test/specs/versions), taken
 * apart with the dissector of either. Both learn from the accept that the two differ.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { closing, until } from "../support/arena.ts";
import { pcapOf } from "../support/pcap.ts";
import { specSource, specUrl } from "../support/specs.ts";
import { type Captured, tap } from "../support/tap.ts";
import { dissect, skipWithoutTshark } from "../support/tshark.ts";
import { all } from "./support/shown.ts";

type Server4 = typeof import("../tmp/specs/fleet-4/generated/server.ts");
type Client3 = typeof import("../tmp/specs/fleet-3/generated/client.ts");
const { listen } = (await import(specUrl("fleet-4", "generated/server.js").href)) as Server4;
const { connect } = (await import(specUrl("fleet-3", "generated/client.js").href)) as Client3;

const pose = { unit: 513, x: 0, y: 0, armed: true };

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
      const lua = readFileSync(specSource(`fleet-${version}`, "generated/dissector.lua"), "utf8");
      const said = dissect(lua, pcap, { preferences: { "stardust_fleet.ports": "7000" } });
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
});
