/**
 * Every lint rule by its id. Ids are stable: never renamed, never used again. An error is surely not meant; a warning is
 * nearly always worth a change. The rules themselves are in lint-channels.ts, lint-members.ts and lint-protocol.ts.
 */

import { channelRules } from "./lint-channels.ts";
import { memberRules } from "./lint-members.ts";
import { protocolRules } from "./lint-protocol.ts";
import type { LintRule } from "./lint-rule.ts";

/** Found by lint.ts itself, which alone knows what was allowed. */
const allowWithoutEffect: LintRule = {
  severity: "warning",
  title: "a comment that allows nothing",
  why: "A `stardust-allow` that names no rule, or that its line no longer needs, hides the next real finding there.",
  fix: "correct the rule's name, or remove the comment",
  bad: `channels:
  chat: # stardust-allow: doc-misssing
    id: 0
    delivery: reliable-ordered
    direction: both
    doc: What players say.
    message: { text: { string: { maxBytes: 200 } } }
`,
  good: `channels:
  chat: # stardust-allow: doc-missing -- the name says it
    id: 0
    delivery: reliable-ordered
    direction: both
    message: { text: { string: { maxBytes: 200 } } }
`,
  check: () => [],
};

export const lintRules: Readonly<Record<string, LintRule>> = Object.assign(
  Object.create(null) as Record<string, LintRule>,
  channelRules,
  memberRules,
  protocolRules,
  { "allow-without-effect": allowWithoutEffect },
);
