/** Messages that wait for room in their session. */
import { describe, expect, it } from "vitest";
import { WaitingMessages } from "#src/port/waiting.js";

describe("messages that wait", () => {
  it("go with their tokens in the order of their channel, each channel as far as there is room for it", () => {
    const waiting = new WaitingMessages();
    for (let n = 0; n < 100; n++) {
      waiting.add(n % 2, Uint8Array.of(n), n, n % 3 === 0 ? n : undefined);
    }
    const taken: number[][] = [[], []];
    const rooms = [3, 10];
    const offer = (channel: number, payload: Uint8Array, token?: number): boolean => {
      if (rooms[channel]! <= 0) return false;
      expect(token).toBe(payload[0]! % 3 === 0 ? payload[0] : undefined);
      rooms[channel]!--;
      taken[channel]!.push(payload[0]!);
      return true;
    };
    waiting.take(offer);
    expect(taken).toEqual([
      [0, 2, 4],
      [1, 3, 5, 7, 9, 11, 13, 15, 17, 19],
    ]);
    rooms[0] = 100;
    waiting.take(offer);
    expect(waiting.has(0)).toBe(false);
    expect(waiting.has(1)).toBe(true);
    for (let round = 0; round < 8; round++) {
      rooms[1] = 5;
      waiting.take(offer);
    }
    expect(waiting.isEmpty).toBe(true);
    expect(taken).toEqual([
      Array.from({ length: 50 }, (_, i) => 2 * i),
      Array.from({ length: 50 }, (_, i) => 2 * i + 1),
    ]);
  });

  it("leave when they came before a time, oldest first, and only those of one channel", () => {
    const waiting = new WaitingMessages();
    for (let n = 0; n < 10; n++) waiting.add(n % 2, new Uint8Array(n), n);
    const dropped: number[] = [];
    waiting.dropBefore(0, 5, (bytes) => dropped.push(bytes));
    waiting.dropBefore(7, 100, (bytes) => dropped.push(bytes));
    expect(dropped).toEqual([0, 2, 4]);
    const taken: number[] = [];
    waiting.take((_channel, { byteLength }) => taken.push(byteLength) > 0);
    expect(taken.sort()).toEqual([1, 3, 5, 6, 7, 8, 9]);
    waiting.add(0, new Uint8Array(3), 20);
    waiting.dropBefore(0, Number.POSITIVE_INFINITY, (bytes) => dropped.push(bytes));
    expect(dropped).toEqual([0, 2, 4, 3]);
    expect(waiting.channels).toEqual([]);
  });
});
