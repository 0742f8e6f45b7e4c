/** The examples of rules and diagnostics are sections of a spec; here they become whole ones. */
import { channel, head } from "./specs.ts";

/** A spec with these sections, and with the others that every spec has. */
export function complete(sections: string): string {
  const has = (key: string) => new RegExp(`^${key}:`, "m").test(sections);
  if (has("stardust") || has("protocol") || has("security")) return sections;
  return head + (has("channels") ? "" : channel) + sections;
}
