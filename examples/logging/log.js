/**
 * What happens to a server's connections, and what its handlers throw, in a log of pino. Stardust itself logs nothing: it tells
 * `node:diagnostics_channel` (docs/counters.md), and this is all that it takes to write that down. Any logger does that takes an
 * object and a message, as pino's do.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";

/** How bad each is. */
const levels = {
  "stardust:server:opened": "info",
  "stardust:server:closed": "info",
  "stardust:peer:opened": "info",
  "stardust:peer:closed": "info",
  "stardust:peer:lost": "warn",
  "stardust:join:rejected": "warn",
  "stardust:port:refused": "warn",
  "stardust:worker:down": "error",
  "stardust:worker:up": "info",
};

/** Logs from now on; returns what ends it, and an `onFault` for `listen`. */
export function logTo(logger) {
  const subscriptions = Object.entries(levels).map(([name, level]) => {
    // pino writes an error with its stack where it is called `err`.
    const write = ({ error: err, ...event }) =>
      logger[level](err === undefined ? event : { ...event, err }, name);
    subscribe(name, write);
    return () => unsubscribe(name, write);
  });
  return {
    stop() {
      for (const end of subscriptions) end();
    },
    // `origin` says which peer's handler it was, and of which channel.
    onFault: (err, where, origin) => logger.error({ err, where, ...origin }, "stardust:fault"),
  };
}
