/** The spec of 300 messages that bench/codegen.js and bench/size.js measure. Text alone: nothing is read or written here. */

export const MESSAGES = 300;

/** Telemetry of a large machine: every message with a handful of members of mixed kinds, two shared structs. */
export function specText(messages = MESSAGES) {
  const lines = [
    "stardust: 1",
    "protocol: { name: machine, version: 1 }",
    "security: plain",
    "types:",
    "  Level: { enum: { off: 0, low: 1, high: 2 } }",
    "  Vec3: { struct: { x: f32, y: f32, z: f32 } }",
    "  Sample: { struct: { at: u32, value: { f32: { min: -100, max: 100, bits: 14 } } } }",
    "channels:",
  ];
  for (let i = 0; i < messages; i++) {
    lines.push(
      `  sensor${i}:`,
      `    id: ${i}`,
      `    delivery: ${i % 3 === 0 ? "reliable" : "unreliable"}`,
      "    direction: both",
      `    doc: What sensor ${i} says.`,
      "    message:",
      "      sequence: { type: u32, doc: Rises by one. }",
      "      level: Level",
      "      active: bool",
      "      place: Vec3",
      "      label: { string: { maxBytes: 32 }, optional: true }",
    );
    if (i % 2 === 0) lines.push("      samples: { list: { of: Sample, max: 16 } }");
  }
  return `${lines.join("\n")}\n`;
}
