/** What docs/connection.md says of states: diagrams as they are made from a table, and its own table as it is read. */

export type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A Mermaid state diagram, one arrow for each pair of states. `begins`: who begins in which state. An event that leaves the state as it is has no arrow. */
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

/** A row of the table under "The life of a connection". */
export interface LifeRow {
  readonly state: string;
  readonly datagrams: string;
  readonly messages: string;
  /** States of zero messages that go with it. */
  readonly client: readonly string[];
  readonly server: readonly string[];
}

export function lifeTable(document: string): LifeRow[] {
  const section = document.split("\n## The life of a connection")[1]!.split("\n## ")[0]!;
  return [...section.matchAll(/^\| `(\w+)` +\|(.+)\|$/gm)].map((match) => {
    const cells = match[2]!.split("|").map((cell) => cell.trim());
    const names = (cell: string): string[] => [...cell.matchAll(/`(\w+)`/g)].map((m) => m[1]!);
    const [, datagrams, messages, client, server] = cells;
    return {
      state: match[1]!,
      datagrams: datagrams!,
      messages: messages!,
      client: names(client!),
      server: names(server!),
    };
  });
}
