/**
 * A robot's telemetry: three hundred message types of 60 shapes, made here instead of committed. The same text every time.
 */

const members = [
  "value: f32",
  "raw: { i16: { min: -2048, max: 2047 } }",
  "ok: bool",
  "state: State",
  "at: { u64: { as: number }, unit: us }",
  "samples: { list: { of: { f32: { min: -10, max: 10, bits: 12 } }, max: 8 } }",
  "pose: Pose",
  "note: { string: { maxBytes: 20 }, optional: true }",
  "axes: { array: { of: f16, length: 6 } }",
  "errors: { map: { key: State, value: u16, max: 4 } }",
];

export function telemetry(channels = 300): string {
  const lines = Array.from({ length: channels }, (_, i) => {
    const stride = [1, 3, 7][Math.floor(i / 20) % 3]!;
    const own = Array.from({ length: 1 + (i % 4) }, (_, k) => members[(i * 3 + k * stride) % 10]);
    const delivery = ["unreliable", "reliable", "unreliable-sequenced"][i % 3];
    const message = `{ ${own.join(", ")} }`;
    return `  sensor_${i}: { id: ${i * 1000}, delivery: ${delivery}, message: ${message} }\n`;
  });
  return `stardust: 1
protocol: { name: telemetry }
security: plain
types:
  State: { enum: { off: 0, idle: 1, busy: 2, fault: 7 } }
  Pose: { struct: { x: f32, y: f32, angle: { f32: { min: -3.15, max: 3.15, bits: 14 } } } }
channels:
${lines.join("")}`;
}
