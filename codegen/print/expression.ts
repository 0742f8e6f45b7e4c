/** Expressions of the generated code that know whether they need parentheses, so that nobody looks for these in text. */

export interface Expression {
  readonly text: string;
  /** Whether it has an operator outermost. */
  readonly isCompound: boolean;
}

/** A name, a call, a member, a literal: it needs no parentheses anywhere. */
export function atom(text: string): Expression {
  return { text, isCompound: false };
}

export function compound(text: string): Expression {
  return { text, isCompound: true };
}

/** As it stands beside an operator. */
export function operand({ text, isCompound }: Expression): string {
  return isCompound ? `(${text})` : text;
}
