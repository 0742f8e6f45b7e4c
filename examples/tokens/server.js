/** The game server: lets in nobody without a token of the backend's, and asks nobody. It has the backend's public key. */
import { listen } from "./generated/server.js";

export const AUDIENCE = "lobby-1";

/** `banned` are ids of users, which the backend puts into the claims. */
export async function startServer({ issuers, banned = new Set() }) {
  const server = await listen({
    ports: { count: 2 },
    tokens: { issuers, audience: AUDIENCE },
    authenticate: (_join, { token }) =>
      banned.has(token.claims.user) ? { accept: false, detail: "banned" } : { accept: true },
    state: ({ token }) => ({ name: String(token.claims.name) }),
  });
  server.receive.say((peer, { text }) => {
    server.broadcast.say({ from: peer.state.name, text });
  });
  return server;
}
