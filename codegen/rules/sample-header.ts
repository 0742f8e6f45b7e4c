/** A header in full for the examples of rules: the shortest that is legal, with room for what an example is about. */

/** `clear` and `sealed` are lines that come at the end of these lists. */
export function sampleHeader(clear: string, sealed: string): string {
  return `header:
  clear:
    - { name: channel, type: u24, role: channel }
    - { name: ack, bits: 1, role: ack }
    - { name: ackNow, bits: 1, role: ack-now }
    - { name: frames, bits: 1, role: frames }
    - { name: slice, bits: 1, role: slice }
    - { name: more, bits: 1, role: more }
    - { name: limit, bits: 1, role: limit }
    - { name: spare, bits: 2, role: reserved }
    - { name: number, type: u32, role: packet-number }
${clear}  sealed:
    - { name: ackLargest, type: u32, role: ack-largest, when: [ack] }
    - { name: ackDelay, type: u8, role: ack-delay, when: [ack] }
    - { name: ackRanges, type: ack-ranges, role: ack-ranges, when: [ack] }
    - { name: receiveLimit, type: varint, role: receive-limit, when: [limit] }
${sealed}  frame:
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
}
