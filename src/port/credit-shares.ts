/** How the channels of one direction share a peer's credit between two threads (budget-shares.ts). Constant work a channel. */
import { BudgetShares } from "../budget-shares.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../limits.ts";
import { maySend, type Protocol, type Role } from "../protocol.ts";
import type { CreditShares } from "./credits.ts";

/** Of those that `sender` sends on. No message costs more than all credit. */
export function creditShares(protocol: Protocol, sender: Role): CreditShares {
  const { channels, limits } = protocol;
  const { creditBytes } = limits;
  const sent = channels.filter(({ direction }) => maySend(sender, direction));
  const shares = (largest: (channel: (typeof sent)[number]) => number): BudgetShares =>
    new BudgetShares(
      creditBytes,
      sent.map((channel) => Math.min(largest(channel) + MESSAGE_OVERHEAD_BYTES, creditBytes)),
    );
  return {
    places: channels.map((channel) => sent.indexOf(channel)),
    kinds: [shares(({ maxBytes }) => maxBytes), shares(({ compatMaxBytes }) => compatMaxBytes)],
    count: sent.length,
  };
}
