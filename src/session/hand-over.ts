/**
 * A session as data, so that it can go on in another thread: `exportSession` reads all that a session knows, and
 * `importSession` pours it into a new one of the same protocol, role and negotiated version. What is returned survives
 * structured cloning. One mechanism for all of its parts: the object graph is walked, class by class. Of a class that is named below all
 * fields are state but those it is `given` by whoever makes it (the protocol, the sink); of any other class nothing is. A test
 * walks live sessions and finds classes and fields that are missing here.
 *
 * What is not state: the sink, a tracer, keys before the current ones, memory that a thread shares, and a congestion controller that is
 * not one of ours, which begins anew. Times are on the clock of the side that exports: both threads must have the same. Worst case: all that the session holds
 * is copied once.
 */
import { DatagramBuilder } from "./build-datagram.ts";
import { ByteRing } from "./byte-ring.ts";
import { CellChains } from "./cell-chains.ts";
import { OrderedReceive, ReliableReceive } from "./channel-receive.ts";
import { ReliableSequencedReceive } from "./channel-receive-reliable-sequenced.ts";
import { UnreliableReceive } from "./channel-receive-unreliable.ts";
import { UnreliableOrderedReceive } from "./channel-receive-unreliable-ordered.ts";
import { SendChannel } from "./channel-send.ts";
import { ClockSync } from "./clock-sync.ts";
import { FixedController } from "./congestion/fixed.ts";
import { NewRenoController } from "./congestion/newreno.ts";
import { Pacer } from "./congestion/pacer.ts";
import { StardustController } from "./congestion/stardust.ts";
import { Copies } from "./copies.ts";
import { FlowChannels } from "./flow-channels.ts";
import { MessageStore } from "./message-store.ts";
import { ChannelNotices, Notices } from "./notices.ts";
import { NumberBits } from "./number-bits.ts";
import { NumberQueue } from "./number-queue.ts";
import { NumberWindow } from "./number-window.ts";
import { DatagramOpener } from "./open-datagram.ts";
import { Packer } from "./packer.ts";
import { DuplicateWindow } from "./packet-numbers.ts";
import { PathMtu } from "./path-mtu.ts";
import { Reassembly } from "./reassembly.ts";
import { ReceiveAge } from "./receive-age.ts";
import { ReceiveContext } from "./receive-context.ts";
import { ReceiveLimit } from "./receive-limit.ts";
import { ReceivedPackets } from "./received.ts";
import { Receivers } from "./receivers.ts";
import { ReorderingWindow } from "./reordering.ts";
import { RttEstimator } from "./rtt.ts";
import { KeyedPhase, ReceiveKeys, SendKeys } from "./seal-keys.ts";
import { SendLimit } from "./send-limit.ts";
import { Senders } from "./senders.ts";
import { SentPackets } from "./sent.ts";
import { Session } from "./session.ts";
import { Silence } from "./silence.ts";
import { BlockPool, Slab } from "./slab.ts";
import { Timers } from "./timers.ts";

/** What a session knows, as data that survives structured cloning; nobody but `importSession` reads it. */
export interface SessionState {
  readonly version: 1;
  readonly root: unknown;
}

type Fields = Record<string, unknown>;

export interface StateClass {
  readonly type: abstract new (...args: never[]) => object;
  /** Fields that are not state. */
  readonly given?: readonly string[];
  /** Makes one where the new session has none yet; its fields are overwritten. */
  readonly make?: () => object;
}

const receiver = ["channel"];

/** A number in a state is a place in this list. */
export const stateClasses: readonly StateClass[] = [
  { type: Session, given: ["protocol", "user"] },
  { type: Timers },
  { type: RttEstimator },
  { type: PathMtu },
  { type: SentPackets },
  { type: NumberBits },
  { type: ReorderingWindow },
  { type: Silence },
  { type: ReceivedPackets },
  { type: DuplicateWindow },
  { type: Pacer },
  { type: FixedController },
  { type: NewRenoController },
  { type: StardustController },
  { type: Packer, given: ["header"] },
  { type: SendLimit },
  { type: ReceiveLimit },
  { type: FlowChannels },
  {
    type: ReceiveContext,
    given: [
      "sink",
      "bytes",
      "view",
      "user",
      "failure",
      "message",
      "userFields",
      "channelCount",
      "drawn",
    ],
  },
  { type: ReceiveAge },
  { type: MessageStore },
  { type: CellChains },
  { type: Slab },
  { type: Senders, given: ["protocol", "negotiated", "sink"] },
  { type: SendChannel, given: ["definition"] },
  { type: Notices },
  { type: ChannelNotices },
  { type: ByteRing, given: ["writer", "staged"] },
  { type: Copies, make: () => new Copies() },
  { type: NumberQueue, make: () => new NumberQueue() },
  { type: Receivers, given: ["channels"] },
  { type: ReliableReceive, given: receiver },
  { type: OrderedReceive, given: receiver },
  { type: ReliableSequencedReceive, given: receiver },
  { type: UnreliableReceive, given: receiver },
  { type: UnreliableOrderedReceive, given: receiver },
  { type: NumberWindow },
  { type: Reassembly, make: () => new Reassembly(new Slab(new BlockPool(4)), 0, 0, 0) },
  { type: DatagramOpener, given: ["protocol", "negotiated", "tracer"] },
  { type: DatagramBuilder, given: ["protocol", "tracer"] },
  { type: ClockSync, given: ["aheadMs"] },
  { type: SendKeys, given: ["limits"] },
  { type: ReceiveKeys, given: ["limits"] },
  { type: KeyedPhase },
];

