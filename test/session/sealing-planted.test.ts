/** What keeps a sealed session safe, taken out of its compiled code piece by piece: each time something is seen. */
import { afterAll, describe, expect, test } from "vitest";
import type { SessionClass } from "#simulate/play.js";
import { Session } from "#src/session/session.js";
import { handProtocol } from "../support/hand-protocol.ts";
import { plant, removePlanted } from "../support/plant.ts";
import { Sealer, sealing } from "../support/sealing.ts";
import { Inbox } from "../support/session-pair.ts";

const protocol = handProtocol({ cipher: "aes-256-gcm" });
const none = new Uint8Array(0);

/** A server of that class, and its client's sealer, whose datagrams are pings. */
class World {
  readonly sealer: Sealer = new Sealer(protocol, "client");
  readonly #server: Session;

  constructor(Made: SessionClass) {
    this.#server = new Made({
      protocol,
      role: "server",
      nowMs: 0,
      random: () => 0.5,
      sink: new Inbox(),
      sealing: sealing(),
    });
    this.sealer.header.ackNow = true;
  }

  give(datagram: Uint8Array, nowMs = 0): string | undefined {
    const bytes = datagram.slice();
    return this.#server.handleDatagram(bytes, new DataView(bytes.buffer), bytes.length, nowMs);
  }
}

const tampered = (datagram: Uint8Array): Uint8Array => datagram.with(-1, datagram.at(-1)! ^ 1);

/** What a server does, in an order of its own; with the real class it is what each says. */
const checks = {
  window(Made: SessionClass) {
    const { sealer, give } = bound(new World(Made));
    const far = tampered(sealer.seal(5000, none));
    return [give(far), give(sealer.seal(0, none))];
  },
  nonce(Made: SessionClass) {
    const { sealer, give } = bound(new World(Made));
    sealer.header.wide = true;
    return [give(sealer.seal(70_000, none)), give(sealer.seal(70_001, none))];
  },
  oldPhase(Made: SessionClass) {
    const { sealer, give } = bound(new World(Made));
    const late = sealer.seal(1, none);
    const first = give(sealer.seal(0, none));
    sealer.keys.update();
    sealer.keys.begin(2, 0, 0);
    return [first, give(sealer.seal(2, none)), give(late, 60_000)];
  },
  clearPart(Made: SessionClass) {
    const { sealer, give } = bound(new World(Made));
    const datagram = sealer.seal(1, none);
    // Another number, as if it were the one after it.
    datagram[5] = 2;
    return [give(sealer.seal(0, none)), give(datagram)];
  },
} as const;

function bound(world: World): Pick<World, "sealer" | "give"> {
  return { sealer: world.sealer, give: (...of) => world.give(...of) };
}

const good: Readonly<Record<keyof typeof checks, readonly (string | undefined)[]>> = {
  window: ["seal", undefined],
  nonce: [undefined, undefined],
  oldPhase: [undefined, undefined, "seal"],
  clearPart: [undefined, "seal"],
};

const faults: readonly (readonly [
  what: string,
  file: string,
  edits: readonly (readonly [RegExp, string])[],
  check: keyof typeof checks,
])[] = [
  [
    "advances the window before the tag is checked",
    "open-datagram.js",
    [[/if \(this\.keys !== undefined\) \{/, "$& this.duplicates.add(number);"]],
    "window",
  ],
  [
    "takes the nonce from the short number",
    "seal-keys.js",
    [[/const low = number >>> 0;/, "const low = number & 0xffff;"]],
    "nonce",
  ],
  [
    "accepts the old phase for ever",
    "seal-keys.js",
    [[/ maintain\(nowMs\) \{/, "$& return;"]],
    "oldPhase",
  ],
  [
    "does not authenticate the clear part",
    "open-datagram.js",
    [
      [
        /this\.keys\.open\(header\.keyPhase, number, bytes, 0, at, end/,
        "this.keys.open(header.keyPhase, number, bytes, at, at, end",
      ],
    ],
    "clearPart",
  ],
  [
    "does not look at the tag",
    "seal-keys.js",
    [[/if \(!keys\.open\(/, "if (keys.open("]],
    "window",
  ],
];

describe("a sealed session that", () => {
  afterAll(removePlanted);

  test.each(Object.keys(checks) as (keyof typeof checks)[])(
    "has no fault does as it should: %s",
    (name) => {
      expect(checks[name](Session)).toEqual(good[name]);
    },
  );

  test.each(faults)("%s is found", async (_what, file, edits, name) => {
    expect(checks[name](await plant(file, edits))).not.toEqual(good[name]);
  });
});
