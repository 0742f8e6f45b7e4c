/**
 * The arena: balls that push each other about, some with a player, most without. It knows nothing of the network: `server.js`
 * runs it on the application's thread, `systems.js` inside a worker, and neither changes a line of it.
 */

/** How often it steps; what `listen`'s systems call a tick. */
export const STEP_MS = 50;
/** Balls beside those of players: what makes a step cost something. */
const BALLS = Number(process.env.BALLS ?? 1500);
const SIZE_M = 64;
const RADIUS_M = 0.5;
const PUSH = 0.2;
const FRICTION = 0.97;
/** As many as a message takes. */
const SEEN = 32;
/** Rounds in which balls that overlap are moved apart, a step. */
const ROUNDS = 4;

export class Arena {
  /** Of all balls. */
  bodies = [];
  ticks = 0;
  #nextId = 1;
  /** How it keeps up, since it was last asked. */
  #steps = 0;
  #lateMs = 0;
  #lastMs = performance.now();

  constructor() {
    for (let i = 0; i < BALLS; i++) this.#add((i * 7.3) % SIZE_M, (i * 3.1) % SIZE_M);
  }

  #add(x, y) {
    const body = { id: this.#nextId++ & 0xffff, x, y, speedX: 0, speedY: 0 };
    this.bodies.push(body);
    return body;
  }

  /** A player's ball. */
  enter() {
    return this.#add(Math.random() * SIZE_M, Math.random() * SIZE_M);
  }

  leave(body) {
    this.bodies.splice(this.bodies.indexOf(body), 1);
  }

  push(body, { x, y }) {
    body.speedX += x * PUSH;
    body.speedY += y * PUSH;
  }

  step() {
    const nowMs = performance.now();
    this.#lateMs = Math.max(this.#lateMs, nowMs - this.#lastMs - STEP_MS);
    this.#lastMs = nowMs;
    this.#steps++;
    this.ticks++;
    const { bodies } = this;
    for (const body of bodies) {
      body.x = clamp(body.x + body.speedX);
      body.y = clamp(body.y + body.speedY);
      body.speedX *= FRICTION;
      body.speedY *= FRICTION;
    }
    for (let round = 0; round < ROUNDS; round++) {
      // Sorted by x, only those that may touch are looked at.
      bodies.sort((a, b) => a.x - b.x);
      for (let i = 0; i < bodies.length; i++) {
        for (let k = i + 1; k < bodies.length; k++) {
          if (bodies[k].x - bodies[i].x > 2 * RADIUS_M) break;
          separate(bodies[i], bodies[k]);
        }
      }
    }
  }

  /** What a player is told: its own ball, and those next to it by x. */
  around(body) {
    const at = this.bodies.indexOf(body);
    const first = Math.max(0, Math.min(at - SEEN / 2, this.bodies.length - SEEN));
    const near = this.bodies.slice(first, first + SEEN).filter((other) => other !== body);
    return { tick: this.ticks, bodies: [body, ...near].slice(0, SEEN) };
  }

  /** How it has kept up since it was last asked. */
  pace(peers) {
    const pace = { steps: this.#steps, lateMs: this.#lateMs, peers };
    this.#steps = 0;
    this.#lateMs = 0;
    return pace;
  }
}

function separate(a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const distance = Math.hypot(dx, dy);
  if (distance >= 2 * RADIUS_M || distance === 0) return;
  const by = (2 * RADIUS_M - distance) / 2 / distance;
  a.x = clamp(a.x - dx * by);
  a.y = clamp(a.y - dy * by);
  b.x = clamp(b.x + dx * by);
  b.y = clamp(b.y + dy * by);
}

const clamp = (metres) => Math.max(0, Math.min(SIZE_M, metres));
