/**
 * All of it in one process: who has logged in is let in, and nobody else. Exits 0 only if that is so: the example is also a
 * check.
 */
import { newIdentity } from "stardust-udp/tokens";
import { startBackend } from "./backend.js";
import { join, login } from "./player.js";
import { AUDIENCE, startServer } from "./server.js";

// In earnest `stardust keygen backend.key` makes these once, and the private half is where the backend is.
const backendKey = newIdentity();
const banned = new Set([2]);

const server = await startServer({ issuers: backendKey.publicKey, banned });
const game = { port: server.ports[0], audience: AUDIENCE, serverKey: server.publicKey };
const backend = await startBackend({ issuer: backendKey.identity, game });

/** Prints how a promise ended. */
async function tell(who, promise, expected) {
  const [outcome, result] = await promise.then(
    (value) => ["is in", value],
    (error) => [error.detail || error.message, undefined],
  );
  console.log(`${who}: ${outcome}`);
  if (outcome !== expected) {
    console.error(`error: expected: ${expected}`);
    process.exitCode = 1;
  }
  return result;
}

const pass = await login(backend.url, "ada", "countess");
const ada = await tell("ada", join(pass), "is in");
await tell("ada's token again", join(pass), "token used");
await tell("who has no token", join({ ...game, token: undefined }), "token missing");
const forger = await startBackend({ issuer: newIdentity().identity, game });
const forged = await login(forger.url, "ada", "countess");
await tell("who has made one", join(forged), "token of an unknown issuer");
await tell("bob", login(backend.url, "bob", "builder").then(join), "banned");
await tell("eve", login(backend.url, "ada", "guess").then(join), "wrong name or password");

if (ada !== undefined) {
  const heard = new Promise((resolve) => ada.receive.say(resolve));
  ada.send.say({ text: "hello" });
  const { from, text } = await heard;
  console.log(`${from} says ${text}`);
  if (from !== "ada") process.exitCode = 1;
  await ada.close();
}
await server.close();
await backend.close();
await forger.close();
