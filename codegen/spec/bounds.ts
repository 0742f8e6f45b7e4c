/** The bounds of a spec's numbers that several places need. Bounds that one type has alone stand in its kind. */

/** Ids are shifted by one on the wire, where zero is the connection protocol. */
export const MAX_CHANNEL_ID: number = 0xff_fffe;
/** Tags of variants, and numbers of enum values. */
export const MAX_NUMBER = 0xffff_ffff;
export const MAX_LIST_ITEMS: number = 2 ** 20;
/** The largest version of a protocol. */
export const MAX_VERSION = 0xffff_ffff;
