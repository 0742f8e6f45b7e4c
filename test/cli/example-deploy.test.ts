/** examples/deploy: the server starts, tells how it is, and drains, as each of its hosts would have it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { build } from "../support/dockerfile.ts";
import { root, stardust, temporaryFolder } from "./run.ts";

const example = join(root, "examples/deploy");
const running = new Set<ChildProcess>();
let folder = "";

beforeAll(() => {
  folder = temporaryFolder("deploy-example");
  cpSync(example, folder, {
    recursive: true,
    filter: (path) => !/node_modules|generated/.test(path),
  });
  // As npm installs a folder.
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/stardust-udp"), "dir");
  expect(stardust(folder, "generate", "--target", "js")).toMatchObject({ code: 0, err: "" });
});
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});
afterAll(() => running.clear());

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

interface Deployed {
  readonly child: ChildProcess;
  readonly port: number;
  /** The port of its probes. */
  readonly health: number;
  /** Status of a probe. */
  probe(path: string): Promise<number>;
  /** Resolves when the server knows so many players: a client may know that it is in before. */
  has(players: number): Promise<void>;
  said(text: string): Promise<void>;
}

async function deploy(
  file: string,
  more: Readonly<Record<string, string>>,
  cwd = folder,
): Promise<Deployed> {
  const [port, health] = [await freeUdpPort(), await freePort()];
  const child = spawn(process.execPath, [file], {
    cwd,
    env: {
      ...process.env,
      STARDUST_HOST: "127.0.0.1",
      STARDUST_PORTS: String(port),
      STARDUST_HEALTH_PORT: String(health),
      ...more,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  let out = "";
  child.stdout!.on("data", (text) => {
    out += String(text);
  });
  const said = async (text: string): Promise<void> => {
    while (!out.includes(text)) {
      if (child.exitCode !== null) expect(out).toContain(text);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const probe = async (path: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${health}${path}`)).status;
  const has = async (players: number): Promise<void> => {
    for (let peers = -1; peers !== players; ) {
      const response = await fetch(`http://127.0.0.1:${health}/healthz`);
      ({ peers } = (await response.json()) as { peers: number });
    }
  };
  await said("listening on 127.0.0.1");
  return { child, port, health, probe, has, said };
}

interface Connected {
  readonly closed: Promise<{ readonly code: string }>;
  close(): Promise<void>;
}

async function connect(port: number): Promise<Connected> {
  const module = (await import(pathToFileURL(join(folder, "generated/client.js")).href)) as {
    connect(options: { port: number }): Promise<Connected>;
  };
  return module.connect({ port });
}

describe("the deployed server", () => {
  it("lets players in, and on SIGTERM drains: no new ones, those who are there play on, exit code 0", async () => {
    const { child, port, probe, has, said } = await deploy("server.js", {
      STARDUST_DRAIN_MS: "60000",
    });
    expect([await probe("/healthz"), await probe("/readyz"), await probe("/")]).toEqual([
      200, 200, 503,
    ]);
    const player = await connect(port);
    await has(1);
    child.kill("SIGTERM");
    await said("draining: 1 players may go on for 60000 ms");
    expect([await probe("/healthz"), await probe("/readyz")]).toEqual([200, 503]);
    await expect(connect(port)).rejects.toMatchObject({ reason: "shutting-down" });
    await player.close();
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
  });

  it("closes who is still there when the time is up, and at once on a second signal", async () => {
    for (const [drainMs, again] of [
      ["300", false],
      ["60000", true],
    ] as const) {
      const { child, port, has, said } = await deploy("server.js", { STARDUST_DRAIN_MS: drainMs });
      const player = await connect(port);
      await has(1);
      child.kill("SIGTERM");
      await said("draining: 1 players");
      if (again) child.kill("SIGTERM");
      expect((await player.closed).code).toBe("shutting-down");
      const [code] = await once(child, "exit");
      expect(code).toBe(0);
    }
  });

  it("asks Agones for its port, and says that it is ready once it listens", async () => {
    const port = await freeUdpPort();
    const asked: string[] = [];
    const sidecar = createServer(({ url, method }, response) => {
      asked.push(`${method} ${url}`);
      // It has no port yet when it is asked first.
      const ports = asked.length > 1 ? [{ name: "game", port }] : [];
      response.end(JSON.stringify({ status: { address: "192.0.2.7", ports } }));
    }).listen(0, "127.0.0.1");
    await once(sidecar, "listening");
    const { child, said } = await deploy("agones.js", {
      AGONES_SDK_HTTP_PORT: String((sidecar.address() as AddressInfo).port),
    });
    await said(`ports ${port}`);
    while (asked.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(asked).toEqual(["GET /gameserver", "GET /gameserver", "POST /ready"]);
    await (await connect(port)).close();
    child.kill("SIGTERM");
    await once(child, "exit");
    sidecar.close();
  });
});

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}
interface Locked {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Of these and all that they need, the names, by our own lock file. */
function closureOf(names: readonly string[], { packages }: Lock): Set<string> {
  const closure = new Set<string>();
  const left = [...names];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (closure.has(name)) continue;
    closure.add(name);
    left.push(...Object.keys(packages[`node_modules/${name}`]!.dependencies ?? {}));
  }
  return closure;
}

/**
 * What an image is built of, with a lock file as npm writes it for a tarball that lies beside it. What generates is taken from our
 * own node_modules, as tarballs too: no registry is asked.
 */
function contextIn(context: string): void {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;
  const optional = closureOf(Object.keys(manifest.optionalDependencies), lock);
  const folders = [...optional].map((name) => join(root, "node_modules", name));
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", context];
  const packed = spawnSync("npm", [...args, root, ...folders], { encoding: "utf8", cwd: context });
  expect(packed.status, packed.stderr).toBe(0);
  const [own, ...others] = JSON.parse(packed.stdout) as Packed[];
  const entry = ({ version, filename, integrity }: Packed): object => ({
    version,
    resolved: `file:${filename}`,
    integrity,
  });
  const dependencies = { "stardust-udp": `file:${own!.filename}` };
  const { scripts: _scripts, devDependencies: _dev, files: _files, ...ofOwn } = manifest;
  const packages = {
    "": { name: "deployed", dependencies },
    "node_modules/stardust-udp": { ...ofOwn, ...entry(own!), hasInstallScript: true },
    ...Object.fromEntries(
      others.map((one) => {
        const path = `node_modules/${one.name}`;
        return [path, { ...lock.packages[path], ...entry(one), dev: false, optional: true }];
      }),
    ),
  };
  const write = (name: string, value: object): void =>
    writeFileSync(join(context, name), JSON.stringify(value));
  write("package.json", {
    ...JSON.parse(readFileSync(join(example, "package.json"), "utf8")),
    dependencies,
  });
  write("package-lock.json", { name: "deployed", lockfileVersion: 3, requires: true, packages });
  for (const file of ["protocol.yaml", "server.js", "agones.js"]) {
    cpSync(join(example, file), join(context, file));
  }
}
interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly integrity: string;
}

// Its RUN lines are for a shell.
describe.skipIf(process.platform === "win32")("its Dockerfile", () => {
  it("builds in two stages, and what it starts is healthy and drains", {
    timeout: 120_000,
  }, async () => {
    const [context, images] = [temporaryFolder("deploy-context"), temporaryFolder("deploy-images")];
    contextIn(context);
    const image = build(readFileSync(join(example, "Dockerfile"), "utf8"), context, images, {
      PATH: process.env["PATH"],
      HOME: images,
      // Nobody answers there: all that is needed lies in the folder.
      npm_config_registry: "http://127.0.0.1:9/",
      npm_config_fetch_retries: "0",
      npm_config_cache: join(images, "cache"),
      npm_config_audit: "false",
      npm_config_update_notifier: "false",
    });
    const installed = (stage: string): string[] =>
      readdirSync(join(images, stage, "app/node_modules")).filter((name) => !name.startsWith("."));
    expect(installed("build")).toContain("yaml");
    expect(readdirSync(join(image.workdir, "node_modules")).filter((n) => n[0] !== ".")).toEqual([
      "stardust-udp",
    ]);
    expect(existsSync(join(image.workdir, "protocol.yaml"))).toBe(false);
    expect([image.command[0], image.healthcheck[0], image.env["NODE_ENV"]]).toEqual([
      "node",
      "node",
      "production",
    ]);
    const { child, port, health, has, said } = await deploy(
      image.command[1]!,
      { ...image.env, STARDUST_DRAIN_MS: "60000" },
      image.workdir,
    );
    const isHealthy = (): number | null =>
      spawnSync(
        process.execPath,
        image.healthcheck.slice(1).map((word) => word.replace(":8080/", `:${health}/`)),
      ).status;
    expect(isHealthy()).toBe(0);
    const player = await connect(port);
    await has(1);
    child.kill(image.stopSignal as NodeJS.Signals);
    await said("draining: 1 players");
    expect(isHealthy()).toBe(0);
    await player.close();
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    expect(isHealthy()).toBe(1);
  });
});

describe("its hosts", () => {
  const text = (file: string): string => readFileSync(join(example, file), "utf8");
  const defaultOf = (name: string): string =>
    new RegExp(`${name}: \\w+ = "([^"]+)"`).exec(text("server.js"))![1]!;

  it("open the ports that it listens on, and wait for longer than it drains", () => {
    const ports = defaultOf("STARDUST_PORTS");
    const drainS = Number(defaultOf("STARDUST_DRAIN_MS")) / 1000;
    expect(text("Dockerfile")).toContain(
      `EXPOSE ${ports}/udp ${defaultOf("STARDUST_HEALTH_PORT")}/tcp`,
    );
    const unit = text("stardust.service");
    expect(unit).toContain(`STARDUST_PORTS=${ports}`);
    expect(Number(/TimeoutStopSec=(\d+)/.exec(unit)![1])).toBeGreaterThan(drainS);
    const [deployment] = parseAllDocuments(text("kubernetes.yaml")).map((one) => one.toJS());
    const pod = deployment.spec.template.spec;
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(drainS);
    const udp = pod.containers[0].ports.filter(
      (one: { protocol?: string }) => one.protocol === "UDP",
    );
    const numbers = udp.map((one: { hostPort: number }) => one.hostPort);
    expect(`${numbers[0]}-${numbers.at(-1)}`).toBe(ports);
    const [fleet] = parseAllDocuments(text("agones.yaml")).map((one) => one.toJS());
    const inFleet = fleet.spec.template.spec;
    expect(inFleet.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(drainS);
  });

  const analyze = spawnSync("systemd-analyze", ["--version"]);
  // Where there is no systemd, nothing can read its unit.
  it.skipIf(analyze.status !== 0)("have a unit that systemd understands", () => {
    const said = (unit: string): string[] => {
      const path = join(folder, "checked.service");
      // The program need not be where the unit says.
      writeFileSync(path, unit.replace("/usr/bin/node", process.execPath));
      const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", path], {
        encoding: "utf8",
      });
      return stderr.split("\n").filter((line) => line.includes("checked.service"));
    };
    const unit = text("stardust.service");
    expect(said(unit)).toEqual([]);
    expect(said(unit.replace("DynamicUser", "DynamicUsers"))).toHaveLength(1);
  });
});
