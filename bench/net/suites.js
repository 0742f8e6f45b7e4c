/**
 * The network benchmarks as data: for each suite its rows, for each row the work, the figure that counts, who is measured, and
 * what is aimed at. CPU is that of both processes, or of the server's alone, for each message that was delivered and verified.
 *
 * Figures of a race (race.js): `cost` is the lower the better, `rate` stands beside it.
 */

const MB = 1e6;

/** CPU of both ends, microseconds a message. */
const perMessage = {
  unit: "us a message, CPU of both ends",
  cost: ({ server, client }) => (server.cpuUs + client.cpuUs) / server.received,
  rate: ({ server, wallMs }) => server.received / wallMs,
  rateUnit: "thousand/s",
};

/** The same by bytes. */
const perMegabyte = {
  unit: "ms a MB, CPU of both ends",
  cost: ({ server, client }, { upBytes }) =>
    ((server.cpuUs + client.cpuUs) / (server.received * upBytes)) * (MB / 1000),
  rate: ({ server, wallMs }, { upBytes }) => (server.received * upBytes) / wallMs / 1000,
  rateUnit: "MB/s",
};

/** CPU of the server alone, for each message that it has received or sent; each is a datagram, if nothing is packed. */
const perDatagram = {
  unit: "us a message either way, CPU of the server",
  cost: ({ server, client }) => server.cpuUs / (server.received + client.received),
  rate: ({ server, client, wallMs }) => (server.received + client.received) / wallMs,
  rateUnit: "thousand/s",
};

const memory = {
  unit: "KiB of the server a peer",
  cost: ({ joining, server }, { clients, firstClients }) =>
    (joining.rss + server.rss) / 1024 / (clients - firstClients),
  rate: ({ server, wallMs }) => (server.cpuUs / 1000 / wallMs) * 100,
  rateUnit: "% of a core",
};

const stream = (more) => ({
  work: "stream",
  delivery: "reliable-ordered",
  upBytes: 32,
  burst: 256,
  everyMs: 0,
  clients: 1,
  warmUpMs: 1500,
  measureMs: 1500,
  ...more,
});

const game = (clients, more) => ({
  work: "game",
  delivery: "unreliable-sequenced",
  upBytes: 32,
  downBytes: 200,
  hz: 20,
  clients,
  ports: 3,
  warmUpMs: 2000,
  measureMs: 2000,
  ...more,
});

const OWN = ["systems", "application"];

export const suites = {
  throughput: [
    {
      title: "32 bytes, reliable and in order, as fast as it goes",
      scenario: stream({}),
      figure: perMessage,
      own: [...OWN, "sealedSystems"],
      peers: ["enet", "udx", "ws", "tcp", "kcp"],
      limit: "dgram",
    },
    {
      title: "32 bytes, unreliable, as fast as it goes",
      scenario: stream({ delivery: "unreliable" }),
      figure: perMessage,
      own: OWN,
      peers: ["enet"],
      limit: "dgram",
    },
  ],
  tick: [
    {
      title: "32 bytes, reliable and in order, 30 a tick of 1 ms",
      scenario: stream({ burst: 30, everyMs: 1 }),
      figure: perMessage,
      own: [...OWN, "sealedSystems"],
      peers: ["enet", "udx", "ws", "tcp", "kcp"],
      limit: "dgram",
      targets: [
        { own: "systems", against: "enet", ratio: 0.9 },
        { own: "application", against: "enet", ratio: 1.1 },
        { own: "application", against: "udx", ratio: 1 },
        { own: "application", against: "ws", ratio: 1 },
        { own: "application", against: "tcp", ratio: 1 },
      ],
    },
    {
      title: "32 bytes, unreliable, 30 a tick of 1 ms",
      scenario: stream({ delivery: "unreliable", burst: 30, everyMs: 1 }),
      figure: perMessage,
      own: OWN,
      peers: ["enet"],
      limit: "dgram",
      targets: [{ own: "systems", against: "enet", ratio: 0.9 }],
    },
    {
      title: "32 bytes, unreliable, one a tick of 1 ms: a datagram through the whole stack",
      scenario: stream({ delivery: "unreliable", burst: 1, everyMs: 1 }),
      figure: perMessage,
      own: [...OWN, "sealedSystems"],
      peers: ["enet"],
      limit: "dgram",
      targets: [{ own: "systems", against: "dgram", ratio: 1.25 }],
    },
  ],
  game: [12, 100, 500, 1000].map((clients) => ({
    title: `${clients} peers on 3 ports, 32 bytes up and 200 bytes to all 20 times a second`,
    scenario: game(clients),
    figure: perDatagram,
    own: clients === 100 ? [...OWN, "sealedSystems"] : OWN,
    peers: ["enet", "ws"],
    limit: "dgram",
    targets: OWN.flatMap((own) => [
      { own, against: "enet", ratio: clients === 12 ? 4 : 1.6 },
      { own, against: "ws", ratio: 0.7 },
    ]),
  })),
  bulk: [
    {
      title: "64 KiB, reliable and in order, as fast as it goes",
      scenario: stream({ upBytes: 65_536, burst: 16 }),
      figure: perMegabyte,
      own: [...OWN, "sealedSystems"],
      peers: ["enet", "udx", "ws", "tcp", "kcp"],
      limit: "dgram",
      // Raw datagrams cannot be larger than one: the floor is as many bytes in datagrams that are full.
      limitOptions: { upBytes: 1150 },
    },
    {
      title: "1 MiB, reliable and in order, as fast as it goes",
      scenario: stream({ upBytes: 1_048_576, burst: 2 }),
      figure: perMegabyte,
      own: OWN,
      peers: ["enet", "udx", "ws", "tcp"],
      limit: "dgram",
      limitOptions: { upBytes: 1150 },
      rateTargets: [{ own: "systems", against: "udx", ratio: 1.2 }],
    },
  ],
  memory: [
    {
      title: "1000 peers that are connected and say nothing",
      scenario: {
        work: "idle",
        delivery: "reliable-ordered",
        upBytes: 32,
        clients: 1000,
        firstClients: 200,
        ports: 3,
      },
      figure: memory,
      rounds: 3,
      own: ["systems", "sealedSystems"],
      peers: ["enet", "ws"],
      node: ["--expose-gc"],
      bounds: [
        { own: "systems", most: 2 },
        { own: "sealedSystems", most: 4 },
      ],
    },
  ].map((row) => ({ ...row, scenario: { warmUpMs: 3000, measureMs: 3000, ...row.scenario } })),
};
