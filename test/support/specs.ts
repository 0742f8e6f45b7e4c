/** Where the specs of test/specs/ are once build-specs.js has compiled them. */

/** A compiled module of a spec, e.g. `specUrl("robot", "generated/server.js")`. */
export function specUrl(name: string, file: string): URL {
  return new URL(`../tmp/dist/${name}/${file}`, import.meta.url);
}
