/**
 * `node bench/peer-memory.js [--json] [--quick]`: where the memory of a peer is that is connected and says nothing. A worker
 * with some peers and one with more of them, as heap snapshots say it: what the others have added, by kind, bytes a peer. Some of it is
 * code that is compiled meanwhile. Beside it what a session hands over when its peer goes on in another thread: all that it knows.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setEnvironmentData } from "node:worker_threads";
import { exportSession } from "../dist/src/session/hand-over.js";
import { buildProtocols } from "./net/build.js";
import { generated } from "./net/stardust.js";
import { asJson, isQuick, machine, machineLine } from "./options.js";
import { KINDS, readSnapshot } from "./peer-memory/snapshot.js";
import { End } from "./session/end.js";
import { protocol } from "./session/protocol.js";

const PEERS = isQuick ? [10, 20] : [1000, 2000];
const JOINING = 16;
/** What joins leave is gone by then, and what comes with the first pings is there. */
const SETTLE_MS = isQuick ? 100 : 8000;
const ANSWER_MS = 60_000;

async function joined(connect, port, clients, count) {
  let left = count - clients.length;
  const join = async () => {
    while (left-- > 0) clients.push(await connect({ host: "127.0.0.1", port }));
  };
  await Promise.all(Array.from({ length: JOINING }, join));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

/** Bytes and objects a peer, by kind. */
async function measure(sealed) {
  const folder = mkdtempSync(join(tmpdir(), "stardust-"));
  const control = new Int32Array(new SharedArrayBuffer(8));
  const code = generated({ sealed });
  setEnvironmentData("peer-memory", { generated: code.href, control, folder });
  const [{ listen }, { connect }] = await Promise.all(
    ["server", "client"].map((file) => import(new URL(`${file}.js`, code).href)),
  );
  const server = await listen({
    host: "127.0.0.1",
    ports: { count: 1 },
    maxPeersPerPort: PEERS[1],
    systems: new URL("peer-memory/systems.js", import.meta.url),
    state: () => undefined,
  });
  const clients = [];
  try {
    const snapshots = [];
    for (const count of PEERS) {
      await joined(connect, server.ports[0], clients, count);
      const asked = Atomics.add(control, 0, 1) + 1;
      const { value } = Atomics.waitAsync(control, 1, asked - 1, ANSWER_MS);
      if ((await value) === "timed-out") throw new Error("the worker writes no snapshot");
      snapshots.push(readSnapshot(`${folder}/${asked}.heapsnapshot`));
    }
    const [few, many] = snapshots;
    const more = PEERS[1] - PEERS[0];
    const a = (kind, what) => (many.get(kind)[what] - few.get(kind)[what]) / more;
    return KINDS.map((kind) => ({ kind, bytes: a(kind, "bytes"), count: a(kind, "count") }));
  } finally {
    await Promise.all(clients.map((client) => client.close({ lingerMs: 0 })));
    await server.close({ lingerMs: 0 });
    rmSync(folder, { recursive: true });
  }
}

/** How much a session that has sent nothing hands over. */
function handedOver() {
  const { root } = exportSession(new End(protocol, "server", 1).session);
  // Parts that several others know are there once.
  const objects = new Set();
  let numbers = 0;
  const walk = (value) => {
    if (typeof value === "number") numbers++;
    if (typeof value !== "object" || value === null || objects.has(value)) return;
    objects.add(value);
    for (const each of Object.values(value)) walk(each);
  };
  walk(root);
  return { numbers, objects: objects.size };
}

await buildProtocols();
const columns = [];
for (const sealed of [false, true]) columns.push(await measure(sealed));
const session = handedOver();
if (asJson) {
  const [plain, sealed] = columns;
  console.log(JSON.stringify({ bench: "peer-memory", machine: machine(), plain, sealed, session }));
} else {
  console.log(`${machineLine()}\n`);
  console.log(`bytes a peer, from ${PEERS[0]} to ${PEERS[1]} of one worker (how many objects)\n`);
  const cell = ({ bytes, count }) =>
    `${bytes.toFixed(0).padStart(7)} (${count.toFixed(1)})`.padEnd(18);
  const line = (kind, cells) => `${kind.padEnd(56)}${cells.join("")}`.trimEnd();
  console.log(line("", ["  plain           ", "  sealed"]));
  for (const [i, { kind }] of columns[0].entries()) {
    console.log(
      line(
        kind,
        columns.map((column) => cell(column[i])),
      ),
    );
  }
  const sum = (column) => column.reduce((all, { bytes }) => all + bytes, 0).toFixed(0);
  console.log(
    line(
      "all",
      columns.map((column) => sum(column).padStart(7).padEnd(18)),
    ),
  );
  console.log(
    `\nA session that has sent nothing hands over ${session.numbers} numbers in ${session.objects} objects and lists.`,
  );
}
process.exit(0);
