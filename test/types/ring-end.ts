/** What a ring end must not compile with: a record of the other direction. face.test.ts compiles it; nothing of it is ever run. */
import { ToApplication } from "#src/port/records-to-application.js";
import { ToWorker } from "#src/port/records-to-worker.js";
import type { RingEnd } from "#src/port/ring-end.js";

declare const application: RingEnd<"application">;
declare const worker: RingEnd<"worker">;

application.reserve(ToWorker.send, 8);
application.reserveUrgent(ToWorker.close, 8);
worker.reserve(ToApplication.message, 8);
worker.reserveUrgent(ToApplication.leave, 8);

// @ts-expect-error the application reads messages, it does not write them
application.reserve(ToApplication.message, 8);
// @ts-expect-error nor does it report that a peer has left
application.reserveUrgent(ToApplication.leave, 8);
// @ts-expect-error a worker does not command
worker.reserve(ToWorker.send, 8);
// @ts-expect-error not even where its record cannot be refused
worker.reserveUrgent(ToWorker.close, 8);
// @ts-expect-error a number is not a kind
worker.reserve(Number("2"), 8);
