/**
 * The protocols of test/specs/{shop,match}.yaml give up who is silent for a second, in each thread that loads this: for tests of
 * what becomes of those. Their specs say ten, and hashes and generated code stay as they are. A worker loads it as
 * `listen({ wrapSocket })`, and leaves its sockets alone.
 */
for (const name of ["shop", "match"]) {
  const { protocol } = await import(
    new URL(`../tmp/dist/${name}/generated/protocol.js`, import.meta.url).href
  );
  Object.assign(protocol.limits, { idleTimeoutMs: 1000, keepAliveMs: 200 });
}

export default function wrapSocket(socket) {
  return socket;
}
