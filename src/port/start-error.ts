/** What a worker that could not start, or has ended, is to the application: one of Stardust's errors, whatever the system said. */
import { type ErrorCode, errorCodes, PortBindError, StardustError } from "../errors.ts";
import type { WorkerPost } from "./posts.ts";

/** What `reserve` resolves with when there is no worker any more. */
export const WORKER_GONE = "its worker has ended";

export function startError(failed: Extract<WorkerPost, { type: "failed" }>): StardustError {
  const { code, message, bind } = failed;
  const cause = failed.cause && Object.assign(new Error(failed.cause.message), failed.cause);
  if (bind !== undefined) {
    return new PortBindError(bind.port, bind.host, cause ?? new Error(message));
  }
  const known: ErrorCode = code in errorCodes ? (code as ErrorCode) : "STARDUST_WORKER_IMPORT";
  return new StardustError(known, message, { cause });
}

/** Out of files or memory, say: what `listen` rejects with is one of ours, whatever the system said. */
export function notStarted(port: number, error: Error): StardustError {
  if (error instanceof StardustError) return error;
  const message = `the worker of port ${port} could not start: ${error.message}`;
  return new StardustError("STARDUST_WORKER_DIED", message, { cause: error });
}

/** A worker has ended that was not to, and has not said why. */
export function workerDied(port: number, code: number): StardustError {
  return new StardustError(
    "STARDUST_WORKER_DIED",
    `the worker of port ${port} ended with code ${code}`,
  );
}
