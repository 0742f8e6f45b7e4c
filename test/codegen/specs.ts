/** Pieces of specs for tests. In a bad spec « and » stand around what the diagnostic must point at. */
export const head = "stardust: 1\nprotocol: { name: test }\nsecurity: plain\n";
export const channel = "channels:\n  a: { id: 0, delivery: reliable, message: { x: u8 } }\n";
export const smallest: string = head + channel;

/** A spec whose only channel has one member. */
export function member(expression: string): string {
  return `${head}channels:\n  a:\n    id: 0\n    delivery: reliable\n    message:\n      x: ${expression}\n`;
}

/** A spec whose only channel has these options beside id, delivery and message. */
export function options(text: string, delivery = "reliable", message = "{ x: u8 }"): string {
  return `${head}channels:\n  a:\n    id: 0\n    delivery: ${delivery}\n    message: ${message}\n    ${text}\n`;
}

export function types(text: string): string {
  return `${smallest}types:\n  ${text}\n`;
}

export function zero(text: string): string {
  return `${smallest}zero:\n  ${text}\n`;
}

/** A body for join with one member. */
export function body(schema: string): string {
  return zero(`join: { body: { type: object, properties: { x: ${schema} } } }`);
}

const layout = `header:
  clear:
    - { name: channel, type: u24, role: channel }
    - { name: ack, bits: 1, role: ack }
    - { name: ackNow, bits: 1, role: ack-now }
    - { name: frames, bits: 1, role: frames }
    - { name: slice, bits: 1, role: slice }
    - { name: more, bits: 1, role: more }
    - { name: wide, bits: 1, role: wide }
    - { name: keyPhase, bits: 1, role: key-phase }
    - { name: limit, bits: 1, role: limit }
    - { name: sessionTag, type: u32, role: session-tag }
    - { name: high, type: u16, role: packet-number-high, when: [wide] }
    - { name: number, type: u16, role: packet-number }
  sealed:
    - { name: ackLargest, type: u16, role: ack-largest, when: [ack] }
    - { name: ackDelay, type: u8, role: ack-delay, when: [ack] }
    - { name: ackRanges, type: ack-ranges, role: ack-ranges, when: [ack] }
    - { name: receiveLimit, type: varint, role: receive-limit, when: [limit] }
  frame:
    - { name: same, bits: 1, role: same-channel }
    - { name: slice, bits: 1, role: slice }
    - { name: more, bits: 1, role: more }
    - { name: consecutive, bits: 1, role: consecutive }
    - { name: spare, bits: 4, role: reserved }
    - { name: channel, type: u24, role: channel }
    - { name: number, type: u16, role: message-number, when: [numbered] }
    - { name: index, type: varint, role: slice-index, when: [slice] }
    - { name: count, type: varint, role: slice-count, when: [slice] }
    - { name: length, type: varint, role: length, when: [unsized, more] }
`;

/** The same spec, of sealed sessions. */
export function sealed(spec: string): string {
  return spec.replace("security: plain", "security: sealed");
}

/** The same spec, which does not say what its security is. */
export function unsaid(spec: string): string {
  return spec.replace("security: plain\n", "");
}

/** A spec with the default layout, but for these replacements (a list's line, or a part of one). */
export function header(...edits: readonly (readonly [from: string, to: string])[]): string {
  let text = layout;
  for (const [from, to] of edits) {
    if (!text.includes(from)) throw new Error(`the layout has no ${from}`);
    text = text.replace(from, to);
  }
  return smallest + text;
}

/** The text without its marks, and where they stood. */
export function unmark(marked: string): { text: string; start: number; end: number } {
  const start = marked.indexOf("«");
  const end = marked.indexOf("»") - 1;
  return { text: marked.replace("«", "").replace("»", ""), start, end };
}

/** A spec with this in its section `system`. */
export function system(text: string): string {
  return `${smallest}system:\n  ${text}\n`;
}
