/**
 * Three versions of one spec, with numbers left out in between, that grow wherever growth is allowed: in messages and
 * structs, inside everything that holds structs, by members of every type.
 */

/** Members that a version adds, by the number of the version. */
const added: readonly (readonly [since: number, members: string])[] = [
  [
    3,
    `, b: { type: bool, since: 3, default: true }, c: { enum: { low: 1, high: 6 }, since: 3, default: high },
      d: { type: string, optional: true, since: 3 }, e: { u8: { min: 10, max: 20 }, since: 3 }`,
  ],
  [
    6,
    `, f: { type: u64, since: 6, default: "18446744073709551615" }, g: { f32: { min: -1, max: 1, bits: 7 }, since: 6, default: 0.5 },
      h: { list: { of: u16, max: 4 }, since: 6 }, i: { type: Fixed, since: 6 }, j: { type: Other, since: 6 },
      k: { map: { key: string, value: u8, max: 2 }, since: 6 }, l: { array: { of: bool, length: 3 }, since: 6 },
      m: { type: f32, since: 6, default: 0.1 }, n: { type: svarint, since: 6, default: -7 }, o: { type: bool, since: 6 }`,
  ],
];

const grownBy = (version: number): string =>
  added.map(([since, members]) => (since <= version ? members : "")).join("");

/** The versions that were published. */
export const versions: readonly number[] = [1, 3, 6];

/** As it was in a version. */
export const growingSpec = (version: number): string => `stardust: 1
protocol: { name: growing, version: ${version} }
security: plain
types:
  Fixed: { struct: { x: i16, y: { type: u8, optional: true } } }
  Choice: { union: { nothing: { struct: {}, tag: 0 }, grown: { type: Part, tag: 1 }, far: { type: string, tag: 300 } } }
  Other: { union: { first: { struct: { z: u8 } }, second: string } }
  Weapon: { enum: { bow: 0, axe: 2 } }
  Part: { extensible: true, struct: { a: u8, flag: bool${grownBy(version)} } }
  Nothing: { extensible: true, struct: { ${version < 3 ? "" : "late: { type: bool, since: 3 }"} } }
  Whole: { extensible: true, struct: { part: Part, after: u16${version < 6 ? "" : ", more: { type: Part, since: 6 }"} } }
  Tree: { maxDepth: 4, extensible: true, struct: { n: u8, inner: { list: { of: Tree, max: 2 } }${version < 3 ? "" : ", name: { type: string, since: 3, default: leaf }"} } }
  Chain: { ${version < 6 ? "" : "maxDepth: 3, "}extensible: true, struct: { n: u8${version < 6 ? "" : ", next: { type: Chain, optional: true, since: 6 }"} } }
  Pieces: { maxDepth: 3, maxBytes: 400, union: { one: Part, two: { struct: { left: Pieces, right: Pieces } } } }
channels:
  top: { id: 0, delivery: reliable, extensible: true, message: { a: u8, flag: bool${grownBy(version)} } }
  behind: { id: 1, delivery: reliable, message: { part: Part, after: u8 } }
  listed: { id: 2, delivery: reliable, message: { parts: { list: { of: Part, max: 5 } }, after: u8 } }
  lists: { id: 3, delivery: reliable, message: { parts: { list: { of: { list: { of: Nothing, max: 3 } }, max: 3 } } } }
  fixed: { id: 4, delivery: reliable, message: { parts: { array: { of: Part, length: 2 } }, after: u8 } }
  mapped: { id: 5, delivery: reliable, message: { parts: { map: { key: Weapon, value: Part, max: 2 } }, after: u8 } }
  picked: { id: 6, delivery: reliable, message: { choice: Choice, choices: { list: { of: Choice, max: 3 } } } }
  perhaps: { id: 7, delivery: reliable, message: { part: { type: Part, optional: true }, after: u8 } }
  nested: { id: 8, delivery: reliable, message: { whole: Whole, after: u8 } }
  tree: { id: 9, delivery: reliable, message: { tree: Tree, after: u8 } }
  chain: { id: 10, delivery: reliable, message: { chain: Chain, after: u8 } }
  pieces: { id: 11, delivery: reliable, message: { pieces: Pieces, after: u8 } }
  inline: { id: 12, delivery: reliable, message: { inner: { struct: { a: u8${version < 3 ? "" : ", b: { type: u16, since: 3, default: 9 }"} }, extensible: true }, after: u8 } }
`;
