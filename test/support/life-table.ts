/** What docs/connection.md says of the states of a connection, as it is read. */

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
