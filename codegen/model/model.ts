/**
 * The resolved protocol: every name, id, size, layout and hash is decided here, once, by resolve.ts; emitters turn
 * it into text and decide nothing. Plain data: model.json is this, and its JSON Schema is made of these types
 * (`npm run docs`), tags of the comments included. All sizes are bytes unless the name
 * says bits; `line` is the line of the spec where the thing stands, 1-based;
 * 0 for what the spec leaves to the generator's defaults.
 */

import type { DefinedLists, LeafType } from "../kinds/kinds.ts";
import type { Documentation } from "../spec/documentation.ts";
import type { Delivery, Direction, Side, SystemDirection } from "./delivery.ts";
import type { CipherName, Security } from "./security.ts";

/**
 * A type where it is used. Those with `bits` live in the bit block of the struct (or list element) around them;
 * all others are whole bytes behind it.
 */
export type TypeModel =
  | LeafType
  | { readonly kind: "list"; readonly of: TypeModel; readonly max: number }
  /** Always `length` elements, so that no count is on the wire. */
  | { readonly kind: "array"; readonly of: TypeModel; readonly length: number }
  /** Keys are strings, whole numbers or enums; entries keep their order, and no key comes twice. */
  | {
      readonly kind: "map";
      readonly key: TypeModel;
      readonly value: TypeModel;
      readonly max: number;
    }
  | { readonly kind: "struct"; readonly name: string }
  | { readonly kind: "union"; readonly name: string };

export interface MemberModel extends Documentation {
  readonly name: string;
  readonly type: TypeModel;
  readonly optional: boolean;
  /** Offset of the presence bit in the struct's bit block; only where `optional`. */
  readonly presenceBit?: number;
  /**
   * Offset of the value in the bit block; only for types with `bits`. Always reserved: an absent optional member's
   * bits are there and zero, so that every offset is a constant. Offsets are from the block of the member's group.
   */
  readonly valueBit?: number;
  /** The protocol's version that added the member, at the end of an extensible struct. */
  readonly since?: number;
  /** What a reader puts in where the writer's version has no such member; a bigint as decimal text. */
  readonly default?: string | number | boolean;
}

/** Members of one `since`, behind those of all earlier versions: always written, absent only from an older writer. */
export interface GroupModel {
  readonly since: number;
  /** Index of the first in `members`, and how many. */
  readonly first: number;
  readonly count: number;
  readonly bitBlockBytes: number;
}

/**
 * On every type of a cycle: `head` is the one that counts, and at most `maxDepth` of it lie in each other. A value that
 * would have to hold one more cannot be written.
 */
export interface RecursionModel {
  readonly head: string;
  /** @minimum 1 */
  readonly maxDepth: number;
  /** The head's own bound on its bytes, where the spec gives one. */
  readonly maxBytes?: number;
}

export interface StructModel extends Documentation {
  /**
   * Name of the TypeScript type; unique among types, e.g. `Vec2`, or `ChatMessage` for a channel's message. A capital,
   * then letters and digits; no global of the language's.
   * @pattern ^[A-Z][A-Za-z0-9]*$
   */
  readonly name: string;
  readonly members: readonly MemberModel[];
  /** Whole bytes of the bit block at the front (of the members without `since`); 0 where nothing is packed. */
  readonly bitBlockBytes: number;
  /** Only where extensible: a varint byte length stands in front, and these groups follow the other members. */
  readonly extensible?: { readonly groups: readonly GroupModel[]; readonly maxBodyBytes: number };
  readonly recursion?: RecursionModel;
  readonly minBytes: number;
  readonly maxBytes: number;
  /**
   * Equal to minBytes and maxBytes, or -1.
   * @minimum -1
   */
  readonly fixedBytes: number;
}

export interface VariantModel extends Documentation {
  readonly name: string;
  readonly tag: number;
  readonly type: TypeModel;
}

