/** Workers that no longer answer, on virtual time. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Watchdog } from "#src/pool/watchdog.js";

/** Answers at once, as long as it does. */
class FakeWorker {
  unanswered = 0;
  answers = true;

  ping(): void {
    this.unanswered++;
    if (this.answers) this.unanswered = 0;
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a watchdog", () => {
  it("reports a worker that has answered nothing for its time, and no other", () => {
    const [good, bad] = [new FakeWorker(), new FakeWorker()];
    const silent: FakeWorker[] = [];
    const watched = new Set([good, bad]);
    const dog = new Watchdog(
      800,
      () => watched,
      (worker) => {
        silent.push(worker);
        watched.delete(worker);
      },
    );
    vi.advanceTimersByTime(10_000);
    expect(silent).toEqual([]);
    bad.answers = false;
    vi.advanceTimersByTime(700);
    expect(silent).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(silent).toEqual([bad]);
    vi.advanceTimersByTime(10_000);
    expect(silent).toEqual([bad]);
    dog.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("forgives a worker that answers late", () => {
    const worker = new FakeWorker();
    const onSilent = vi.fn();
    const dog = new Watchdog(800, () => [worker], onSilent);
    for (let i = 0; i < 20; i++) {
      worker.answers = false;
      vi.advanceTimersByTime(700);
      worker.answers = true;
      vi.advanceTimersByTime(100);
    }
    expect(onSilent).not.toHaveBeenCalled();
    dog.stop();
  });

  it("takes no time for silence in which its own thread stood still", () => {
    const worker = new FakeWorker();
    const onSilent = vi.fn();
    const dog = new Watchdog(800, () => [worker], onSilent);
    // An hour passes on the clock, and no timer runs.
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(100);
    expect(onSilent).not.toHaveBeenCalled();
    dog.stop();
  });

  it("waits for ever where it is told to", () => {
    const dog = new Watchdog(
      Number.POSITIVE_INFINITY,
      () => [],
      () => {},
    );
    expect(vi.getTimerCount()).toBe(0);
    dog.stop();
  });
});
