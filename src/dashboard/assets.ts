/** The files of the page, as the build has made them beside this one. Read once, when they are asked for first. */
import { readFileSync } from "node:fs";

const types = {
  "icon.svg": "image/svg+xml",
  "index.html": "text/html; charset=utf-8",
  "login.html": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
} as const;

export type Asset = keyof typeof types;

const known = new Map<Asset, Buffer>();

/** Throws what `readFileSync` throws: in a bundled server they are not there. */
export function readAsset(asset: Asset): { readonly type: string; readonly bytes: Buffer } {
  let bytes = known.get(asset);
  if (bytes === undefined) {
    bytes = readFileSync(new URL(`./assets/${asset}`, import.meta.url));
    known.set(asset, bytes);
  }
  return { type: types[asset], bytes };
}