/** One of several types: a varint tag, then the value as a list's element would stand. */
export interface UnionModel extends Documentation {
  /** @pattern ^[A-Z][A-Za-z0-9]*$ */
  readonly name: string;
  /**
   * In rising order of tag.
   * @minItems 1
   */
  readonly variants: readonly VariantModel[];
  readonly recursion?: RecursionModel;
  readonly minBytes: number;
  readonly maxBytes: number;
  /**
   * Equal to minBytes and maxBytes, or -1.
   * @minimum -1
   */
  readonly fixedBytes: number;
}

/** What only some channels have. */
export interface ChannelOptions {
  /**
   * Unreliable: what has waited longer, in milliseconds, is not sent.
   * @minimum 1
   */
  readonly maxAgeMs?: number;
  /** Always and only of `unreliable-ordered`: how long a missing message is waited for, milliseconds. */
  readonly maxGapMs?: number;
  /**
   * Reliable: in how many further datagrams a small message rides before it is known to be lost.
   * @minimum 1
   */
  readonly redundancy?: number;
  /** Messages may be sent with a token, and their sender is told what became of them. Missing: false. */
  readonly notices?: boolean;
}

export interface ChannelModel extends Documentation, ChannelOptions {
  readonly index: number;
  readonly name: string;
  /**
   * One more on the wire.
   * @maximum 16777214
   */
  readonly id: number;
  readonly delivery: Delivery;
  readonly direction: Direction;
  /** Frames carry a message number. */
  readonly numbered: boolean;
  readonly reliable: boolean;
  readonly fragment: boolean;
  /** Payloads begin with a byte that says stored or deflated; missing where they are the message itself. */
  readonly compress?: true;
  /** Largest message, before it is compressed. */
  readonly maxBytes: number;
  readonly queueBytes: number;
  readonly priority: number;
  /** @minimum 1 */
  readonly weight: number;
  /** The struct that is its message. */
  readonly message: string;
  /** Where its messages are requests and their answers; then `direction` is `both`. */
  readonly request?: RequestModel;
}

/** Names of the types that the message of a channel with requests is made of. */
export interface RequestModel {
  /** Who may ask. */
  readonly asks: Direction;
  /** The struct that is asked, the one that is answered, */
  readonly request: string;
  readonly response: string;
  /** and the union of what may be answered instead; missing where there is nothing. */
  readonly errors?: string;
}

/** A message between the threads of a server. It never travels, and is no part of the hash. */
export interface SystemMessageModel extends Documentation {
  readonly index: number;
  readonly name: string;
  readonly direction: SystemDirection;
  readonly maxBytes: number;
  /** The struct that it is. */
  readonly message: string;
}

/** Roles that the runtime knows; a field without one is the user's own. */
export type HeaderRole =
  | "channel"
  | "ack"
  | "ack-now"
  | "frames"
  | "slice"
  | "more"
  | "wide"
  | "key-phase"
  | "limit"
  | "reserved"
  | "session-tag"
  | "packet-number-high"
  | "packet-number"
  | "ack-largest"
  | "ack-delay"
  | "ack-ranges"
  | "ack-bits"
  | "receive-limit"
  | "clock"
  | "same-channel"
  | "consecutive"
  | "message-number"
  | "slice-index"
  | "slice-count"
  | "length";

/** Conditions: flags by the name of their field, or one of the two computed properties. All must hold. */
export type HeaderCondition = string | "numbered" | "unsized";

export interface HeaderFieldModel extends Documentation {
  readonly name: string;
  readonly role?: HeaderRole;
  /** Either whole bytes of a type … */
  readonly type?:
    | "u8"
    | "u16"
    | "u24"
    | "u32"
    | "u64"
    | "i8"
    | "i16"
    | "i32"
    | "f32"
    | "f64"
    | "varint"
    | "ack-ranges";
  /**
   * … or bits, gathered with the bit fields beside it, most significant first, into whole bytes.
   * @minimum 1
   * @maximum 32
   */
  readonly bits?: number;
  readonly when: readonly HeaderCondition[];
  /** For a user's own field: its place in `HeaderCodec.userFields`. */
  readonly userIndex?: number;
}

