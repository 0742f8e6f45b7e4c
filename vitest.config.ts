import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/tmp/**"],
    globalSetup: ["test/support/build-specs.js"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
