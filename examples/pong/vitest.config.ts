// The tests run as compiled: a worker thread on Node 20 cannot load TypeScript, so what it imports must be JavaScript.
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["dist/test/**/*.test.js"] } });
