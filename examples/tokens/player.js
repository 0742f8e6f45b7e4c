/** A player: logs in at the backend, and goes with what it got to the game server. */
import { connect } from "./generated/client.js";

/** What the backend answers to a login: token, port and key of the server. */
export async function login(url, name, password) {
  const response = await fetch(`${url}/login`, {
    method: "POST",
    body: JSON.stringify({ name, password }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.problem);
  return answer;
}

/** With the server's key the player knows that it is the right one, as the server knows who the player is. */
export function join({ token, port, serverKey }) {
  return connect({ port, token, serverKey });
}
