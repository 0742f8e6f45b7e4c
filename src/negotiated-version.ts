/**
 * Which version of a protocol two peers use, and what that means for one of them. Where the hashes differ but the
 * record of either side calls them compatible, both are in compat mode (docs/wire.md, "Peers of neighbouring
 * versions"): the older one's hash is named, and the newer one keeps off channels that the older one lacks.
 */
import { StardustError } from "./errors.ts";
import type { ChannelDefinition, Protocol } from "./protocol.ts";

/** What join and accept have settled, as one side sees it. */
export interface NegotiatedVersion {
  /** Of the version that both know: the older one's. */
  readonly hash: string;
  readonly version: number;
  /** The other side was generated from another version. */
  readonly compat: boolean;
  /** Our channels, by index, that the other side lacks. */
  readonly lacks: readonly number[];
}

/** Hashes of older versions that a join names at most. */
const MAX_COMPATIBLE = 8;

/** One for all peers of a protocol: most are of the same version. */
const same: WeakMap<Protocol, NegotiatedVersion> = new WeakMap();

/** What is negotiated where both were generated from the same version. */
export function sameVersion(protocol: Protocol): NegotiatedVersion {
  let negotiated = same.get(protocol);
  if (negotiated === undefined) {
    const { hash, version } = protocol;
    negotiated = { hash, version, compat: false, lacks: [] };
    same.set(protocol, negotiated);
  }
  return negotiated;
}

/** The hashes of older versions that a join names: newest first. */
export function compatibleHashes(protocol: Protocol): string[] {
  const known = protocol.versions.filter(({ differs }) => differs === undefined);
  return known.slice(0, MAX_COMPATIBLE).map(({ hash }) => hash);
}

/** What a server makes of a join; undefined where the two cannot talk. */
export function negotiateJoin(
  protocol: Protocol,
  hash: string,
  compatible: readonly string[],
): NegotiatedVersion | undefined {
  if (hash === protocol.hash) return sameVersion(protocol);
  // A server of a version that the client knows as an older one.
  if (compatible.includes(protocol.hash)) return negotiatedVersion(protocol, protocol.hash, true);
  return negotiatedVersion(protocol, hash, true);
}

/** What was negotiated, by what accept says; undefined where this side does not know of it. */
export function negotiatedVersion(
  protocol: Protocol,
  hash: string,
  compat: boolean,
): NegotiatedVersion | undefined {
  if (hash === protocol.hash)
    return compat ? { ...sameVersion(protocol), compat } : sameVersion(protocol);
  const known = compat ? protocol.versions.find((version) => version.hash === hash) : undefined;
  if (known === undefined || known.differs !== undefined) return undefined;
  return { hash, version: known.version, compat, lacks: known.lacks };
}

/** Names of what keeps peers of that version from talking to ours; empty where no record knows it. */
export function differences(protocol: Protocol, hash: string): readonly string[] {
  return protocol.versions.find((version) => version.hash === hash)?.differs ?? [];
}

/** Whether the other side has the channel of this name. */
export function hasChannel(
  protocol: Protocol,
  negotiated: NegotiatedVersion,
  name: string,
): boolean {
  const channel = protocol.channels.find((candidate) => candidate.name === name);
  return channel !== undefined && !negotiated.lacks.includes(channel.index);
}

/** The error of a send on a channel that the other side lacks. */
export function missingChannel(
  channel: ChannelDefinition,
  negotiated: NegotiatedVersion,
): StardustError {
  return new StardustError(
    "STARDUST_CHANNEL_MISSING",
    `the other side knows version ${negotiated.version}, which has no channel ${channel.name}; ask has("${channel.name}") before sending there`,
  );
}
