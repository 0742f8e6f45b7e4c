/** Bad specs for the layout of a datagram: one or more for each diagnostic. */
import type { BadSpec } from "./bad-specs.ts";
import { header, sealed, unsaid } from "./specs.ts";

export const headerCases: readonly BadSpec[] = [
  {
    code: "SD1401",
    spec: header(["role: ack-now", "role: «ack-nwo»"]),
    schema: "refuses",
    suggests: "ack-now",
    also: ["SD1402"],
  },
  {
    code: "SD1402",
    spec: header(
      ["  clear:", "  «clear»:"],
      ["name: frames, bits: 1, role: frames", "name: frames, bits: 1"],
    ),
    schema: "accepts",
    says: "`frames`",
  },
  {
    code: "SD1403",
    spec: header(["bits: 1, role: key-phase", "bits: 1, role: «frames»"]),
    schema: "accepts",
    says: "`frames` (line 11)",
  },
  {
    code: "SD1404",
    spec: header(["  sealed:", "  sealed:\n    - { name: late, bits: 8, role: «wide» }"]),
    schema: "accepts",
  },
  {
    code: "SD1405",
    spec: header(["type: u8, role: ack-delay", "type: «u16», role: ack-delay"]),
    schema: "accepts",
    says: "the type u8",
  },
  {
    code: "SD1406",
    spec: header([
      "    - { name: channel, type: u24",
      "    - { name: «tick», type: u8 }\n    - { name: channel, type: u24",
    ]),
    schema: "accepts",
  },
  {
    code: "SD1407",
    spec: header(["when: [unsized, more]", "when: «[more]»"]),
    schema: "accepts",
    says: "[unsized, more]",
  },
  {
    code: "SD1408",
    spec: header(["when: [limit]", "when: [«limt»]"]),
    schema: "accepts",
    suggests: "limit",
  },
  {
    code: "SD1409",
    spec: header([
      "  sealed:",
      "  sealed:\n    - { name: t, type: u8, when: [«mine»] }\n    - { name: mine, bits: 1 }\n    - { name: pad, bits: 7, role: reserved }",
    ]),
    schema: "accepts",
  },
  {
    code: "SD1410",
    spec: header(
      ["bits: 4, role: reserved", "bits: 3, role: reserved"],
      ["name: same", "name: «same»"],
    ),
    schema: "accepts",
    says: "7 bits: 1 more",
  },
  {
    code: "SD1411",
    spec: header([
      "name: number, type: u16, role: packet-number",
      "name: «number», role: packet-number",
    ]),
    schema: "refuses",
    says: "neither",
  },
  {
    code: "SD1412",
    spec: header(["role: key-phase", "role: key-phase, when: «[ack]»"]),
    schema: "accepts",
  },
  {
    code: "SD1413",
    spec: header([
      "    - { name: length,",
      "    - { name: «tail», bits: 8, role: reserved }\n    - { name: length,",
    ]),
    schema: "accepts",
  },
  {
    code: "SD1414",
    spec: header(
      [
        "    - { name: channel, type: u24, role: channel }\n    - { name: number, ",
        "    - { name: number, ",
      ],
      [
        "    - { name: index,",
        "    - { name: «channel», type: u24, role: channel }\n    - { name: index,",
      ],
    ),
    schema: "accepts",
  },
  {
    code: "SD1415",
    spec: header(
      ["    - { name: high, type: u16, role: packet-number-high, when: [wide] }\n", ""],
      ["name: wide", "name: «wide»"],
    ),
    schema: "accepts",
  },
  {
    code: "SD1416",
    spec: header([
      "    - { name: length,",
      "    - { name: «tick», type: u8 }\n    - { name: length,",
    ]),
    schema: "accepts",
  },
  {
    code: "SD1417",
    spec: header(["name: limit", "name: «ack»"]),
    schema: "accepts",
    says: "line 9",
  },
  {
    code: "SD1417",
    spec: header(["name: ackDelay", "name: «ack»"]),
    schema: "accepts",
    says: "line 9",
  },
  {
    code: "SD1418",
    spec: `${header(["  sealed:", `  sealed:\n${Array.from({ length: 25 }, (_, i) => `    - { name: f${i}, type: f64 }\n`).join("")}`]).replace("header:\n  clear", "header:\n  «c»lear")}limits: { maxDatagramBytes: 512 }\n`,
    schema: "accepts",
    also: ["SD1506"],
  },
  {
    code: "SD1419",
    spec: header(["  sealed:", "  sealed:\n    - { name: t, type: u8, when: [«numbered»] }"]),
    schema: "accepts",
  },
  {
    code: "SD1419",
    spec: header(["  sealed:", "  sealed:\n    - { name: t, type: u8, when: [«number»] }"]),
    schema: "accepts",
    says: "not one bit",
  },
  {
    code: "SD1419",
    spec: header(["  sealed:", "  sealed:\n    - { name: t, type: u8, when: [«more»] }"]),
    schema: "accepts",
    says: "settled before",
  },
  {
    code: "SD1421",
    spec: header([
      "    - { name: receiveLimit,",
      "    - { name: field, type: u32, role: «ack-bits», when: [ack] }\n    - { name: receiveLimit,",
    ]),
    schema: "accepts",
    says: "`ackRanges` (line",
  },
  {
    code: "SD1422",
    spec: sealed(header(["role: session-tag", "role: «session-tag»"])),
    schema: "accepts",
  },
  {
    code: "SD1422",
    spec: unsaid(header(["role: session-tag", "role: «session-tag»"])),
    schema: "accepts",
    helps: "write `security: plain`",
  },
  {
    code: "SD1108",
    spec: header().replace("plain", "«plane»"),
    schema: "refuses",
    suggests: "plain",
  },
  {
    code: "SD1402",
    spec: sealed(
      header(
        ["  clear:", "  «clear»:"],
        ["bits: 1, role: key-phase", "bits: 1, role: reserved"],
        ["    - { name: sessionTag, type: u32, role: session-tag }\n", ""],
      ),
    ),
    schema: "accepts",
    says: "`key-phase`",
  },
  {
    code: "SD1405",
    spec: header(["type: ack-ranges, role: ack-ranges", "type: «u16», role: ack-bits"]),
    schema: "accepts",
    says: "the type u32 or u64",
  },
  {
    code: "SD1402",
    spec: header(
      ["  sealed:", "  «sealed»:"],
      ["    - { name: ackRanges, type: ack-ranges, role: ack-ranges, when: [ack] }\n", ""],
    ),
    schema: "accepts",
    says: "`ack-ranges`",
  },
  {
    code: "SD1420",
    spec: header(["  sealed:", "  sealed:\n    - { name: t, type: «varint» }"]),
    schema: "accepts",
  },
];
