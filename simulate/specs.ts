/** The specs that are simulated, each with every delivery mode. */
import type { Protocol } from "stardust-udp/protocol";

/** In test/specs/, by the name that the command line has for them. */
const specs = { plain: "modes", sealed: "modes-sealed", layout: "modes-layout" };

export type SpecName = keyof typeof specs;
export const specNames = Object.keys(specs) as SpecName[];

/** As `npm run build` has generated it. */
export async function protocolOf(spec: SpecName): Promise<Protocol> {
  const file = new URL(`../../test/tmp/dist/${specs[spec]}/generated/protocol.js`, import.meta.url);
  return ((await import(file.href)) as { protocol: Protocol }).protocol;
}
