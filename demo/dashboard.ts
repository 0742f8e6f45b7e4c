/** The arena's dashboard: the page of stardust-udp/dashboard, with names of players and the arena from above. */
import { type Dashboard, serveDashboard } from "stardust-udp/dashboard";
import type { Server } from "../generated/server.ts";
import type { Arena, Player } from "./game.ts";

/** At this port of the machine itself, or at a free one where somebody has it already. It closes with the server. */
export async function openDashboard(
  server: Server<Player>,
  arena: Arena,
  port: number,
): Promise<Dashboard> {
  const open = (at: number): Promise<Dashboard> =>
    serveDashboard(server, {
      port: at,
      title: "Stardust's arena",
      label: (peer) => peer.join.name,
      scene: () => arena.scene(),
    });
  try {
    return await open(port);
  } catch (error) {
    if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    return open(0);
  }
}
