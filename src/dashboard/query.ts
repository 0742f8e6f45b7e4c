/** What an address asks of the peers: `?sort=loss&port=12341&find=bot&from=0&limit=25`. What makes no sense is left out. */
import { DEFAULT_ROWS, MAX_LABEL, MAX_ROWS, type PeersQuery, peerOrders } from "./state.ts";

export function peersQuery(parameters: URLSearchParams): PeersQuery {
  const whole = (name: string, low: number, high: number): number | undefined => {
    const text = parameters.get(name) ?? "";
    const value = Number(text);
    if (!/^\d{1,9}$/.test(text) || value < low || value > high) return undefined;
    return value;
  };
  const order = parameters.get("sort");
  return {
    sort: peerOrders.find((known) => known === order) ?? "loss",
    port: whole("port", 1, 65_535),
    find: (parameters.get("find") ?? "").slice(0, MAX_LABEL),
    from: whole("from", 0, 1e9) ?? 0,
    limit: whole("limit", 0, MAX_ROWS) ?? DEFAULT_ROWS,
  };
}
