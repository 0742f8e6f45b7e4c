/**
 * What both ends of messages between the threads of a server share (section `system` of a spec): where they go, their
 * bytes, who handles them. The rings that carry them are in port/, what the application is shown in server-systems.ts.
 */
import { rethrowFrom } from "./errors.ts";
import { unknownName } from "./options.ts";
import type { SystemDirection, SystemMessageDefinition } from "./protocol.ts";
import { encodeOnce } from "./wire/encode-once.ts";
import type { Reader } from "./wire/reader.ts";

/** Where a message of systems goes: to the application, to the port of this number, or to all other ports. */
export const TO_APPLICATION = 0;
export const TO_OTHER_PORTS = 0x1_0000;

/** The bytes of a message, valid until the next is encoded. Throws InvalidMessageError, which names it. */
export function encodeSystem(
  { encoder, name }: SystemMessageDefinition,
  value: unknown,
): Uint8Array {
  try {
    return encodeOnce(encoder, value);
  } catch (error) {
    rethrowFrom(error, name);
  }
}

/** Throws MalformedError: only where the two ends were generated at different times. */
export function decodeSystem(
  { decoder }: SystemMessageDefinition,
  reader: Reader,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): unknown {
  reader.compat = false;
  return decoder.decode(reader.reset(bytes, view, start, end));
}

/** The message of a name, where it comes from there. Throws STARDUST_INVALID_OPTION, which names the option. */
export function systemMessage(
  messages: readonly SystemMessageDefinition[] | undefined,
  name: string,
  from: readonly SystemDirection[],
  option: string,
): SystemMessageDefinition {
  const message = messages?.find((candidate) => candidate.name === name);
  if (message !== undefined && from.includes(message.direction)) return message;
  const known = (messages ?? []).filter(({ direction }) => from.includes(direction));
  const names = known.map((one) => one.name);
  throw unknownName(
    `${option}.${name}`,
    name,
    names,
    "message of the section `system` that comes here",
  );
}
