/** Which port a peer is to go to: what the application says, which is asked with all that there is to know, or the pool's own rule. */
import type { Placing, PortLoad } from "../connection-contract.ts";
import { StardustError } from "../errors.ts";
import { emptiestPort, type Placement } from "./placement.ts";
import type { PortSlot } from "./port-slot.ts";

/** What the application is asked for a port. */
export type PoolPlacing = Placing<object, object, unknown>;

export function portLoads(portSlots: readonly PortSlot[], placement: Placement): PortLoad[] {
  return portSlots.map(({ index, port, attached, handle }) => ({
    port,
    peers: attached,
    promised: placement.used(index) - attached,
    room: placement.room(index),
    load: handle.load,
  }));
}

/** Whether or not there is room; undefined: all ports are full. Throws what `place` throws, and where it names no port. */
export function choosePort(
  placing: PoolPlacing,
  portSlots: readonly PortSlot[],
  place: ((placing: PoolPlacing) => number | undefined) | undefined,
): PortSlot | undefined {
  const named = place?.(placing);
  const { ports, stay } = placing;
  const kept = ports.find(({ port, room }) => port === stay && room > 0);
  const chosen = named ?? kept?.port ?? emptiestPort(ports);
  const portSlot = portSlots.find(({ port }) => port === chosen);
  if (portSlot !== undefined || chosen === undefined) return portSlot;
  const there = ports.map(({ port }) => port).join(", ");
  const message = `place must answer at once with one of the ports ${there}, or undefined; not ${named}`;
  throw new StardustError("STARDUST_INVALID_OPTION", message);
}
