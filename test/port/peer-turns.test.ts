/** Whose turn it is, where serving one of them throws. */
import { expect, it } from "vitest";
import { PeerTurns } from "#src/port/peer-turns.js";

it("serves those behind one that throws in the next turn, and that one when it is woken", () => {
  const peers = ["ada", "bob", "eve"].map((name) => ({
    name,
    dirty: false,
    deadlineMs: Number.POSITIVE_INFINITY,
    heapIndex: -1,
  }));
  const turns = new PeerTurns<(typeof peers)[number]>();
  for (const peer of peers) turns.wake(peer);
  const served: string[] = [];
  const serve = (throwing: string) => (): void =>
    turns.serve(0, ({ name }) => {
      if (name === throwing) throw new Error(name);
      served.push(name);
    });
  expect(serve("bob")).toThrow("bob");
  expect(served).toEqual(["ada"]);
  serve("nobody")();
  expect(served).toEqual(["ada", "eve"]);
  turns.wake(peers[1]!);
  serve("nobody")();
  expect(served).toEqual(["ada", "eve", "bob"]);
});
