/** A whole program over the robot's protocol, for tests that run it as a process: one report there and back, then done. */
import { connect } from "./generated/client.ts";
import { listen } from "./generated/server.ts";

// Compiled, the systems end in .js; run from source, in .ts: like this module itself.
const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
const systems = new URL(`./systems.${ending}`, import.meta.url);
const server = await listen({ ports: { count: 2 }, systems });
const client = await connect({ port: server.ports[0]! });
const answer = new Promise<number>((resolve) => {
  client.receive.report((report) => resolve(report.code));
});
client.send.report({ code: 41 });
console.log(`answered ${await answer}`);
await client.close();
await server.close();
