/** examples/logging writes what it says, with the signature of pino's loggers: an object, and a message. */
import { expect, it } from "vitest";
import type { FaultOrigin } from "#src/connection-contract.js";
import { until } from "../support/arena.ts";
import { narrowClient, narrowServer, narrowSystems } from "../support/narrow.ts";

type Level = "info" | "warn" | "error";
type Log = {
  stop(): void;
  onFault(error: unknown, where: string, origin: FaultOrigin): void;
};
const example = new URL("../../examples/logging/log.js", import.meta.url).href;
const { logTo } = (await import(example)) as {
  logTo(logger: Record<Level, (value: object, message: string) => void>): Log;
};

it("logs connections, refusals, faults and workers that die, each at its level", async () => {
  const lines: { level: Level; value: Record<string, unknown>; message: string }[] = [];
  const at = (level: Level) => (value: object, message: string) =>
    void lines.push({ level, value: value as Record<string, unknown>, message });
  const log = logTo({ info: at("info"), warn: at("warn"), error: at("error") });
  const said = (message: string) => lines.filter((line) => line.message === message);
  let letsIn = true;
  const server = await narrowServer({
    systems: narrowSystems,
    authenticate: () => (letsIn ? { accept: true } : { accept: false, detail: "not today" }),
    onFault: log.onFault,
  });
  const client = await narrowClient(server);
  letsIn = false;
  await expect(narrowClient(server)).rejects.toMatchObject({ reason: "denied" });
  await until(() => said("stardust:peer:opened").length === 1);
  client.send.order({ what: "reject" });
  await until(() => said("stardust:fault").length === 1);
  client.send.order({ what: "die" });
  await until(() => said("stardust:worker:up").length === 1);
  await server.close();
  log.stop();
  const { length } = lines;
  await (await narrowServer()).close();
  expect(lines).toHaveLength(length);
  expect(said("stardust:server:opened")[0]).toMatchObject({ level: "info" });
  expect(said("stardust:join:rejected")[0]).toMatchObject({
    level: "warn",
    value: { reason: "denied", detail: "not today" },
  });
  expect(said("stardust:peer:lost")[0]).toMatchObject({ level: "warn", value: { id: client.id } });
  expect(said("stardust:worker:down")[0]).toMatchObject({
    level: "error",
    value: { err: expect.any(Error), port: server.ports[0] },
  });
  const [thrown, died] = said("stardust:fault");
  expect(thrown).toMatchObject({
    level: "error",
    value: { where: "systems.receive.order", peer: client.id, channel: "order" },
  });
  expect(died).toMatchObject({ level: "error", value: { where: `port ${server.ports[0]}` } });
});
