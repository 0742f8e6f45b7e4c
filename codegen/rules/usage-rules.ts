/**
 * What `stardust lint --usage` says about channels that a project's code does not use: the rules' rows and the words of
 * their findings. Who uses what is cli/refactor's to find out.
 */
import type { ChannelModel } from "../model/model.ts";
import type { Finding } from "./lint-rule.ts";

/** A row without examples: what is wrong is not in the spec alone. */
export interface UsageRule {
  readonly severity: "warning";
  readonly title: string;
  readonly why: string;
  readonly fix: string;
}

interface Unused {
  readonly channel: ChannelModel;
  /** Those that the direction names, all of them part of the project. */
  readonly sides: readonly string[];
}

export interface UsageFindings {
  readonly unsent: readonly Unused[];
  readonly unhandled: readonly Unused[];
}

export const usageRules: Readonly<Record<string, UsageRule>> = {
  "channel-unsent": {
    severity: "warning",
    title: "a channel that nobody sends",
    why: "The project has every side that may send on this channel, and none does, tests included. Its code is generated, checked and carried for nothing, and whoever reads the spec believes that it is used.",
    fix: "send it, or remove the channel and keep its id under `reserved`",
  },
  "channel-unhandled": {
    severity: "warning",
    title: "a channel that nobody handles",
    why: "The project has every side that may receive on this channel, and none has a handler or an iterator, tests included. Messages of an unreliable channel are dropped; a reliable one fills up, and then its sender is told that it is full.",
    fix: "handle it, or remove the channel and keep its id under `reserved`",
  },
};

export function findingsOf({ unsent, unhandled }: UsageFindings): Record<string, Finding[]> {
  const say = (unused: readonly Unused[], does: string): Finding[] =>
    unused.map(({ channel, sides }) => ({
      line: channel.line,
      word: channel.name,
      message: `channel \`${channel.name}\` is ${does} by nobody: no ${sides.join(" and no ")} of the project does it`,
    }));
  return { "channel-unsent": say(unsent, "sent"), "channel-unhandled": say(unhandled, "handled") };
}
