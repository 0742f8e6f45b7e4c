/** Who is in which group: held against a plain list of pairs. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { BroadcastTarget } from "#src/face.js";
import { excepted, Groups } from "#src/groups.js";

interface Member {
  readonly id: number;
}

type Step =
  | { readonly do: "add" | "delete"; readonly peer: number; readonly name: string }
  | { readonly do: "forget"; readonly peer: number };

const peer = fc.integer({ min: 0, max: 4 });
const name = fc.constantFrom("red", "blue", "__proto__", "");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom("add" as const, "delete" as const), peer, name }),
  fc.record({ do: fc.constant("forget" as const), peer }),
);

function groupsOf(peers: readonly Member[]): Groups<Member, BroadcastTarget> {
  return new Groups({
    check: (one) => {
      if (!peers.includes(one)) throw new Error("gone");
    },
    dress: (target) => target,
    broadcast: (members, channel, message, { token }) => ({
      sent: members.size + channel + Number(message) + (token ?? 0),
      skipped: [...members].map(({ id }) => id),
    }),
  });
}

it("has everybody who was added and has neither left nor gone, under every name", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const peers: Member[] = Array.from({ length: 5 }, (_, id) => ({ id }));
      const groups = groupsOf(peers);
      let pairs: [number, string][] = [];
      for (const one of steps) {
        const member = peers[one.peer]!;
        if (one.do === "forget") {
          groups.forget(member);
          pairs = pairs.filter(([id]) => id !== one.peer);
          continue;
        }
        const group = groups.group(one.name);
        const isIn = pairs.some(([id, of]) => id === one.peer && of === one.name);
        expect(group.has(member)).toBe(isIn);
        if (one.do === "add") {
          expect(group.add(member)).toBe(group);
          if (!isIn) pairs.push([one.peer, one.name]);
        } else {
          expect(group.delete(member)).toBe(isIn);
          pairs = pairs.filter(([id, of]) => id !== one.peer || of !== one.name);
        }
      }
      for (const of of ["red", "blue", "__proto__", ""]) {
        const ids = pairs.filter((pair) => pair[1] === of).map(([id]) => id);
        const group = groups.group(of);
        expect([group.size, [...group].map(({ id }) => id)]).toEqual([ids.length, ids]);
      }
      for (const member of peers) {
        const names = pairs.filter(([id]) => id === member.id).map(([, of]) => of);
        expect([...groups.of(member)]).toEqual(names);
      }
    }),
  );
});

it("takes in nobody who has gone", () => {
  const groups = groupsOf([]);
  expect(() => groups.group("red").add({ id: 1 })).toThrow("gone");
  expect(groups.group("red").size).toBe(0);
});

it("sends to those who are in it when it sends, by whichever handle", () => {
  const peers = [{ id: 3 }, { id: 4 }];
  const groups = groupsOf(peers);
  const early = groups.group("red");
  expect(early.send.broadcast(10, 100).sent).toBe(110);
  groups.group("red").add(peers[0]!).add(peers[1]!);
  expect(early.send.broadcast(10, 100, { token: 1000 })).toEqual({ sent: 1112, skipped: [3, 4] });
});

it("leaves out one peer, or any number of them", () => {
  expect(excepted({})).toBeUndefined();
  expect(excepted({ except: { id: 7 } })).toEqual(new Set([7]));
  expect(excepted({ except: [{ id: 7 }, { id: 9 }] })).toEqual(new Set([7, 9]));
  expect(excepted({ except: new Set([{ id: 1 }]) })).toEqual(new Set([1]));
});
