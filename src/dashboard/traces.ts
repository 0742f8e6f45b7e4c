/**
 * Traces of peers that were switched on from the page. While one runs it is read once a second, whether somebody looks or not, and the newest
 * MAX_LINES of it are kept, also when the peer has left; who saves it gets those. MAX_TRACES at once: of more the oldest ends.
 */
import type { ConnectionTrace, TraceRunOptions } from "../connection-trace.ts";
import type { TraceState } from "./state.ts";

const MAX_TRACES = 8;
const MAX_LINES = 20_000;
/** Lines that a page is given at once. */
const MAX_NEWS = 2_000;

export interface TracedPeer {
  trace(options?: TraceRunOptions): Promise<ConnectionTrace>;
}

interface Kept {
  readonly trace: ConnectionTrace;
  /** The beginning of the file. */
  head: string;
  lines: string[];
  /** Number of the first line, and of the next one: lines of all traces are counted on. */
  readonly first: number;
  next: number;
  isOver: boolean;
}

export class PeerTraces {
  readonly #kept = new Map<number, Kept>();
  readonly #taken = new Set<number>();
  #nextLine = 0;

  state(peer: number): TraceState {
    const kept = this.#kept.get(peer);
    if (kept !== undefined) return kept.isOver ? "ended" : "on";
    return this.#taken.has(peer) ? "taken" : "off";
  }

  get isRunning(): boolean {
    return [...this.#kept.values()].some(({ isOver }) => !isOver);
  }

  async start(id: number, peer: TracedPeer): Promise<void> {
    if (this.state(id) === "on") return;
    let trace: ConnectionTrace;
    try {
      trace = await peer.trace();
      this.#taken.delete(id);
    } catch {
      // It has left, or the application traces it.
      this.#taken.add(id);
      return;
    }
    if (this.#kept.size >= MAX_TRACES && !this.#kept.has(id)) {
      const [oldest] = this.#kept.keys();
      await this.stop(oldest!);
      this.#kept.delete(oldest!);
    }
    this.#kept.delete(id);
    const first = this.#nextLine;
    this.#kept.set(id, { trace, head: "", lines: [], first, next: first, isOver: false });
  }

  async stop(id: number): Promise<void> {
    const kept = this.#kept.get(id);
    if (kept === undefined || kept.isOver) return;
    kept.isOver = true;
    this.#add(kept, await kept.trace.stop());
  }

  /** Takes what has come. `isThere`: a peer that has left is read once more, and then no more. */
  async read(isThere: (id: number) => boolean): Promise<void> {
    for (const [id, kept] of this.#kept) {
      if (kept.isOver) continue;
      if (isThere(id)) this.#add(kept, await kept.trace.read());
      else await this.stop(id);
    }
  }

  /** Lines from number `seen` on, no more than the newest, and the number of the next one. */
  since(id: number, seen: number): { readonly lines: readonly string[]; readonly next: number } {
    const kept = this.#kept.get(id);
    if (kept === undefined) return { lines: [], next: seen };
    const news = kept.next - Math.max(seen, kept.first);
    const count = Math.min(news, kept.lines.length, MAX_NEWS);
    return { lines: count <= 0 ? [] : kept.lines.slice(-count), next: kept.next };
  }

  /** A `.sqlog` file; undefined: there is none. */
  file(id: number): string | undefined {
    const kept = this.#kept.get(id);
    return kept === undefined ? undefined : kept.head + kept.lines.join("");
  }

  async close(): Promise<void> {
    for (const id of [...this.#kept.keys()]) await this.stop(id).catch(() => {});
    this.#kept.clear();
  }

  #add(kept: Kept, text: string): void {
    if (text === "") return;
    const lines = text.split(/(?<=\n)/);
    if (kept.head === "") kept.head = lines.shift()!;
    kept.next += lines.length;
    this.#nextLine = Math.max(this.#nextLine, kept.next);
    kept.lines = kept.lines.length === 0 ? lines : kept.lines.concat(lines);
    if (kept.lines.length > MAX_LINES) kept.lines = kept.lines.slice(-MAX_LINES);
  }
}
