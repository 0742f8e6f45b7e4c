/** A table of transitions as a Mermaid state diagram, one arrow for each pair of states. */

export type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** `begins`: who begins in which state. An event that leaves the state as it is has no arrow. */
export function stateDiagram(begins: Readonly<Record<string, string>>, table: Table): string {
  const lines = Object.entries(begins).map(([who, state]) => `  [*] --> ${state}: ${who}`);
  for (const [state, events] of Object.entries(table)) {
    const arrows = new Map<string, string[]>();
    for (const [event, next] of Object.entries(events)) {
      if (next !== state) arrows.set(next, [...(arrows.get(next) ?? []), event]);
    }
    for (const [next, names] of arrows) lines.push(`  ${state} --> ${next}: ${names.join(", ")}`);
    if (Object.keys(events).every((event) => events[event] === state)) {
      lines.push(`  ${state} --> [*]`);
    }
  }
  return ["```mermaid", "stateDiagram-v2", ...lines, "```"].join("\n");
}
