/**
 * The backend: players log in by HTTP and get a connect token. It knows who they are, and the game server does not: all that
 * the two have in common is a key pair, of which the private half stays here. In earnest it speaks HTTPS, because what it
 * answers lets somebody in.
 */
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { issueToken } from "stardust-udp/tokens";

const MAX_BODY_BYTES = 1000;

function account(id, password) {
  const salt = randomBytes(16);
  return { id, salt, hash: scryptSync(password, salt, 32) };
}

const players = new Map([
  ["ada", account(1, "countess")],
  ["bob", account(2, "builder")],
]);

/** The player of this name and password, or undefined. */
function login({ name, password }) {
  const player = players.get(String(name));
  if (player === undefined) return undefined;
  const isRight = timingSafeEqual(scryptSync(String(password), player.salt, 32), player.hash);
  return isRight ? player : undefined;
}

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) throw new Error("too long");
  }
  return JSON.parse(text);
}

/** `issuer` is its private key; `game` is what players are told of the server: port, audience, key. */
export async function startBackend({ issuer, game }) {
  const server = createServer(async (request, response) => {
    const answer = (status, body) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (request.method !== "POST" || request.url !== "/login") return answer(404, {});
    try {
      const asked = await bodyOf(request);
      const player = login(asked);
      if (player === undefined) return answer(401, { problem: "wrong name or password" });
      const { token } = issueToken({
        issuer,
        expiresInMs: 60_000,
        audience: game.audience,
        claims: { user: player.id, name: asked.name },
      });
      answer(200, { token, port: game.port, serverKey: game.serverKey });
    } catch {
      answer(400, { problem: "a JSON object with name and password, please" });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
