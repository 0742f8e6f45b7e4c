/** A spec whose every free word is chosen to break out of the place where it lands. */
import type { Model } from "#codegen/model/model.js";
import {
  arenaHeader,
  bool,
  headerModel,
  list,
  map,
  Spec,
  string,
  u8,
  zeroModel,
} from "./models.ts";

export const attack = "globalThis.pwned = 1";
const everything: string = `*/ ${attack}; /* \` \${${attack}} ' " \\ \n // \r\n @deprecated \u2028 \u2029 </script>`;

export { everything as hostile };

/** Every word that a spec may choose freely, chosen badly. */
export function hostileModel(hostile: string = everything): Model {
  const spec = new Spec();
  // No name of a spec has half a character; texts may.
  const whole = hostile.replace(/\p{Surrogate}/gu, "?");
  const about = {
    doc: hostile,
    why: hostile,
    unit: hostile,
    deprecated: { replacedBy: hostile, reason: hostile },
  };
  const color = spec.enum("Color", { [hostile]: 0, __proto__x: 1, constructor: 2 });
  Object.assign(spec.enums[0]!, about);
  spec.struct("ChatMessage", {
    text: { type: string(9), ...about },
    [hostile]: { type: u8, ...about },
    color,
    colors: list(color, 3),
  });
  Object.assign(spec.structs[0]!, about);
  spec.channel("chat", about);
  const choice = spec.union("Choice", {
    [hostile]: { type: u8, ...about },
    constructor: { type: map(color, string(3), 2), ...about },
  });
  Object.assign(spec.unions[0]!, about);
  spec.struct("OddMessage", {
    choice: { type: choice, optional: true, ...about },
    [hostile]: { type: map(string(4), choice, 2), ...about },
    "`": bool,
    __proto__x: list(choice, 2),
  });
  spec.channel(whole, { ...about, delivery: "reliable-ordered" });
  const zero = zeroModel({
    join: {
      type: "object",
      description: hostile,
      $comment: hostile,
      title: hostile,
      required: [whole],
      properties: {
        [whole]: { enum: [hostile], description: hostile },
        p: { type: "string", pattern: "^[*]/`$" },
      },
    },
  });
  return spec.model({
    name: hostile,
    doc: hostile,
    specFile: "a */ b.yaml",
    zero,
    header: headerModel({
      sealed: [...arenaHeader.sealed, { name: "tick", type: "u16", userIndex: 0, ...about }],
    }),
  });
}