const places: ReadonlyMap<unknown, number> = new Map(
  stateClasses.map(({ type }, at) => [type, at]),
);

/** An object of one of the classes, or a plain one (-1). */
interface SavedObject {
  readonly class: number;
  readonly fields: Fields;
}

/** Keys of a phase: all follows from its secret. None: they cannot be made again, and what they would open is dropped. */
interface SavedKeys {
  readonly secret: Uint8Array;
}

/** Stands for what is no state: the new session has its own. */
const NOT_STATE = Symbol();

/** All that the session knows. It must not be used from here on: its numbers, and with them its nonces, go along. */
export function exportSession(session: Session): SessionState {
  const saved = new Map<object, unknown>();
  const save = (value: unknown): unknown => {
    if (typeof value === "function" || typeof value === "symbol") return NOT_STATE;
    if (typeof value !== "object" || value === null) return value;
    if (ArrayBuffer.isView(value)) return value;
    const known = saved.get(value);
    if (known !== undefined) return known;
    if (Array.isArray(value)) {
      const copy: unknown[] = [];
      saved.set(value, copy);
      for (const one of value) copy.push(save(one));
      return copy;
    }
    if (value instanceof Map) {
      const copy = new Map<unknown, unknown>();
      saved.set(value, copy);
      for (const [key, one] of value) copy.set(key, save(one));
      return copy;
    }
    const type = value.constructor;
    if (type === KeyedPhase) {
      const keys: SavedKeys = { secret: Uint8Array.from((value as unknown as SavedKeys).secret) };
      // Of keys that are over nothing can be derived any more.
      return keys.secret.some((byte) => byte !== 0) ? keys : undefined;
    }
    const place = type === Object ? -1 : places.get(type);
    if (place === undefined) return NOT_STATE;
    const copy: SavedObject = { class: place, fields: {} };
    saved.set(value, copy);
    const given = stateClasses[place]?.given;
    for (const [name, one] of Object.entries(value)) {
      if (given?.includes(name)) continue;
      const state = save(one);
      if (state !== NOT_STATE) copy.fields[name] = state;
    }
    return copy;
  };
  return { version: 1, root: save(session) };
}

/** What of a session is reached by name. */
interface Parts {
  readonly context: ReceiveContext;
  readonly senders: Senders;
  readonly receivers: Receivers;
  readonly keys: { readonly send: { readonly keys: PhaseMaker } } | undefined;
}

type PhaseMaker =
  ConstructorParameters<typeof KeyedPhase> extends [infer Crypto, infer Cipher, ...unknown[]]
    ? { readonly crypto: Crypto; readonly cipher: Cipher }
    : never;

/**
 * Has a new session go on where the one that was exported stopped. `session`: of the same protocol, role and negotiated
 * version, and nothing has happened to it; with which secrets it was made does not matter.
 */
export function importSession(session: Session, state: SessionState): void {
  /** What an object of the state is in the new session; of those in `twins` the fields are still to be taken over. */
  const restored = new Map<unknown, object>();
  const twins = new Map<unknown, object>();
  const own = session as unknown as Parts;
  const phase = own.keys?.send.keys;
  const restore = (data: unknown, twin: unknown): unknown => {
    if (typeof data !== "object" || data === null || ArrayBuffer.isView(data)) return data;
    const known = restored.get(data);
    if (known !== undefined) return known;
    if (Array.isArray(data)) {
      // Numbers may stand in an array that sessions share until they write to it (doubles.ts).
      const isNumbers = data.every((one) => typeof one === "number");
      const array: unknown[] = Array.isArray(twin) && !isNumbers ? twin : [];
      restored.set(data, array);
      array.length = data.length;
      for (let i = 0; i < data.length; i++) array[i] = restore(data[i], array[i]);
      return array;
    }
    if (data instanceof Map) {
      const map = new Map<unknown, unknown>();
      restored.set(data, map);
      for (const [key, one] of data) map.set(key, restore(one, undefined));
      return map;
    }
    if ("secret" in data) {
      return new KeyedPhase(phase!.crypto, phase!.cipher, (data as SavedKeys).secret);
    }
    const { class: place, fields } = data as SavedObject;
    const target = twins.get(data) ?? targetFor(place, twin);
    if (target === undefined) return twin;
    restored.set(data, target);
    for (const [name, one] of Object.entries(fields)) {
      (target as Fields)[name] = restore(one, (target as Fields)[name]);
    }
    return target;
  };
  const saved = (state.root as SavedObject).fields;
  // What is made as it is used is there before anything points at it: channels, found by their index, and memory for messages.
  for (const [index, data] of channelsOf(saved["senders"], "channels")) {
    twins.set(data, own.senders.of(index));
  }
  for (const [index, data] of channelsOf(saved["receivers"], "made")) {
    twins.set(data, own.receivers.of(index));
  }
  const received = (saved["context"] as SavedObject).fields;
  if (received["madeSlices"] !== undefined) twins.set(received["madeSlices"], own.context.slices);
  if (received["madeStore"] !== undefined) twins.set(received["madeStore"], own.context.store);
  restore(state.root, session);
}

function channelsOf(data: unknown, name: string): readonly (readonly [number, unknown])[] {
  const channels = (data as SavedObject).fields[name] as readonly unknown[];
  return [...channels.entries()].filter(([, channel]) => channel !== undefined);
}

/** Undefined: nothing of it can be taken over, such as of a congestion controller of another kind. */
function targetFor(place: number, twin: unknown): object | undefined {
  if (place < 0) return typeof twin === "object" && twin !== null ? twin : {};
  const { type, make } = stateClasses[place]!;
  return twin instanceof type ? twin : make?.();
}
