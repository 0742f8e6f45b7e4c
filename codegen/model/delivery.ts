/** The words of a channel: how its messages are delivered, and which end may send them. */

export const deliveries = [
  "unreliable",
  "unreliable-sequenced",
  "unreliable-ordered",
  "reliable",
  "reliable-ordered",
  "reliable-sequenced",
] as const;
export type Delivery = (typeof deliveries)[number];

export function isReliable(delivery: Delivery): boolean {
  return delivery.startsWith("reliable");
}

/** Of channels with `response`: what answers must come, and more than the newest of them. */
export const requestDeliveries: readonly Delivery[] = ["reliable", "reliable-ordered"];

/** One end of a connection. */
export type Side = "client" | "server";

export const directions = ["client-to-server", "server-to-client", "both"] as const;
export type Direction = (typeof directions)[number];

/** Whether a side may send where messages go in this direction. */
export function maySend(side: Side, direction: Direction): boolean {
  const own = side === "client" ? "client-to-server" : "server-to-client";
  return direction === "both" || direction === own;
}

/** Between the threads of a server: the application's, and the workers with their systems. */
export const systemDirections = [
  "application-to-systems",
  "systems-to-application",
  "systems-to-systems",
] as const;
export type SystemDirection = (typeof systemDirections)[number];
