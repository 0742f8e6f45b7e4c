/** What N players at M Hz need, on paper, from the cost that was measured with the most peers: a table for docs/performance.md. */

/** Share of a core that is planned to be used: the rest is for the game, for bursts and for what is not measured here. */
const PLANNED = 0.5;
/** Up: 32 bytes. Down: 200 bytes. With what Stardust, UDP and IPv4 put around them in a plain session. */
const AROUND_BYTES = 12 + 8 + 20;
const [UP_BYTES, DOWN_BYTES] = [32, 200];

const CASES = [
  { what: "a match", players: 12, hz: 60 },
  { what: "a battle royale", players: 100, hz: 60 },
  { what: "a shard", players: 1000, hz: 20 },
  { what: "a large shard", players: 10_000, hz: 20 },
  { what: "a world of 100 shards", players: 100_000, hz: 20 },
  { what: "internet scale", players: 1_000_000, hz: 20 },
];

const count = (value) =>
  value >= 10 ? Math.ceil(value).toLocaleString("en") : Math.max(0.01, value).toFixed(2);

/** Markdown; `costs` are microseconds of the server's CPU a datagram, by number of peers. */
export function workedTable(costs) {
  const byPeers = [...costs].sort((a, b) => a.x - b.x);
  const rows = CASES.map(({ what, players, hz }) => {
    // The cost where that many peers, or the most that were measured, are on one machine.
    const { y: costUs, x: peers } = byPeers.find(({ x }) => x >= players) ?? byPeers.at(-1);
    const datagrams = 2 * players * hz;
    const cores = (datagrams * costUs) / 1e6 / PLANNED;
    const [up, down] = [UP_BYTES, DOWN_BYTES].map(
      (bytes) => (players * hz * (bytes + AROUND_BYTES) * 8) / 1e6,
    );
    return [
      what,
      players.toLocaleString("en"),
      hz,
      datagrams.toLocaleString("en"),
      `${costUs.toFixed(1)} (${peers} peers)`,
      count(cores),
      `${count(up)} / ${count(down)}`,
    ];
  });
  const head = ["", "players", "Hz", "datagrams/s", "us a datagram", "cores", "Mbit/s in / out"];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [
    `**What players need**: ${UP_BYTES} bytes up and ${DOWN_BYTES} bytes down for each player and tick, cores half used, the game's own work not counted`,
    lines.join("\n"),
  ].join("\n\n");
}
