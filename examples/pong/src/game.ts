/**
 * The rules of pong: no network, no clock, no chance, so that a test can play it step by step. Lengths are in units of
 * the table, 160 wide and 90 high; y grows downwards.
 */
import type { Side } from "../generated/types.ts";

export const WIDTH = 160;
export const HEIGHT = 90;
export const PADDLE_HEIGHT = 18;
export const STEPS_PER_SECOND = 30;

/** All in units a second. */
const PADDLE_SPEED = 40;
const SERVE_SPEED = 120;
const FASTER_PER_HIT = 1.2;
const MAX_SPEED = 300;
/** How steeply the ball leaves the edge of a paddle, up-and-down over sideways. */
const MAX_SLOPE = 1.2;
const SERVE_SLOPES: readonly number[] = [0.3, -0.5, 0.7, -0.2, 0.9, -0.8];

const STEP_S = 1 / STEPS_PER_SECOND;

export class Game {
  readonly score: Record<Side, number> = { left: 0, right: 0 };
  readonly paddles: Record<Side, number> = { left: HEIGHT / 2, right: HEIGHT / 2 };
  readonly ball = { x: WIDTH / 2, y: HEIGHT / 2 };
  /** Steps played so far. */
  tick = 0;
  readonly #wanted: Record<Side, number> = { left: HEIGHT / 2, right: HEIGHT / 2 };
  readonly #speed = { x: 0, y: 0 };
  #serves = 0;

  constructor() {
    this.#serve("left");
  }

  /** Where a player wants its paddle; it gets there at a paddle's speed. */
  want(side: Side, y: number): void {
    this.#wanted[side] = clamp(y, PADDLE_HEIGHT / 2, HEIGHT - PADDLE_HEIGHT / 2);
  }

  /** One step; who scored in it, if anybody. */
  step(): Side | undefined {
    this.tick++;
    for (const side of ["left", "right"] as const) {
      const way = this.#wanted[side] - this.paddles[side];
      this.paddles[side] += clamp(way, -PADDLE_SPEED * STEP_S, PADDLE_SPEED * STEP_S);
    }
    const { ball } = this;
    ball.x += this.#speed.x * STEP_S;
    ball.y += this.#speed.y * STEP_S;
    if (ball.y < 0 || ball.y > HEIGHT) {
      ball.y = ball.y < 0 ? -ball.y : 2 * HEIGHT - ball.y;
      this.#speed.y = -this.#speed.y;
    }
    if (ball.x > 0 && ball.x < WIDTH) return undefined;
    const side: Side = ball.x <= 0 ? "left" : "right";
    if (Math.abs(ball.y - this.paddles[side]) <= PADDLE_HEIGHT / 2) {
      this.#hit(side);
      return undefined;
    }
    const winner: Side = side === "left" ? "right" : "left";
    this.score[winner]++;
    this.#serve(side);
    return winner;
  }

  #hit(side: Side): void {
    const speed = Math.min(Math.abs(this.#speed.x) * FASTER_PER_HIT, MAX_SPEED);
    const offset = (this.ball.y - this.paddles[side]) / (PADDLE_HEIGHT / 2);
    this.#speed.x = side === "left" ? speed : -speed;
    this.#speed.y = offset * MAX_SLOPE * speed;
    this.ball.x = side === "left" ? 0 : WIDTH;
  }

  /** From the middle, towards the side that lost the point. */
  #serve(towards: Side): void {
    this.ball.x = WIDTH / 2;
    this.ball.y = HEIGHT / 2;
    this.#speed.x = towards === "left" ? -SERVE_SPEED : SERVE_SPEED;
    this.#speed.y = SERVE_SPEED * SERVE_SLOPES[this.#serves % SERVE_SLOPES.length]!;
    this.#serves++;
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
