/**
 * The network benchmarks as data: for each suite its rows, for each row the work, the figure that counts, who is measured, and
 * what is aimed at. CPU is that of both processes, or of the server's alone, for each message that was delivered and verified.
 *
 * Figures of a race (race.js): `cost` is the lower the better, `rate` stands beside it, `parts` say what the cost is made of, where
 * a contestant knows.
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

/** What is alive after a collection in all threads of the server; of a program in C, its resident memory. */
const kibPerPeer =
  (bytes) =>
  ({ joining, server }, { clients, firstClients }) =>
    (joining[bytes] + server[bytes]) / 1024 / (clients - firstClients);
const memory = {
  unit: "KiB of the server a peer",
  cost: kibPerPeer("live"),
  rate: kibPerPeer("rss"),
  rateUnit: "KiB resident",
  parts: { "in the heap": kibPerPeer("heap"), outside: kibPerPeer("outside") },
};

const idling = {
  unit: "us of the server's CPU a peer and second",
  cost: ({ server, wallMs }, { clients }) => server.cpuUs / (wallMs / 1000) / clients,
  rate: ({ server, wallMs }) => (server.cpuUs / 1000 / wallMs) * 100,
  rateUnit: "% of a core",
};

const perJoin = {
  unit: "us a join, CPU of the server",
  cost: ({ joining }, { clients, firstClients }) => joining.cpuUs / (clients - firstClients),
  rate: ({ joining }, { clients, firstClients }) => ((clients - firstClients) / joining.atUs) * 1e6,
  rateUnit: "joins/s",
};

const perVisit = {
  unit: "us a join and its leave, CPU of the server",
  cost: ({ joining }, { visitingClients }) => joining.cpuUs / visitingClients,
  rate: ({ joining }, { visitingClients }) => (visitingClients / joining.atUs) * 1e6,
  rateUnit: "joins/s",
};

/** Round trips as the clients' applications see them. */
const roundTrip = {
  unit: "us from sending to the answer, median of a round",
  cost: ({ client }) => client.latency.p50,
  rate: ({ client }) => client.latency.p99,
  rateUnit: "us, 99 %",
};

/** What becomes of a game with more peers than the machine can serve. */
const beyond = {
  unit: "ms from a client's sending to the handler, median of a round",
  cost: ({ server }) => (server.latency.count > 0 ? server.latency.p50 / 1000 : Number.NaN),
  rate: ({ server, client, wallMs }, { clients, hz }) =>
    (server.received + client.received) / ((2 * clients * hz * wallMs) / 100_000),
  rateUnit: "% of what was due, either way",
  parts: {
    joined: ({ settled }) => settled.joined,
    "there in the end": ({ settled }) => settled.connected,
  },
};

