/** Why a change is not made, or a question not answered: told to the user, and nothing has been written. */
export class Refusal extends Error {
  /** Places that show it, as `file:line:column what`. */
  readonly places: readonly string[];

  constructor(message: string, places: readonly string[] = []) {
    super(message);
    this.places = places;
  }
}
