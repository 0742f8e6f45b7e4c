/**
 * The contract between generated code and the runtime: `stardust generate` emits a value of type `Protocol`,
 * everything in src/ works from it and from nothing else. What a layout, a channel or a message looks like on
 * the wire is decided by the generator; how it gets there is decided here in src/.
 */
import type { DatagramHeader, FrameHeader, Violation } from "./wire/header.ts";
import type { JsonProblem } from "./wire/json.ts";
import type { Reader } from "./wire/reader.ts";
import type { Writer } from "./wire/writer.ts";

/** Which side of a connection something is on, or comes from. */
export type Role = "client" | "server";

/** Whether the datagrams of a connection are sealed. */
export type Security = "plain" | "sealed";

/** The delivery modes of docs/wire.md. */
export type Delivery =
  | "unreliable"
  | "unreliable-sequenced"
  | "unreliable-ordered"
  | "reliable"
  | "reliable-ordered"
  | "reliable-sequenced";

/** What datagrams can be sealed with: keys of 32 bytes, nonces of 12, tags of 16. */
export type CipherName = "aes-256-gcm" | "chacha20-poly1305";

export type Direction = "client-to-server" | "server-to-client" | "both";

/** Messages of one type to bytes. Straight-line generated code. */
export interface MessageEncoder<M> {
  /** No message is larger. */
  readonly maxBytes: number;
  /**
   * Whether `write` stays within `maxBytes` whatever it is given, and that is little: then it writes where a message goes.
   * Any other message is written into memory of its own (`encodeOnce`), and may have to be written again.
   */
  readonly inPlace: boolean;
  /**
   * Checks every member and writes `message` from `at` on, in one pass. Returns where it ends; `w.at` stays. Throws
   * `InvalidMessageError` with the path of a wrong member; what was written then means nothing. Where the memory ends too
   * early, throws a RangeError or returns an end behind it.
   */
  write(message: M, w: Writer, at: number): number;
}

/** Bytes to messages of one type. Straight-line generated code. */
export interface MessageDecoder<M> {
  /** Reads one message; it must end at `r.end`. Throws `MalformedError`, and nothing else, for any other bytes. */
  decode(r: Reader): M;
}

/** The code of a channel's messages, as far as one side of a connection has use for it. */
export interface ChannelCodec<M = unknown> {
  /** Missing where this side does not send on the channel. */
  readonly encoder?: MessageEncoder<M> | undefined;
  /** Missing where this side does not receive on it. */
  readonly decoder?: MessageDecoder<M> | undefined;
}

/** One channel, with everything about it that the spec decides already computed. */
export interface ChannelDefinition<M = unknown> extends ChannelCodec<M> {
  /** Position in `Protocol.channels`: what the runtime calls a channel inside one process. */
  readonly index: number;
  readonly name: string;
  /** As in the spec; on the wire it is `id + 1`. */
  readonly id: number;
  readonly delivery: Delivery;
  readonly direction: Direction;
  /** Reliable, `unreliable-ordered`, or may fragment: its frames carry a message number. */
  readonly numbered: boolean;
  /** Resent until acknowledged. */
  readonly reliable: boolean;
  /** Messages above `ProtocolLimits.sliceBytes` are sent in slices. */
  readonly fragment: boolean;
  /** Bytes of every payload, or -1 where they differ. */
  readonly fixedBytes: number;
  /** The largest payload accepted, in bytes. */
  readonly maxBytes: number;
  /** The same from a peer of another version, whose messages may have grown. */
  readonly compatMaxBytes: number;
  /** The largest sum of payloads (plus MESSAGE_OVERHEAD_BYTES each) queued for one peer before `send` says false. */
  readonly queueBytes: number;
  /** Strict levels: 0 is sent before 1. */
  readonly priority: number;
  /** Share among channels of one level. */
  readonly weight: number;
  /**
   * Unreliable: what has not left after so many milliseconds is dropped, and what has waited as long for a server's
   * application. Missing: its age does not matter.
   */
  readonly maxAgeMs?: number | undefined;
  /** `unreliable-ordered`: how long what lies behind a gap waits for it, milliseconds. */
  readonly maxGapMs?: number | undefined;
  /** Reliable: in how many further datagrams a small message rides before it is known to be lost; none where missing. */
  readonly redundancy?: number | undefined;
  /** Messages may be sent with a token, and their sender is told what became of them. */
  readonly notices?: boolean | undefined;
  /** Its messages are requests, from whom this says, and their answers; `direction` is `both` then. */
  readonly asks?: Direction | undefined;
}