const perBroadcast = {
  unit: "us a datagram, CPU of the server",
  cost: ({ server, client }) => server.cpuUs / client.received,
  rate: ({ client, wallMs }) => client.received / wallMs,
  rateUnit: "thousand/s",
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

/** At a rate of its own the code would be compiled while it is measured: a minute or more, as that of a server that has just begun. */
const warm = { warms: true, warmUpMs: 8000, measureMs: 3000 };

const ticking = (more) => ({ ...stream({ everyMs: 1, ...more }), ...warm });

const game = (clients, more) => ({
  work: "game",
  delivery: "unreliable-sequenced",
  upBytes: 32,
  downBytes: 200,
  hz: 20,
  clients,
  ports: 3,
  ...warm,
  ...more,
});

const idle = {
  work: "idle",
  delivery: "reliable-ordered",
  upBytes: 32,
  clients: 1000,
  firstClients: 200,
  ports: 3,
  collects: true,
  warmUpMs: 2000,
  measureMs: 4000,
};

/** The joins that a port remembers are those of half a minute here. */
const MANY_JOINS = { listen: { limits: { rememberedJoins: 65_536 } } };

/**
 * Whoever has come before has left, so that nothing is measured but joins: not the compiler, and no pings of peers that are there.
 * So many, because each of three workers compiles for itself.
 */
const joining = {
  ...idle,
  work: "joins",
  clients: 500,
  firstClients: 0,
  passingClients: 6000,
  collects: false,
  warmUpMs: 100,
  measureMs: 100,
};

/** Of half a second of joins the compiler and the collector take what they happen to; of thousands their share. */
const visiting = {
  ...joining,
  clients: 32,
  visitingClients: 8000,
  ...MANY_JOINS,
};

const echo = (clients, hz) => ({
  work: "echo",
  delivery: "unreliable-sequenced",
  upBytes: 32,
  hz,
  clients,
  ...warm,
});

/** Delivery at the server, from when the client's application sent it. */
const delivery = {
  unit: "ms from sending to the handler, 99 % of a round",
  cost: ({ server }) => server.latency.p99 / 1000,
  rate: ({ server }) => server.latency.p50 / 1000,
  rateUnit: "ms, 50 %",
};

/** How much gets through, milliseconds a MB; what it costs stands beside it. */
const goodput = {
  unit: "ms that a MB takes",
  cost: ({ server, wallMs }, { upBytes }) => wallMs / ((server.received * upBytes) / MB),
  rate: ({ server, client }, { upBytes }) =>
    ((server.cpuUs + client.cpuUs) / (server.received * upBytes)) * (MB / 1000),
  rateUnit: "ms CPU a MB",
};

const declaredLost = {
  unit: "of a thousand datagrams declared lost, without any loss",
  cost: ({ client }) =>
    (client.counters["session.datagramsLost"] / client.counters["session.datagramsSent"]) * 1000,
  rate: ({ server, wallMs }, { upBytes }) => (server.received * upBytes) / wallMs / 1000,
  rateUnit: "MB/s",
};

const generating = { unit: "ms of the process, Node's start included", rateUnit: "KiB generated" };

const overLink = (link, more) => ({
  ...stream(more),
  link,
  warmUpMs: 3000,
  measureMs: 10_000,
});

/** Matches and shards whose cost is measured, for the table of what players need: as much of them as two cores can do. */
const NEEDED = [
  { players: 12, hz: 60 },
  { players: 100, hz: 60 },
  { players: 1000, hz: 20 },
];

const OWN = ["systems", "application"];
const NATIVE = ["systemsNative", "applicationNative"];
const SEALED = ["sealedSystems", "sealedSystemsNative"];
/** All peers on one port, as long as they are few. */
const FILLED = ["filled", "filledNative"];
/** The one port on the application's thread. */
const ALONE = ["ownThread", "ownThreadNative"];
const TICKED = ["systems", "systemsNative", ...ALONE];
/** Who is measured in a game of so many: sockets rest for longer where at least eight datagrams come in that time. */
const players = (clients) => [
  ...[...OWN, ...NATIVE, ...ALONE],
  ...(clients <= 100 ? FILLED : []),
  ...(clients >= 100 ? ["ownThreadCoalesced"] : []),
  ...(clients >= 500 ? ["systemsCoalesced"] : []),
];
/** Sockets and no protocol, of either kind. */
const RAW = ["dgram", "nativeRaw"];

/** What the cost at the end of a series may be of that at its beginning. */
export const seriesTargets = {
  ports: 1.25,
  "ports of native sockets": 1.25,
  "ports that are filled one after the other": 1.25,
  channels: 1.1,
};

/** Rows that differ in one number: how the cost of systems grows with it. */
const series = (name, values, row) =>
  values.map((x) => ({ rounds: 3, own: ["systems"], peers: [], ...row(x), series: { name, x } }));

const beyondCapacity = (clients, clientProcesses, { title = "", scenario = {} } = {}) => ({
  title: `${clients} peers on 3 ports, 32 bytes up and 200 bytes to all 20 times a second, clients in ${clientProcesses} processes${title}`,
  scenario: game(clients, {
    ...{ ...MANY_JOINS, clientProcesses, timed: true, isBeyond: true },
    ...scenario,
  }),
  figure: beyond,
  rounds: 1,
  own: ["application", "applicationNative"],
  // An ENet host has room for 4,095.
  peers: clients < 4096 ? ["enet", "ws"] : ["ws"],
  limits: ["dgram"],
});

export const suites = {
  throughput: [
    {
      title: "32 bytes, reliable and in order, as fast as it goes",
      scenario: stream({}),
      figure: perMessage,
      own: [...OWN, ...NATIVE, ...ALONE, ...SEALED],
      peers: ["enet", "udx", "ws", "tcp", "kcp"],
      limits: RAW,
    },
    {
      title: "32 bytes, unreliable, as fast as it goes",
      scenario: stream({ delivery: "unreliable" }),
      figure: perMessage,
      own: [...OWN, ...NATIVE],
      peers: ["enet"],
      limits: RAW,
    },
  ],
  tick: [
    {
      title: "32 bytes, reliable and in order, 30 a tick of 1 ms",
      scenario: ticking({ burst: 30 }),
      figure: perMessage,
      own: [...OWN, ...NATIVE, ...ALONE, ...SEALED],
      peers: ["enet", "udx", "ws", "tcp", "kcp"],
      limits: [...RAW, "dgramBehind"],
      targets: [
        { own: "systems", against: "enet", ratio: 0.9 },
        { own: "systemsNative", against: "enet", ratio: 0.9 },
        ...["application", ...ALONE].flatMap((own) => [
          { own, against: "enet", ratio: 1.1 },
          { own, against: "udx", ratio: 1 },
          { own, against: "ws", ratio: 1 },
          { own, against: "tcp", ratio: 1 },
        ]),
      ],
    },
    {
      title: "32 bytes, unreliable, 30 a tick of 1 ms",
      scenario: ticking({ delivery: "unreliable", burst: 30 }),
      figure: perMessage,
      own: [...OWN, "systemsNative", ...ALONE],
      peers: ["enet"],
      limits: RAW,
      targets: TICKED.map((own) => ({ own, against: "enet", ratio: 0.9 })),
    },
    {
      title: "32 bytes, unreliable, one a tick of 1 ms: a datagram through the whole stack",
      scenario: ticking({ delivery: "unreliable", burst: 1 }),
      figure: perMessage,
      own: [...OWN, "systemsNative", ...ALONE, "sealedSystems"],
      peers: ["enet"],
      limits: RAW,
      targets: TICKED.map((own) => ({
        own,
        against: "dgram",
        ratio: 1.25,
      })),
      added: TICKED.map((own) => ({
        own,
        against: "dgram",
        key: "cost",
      })),
    },
    {
      title:
        "32 bytes, unreliable, one a tick of 1 ms, sealed: a sealed datagram through the whole stack",
      scenario: ticking({ delivery: "unreliable", burst: 1 }),
      figure: perMessage,
      own: SEALED,
      peers: [],
      limits: ["dgramSealed"],
      targets: SEALED.map((own) => ({ own, against: "dgramSealed", ratio: 1.25 })),
    },
  ],
  game: [
    ...[12, 100, 500, 1000].map((clients) => ({
      title: `${clients} peers on 3 ports, 32 bytes up and 200 bytes to all 20 times a second`,
      scenario: game(clients),
      figure: perDatagram,
      own: [...players(clients), ...(clients === 100 ? SEALED : [])],
      peers: ["enet", "ws"],
      limits: ["dgram", "nativeRaw", "dgramThreads", "nativeThreads"],
      targets: players(clients).flatMap((own) => [
        { own, against: "enet", ratio: clients === 12 ? 4 : 1.6 },
        { own, against: "ws", ratio: 0.7 },
      ]),
    })),
    // libuv looks at all sockets of a process that are ready before it does anything else: so many of node:dgram, in the process of
    // the clients, leave it no time to say that they are there.
    {
      title: "3000 peers on 3 ports, 32 bytes up and 200 bytes to all 20 times a second",
      scenario: game(3000),
      figure: perDatagram,
      own: ["systemsNative"],
      peers: ["enet", "ws"],
      limits: ["nativeThreads"],
    },
  ],
  capacity: [
    ...[3000, 6000, 8000].map((clients) => beyondCapacity(clients, 2)),
    // Under 1,024 sockets a process libuv comes to its timers, and what builds up takes its time.
    beyondCapacity(3000, 3, {
      title: ", half a minute after the last has joined",
      scenario: { warmUpMs: 30_000 },
    }),
  ],
  bulk: [
    {
      title: "64 KiB, reliable and in order, as fast as it goes",
      scenario: stream({ upBytes: 65_536, burst: 16 }),
      figure: perMegabyte,
      own: [...OWN, ...NATIVE, ...SEALED],
      peers: ["enet", "udx", "ws", "tcp", "kcp"],
      limits: RAW,
      // Raw datagrams cannot be larger than one: the floor is as many bytes in datagrams that are full, 64 KiB a turn.
      limitOptions: { upBytes: 1150, burst: 57 },
    },
    {
      title: "1 MiB, reliable and in order, as fast as it goes",
      scenario: stream({ upBytes: 1_048_576, burst: 2 }),
      figure: perMegabyte,
      own: [...OWN, ...NATIVE],
      peers: ["enet", "udx", "ws", "tcp"],
      limits: RAW,
      limitOptions: { upBytes: 1150, burst: 57 },
      rateTargets: ["systems", "systemsNative"].map((own) => ({ own, against: "udx", ratio: 1.2 })),
    },
  ],
  memory: [
    {
      title: "1000 peers that are connected and say nothing: memory",
      scenario: idle,
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
    {
      title: "10,000 peers that are connected and say nothing, clients in 2 processes: memory",
      scenario: { ...idle, ...MANY_JOINS, clients: 10_000, firstClients: 2000, clientProcesses: 2 },
      figure: memory,
      rounds: 1,
      own: ["systems", "sealedSystems"],
      // An ENet host has room for 4,095.
      peers: ["ws"],
      node: ["--expose-gc"],
      bounds: [
        { own: "systems", most: 2 },
        { own: "sealedSystems", most: 4 },
      ],
    },
    {
      title: "1000 peers that are connected and say nothing: CPU, forty seconds behind their joins",
      scenario: { ...idle, collects: false, warmUpMs: 40_000, measureMs: 10_000 },
      figure: idling,
      rounds: 3,
      own: ["application", "sealed"],
      peers: ["enet", "ws"],
    },
  ],
  joins: [
    {
      title: "500 clients join, 32 at a time, sealed or not as it says",
      scenario: joining,
      figure: perJoin,
      own: ["sealed", "application"],
      peers: ["enet", "ws", "tcp"],
      limits: ["cryptography"],
      rateTargets: [{ own: "sealed", against: "cryptography", ratio: 0.5 }],
    },
    {
      title: "8,000 clients join and leave again, 32 at a time, behind 6,000",
      scenario: visiting,
      figure: perVisit,
      rounds: 3,
      own: ["sealed", "application"],
      peers: ["enet", "ws", "tcp"],
    },
  ],
  latency: [
    {
      title: "a question and its answer, one client, 250 a second, on one port",
      scenario: echo(1, 250),
      figure: roundTrip,
      own: [...OWN, ...ALONE, "sealed"],
      peers: ["enet", "ws", "tcp", "udx", "kcp"],
      limits: ["dgram"],
    },
    {
      title: "questions and answers of 100 clients, 60 a second each, on one port",
      scenario: echo(100, 60),
      figure: roundTrip,
      own: [...OWN, ...NATIVE, ...ALONE, "sealed"],
      peers: ["enet", "ws", "tcp"],
      limits: RAW,
      added: [...OWN, ...NATIVE, ...ALONE].flatMap((own) => [
        { own, against: "dgram", key: "cost", most: 100 },
        { own, against: "dgram", key: "rate", most: 1000 },
      ]),
    },
  ],
  broadcast: [
    {
      title: "200 bytes to 1000 peers on one port 20 times a second, nothing back",
      scenario: game(1000, { isSilent: true, ports: 1 }),
      figure: perBroadcast,
      own: [...OWN, ...NATIVE, ...SEALED],
      peers: ["enet", "ws"],
      limits: RAW,
      targets: ["systems", "systemsNative"].map((own) => ({ own, against: "dgram", ratio: 1.3 })),
    },
  ],
  loss: [
    {
      title:
        "32 bytes, reliable and in order, 20 clients of 60 a second, 50 ms round trip, 5 % lost, 2 ms of jitter",
      scenario: overLink(
        { delayMs: 24, jitterMs: 2, loss: 5 },
        { clients: 20, burst: 1, everyMs: 1000 / 60, timed: true },
      ),
      figure: delivery,
      rounds: 3,
      own: ["application", "redundant", "redundantTwice", "sealed"],
      peers: ["enet", "tcp", "udx", "kcp"],
      limits: ["ackFloor", "ackFloorTwice", "redundantFloor", "redundantTwiceFloor"],
      targets: ["application", "redundant", "redundantTwice"].flatMap((own) => [
        { own, against: "tcp", ratio: 0.25 },
        { own, against: "enet", ratio: 0.5 },
        { own, against: "kcp", ratio: 1 },
      ]),
    },
    ...[
      [65_536, 16, 1],
      [65_536, 16, 5],
      [1_048_576, 2, 1],
    ].map(([upBytes, burst, loss]) => ({
      title: `${upBytes / 1024} KiB, reliable and in order, as fast as it goes, 50 ms round trip, ${loss} % lost`,
      scenario: overLink({ delayMs: 25, loss }, { upBytes, burst }),
      figure: goodput,
      rounds: 3,
      // What a spec says by itself is looked at with the messages that its queues are made for.
      own: upBytes > 65_536 ? ["application"] : ["application", "asSet"],
      // KCP cuts a message into 127 pieces at most.
      peers: ["enet", "tcp", "udx", ...(upBytes > 65_536 ? [] : ["kcp"])],
      targets: [{ own: "application", against: "tcp", ratio: 0.5 }],
    })),
    // Back to back, since only packets that are close to each other change places.
    ...[0.3, 2].map((jitterMs) => ({
      title: `64 KiB, reliable and in order, as fast as it goes, 50 ms round trip, ${jitterMs} ms of jitter, nothing lost`,
      scenario: overLink(
        { delayMs: 25 - jitterMs / 2, jitterMs, loss: 0 },
        { upBytes: 65_536, burst: 16, counts: true },
      ),
      figure: declaredLost,
      rounds: 3,
      own: ["application"],
      peers: [],
      bounds: [{ own: "application", most: 1 }],
    })),
  ],
  scaling: [
    ...series("ports", [1, 2, 3, 4, 6, 8], (ports) => ({
      title: `100 peers on ${ports} ports, as in game`,
      scenario: game(100, { ports }),
      figure: perDatagram,
    })),
    ...series("ports of raw dgram", [1, 3, 8], (ports) => ({
      title: `100 peers on ${ports} ports of raw node:dgram, a thread for each`,
      scenario: game(100, { ports }),
      figure: perDatagram,
      own: ["dgramThreads"],
    })),
    ...series("ports of native sockets", [1, 3, 8], (ports) => ({
      title: `100 peers on ${ports} ports, as in game, native sockets`,
      scenario: game(100, { ports }),
      figure: perDatagram,
      own: ["systemsNative"],
    })),
    ...series("ports of raw native sockets", [1, 3, 8], (ports) => ({
      title: `100 peers on ${ports} ports of native sockets and nothing else, a thread for each`,
      scenario: game(100, { ports }),
      figure: perDatagram,
      own: ["nativeThreads"],
    })),
    ...series("ports that are filled one after the other", [1, 3, 8], (ports) => ({
      title: `100 peers on ${ports} ports that are filled one after the other, as in game`,
      scenario: game(100, { ports }),
      figure: perDatagram,
      own: ["filled"],
    })),
    // As many datagrams a second with more peers than 500: two cores do no more.
    ...series("peers", [12, 50, 100, 250, 500, 1000, 2000, 4000], (clients) => {
      const hz = 20 * Math.min(1, 500 / clients);
      const clientProcesses = clients > 1000 ? 2 : 1;
      return {
        title: `${clients} peers on 3 ports, as in game, ${hz} times a second${clientProcesses > 1 ? ", clients in 2 processes" : ""}`,
        scenario: game(clients, { hz, clientProcesses }),
        figure: perDatagram,
      };
    }),
    // What the table of what players need is made of.
    ...NEEDED.map(({ players, hz }) => ({
      title: `${players} players at ${hz} Hz on 3 ports, as in game`,
      scenario: game(players, { hz }),
      figure: perDatagram,
      rounds: 3,
      own: ["systems", ...SEALED, "sealedOwnThreadNative"],
      peers: [],
      needed: { players, hz },
    })),
    ...series("channels", [1, 30, 300], (channels) => ({
      title: `32 bytes, reliable and in order, as fast as it goes, ${channels} channels in the spec`,
      scenario: stream({ spec: `net-channels-${channels}` }),
      figure: perMessage,
    })),
    ...series("message size", [32, 100, 300, 1000, 3000], (upBytes) => ({
      title: `${upBytes} bytes, reliable and in order, as fast as it goes`,
      scenario: stream({ upBytes }),
      figure: perMessage,
    })),
    ...series("messages in the spec", [10, 100, 300, 1000], (messages) => ({
      title: `stardust generate, ${messages} messages in the spec`,
      scenario: { messages },
      figure: generating,
      own: ["generate"],
    })),
    ...series("loss", [0, 1, 2, 5, 10], (loss) => ({
      title: `32 bytes, reliable and in order, 30 a tick of 1 ms, 20 ms round trip, ${loss} % lost`,
      scenario: { ...overLink({ delayMs: 10, loss }, { burst: 30, everyMs: 1 }), measureMs: 3000 },
      figure: perMessage,
    })),
  ],
};
