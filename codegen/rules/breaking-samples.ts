/** Pieces of the examples in the tables of breaking-table.ts: sections of a spec, or whole ones where the version counts. */

/** A row of the table; see breaking-table.ts. */
export interface BreakingRow {
  readonly title: string;
  readonly why: string;
  /** What to do instead, or besides. */
  readonly fix: string;
  /** Sections of the older spec, of the newer, and, for a breaking change, of one that would not break. */
  readonly before: string;
  readonly after: string;
  readonly instead?: string;
}

export type BreakingRows = Readonly<Record<string, BreakingRow>>;

export const channels = (text: string): string => `channels:\n  ${text}\n`;
export const hit = (rest: string): string =>
  channels(`hit: { id: 0, delivery: reliable, direction: both, ${rest} }`);
export const message = (members: string): string => hit(`message: { ${members} }`);
export const plain: string = message("who: u16");

/** The old message stays, and a new channel carries the new one. */
export const beside = (members: string, other: string): string =>
  `${message(members)}  hit2: { id: 1, delivery: reliable, direction: both, message: { ${other} } }\n`;

export const newChannel =
  "leave the old channel as it is and add a new one for the new message; remove the old one when no old peer is left";

/** A whole spec of a version, with these sections. */
export const version = (number: number, sections: string): string =>
  `stardust: 1\nprotocol: { name: game, version: ${number} }\nsecurity: plain\n${sections}`;

/** A version whose message may grow. */
export const growing = (number: number, members: string, rest = ""): string =>
  version(number, hit(`extensible: true,${rest} message: { ${members} }`));