export interface HeaderModel {
  readonly clear: readonly HeaderFieldModel[];
  readonly sealed: readonly HeaderFieldModel[];
  /** Bit fields here are the next byte, which the first frame does not have. */
  readonly frame: readonly HeaderFieldModel[];
  readonly packetNumberBits: number;
  readonly widePacketNumberBits: number;
  readonly ackBits: number;
  /** Numbers below the largest that role `ack-bits` names one by one; missing where acks are ranges. */
  readonly ackFieldBits?: 32 | 64;
  readonly messageNumberBits: number;
  /** The longest header of a datagram with one slice frame, acks and limit not counted. */
  readonly maxBytes: number;
}

/** A JSON Schema, as in the spec. */
export type JsonSchema = { readonly [key: string]: unknown };

export interface ZeroMessageModel extends Documentation {
  readonly name: string;
  readonly from: Side | "both";
  readonly sys: JsonSchema;
  readonly body: JsonSchema;
  /** Whether the application may fill the body. */
  readonly hasBody: boolean;
  /** Whether it carries a MAC: always, or never. */
  readonly mac: boolean;
  /** It ends in a signature of the server's: accept, where security is sealed. */
  readonly sig?: boolean;
  /**
   * Members of sys that take what room is left: they are no part of the worst case. With one of them the message ends in a
   * signature of its sender's.
   */
  readonly spare?: readonly string[];
  /** Members of sys that say of a body that it comes in pieces, or bring one: they are no part of the worst case either. */
  readonly large?: readonly string[];
  /** The longest body in bytes of JSON, where it may not fit beside all else and then comes in pieces. */
  readonly bodyBytes?: number;
  /** Its sequence numbers, 0 outside the sequence; the second is that with a cookie. Missing: the next of the sequence. */
  readonly seq?: readonly number[];
  /** What it acknowledges, likewise. Missing: cumulative. */
  readonly ack?: readonly number[];
  /** Worst case of a whole datagram, escapes included, padding not. */
  readonly maxBytes: number;
}

export interface ZeroModel {
  readonly messages: readonly ZeroMessageModel[];
  readonly states: {
    readonly client: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly server: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
}

export interface LimitsModel {
  readonly maxDatagramBytes: number;
  /** Datagrams of up to so many bytes are tried on each path; missing: none are. */
  readonly maxPathDatagramBytes?: number;
  /** Payload of every slice of a large message but its last. */
  readonly sliceBytes: number;
  readonly receiveBudgetBytes: number;
  readonly creditBytes: number;
  readonly idleTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly handshakeTimeoutMs: number;
  readonly authenticateTimeoutMs: number;
  readonly maxAckDelayMs: number;
}

export interface Model extends DefinedLists {
  readonly name: string;
  readonly version: number;
  readonly doc?: string;
  readonly security: Security;
  /** What datagrams are sealed with; only where they are. */
  readonly cipher?: CipherName;
  /** The spec's file name without its folder, for `@see` comments. */
  readonly specFile: string;
  readonly limits: LimitsModel;
  readonly header: HeaderModel;
  /** Structs in an order in which each comes after those it uses, but for cycles. */
  readonly structs: readonly StructModel[];
  /** Unions, in such an order too. */
  readonly unions: readonly UnionModel[];
  /**
   * In rising order of id; `index` is the position.
   * @minItems 1
   */
  readonly channels: readonly ChannelModel[];
  /** In the order of the spec; missing where it has none. */
  readonly system?: readonly SystemMessageModel[];
  readonly zero: ZeroModel;
  /**
   * Over everything above that changes the wire (names, docs and lines do not).
   * @pattern ^[0-9a-f]{32}$
   */
  readonly hash: string;
}

/** Another version of the spec, as its record tells it. Not part of the model: it follows from that and the record. */
export interface KnownVersion {
  readonly version: number;
  readonly hash: string;
  /** Channels of this model, by index, that it lacks. */
  readonly lacks: readonly number[];
  /** Names of what keeps peers of both from talking; missing where they can. */
  readonly differs?: readonly string[];
}
