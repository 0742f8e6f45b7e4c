/**
 * `model.json`: the resolved protocol as data, for generators and tools that are not ours. Its shape is
 * model/model.schema.json's, which is made of the types of model/model.ts and which the package ships; the number in `stardust-model` is raised when a reader of the
 * old shape would go wrong. New members may appear without that.
 */
import type { Model } from "../model/model.ts";

export const MODEL_VERSION = 1;

export function emitModelJson(model: Model): string {
  return `${JSON.stringify({ "stardust-model": MODEL_VERSION, ...model }, null, 2)}\n`;
}