/** A field of the user's own in the datagram header. Values are numbers; a bool is 0 or 1. */
export interface UserField {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Fractions are allowed (f32, f64). */
  readonly fraction: boolean;
}

/**
 * The header layout as code. The order of a datagram: what stands in it once, first the clear part and then the part
 * that a sealed session seals, then for each frame its header and its payload, sealed too. Whatever is needed to open
 * a datagram is in the clear part. A layout decides which bytes; the meaning of each part is docs/wire.md.
 */
export interface HeaderCodec {
  readonly userFields: readonly UserField[];
  /** Bits of the packet number when not wide, and when wide (equal where the layout has no wide form). */
  readonly packetNumberBits: number;
  readonly widePacketNumberBits: number;
  /** Every datagram carries the tag of its connection. */
  readonly hasSessionTag: boolean;
  /** What carries a receive limit carries the clock of its writer too. */
  readonly hasClock?: boolean;
  /** Bits of the largest acknowledged number, and of a message number. */
  readonly ackBits: number;
  readonly messageNumberBits: number;
  /** Acks as a bit field: how many numbers below the largest it names, 32 or 64. Missing: acks are ranges. */
  readonly ackFieldBits?: number;
  /** Bytes of `writeClear` and `writeSealed` for this header, whose flags (and first frame: channel is always there) are set. */
  size(h: DatagramHeader): number;
  /** Writes the clear part. `first` is the first frame, or undefined where there is none. */
  writeClear(h: DatagramHeader, first: FrameHeader | undefined, w: Writer): void;
  /** Writes the part behind it. */
  writeSealed(h: DatagramHeader, w: Writer): void;
  /**
   * Reads what `writeClear` writes; `r.at` is then the first byte of the sealed part. All flags and the packet number
   * are set and, where there are frames, `first.channel`, `first.slice` and `first.more`. Never throws.
   */
  readClear(h: DatagramHeader, first: FrameHeader, r: Reader): Violation;
  /**
   * Reads what `writeSealed` writes; `h` is what `readClear` set, and `r.at` is then the first frame's header. Without
   * frames the datagram ends there. Never throws.
   */
  readSealed(h: DatagramHeader, r: Reader): Violation;
  /** Bytes that `writeFrame` will write. `previous` is the frame before in this datagram, undefined for the first. */
  frameSize(frame: FrameHeader, previous: FrameHeader | undefined): number;
  /** Writes the header of a frame; `payloadBytes`, `more` and, on numbered channels, `number` are set. */
  writeFrame(frame: FrameHeader, previous: FrameHeader | undefined, w: Writer): void;
  /**
   * Reads the header of the frame at `r.at`. For the first frame `isFirst` is true and `frame` is what `readClear` set;
   * else `frame` still holds the frame before, and is overwritten. Sets `payloadStart` and `payloadBytes`, checks them
   * against `r.end` and the channel's sizes, and moves `r.at` behind the payload. Never throws.
   */
  readFrame(frame: FrameHeader, isFirst: boolean, r: Reader): Violation;
}

/** What a validator of a zero message found: the first problem only. `path` is a JSON pointer into the body. */
export type ZeroProblem = JsonProblem;

/** Checks the application's part of a zero message and removes members that the spec does not name. */
export type BodyValidator = (value: unknown) => ZeroProblem | null;

/** What a spec says of the connection protocol. All else of it is the runtime's own, in src/zero. */
export interface ZeroProtocol {
  /** By message, of those whose body the application fills. */
  readonly bodies: { readonly join: BodyValidator; readonly accept: BodyValidator };
  /** Members of the body of join that travel sealed; missing: there are none, and there can be none in plain. */
  readonly secrets?: readonly string[];
  /** The longest body of join in bytes of JSON, where it may be too long for a datagram; missing: it always fits. */
  readonly joinBytes?: number;
}

/** Numbers of the spec's `limits`, defaults filled in. */
export interface ProtocolLimits {
  /** No datagram is larger, on a path of which nothing is known; both joins are padded to it. */
  readonly maxDatagramBytes: number;
  /**
   * Where a path is found to carry them, datagrams are as large as this at most. Missing: nothing is tried, and
   * `maxDatagramBytes` holds.
   */
  readonly maxPathDatagramBytes?: number | undefined;
  /** Payload of every slice but the last of its message. */
  readonly sliceBytes: number;
  /** Bytes of reliable messages a peer may have in flight or waiting at the receiver. */
  readonly receiveBudgetBytes: number;
  /** Bytes that may wait for one peer between the application's thread and its worker, each way. */
  readonly creditBytes: number;
  /** Without any datagram from the other side for this long, the peer is gone. */
  readonly idleTimeoutMs: number;
  /** An idle side sends something after this long. */
  readonly keepAliveMs: number;
  /** From the first join to attached. */
  readonly handshakeTimeoutMs: number;
  /** What the application's `authenticate` may take; lies inside the handshake's. */
  readonly authenticateTimeoutMs: number;
  /** The longest an acknowledgement of reliable data is held back. */
  readonly maxAckDelayMs: number;
}

