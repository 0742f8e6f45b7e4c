import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/tmp/**"],
    globalSetup: ["test/support/build-specs.js"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is built is loaded by Node itself, whether by `#src/…` or by the package's name: one copy of every class.
    server: { deps: { external: [/\/dist\//, /\/test\/tmp\//] } },
  },
});
