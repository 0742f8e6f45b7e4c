/** A command line that cannot be understood, or that asks for what cannot be done: its message is printed, exit code 2. */
export class UsageError extends Error {}
