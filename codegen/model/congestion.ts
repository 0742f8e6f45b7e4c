/** Congestion controllers by the names that a spec, `listen` and `connect` have for them. */

export const congestionNames = ["stardust", "newreno", "fixed"] as const;

export type CongestionName = (typeof congestionNames)[number];
