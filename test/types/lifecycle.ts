/** What a table of transitions must not compile with; face.test.ts compiles it. Nothing of it is ever run. */
import { type Transitions, transitions } from "#src/connection/lifecycle.js";

const { closed: _, ...rest } = transitions;

// @ts-expect-error: a state is missing
export const missingState: Transitions = rest;

// @ts-expect-error: there is no such event
export const unknownEvent: Transitions = { ...transitions, closed: { reopened: "closed" } };

// @ts-expect-error: there is no such state
export const unknownNext: Transitions = { ...transitions, closed: { closeRequested: "gone" } };

// @ts-expect-error: there is no such state
export const unknownState: Transitions = { ...transitions, gone: {} };
