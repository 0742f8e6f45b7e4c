/** Bad specs of channels with requests. */
import type { BadSpec } from "./bad-specs.ts";
import { head } from "./specs.ts";

const asked = (text: string): string => `${head}channels:\n  a: { id: 0, ${text} }\n`;
const good = "message: { x: u8 }, response: { y: u8 }";

export const requestCases: readonly BadSpec[] = [
  {
    code: "SD1215",
    spec: asked(`delivery: «unreliable», ${good}`),
    schema: "refuses",
    says: "`reliable` and `reliable-ordered`, not unreliable",
  },
  { code: "SD1215", spec: asked(`delivery: «reliable-sequenced», ${good}`), schema: "refuses" },
  {
    code: "SD1216",
    spec: asked("delivery: reliable, message: {}, «errors»: { gone: {} }"),
    schema: "refuses",
    says: "`errors` does nothing on a channel without `response`",
  },
  {
    code: "SD1216",
    spec: asked(`${good}, «notices»: true`),
    schema: "refuses",
    says: "`notices` does nothing on a channel with `response`",
  },
  { code: "SD1102", spec: `${head}channels:\n  a: «{» id: 0, message: {} }\n`, schema: "refuses" },
  {
    code: "SD1103",
    spec: asked("message: {}, response: «3»"),
    schema: "refuses",
    says: "`response` must be a map of members or the name of a struct",
  },
  {
    code: "SD1103",
    spec: asked(`${good}, errors: { gone: «Gone» }`),
    schema: "refuses",
    says: "error `gone` must be a map",
  },
  { code: "SD1101", spec: asked(`${good}, errors: { gone: { «code»: 3 } }`), schema: "refuses" },
  {
    code: "SD1322",
    spec: asked(`${good}, «errors»: { gone: { tag: 1 }, other: {} }`),
    schema: "accepts",
    says: "1 of 2 errors have one",
  },
  { code: "SD1323", spec: asked(`${good}, «errors»: {}`), schema: "refuses" },
  { code: "SD1315", spec: asked("message: {}, response: «u8»"), schema: "accepts" },
  { code: "SD1315", spec: asked("message: «u8», response: {}"), schema: "accepts" },
  { code: "SD1301", spec: asked("message: {}, response: «Offer»"), schema: "accepts" },
  {
    code: "SD1303",
    spec: `${head}types: { ARequest: u8 }\nchannels:\n  a: { id: 0, «message»: {}, response: {} }\n`,
    schema: "accepts",
    says: "a part of channel `a`",
  },
  {
    code: "SD1303",
    spec: `${head}types: { ABody: u8 }\nchannels:\n  «a»: { id: 0, message: {}, response: {} }\n`,
    schema: "accepts",
    says: "body of channel `a`",
  },
  {
    code: "SD1207",
    spec: asked("message: {}, response: { a: { bytes: { maxBytes: 1048576 } } }").replace(
      "  a:",
      "  «a»:",
    ),
    schema: "accepts",
  },
];
