/**
 * The messages of the codec benchmark, made from a fixed seed: sixteen of each shape, so that no run sees the same one
 * twice in a row. Fractions are multiples of 1/64: exact as 32-bit floats, and short in JSON.
 */

import { SeededRandom } from "#src/testing/index.js";

const COUNT = 16;

const random = new SeededRandom(1);
const next = () => random.next();
const below = (count) => random.below(count);
const fraction = (min, max) => Math.round((min + next() * (max - min)) * 64) / 64;
const pick = (values) => random.pick(values);
const list = (count, make) => Array.from({ length: count }, (_, i) => make(i));
const weapons = ["fists", "sword", "bow", "staff"];

const lines = [
  "gg",
  "anyone at the north gate? two of them behind the wall",
  "I need a potion, meet me at the fountain in ten seconds",
  "nice shot!",
  "ça va être serré, attention à gauche",
  "brb, the cat is on the keyboard again and I cannot aim like this, sorry everyone",
  "次のラウンドは右から行きましょう",
  "lol 😀",
];
const items = ["iron_sword", "healing_potion", "arrow", "torch", "leather_boots", "map_fragment"];
const tags = ["quest", "rare", "bound", "stack"];

const snapshot = (i, count) => ({
  tick: 72_000 + i,
  lastInput: 40_000 + i,
  entities: list(count, (id) => {
    const kind = pick(["player", "player", "arrow", "potion", "door"]);
    return {
      id: 300 + id * 7,
      kind,
      x: fraction(-512, 512),
      y: fraction(-512, 512),
      heading: fraction(0, 6.25),
      health: kind === "player" ? below(101) : 100,
      weapon: kind === "player" ? pick(weapons) : undefined,
    };
  }),
});

/** The messages of each shape, by its name. */
export const shapes = {
  input: list(COUNT, (i) => ({
    sequence: 40_000 + i,
    moveX: fraction(-1, 1),
    moveY: fraction(-1, 1),
    heading: fraction(0, 6.25),
    fire: next() < 0.3,
    use: next() < 0.1,
  })),
  snapshot: list(COUNT, (i) => snapshot(i, 20 + below(9))),
  chat: list(COUNT, (i) => ({ from: 1000 + below(5000), text: lines[i % lines.length] })),
  telemetry: list(COUNT, (i) => ({
    // Seconds since it was switched on; exact in 32 bits too, as msgpackr writes it.
    time: 86_400.25 + i / 64,
    mode: pick(["idle", "walking", "carrying", "fault"]),
    battery: fraction(0, 1),
    moving: next() < 0.8,
    charging: next() < 0.1,
    fault: next() < 0.1,
    estop: false,
    joints: list(12, () => ({
      angle: fraction(-3.2, 3.2),
      velocity: fraction(-12, 12),
      torque: fraction(-60, 60),
    })),
    temperatures: list(12, () => 20 + below(60)),
  })),
  inventory: list(COUNT, () => ({
    owner: `player_${below(100000)}`,
    gold: below(250_000),
    slots: list(14 + below(8), () => ({
      item: pick(items),
      count: 1 + below(99),
      durability: fraction(0, 1),
      tags: list(below(3), () => pick(tags)),
    })),
  })),
  voice: list(COUNT, (i) => ({
    sequence: 9000 + i,
    speaker: 1000 + below(64),
    level: below(128),
    frame: Buffer.from(list(60 + below(60), () => below(256))),
  })),
  event: list(COUNT, (i) => ({
    sequence: 500 + i,
    kind: pick(["hit", "pickup", "death", "spawn"]),
    subject: 300 + below(300),
    object: next() < 0.6 ? 300 + below(300) : undefined,
    amount: below(60) - 40,
  })),
  // The whole world, for a player who has just joined: too large to be written in place.
  world: list(COUNT, (i) => snapshot(i, 490 + below(20))),
};

/** Shapes with a second, packed form in the spec; the others have nothing to pack. */
export const packed = new Set(["input", "snapshot", "telemetry", "inventory"]);
/** The largest half step of any quantised member. */
export const PACKED_ERROR = 0.02;

export const enums = {
  Kind: ["player", "arrow", "potion", "door"],
  Weapon: weapons,
  Mode: ["idle", "walking", "carrying", "fault"],
  EventKind: ["hit", "pickup", "death", "spawn"],
};
