/** Placeholder: the model as JSON only. */
import type { Model } from "../model/model.ts";

export function emit(model: Model): Map<string, string> {
  return new Map([["model.json", `${JSON.stringify(model, null, 2)}\n`]]);
}
