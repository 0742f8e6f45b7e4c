/**
 * The doorbell in a model that is small enough to try everything: each step of sleeper and ringers touches shared memory once,
 * and all orders of all steps are walked. That the steps are those of the code is tried beside it, and that the model would see
 * a lost wake-up: with any of three precautions left out there is one.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { createDoorbell, Doorbell } from "#src/port/doorbell.js";

const AWAKE = 0;
const ASLEEP = 1;

/** What may be left out, to see that it is needed. */
type Omitted = "none" | "look again" | "compare when waiting" | "publish before ringing";

interface State {
  word: number;
  /** Records published and not taken. */
  unread: number;
  /** The sleeper: what it does next. `idle`: only its event loop can set it going. */
  sleeper: "store asleep" | "look" | "wait" | "idle" | "store awake" | "take" | "store awake late";
  /** A wait is under way, and has been ended by a notify. */
  waiting: boolean;
  notified: boolean;
  /** A turn of the event loop is due. */
  turn: boolean;
  /** `resume` may still be called by the sleeper's own thread. */
  resumes: number;
  /** Per ringer: what it does next, and how many records it has left. */
  ringers: { at: "publish" | "load" | "exchange" | "notify"; left: number }[];
}

const initial = (ringers: number, records: number): State => ({
  word: AWAKE,
  unread: 0,
  sleeper: "store asleep",
  waiting: false,
  notified: false,
  turn: false,
  resumes: 1,
  ringers: Array.from({ length: ringers }, () => ({ at: "publish", left: records })),
});

/** All states that one step of anybody leads to. */
function successors(state: State, omitted: Omitted): State[] {
  const next: State[] = [];
  const step = (change: (s: State) => void): void => {
    const copy = { ...state, ringers: state.ringers.map((ringer) => ({ ...ringer })) };
    change(copy);
    next.push(copy);
  };
  switch (state.sleeper) {
    case "store asleep":
      step((s) => {
        s.word = ASLEEP;
        s.sleeper = omitted === "look again" ? "wait" : "look";
      });
      break;
    case "look":
      step((s) => {
        s.sleeper = s.unread > 0 ? "store awake late" : "wait";
      });
      break;
    case "store awake late":
      step((s) => {
        s.word = AWAKE;
        s.turn = true;
        s.sleeper = "idle";
      });
      break;
    case "wait":
      step((s) => {
        if (!s.waiting) {
          if (s.word === ASLEEP || omitted === "compare when waiting") s.waiting = true;
          else s.turn = true;
        }
        s.sleeper = "idle";
      });
      break;
    case "idle":
      if (state.turn) {
        step((s) => {
          s.turn = false;
          s.sleeper = "store awake";
        });
      }
      if (state.waiting && state.notified) {
        step((s) => {
          s.waiting = false;
          s.notified = false;
          if (!s.turn) s.sleeper = "store awake";
        });
        // Others of its thread wait for a turn: it queues up behind them.
        step((s) => {
          s.waiting = false;
          s.notified = false;
          s.turn = true;
        });
      }
      if (state.resumes > 0) {
        step((s) => {
          s.resumes--;
          s.turn = true;
        });
      }
      break;
    case "store awake":
      step((s) => {
        s.word = AWAKE;
        s.sleeper = "take";
      });
      break;
    case "take":
      // One record a turn, so that more can be left.
      step((s) => {
        if (s.unread > 0) s.unread--;
        if (s.unread > 0) {
          s.turn = true;
          s.sleeper = "idle";
        } else s.sleeper = "store asleep";
      });
      break;
  }
  state.ringers.forEach(({ at, left }, i) => {
    if (left === 0) return;
    const ring = (change: (s: State, ringer: State["ringers"][number]) => void): void =>
      step((s) => change(s, s.ringers[i]!));
    const done = (ringer: State["ringers"][number]): void => {
      ringer.left--;
      ringer.at = "publish";
    };
    const isLate = omitted === "publish before ringing";
    if (at === "publish") {
      ring((s, ringer) => {
        if (!isLate) s.unread++;
        ringer.at = "load";
      });
    } else if (at === "load") {
      ring((s, ringer) => {
        if (s.word === ASLEEP) ringer.at = "exchange";
        else {
          if (isLate) s.unread++;
          done(ringer);
        }
      });
    } else if (at === "exchange") {
      ring((s, ringer) => {
        if (s.word === ASLEEP) {
          s.word = AWAKE;
          ringer.at = "notify";
        } else {
          if (isLate) s.unread++;
          done(ringer);
        }
      });
    } else {
      ring((s, ringer) => {
        if (s.waiting) s.notified = true;
        if (isLate) s.unread++;
        done(ringer);
      });
    }
  });
  return next;
}

