/**
 * The floor under delivery on a bad link for whoever waits for acks: on virtual time a sender that acknowledges, repeats and computes in
 * no time. Each datagram has one new message and is acknowledged at once, with what came before it; the first ack that shows a gap has what
 * is missing sent again at once, also where it is only late, and where that is asked for once more in the next datagram. Nobody who hears
 * of losses by acks alone can be sooner.
 */
import { SeededRandom } from "#src/testing/index.js";

const SEED = 1;
/** Long enough that the 99th of a hundred is known to some percent. */
const SECONDS = 600;
const UNCOUNTED = 100;

/**
 * As a row of a suite has it: milliseconds from sending to the handler, 99 % and 50 %. `isTwice`: what is sent again rides in the next
 * datagram, too; `redundancy`: in so many further ones rides each message.
 */
export function measureAckFloor({ everyMs, link }, { isTwice = false, redundancy = 0 } = {}) {
  const how = { isTwice, redundancy };
  const delays = deliver(everyMs, link, how, new SeededRandom(SEED)).sort((a, b) => a - b);
  const at = (share) => delays[Math.floor(delays.length * share)];
  return { cost: at(0.99), rate: at(0.5) };
}

/** Of each message, in order, when it could be given to the handler, since it was sent. */
function deliver(everyMs, { delayMs, jitterMs = 0, loss }, { isTwice, redundancy }, random) {
  const count = Math.floor((SECONDS * 1000) / everyMs);
  const onTheWay = new Events();
  const arrivedAtMs = new Array(count);
  /** Datagrams in the order in which they were sent, by what each carries; those below `known` are no news to anybody. */
  const datagrams = [];
  const got = [];
  const heard = [];
  let known = 0;
  let again = [];
  const leave = (nowMs, what) => {
    if (random.next() * 100 < loss) return;
    onTheWay.add({ ...what, atMs: nowMs + delayMs + random.next() * jitterMs });
  };
  const send = (messages, nowMs) => {
    leave(nowMs, { datagram: datagrams.length });
    datagrams.push(messages);
  };
  const acknowledged = (largest, seen, nowMs) => {
    for (const datagram of seen) heard[datagram] = true;
    for (; known < largest; known++) {
      if (heard[known]) continue;
      send(datagrams[known], nowMs);
      if (isTwice) again.push(...datagrams[known]);
    }
  };
  for (let next = 0; next < count || onTheWay.size > 0; ) {
    const dueMs = next < count ? next * everyMs : Number.POSITIVE_INFINITY;
    const event = onTheWay.firstMs <= dueMs ? onTheWay.take() : undefined;
    if (event === undefined) {
      const before = Array.from({ length: Math.min(next, redundancy) }, (_, i) => next - 1 - i);
      send([next++, ...before, ...again], dueMs);
      again = [];
    } else if (event.datagram === undefined) {
      acknowledged(event.largest, event.seen, event.atMs);
    } else {
      for (const message of datagrams[event.datagram]) arrivedAtMs[message] ??= event.atMs;
      got.push(event.datagram);
      const seen = got.slice(-64);
      leave(event.atMs, { largest: Math.max(...seen), seen });
    }
  }
  let readyMs = 0;
  // What was lost at the very end had nothing behind it that would show it.
  return arrivedAtMs.slice(0, count - UNCOUNTED).map((atMs, message) => {
    readyMs = Math.max(readyMs, atMs);
    return readyMs - message * everyMs;
  });
}

/** What is on the way, by its time. There are few at once. */
class Events {
  #events = [];

  get size() {
    return this.#events.length;
  }

  get firstMs() {
    return this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  add(event) {
    let at = this.#events.length;
    while (at > 0 && this.#events[at - 1].atMs > event.atMs) at--;
    this.#events.splice(at, 0, event);
  }

  take() {
    return this.#events.shift();
  }
}
