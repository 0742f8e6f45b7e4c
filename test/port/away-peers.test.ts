/** How many peers of a port may be away at a time. */
import { expect, it } from "vitest";
import { AwayPeers } from "#src/port/away-peers.js";

function peer(name: string, id = 0) {
  const connection = {
    isAway: false,
    isGivenUp: false,
    giveUp: () => {
      connection.isAway = false;
      connection.isGivenUp = true;
    },
  };
  return { name, id, connection };
}

it("keeps half of a port's places at most for who may come back: who is away for the longest leaves", () => {
  const given: string[] = [];
  const note = ({ name, connection }: ReturnType<typeof peer>): void => {
    if (connection.isGivenUp) given.push(name);
  };
  const away = new AwayPeers<ReturnType<typeof peer>>(4, undefined, (one) => note(one));
  const all = ["a", "b", "c", "d"].map((name) => peer(name));
  const change = (index: number, isAway: boolean): void => {
    all[index]!.connection.isAway = isAway;
    away.changed(all[index]!);
  };
  change(0, true);
  change(1, true);
  expect(given).toEqual([]);
  // Who is back and goes again is behind those that are still away.
  change(0, false);
  change(0, true);
  change(2, true);
  expect(given).toEqual(["b"]);
  away.remove(all[0]!);
  change(3, true);
  expect(given).toEqual(["b"]);
  expect(all.map(({ connection }) => connection.isAway)).toEqual([true, false, true, true]);
});

it("keeps one where there is one place", () => {
  const given: string[] = [];
  const note = ({ name, connection }: ReturnType<typeof peer>): void => {
    if (connection.isGivenUp) given.push(name);
  };
  const away = new AwayPeers<ReturnType<typeof peer>>(1, undefined, (one) => note(one));
  for (const name of ["a", "b"]) {
    const one = peer(name);
    one.connection.isAway = true;
    away.changed(one);
  }
  expect(given).toEqual(["a"]);
});