/** Bytes of the largest datagram that a session of this protocol may write. */
export function largestDatagramBytes(limits: ProtocolLimits): number {
  return limits.maxPathDatagramBytes ?? limits.maxDatagramBytes;
}

/** A version that was published (`stardust breaking --record`), as this one stands to it. */
export interface KnownVersion {
  readonly version: number;
  readonly hash: string;
  /** Channels of this version, by index, that it lacks. */
  readonly lacks: readonly number[];
  /** Names of what keeps its peers and this one's from talking; missing where they can, in compat mode. */
  readonly differs?: readonly string[];
}

/**
 * All that a spec says. `generated/protocol.ts` exports it without the code of messages; `generated/client-protocol.ts` and
 * `generated/server-protocol.ts` with the encoders of the channels that this side sends on and the decoders of those that it
 * receives, and no others.
 */
export interface Protocol {
  /** The version of this contract; the runtime refuses another. */
  readonly stardust: 4;
  readonly name: string;
  readonly version: number;
  /** 128 bits of SHA-256 over everything that changes the wire, as 32 hex digits. */
  readonly hash: string;
  /** Other versions that the spec's record knows, newest first. */
  readonly versions: readonly KnownVersion[];
  /** Whether datagrams of the regular protocol are encrypted and authenticated. */
  readonly security: Security;
  /** With what, where they are. */
  readonly cipher?: CipherName | undefined;
  readonly limits: ProtocolLimits;
  readonly header: HeaderCodec;
  readonly channels: readonly ChannelDefinition[];
  readonly zero: ZeroProtocol;
}

/** Which way a message between the threads of a server goes. */
export type SystemDirection =
  | "application-to-systems"
  | "systems-to-application"
  | "systems-to-systems";

/** A message of the section `system`. Both ends encode and decode it, in one process. */
export interface SystemMessageDefinition {
  readonly index: number;
  readonly name: string;
  readonly direction: SystemDirection;
  readonly maxBytes: number;
  // biome-ignore lint/suspicious/noExplicitAny: the generated face gives each message its type
  readonly encoder: MessageEncoder<any>;
  // biome-ignore lint/suspicious/noExplicitAny: likewise
  readonly decoder: MessageDecoder<any>;
}

/** The protocol for a server, each of whose workers imports it anew. */
export interface ServerProtocol extends Protocol {
  /** `import.meta.url` of the generated module. */
  readonly url: string;
  /** Messages between its threads, by index; missing where the spec has none. */
  readonly system?: readonly SystemMessageDefinition[];
  /** 128 bits of SHA-256 over these messages, as 32 hex digits: all threads of a server must have the same. */
  readonly systemHash?: string;
}

/** The protocol with the code that one side calls; `codecs` are by channel index. */
export function withCodecs(protocol: Protocol, codecs: readonly ChannelCodec[]): Protocol {
  const channels = protocol.channels.map((channel, index) => {
    const { encoder, decoder } = codecs[index] ?? {};
    return { ...channel, encoder, decoder };
  });
  return { ...protocol, channels };
}

/** What `role` would call and the protocol lacks, with the way out; undefined where all is there. */
export function missingCodec(protocol: Protocol, role: Role): string | undefined {
  for (const { name, direction, encoder, decoder } of protocol.channels) {
    const other = role === "client" ? "server" : "client";
    const sends = maySend(role, direction) && encoder === undefined;
    const receives = maySend(other, direction) && decoder === undefined;
    if (!sends && !receives) continue;
    const [half, verb] = sends ? ["encoder", "sends"] : ["decoder", "receives"];
    return (
      `channel ${name} has no ${half}, and a ${role} ${verb} on it: generate again, and give a ${role} what ` +
      `generated/${role}-protocol exports`
    );
  }
  return undefined;
}

/** The delivery modes that there are; the generator's list is held against it by a test. */
export const deliveries: readonly Delivery[] = [
  "unreliable",
  "unreliable-sequenced",
  "unreliable-ordered",
  "reliable",
  "reliable-ordered",
  "reliable-sequenced",
];

/** Whether `role` may send on a channel of this direction. */
export function maySend(role: Role, direction: Direction): boolean {
  return (
    direction === "both" ||
    direction === (role === "client" ? "client-to-server" : "server-to-client")
  );
}
