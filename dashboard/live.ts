/**
 * One stream of server-sent events, opened again whenever it has ended: browsers do that by themselves after a broken connection, but not
 * after an answer that is none.
 */

const AGAIN_MS = 2000;

export class Live {
  readonly #onState: (isLive: boolean) => void;
  readonly #handlers: Readonly<Record<string, (value: never) => void>>;
  #source: EventSource | undefined;
  #again: number | undefined;

  constructor(
    handlers: Readonly<Record<string, (value: never) => void>>,
    onState: (isLive: boolean) => void = () => {},
  ) {
    this.#handlers = handlers;
    this.#onState = onState;
  }

  open(path: string): void {
    this.close();
    const source = new EventSource(path);
    this.#source = source;
    source.onopen = () => this.#onState(true);
    source.onerror = () => {
      this.#onState(false);
      if (source.readyState !== EventSource.CLOSED) return;
      this.#again = window.setTimeout(() => this.open(path), AGAIN_MS);
    };
    for (const [name, handler] of Object.entries(this.#handlers)) {
      source.addEventListener(name, (event) => handler(JSON.parse(event.data) as never));
    }
  }

  close(): void {
    window.clearTimeout(this.#again);
    this.#source?.close();
    this.#source = undefined;
  }
}
