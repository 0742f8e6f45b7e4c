/**
 * One end of a network benchmark, a process of its own: `node end.js JSON`, with the scenario, the role and the protocol. It
 * says in lines of JSON when it is ready and answers the lines `start`, `steady`, `mark`, `stop` and `quit`. enet.c does the same in C.
 */
import { createInterface } from "node:readline";
import { ClientWork, Counts, liveBytes, ServerWork, warmUpTickMs } from "./work.js";

const options = JSON.parse(process.argv[2]);
const adapter = await import(`./${options.adapter}.js`);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/**
 * Bytes of the server: those alive in all its threads, and those resident. Garbage that joins have left is not memory of a peer:
 * it is collected here and, asked by a counter, in workers.
 */
const COLLECT_MS = 300;
async function memoryOf(counts) {
  counts.add("collections");
  await new Promise((resolve) => setTimeout(resolve, COLLECT_MS));
  const own = liveBytes();
  const heap = own.heap + counts.sum("heap");
  const outside = own.outside + counts.sum("outside");
  return { live: heap + outside, heap, outside, rss: process.memoryUsage().rss };
}

async function server() {
  const counts = new Counts();
  const work = new ServerWork(options, counts);
  const served = await adapter.serve(options, work);
  let timer;
  const tickEvery = (ms) => {
    clearInterval(timer);
    if (options.work !== "game" || served.ticks) return;
    timer = setInterval(() => work.tick(served.broadcast), ms);
  };
  return {
    ready: { port: served.port },
    start() {
      counts.set("started", 1);
      tickEvery(options.warms ? warmUpTickMs(options) : 1000 / options.hz);
    },
    steady() {
      counts.set("steady", 1);
      tickEvery(1000 / options.hz);
    },
    mark: async () => ({
      received: counts.sum("received"),
      sent: counts.sum("sent"),
      bad: counts.sum("bad"),
      late: counts.sum("late"),
      connected: counts.sum("connected") - counts.sum("gone"),
      latency: work.samples?.take(),
      ...(options.collects ? await memoryOf(counts) : {}),
    }),
    stop: () => clearInterval(timer),
    close: served.close,
  };
}

/** So many clients may be joining at once; more would measure how a crowd of joins gets in each other's way. */
const JOINING = 32;

/**
 * Counters of the protocol's own, of all clients together. Only where a row is of them: with thousands of clients it is long
 * work, in which their sockets overflow.
 */
function countersOf(clients) {
  const total = {};
  for (const { client } of clients) {
    for (const [name, count] of Object.entries(client.counters?.() ?? {})) {
      total[name] = (total[name] ?? 0) + count;
    }
  }
  return total;
}

async function clients() {
  const work = new ClientWork(options);
  const take = (atUs, good) => work.take(atUs, good);
  let left = 0;
  const join = async () => {
    while (left-- > 0) {
      const joining = adapter.connect(options, options.port, take);
      // Beyond what a machine can do some do not get in, and that is what is measured.
      const client = options.isBeyond ? await joining.catch(() => undefined) : await joining;
      if (client !== undefined) work.add(client);
    }
  };
  const joins = async (count) => {
    left = count;
    await Promise.all(Array.from({ length: Math.min(JOINING, count) }, join));
  };
  // Where joins are measured, the code of both ends has seen some before, and keeps nothing of them.
  const pass = async (count = 0) => {
    let passing = count;
    const come = async () => {
      while (passing-- > 0) await (await adapter.connect(options, options.port, take)).close();
    };
    await Promise.all(Array.from({ length: JOINING }, come));
  };
  await pass(options.passingClients);
  // Where what they leave is measured, those before them have made what is made once.
  const first = options.firstClients ?? options.clients;
  await joins(first);
  return {
    ready: {},
    async start() {
      await pass(options.visitingClients);
      await joins(options.clients - first);
      work.start();
    },
    mark() {
      const counters = countersOf(options.counts ? work.clients : []);
      const { sent, received, bad, refused, samples } = work;
      const latency = work.timed ? samples.take() : undefined;
      return {
        sent,
        received,
        bad,
        late: 0,
        refused,
        connected: work.clients.length,
        latency,
        counters,
      };
    },
    steady: () => work.steady(),
    stop: () => work.stop(),
    close: () => Promise.all(work.clients.map(({ client }) => client.close())),
  };
}

const end = await (options.role === "server" ? server() : clients());
say({ ready: end.ready });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "start") await end.start();
  if (line === "steady") end.steady();
  if (line === "stop") end.stop();
  if (line === "quit") {
    await Promise.race([end.close(), new Promise((resolve) => setTimeout(resolve, 1000))]);
    process.exit(0);
  }
  say({ [line]: { cpuUs: cpuUs(), atUs: performance.now() * 1000, ...(await end.mark()) } });
}
process.exit(0);
