import { performance } from "node:perf_hooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LoopDelay } from "#src/udp/loop-delay.js";

describe("a thread's event loop", () => {
  let utilization = 0;
  let loopDelay: LoopDelay;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(performance, "eventLoopUtilization").mockImplementation(() => ({
      utilization,
      idle: 0,
      active: 0,
    }));
    loopDelay = new LoopDelay();
    loopDelay.start();
  });

  afterEach(() => {
    loopDelay.stop();
    vi.useRealTimers();
  });

  const samplesOf = (ms: number): number => {
    const { count } = loopDelay.histogram.snapshot();
    vi.advanceTimersByTime(ms);
    return loopDelay.histogram.snapshot().count - count;
  };

  it("is woken to see how late it is twice a second while it has nothing to do, twenty times while it has much, and as its work is between", () => {
    utilization = 0.001;
    expect(samplesOf(10_000)).toBe(20);
    utilization = 0.5;
    samplesOf(500);
    expect(samplesOf(10_000)).toBe(200);
    utilization = 0.1;
    samplesOf(50);
    expect(samplesOf(10_000)).toBe(50);
    utilization = 0;
    samplesOf(200);
    expect(samplesOf(10_000)).toBe(20);
  });
});
