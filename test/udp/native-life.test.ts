/**
 * What becomes of native sockets where something ends: a process, a worker (by itself, by force, by an error), a listener that throws. Each
 * in a process of its own, since a fault here would be the end of it.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { root, temporaryFolder } from "../cli/run.ts";
import { skipWithoutNative } from "../support/native-sockets.ts";

const folder = temporaryFolder("native-life");
const opens = `
  import { openSocket } from ${JSON.stringify(pathToFileURL(join(root, "dist/src/udp/open-socket.js")).href)};
  const open = (kind) => openSocket({ host: "127.0.0.1", port: 0, warn: false, kind });
  const kind = process.argv[2] ?? "native";
  const sender = await open(kind);
  const target = await open(kind);
  const send = (text) => sender.send(new TextEncoder().encode(text), target.port, "127.0.0.1");
  const said = (bytes) => new TextDecoder().decode(bytes);
`;

let programs = 0;

function write(program: string): string {
  const path = join(folder, `${programs++}.mjs`);
  writeFileSync(path, program);
  return path;
}

interface Ran {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(path: string, ...args: string[]): Ran {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [path, ...args], {
    encoding: "utf8",
    timeout: 80_000,
  });
  return { status, signal, stdout, stderr };
}

const good = { status: 0, signal: null, stderr: "" };

/** What sends and receives all the time. */
const busy = `${opens}
  let count = 0;
  target.listen((bytes) => {
    count++;
    for (let i = 0; i < 2; i++) if (count < 1e6) send("again ".repeat(i * 20));
  });
  for (let i = 0; i < 20; i++) send("go");
`;

// Native sockets are there only where a C compiler is.
describe.skipIf(skipWithoutNative)("native sockets", () => {
  it("keep a process alive, unless unref says that they do not", () => {
    const both = `${opens}
      target.unref();
      if (process.argv[3] === "all") sender.unref();
      else setTimeout(() => { console.log("still there"); void sender.close(); }, 50);
    `;
    for (const kind of ["native", "node"]) {
      expect(run(write(both), kind, "all")).toEqual({ ...good, stdout: "" });
      expect(run(write(both), kind, "one")).toEqual({ ...good, stdout: "still there\n" });
    }
  });

  it("keep it alive while they rest, unless unref says that they do not", () => {
    const resting = `${opens}
      sender.unref();
      if (process.argv[3] === "unref, then rest") target.unref();
      target.rest(process.argv[3] === "rest" ? 50 : 60_000);
      if (process.argv[3] === "rest, then unref") target.unref();
      target.listen(() => { console.log("heard"); void target.close(); });
      send("x");
    `;
    for (const way of ["unref, then rest", "rest, then unref"]) {
      expect(run(write(resting), "native", way)).toEqual({ ...good, stdout: "" });
    }
    expect(run(write(resting), "native", "rest")).toEqual({ ...good, stdout: "heard\n" });
    const closed = `${opens} sender.unref(); target.rest(60_000); void target.close();`;
    expect(run(write(closed))).toEqual({ ...good, stdout: "" });
  });

  it("let a process end that is asked to, in whatever it does", () => {
    for (const [program, status] of [
      [`${busy} setTimeout(() => process.exit(7), 30);`, 7],
      [`${opens} target.listen(() => process.exit(8)); send("x"); send("y");`, 8],
      [
        `${opens} process.on("exit", () => send("late")); send("x"); process.exitCode = 9; sender.unref(); target.unref();`,
        9,
      ],
      [
        `${opens} await sender.close(); await target.close(); await target.close(); process.exitCode = 3;`,
        3,
      ],
    ] as const) {
      expect(run(write(program)), program).toEqual({ ...good, status, stdout: "" });
    }
  });

  it("tell what a listener throws as an uncaught exception, as node:dgram does, and go on with what came behind it", () => {
    const program = write(`${opens}
      const heard = [];
      process.on("uncaughtException", (error, origin) => heard.push(error.message + " " + origin));
      target.listen((bytes) => {
        const text = said(bytes);
        heard.push(text);
        if (text.includes("bad")) throw new Error("of " + text);
        // Behind its callback, and before the next: what is told is told in this order.
        queueMicrotask(() => {});
        if (text !== "end") return;
        console.log(JSON.stringify(heard));
        void sender.close();
        void target.close();
      });
      for (const text of ["good", "bad1", "bad2", "", "two", "bad", "bad", "six", "bad3", "end"]) send(text);
    `);
    const [native, node] = ["native", "node"].map((kind) => run(program, kind));
    expect(native).toMatchObject(good);
    expect(JSON.parse(native!.stdout)).toContain("of bad3 uncaughtException");
    expect(native).toEqual(node);
  });

  it("end a process whose listener throws, as node:dgram does, and say where", () => {
    const program = write(`${opens}
      target.listen(function listening() { throw new RangeError("this is it"); });
      send("x");
    `);
    for (const kind of ["native", "node"]) {
      const ran = run(program, kind);
      expect(ran).toMatchObject({ status: 1, signal: null, stdout: "" });
      expect(ran.stderr).toContain("RangeError: this is it");
      expect(ran.stderr).toContain("listening");
    }
  });

  it.each([
    ["is terminated", "", true],
    ["exits", "setTimeout(() => process.exit(0), Math.random() * 10);", false],
    ["exits in a listener", 'target.listen(() => process.exit(0)); send("x");', false],
    ["throws", 'setTimeout(() => { throw new Error("planned"); }, Math.random() * 10);', false],
    ["throws in a listener", 'target.listen(() => { throw new Error("planned"); });', false],
    [
      "rejects",
      'setTimeout(() => Promise.reject(new Error("planned")), Math.random() * 10);',
      false,
    ],
    ["closes and ends", "await sender.close(); await target.close();", false],
    ["lets go of them and ends", "sender.unref(); target.unref(); target.listen(() => {});", false],
  ])("are closed with a worker that %s", (_what, end, isTerminated) => {
    const worker = write(`import { parentPort } from "node:worker_threads"; ${busy} ${end}
      parentPort.postMessage(target.port);`);
    const program = write(`${opens}
      import { Worker } from "node:worker_threads";
      for (let round = 0; round < 12; round++) {
        const workers = Array.from({ length: 4 }, () => new Worker(${JSON.stringify(worker)}, { argv: ["native"] }));
        const ended = workers.map(async (worker) => {
          worker.on("error", (error) => { if (error.message !== "planned") throw error; });
          const exited = new Promise((resolve) => worker.on("exit", resolve));
          const port = await new Promise((resolve) => worker.on("message", resolve));
          if (${isTerminated}) {
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
            void worker.terminate();
          }
          await exited;
          // It is free: nothing of the worker holds it.
          const again = await openSocket({ host: "127.0.0.1", port, warn: false, kind });
          await again.close();
        });
        await Promise.all(ended);
      }
      // This thread's are as they were.
      target.listen((bytes) => { console.log(said(bytes)); void sender.close(); void target.close(); });
      send("well");
    `);
    expect(run(program)).toEqual({ ...good, stdout: "well\n" });
  });
});
