import { defineConfig } from "vitest/config";

/** What fills both cores by itself, or measures memory: these files have the machine to themselves. */
const alone = [
  "test/demo/**/*.test.ts",
  "test/udp/{flood,many-joins,stalls}.test.ts",
  "test/soak/**/*.test.ts",
  "test/port/threads.test.ts",
  "test/held-messages.test.ts",
  "test/session/held-memory.test.ts",
];

/** What talks over real sockets, runs worker threads or a browser, and waits most of the time: three files at once. */
const sockets = ["test/udp/**/*.test.ts", "test/pool/**/*.test.ts", "test/dashboard/**/*.test.ts"];

/** What plants faults in classes, or counts what is executed: a process for each file. */
const isolated = ["test/fuzz/**/*.test.ts", "test/simulate/**/*.test.ts"];

export default defineConfig({
  test: {
    exclude: ["test/tmp/**"],
    globalSetup: ["test/support/build-specs.js"],
    testTimeout: 90_000,
    hookTimeout: 90_000,
    restoreMocks: true,
    unstubGlobals: true,
    // What is built is loaded by Node itself, whether by `#src/…` or by the package's name: one copy of every class.
    server: { deps: { external: [/\/dist\//, /\/test\/tmp\//] } },
    // All others run on every core, before them, and in few processes: loading what they test takes a third of their time.
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: [...sockets, ...alone, ...isolated, "test/tmp/**"],
          isolate: false,
          maxWorkers: "100%",
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "isolated",
          include: isolated,
          exclude: ["test/tmp/**"],
          maxWorkers: "100%",
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "sockets",
          include: sockets,
          exclude: [...alone, "test/tmp/**"],
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: alone,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