/** Walks everything; `lost`: states in which nobody does anything any more and a record is unread. */
function explore(from: State, omitted: Omitted): { states: number; lost: State[] } {
  const seen = new Set([JSON.stringify(from)]);
  const open = [from];
  const lost: State[] = [];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const next = successors(state, omitted);
    // A resume may not be counted on: without it the sleeper must wake all the same.
    const others = state.resumes > 0 ? successors({ ...state, resumes: 0 }, omitted) : next;
    if (others.length === 0 && state.unread > 0) lost.push(state);
    for (const one of next) {
      const key = JSON.stringify(one);
      if (seen.has(key)) continue;
      seen.add(key);
      open.push(one);
    }
  }
  return { states: seen.size, lost };
}

describe("the doorbell's model", () => {
  it.each([
    [1, 3],
    [2, 2],
    [3, 1],
  ])(
    "with %i ringers of %i records each loses no wake-up, in any order of steps",
    (ringers, records) => {
      const { states, lost } = explore(initial(ringers, records), "none");
      expect(lost).toEqual([]);
      expect(states).toBeGreaterThan(200);
    },
  );

  it.each(["look again", "compare when waiting", "publish before ringing"] as const)(
    "loses one where nobody does: %s",
    (omitted) => {
      expect(explore(initial(1, 1), omitted).lost).not.toEqual([]);
    },
  );
});

describe("the code's steps", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  /** Every access of shared memory, and every look for work, in order. */
  function traced(): { log: string[]; take(): string[]; until(steps: number): Promise<string[]> } {
    const log: string[] = [];
    const real = Atomics;
    const names = { 0: "awake", 1: "asleep" } as Record<number, string>;
    vi.stubGlobal("Atomics", {
      load: (word: Int32Array, i: number) => {
        log.push("load");
        return real.load(word, i);
      },
      store: (word: Int32Array, i: number, value: number) => {
        log.push(`store ${names[value]}`);
        return real.store(word, i, value);
      },
      compareExchange: (word: Int32Array, i: number, from: number, to: number) => {
        log.push("exchange");
        return real.compareExchange(word, i, from, to);
      },
      notify: (word: Int32Array, i: number) => {
        log.push("notify");
        return real.notify(word, i);
      },
      waitAsync: (word: Int32Array, i: number, value: number) => {
        log.push(`wait for other than ${names[value]}`);
        return (real as unknown as { waitAsync(...args: unknown[]): unknown }).waitAsync(
          word,
          i,
          value,
        );
      },
    });
    const take = (): string[] => log.splice(0);
    // A notify takes some turns until it has come through.
    const until = async (steps: number): Promise<string[]> => {
      while (log.length < steps) await new Promise((resolve) => setImmediate(resolve));
      return take();
    };
    return { log, take, until };
  }

  it("are those of the model", async () => {
    const trace = traced();
    const memory = createDoorbell();
    const sleeper = new Doorbell(memory);
    const ringer = new Doorbell(memory);
    let unread = 0;
    sleeper.wait(
      () => {
        trace.log.push("look");
        return unread > 0;
      },
      () => {
        trace.log.push("take");
        return --unread > 0;
      },
    );
    const sleeping = ["store asleep", "look", "wait for other than asleep"];
    expect(trace.take()).toEqual(sleeping);
    // Asleep: one record wakes it, and it sleeps again.
    unread = 1;
    ringer.ringNow();
    expect(trace.take()).toEqual(["load", "exchange", "notify"]);
    expect(await trace.until(5)).toEqual(["store awake", "take", ...sleeping]);
    // Two records, one a turn; awake, it need not be rung for.
    unread = 2;
    ringer.ringNow();
    expect(trace.take()).toEqual(["load", "exchange", "notify"]);
    expect(await trace.until(2)).toEqual(["store awake", "take"]);
    ringer.ringNow();
    expect(trace.take()).toEqual(["load"]);
    expect(await trace.until(5)).toEqual(["store awake", "take", ...sleeping]);
    // Work that comes between saying that it sleeps and looking: it does not wait.
    sleeper.close();
    trace.take();
    const late = new Doorbell(createDoorbell());
    let looks = 0;
    late.wait(
      () => {
        trace.log.push("look");
        return looks++ === 0;
      },
      () => {
        trace.log.push("take");
        return false;
      },
    );
    expect(trace.take()).toEqual(["store asleep", "look", "store awake"]);
    expect(await trace.until(5)).toEqual(["store awake", "take", ...sleeping]);
    late.close();
  });
});
