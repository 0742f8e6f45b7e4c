/**
 * Server-sent events (the EventSource of browsers): what is open, and writing to it. Who reads too slowly misses news instead of having
 * them pile up, and is put out when nothing of it has left for a while.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { safeHeaders } from "./guard.ts";

export const MAX_STREAMS = 32;
/** What may wait for one reader. */
const MAX_WAITING_BYTES = 1 << 20;
const MAX_SKIPPED = 30;
/** Browsers wait so long before they try again. */
const RETRY_MS = 1000;

export class EventStream {
  readonly #response: ServerResponse;
  #skipped = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, { ...safeHeaders, "content-type": "text/event-stream; charset=utf-8" });
    response.write(`retry: ${RETRY_MS}\n\n`);
  }

  /** False: it was left out, since the reader is behind. */
  send(event: string, value: unknown): boolean {
    if (this.#response.writableLength > MAX_WAITING_BYTES) {
      if (++this.#skipped > MAX_SKIPPED) this.#response.destroy();
      return false;
    }
    this.#skipped = 0;
    this.#response.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`);
    return true;
  }

  end(): void {
    this.#response.end();
  }
}

/** Streams of one kind, each with what it wants. */
export class StreamSet<Wanted> {
  readonly #open = new Map<EventStream, Wanted>();

  get size(): number {
    return this.#open.size;
  }

  open(request: IncomingMessage, response: ServerResponse, wanted: Wanted): EventStream {
    const stream = new EventStream(response);
    this.#open.set(stream, wanted);
    request.on("close", () => void this.#open.delete(stream));
    return stream;
  }

  [Symbol.iterator](): IterableIterator<[EventStream, Wanted]> {
    return this.#open.entries();
  }

  end(): void {
    for (const stream of this.#open.keys()) stream.end();
    this.#open.clear();
  }
}
