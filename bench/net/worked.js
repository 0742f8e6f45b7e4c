/** What N players at M Hz need, on paper, from costs that were measured with as many, or with the most that were: a table for docs/performance.md. */
import { seriesAsRows } from "./report.js";

/** Share of a core that is planned to be used: the rest is for the game, for bursts and for what is not measured here. */
const PLANNED = 0.5;
/** Up: 32 bytes. Down: 200 bytes. With what Stardust, UDP and IPv4 put around them in a plain session, and a seal's tag. */
const AROUND_BYTES = 12 + 8 + 20;
const TAG_BYTES = 16;
const [UP_BYTES, DOWN_BYTES] = [32, 200];
const WHO = ["systems", "sealedSystems", "sealedSystemsNative", "sealedOwnThreadNative"];
const WHO_TEXT = "plain / sealed / sealed on native sockets / that without a worker";
/** Of what is due, at least so much has to have come for a cost to count. */
const WHOLE = 0.95;

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

/** Microseconds of the server's CPU a datagram, by who; undefined where not all that was due has come. */
function costOf({ contestants, needed }, id) {
  const contestant = contestants.find((one) => one.id === id);
  if (contestant === undefined) return undefined;
  const { cost, rate } = contestant;
  return rate.median * 1000 < WHOLE * 2 * needed.players * needed.hz ? undefined : cost.median;
}

/** Markdown; `results` are rows whose `needed` says how many players there were, and how many times a second. */
export function workedTable(results) {
  const byPlayers = [...results].sort((a, b) => a.needed.players - b.needed.players);
  const rows = CASES.map(({ what, players, hz }) => {
    const measured = byPlayers.find(({ needed }) => needed.players >= players) ?? byPlayers.at(-1);
    const datagrams = 2 * players * hz;
    const cells = WHO.map((id) => {
      const costUs = costOf(measured, id);
      if (costUs === undefined) return ["not known", "not known"];
      return [costUs.toFixed(1), count((datagrams * costUs) / 1e6 / PLANNED)];
    });
    const [up, down] = [UP_BYTES, DOWN_BYTES].map(
      (bytes) => (players * hz * (bytes + AROUND_BYTES + TAG_BYTES) * 8) / 1e6,
    );
    return [
      what,
      players.toLocaleString("en"),
      hz,
      datagrams.toLocaleString("en"),
      `${measured.needed.players} at ${measured.needed.hz} Hz`,
      cells.map(([cost]) => cost).join(" / "),
      cells.map(([, cores]) => cores).join(" / "),
      `${count(up)} / ${count(down)}`,
    ];
  });
  const head = [
    "",
    "players",
    "Hz",
    "datagrams/s",
    "measured with",
    `us a datagram, ${WHO_TEXT}`,
    `cores, ${WHO_TEXT}`,
    "Mbit/s in / out, sealed",
  ];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [
    seriesAsRows("Players at a rate", results),
    `**What players need**: ${UP_BYTES} bytes up and ${DOWN_BYTES} bytes down for each player and tick, systems in the workers or one thread and no worker, cores half used, the game's own work not counted`,
    lines.join("\n"),
  ].join("\n\n");
}
