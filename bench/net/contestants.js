/**
 * Who takes part in the network benchmarks: ourselves in several arrangements, and the peers of the field. Each is an adapter that
 * end.js loads, or a program; `install` is the command for one that is not there.
 */
import { existsSync, readFileSync } from "node:fs";
import { nativeSockets } from "stardust-udp/native";
import { measureGenerate } from "../generate.js";
import { measureAckFloor } from "./ack-floor.js";
import { buildEnet } from "./build.js";
import { measureJoinCryptography } from "./cryptography.js";

const peersFolder = new URL("../peers/", import.meta.url);
const INSTALL_PEERS = "npm ci --prefix bench/peers";
const INSTALL_NATIVE = "npm rebuild (on Linux, with a C compiler)";
const INSTALL_ENET = "apt-get install libenet-dev (and a C compiler)";

const own = (name, where, more = {}) => ({
  name,
  adapter: "stardust",
  options: { where, ...more },
});

/** Both ends on native sockets. */
const native = (name, where, more) => ({
  ...own(name, where, { listen: { sockets: "native" }, connect: { sockets: "native" }, ...more }),
  isThere: () => nativeSockets().available,
  install: INSTALL_NATIVE,
});

/** Native sockets with no protocol on them. */
const rawNative = (name, more) => ({
  name,
  adapter: "dgram",
  options: { native: true, ...more },
  isThere: () => nativeSockets().available,
  install: INSTALL_NATIVE,
});

const npm = (name, adapter, needs) => ({
  name,
  adapter,
  needs: `node_modules/${needs}`,
  module: needs.split("/")[0],
  install: INSTALL_PEERS,
});

export const contestants = {
  application: own("Stardust, application's thread", "application"),
  systems: own("Stardust, systems in the workers", "systems"),
  sealed: own("Stardust, application's thread, sealed", "application", { sealed: true }),
  redundant: own("Stardust, application's thread, redundancy: 1", "application", { redundancy: 1 }),
  redundantTwice: own("Stardust, application's thread, redundancy: 2", "application", {
    redundancy: 2,
  }),
  // A megabyte a second is a thousand datagrams: who sends so few compiles for half a minute.
  asSet: own("Stardust, application's thread, default limits", "application", {
    spec: "net-as-set",
    warmUpMs: 40_000,
  }),
  sealedSystems: own("Stardust, systems, sealed", "systems", { sealed: true }),
  sealedSystemsNative: native("Stardust, systems, sealed, native sockets", "systems", {
    sealed: true,
  }),
  systemsNative: native("Stardust, systems, native sockets", "systems"),
  applicationNative: native("Stardust, application's thread, native sockets", "application"),
  filled: own("Stardust, systems, ports filled one after the other", "systems", { fills: true }),
  filledNative: native(
    "Stardust, systems, ports filled one after the other, native sockets",
    "systems",
    { fills: true },
  ),
  // One port, whatever the row has: that is what it is for.
  ownThread: own("Stardust, no worker", "application", {
    listen: { workers: false },
    ports: 1,
  }),
  ownThreadNative: native("Stardust, no worker, native sockets", "application", {
    listen: { workers: false, sockets: "native" },
    ports: 1,
  }),
  sealedOwnThreadNative: native("Stardust, no worker, sealed, native sockets", "application", {
    sealed: true,
    listen: { workers: false, sockets: "native" },
    ports: 1,
  }),
  // Inputs wait for 5 ms at most, where many come.
  systemsCoalesced: native("Stardust, systems, native sockets, coalesceMs: 5", "systems", {
    listen: { sockets: "native", coalesceMs: 5 },
  }),
  ownThreadCoalesced: native("Stardust, no worker, native sockets, coalesceMs: 5", "application", {
    listen: { workers: false, sockets: "native", coalesceMs: 5 },
    ports: 1,
  }),
  enet: { name: "ENet, C", program: undefined, install: INSTALL_ENET },
  cryptography: { name: "a join's cryptography alone", measure: measureJoinCryptography },
  ackFloor: {
    name: "losses told by acks, in no time",
    measure: (scenario) => measureAckFloor(scenario),
  },
  ackFloorTwice: {
    name: "the same, what is sent again goes twice",
    measure: (scenario) => measureAckFloor(scenario, { isTwice: true }),
  },
  redundantFloor: {
    name: "the same, each message in two datagrams",
    measure: (scenario) => measureAckFloor(scenario, { isTwice: true, redundancy: 1 }),
  },
  redundantTwiceFloor: {
    name: "the same, each message in three datagrams",
    measure: (scenario) => measureAckFloor(scenario, { isTwice: true, redundancy: 2 }),
  },
  generate: { name: "stardust generate", measure: measureGenerate },
  dgram: { name: "node:dgram, raw", adapter: "dgram" },
  dgramThreads: {
    name: "node:dgram, raw, a thread for each port",
    adapter: "dgram",
    options: { threads: true },
  },
  dgramBehind: {
    name: "node:dgram, raw, read by a thread that posts",
    adapter: "dgram",
    options: { behind: true },
  },
  dgramSealed: {
    name: "node:dgram, sealed by node:crypto",
    adapter: "dgram",
    options: { sealed: true },
  },
  nativeRaw: rawNative("native sockets, raw"),
  nativeThreads: rawNative("native sockets, raw, a thread for each port", { threads: true }),
  tcp: { name: "node:net, TCP", adapter: "tcp" },
  ws: npm("ws", "ws", "ws"),
  udx: npm("udx-native", "udx", "udx-native"),
  kcp: npm("KCP, node-kcp", "kcp", "node-kcp/build/Release/kcp.node"),
};

/** Those of `names` that can run here, and the others with what installs them. */
export function present(names) {
  const found = [];
  const skipped = [];
  for (const name of names) {
    const contestant = { id: name, ...contestants[name] };
    if (name === "enet") contestant.program = enetProgram();
    const isThere =
      name === "enet"
        ? contestant.program !== undefined
        : (contestant.isThere?.() ?? true) &&
          (contestant.needs === undefined || existsSync(new URL(contestant.needs, peersFolder)));
    if (isThere) found.push(contestant);
    else skipped.push({ name: contestant.name, install: contestant.install });
  }
  return { found, skipped };
}

let enet;
function enetProgram() {
  enet ??= { program: buildEnet() };
  return enet.program;
}

/** Versions of the peers that npm installs. */
export function peerVersions(names) {
  const lock = JSON.parse(readFileSync(new URL("package-lock.json", peersFolder), "utf8"));
  return Object.fromEntries(
    names
      .map((name) => contestants[name].module)
      .filter((module) => module !== undefined)
      .map((module) => [module, lock.packages[`node_modules/${module}`].version]),
  );
}
