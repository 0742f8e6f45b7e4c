/** How a worker is asked for a reservation. */
import type { Admission } from "./hosted-peer.ts";
import type { ApplicationPost, WorkerPost } from "./posts.ts";
import type { OwnJoin } from "./reserve-answer.ts";

/** Member by member: what is copied of other objects is made by slow paths of V8, for each join. */
export function reservePost(
  peer: number,
  { cid, address, port, local, hash, compat, key }: Extract<WorkerPost, { type: "join" }>,
  accept: unknown,
  admission: Admission | undefined,
  own: OwnJoin | undefined,
): ApplicationPost {
  const type = "reserve";
  return { type, peer, cid, address, port, local, hash, compat, key, accept, admission, own };
}
