/** Bad specs of the section `system`. */
import type { BadSpec } from "./bad-specs.ts";
import { system } from "./specs.ts";

export const systemCases: readonly BadSpec[] = [
  {
    code: "SD1214",
    spec: system(
      "«s»: { direction: systems-to-systems, message: { a: { bytes: { maxBytes: 1048576 } } } }",
    ),
    schema: "accepts",
    says: "`s` can take 1048579 bytes; at most 1048576",
  },
  {
    code: "SD1108",
    spec: system("s: { direction: «up», message: {} }"),
    schema: "refuses",
    says: "a direction",
  },
  {
    code: "SD1101",
    spec: system("s: { direction: systems-to-systems, message: {}, «id»: 1 }"),
    schema: "refuses",
  },
  { code: "SD1102", spec: system("s: «{» message: {} }"), schema: "refuses" },
  {
    code: "SD1103",
    spec: system("s: { direction: systems-to-systems, message: «3» }"),
    schema: "refuses",
    says: "a map of members or the name of a struct",
  },
  {
    code: "SD1107",
    spec: system("«toString»: { direction: systems-to-systems, message: {} }"),
    schema: "refuses",
  },
  {
    code: "SD1303",
    spec: system("a: { direction: systems-to-systems, «message»: {} }"),
    schema: "accepts",
    says: "the message of system message `a`",
  },
];
