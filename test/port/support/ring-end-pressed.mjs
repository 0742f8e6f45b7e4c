/**
 * One end of a port's rings under pressure, as the runtime has it: a writer that is refused does nothing more until a record tells
 * it of room. Used by both threads.
 */
import { ToApplication } from "#src/port/records-to-application.js";
import { ToWorker } from "#src/port/records-to-worker.js";
import { RingEnd } from "#src/port/ring-end.js";
import { isRecord, payloadBytes } from "./records.mjs";

/** Of this thread alone: nothing else runs meanwhile. */
const clock = new Int32Array(new SharedArrayBuffer(4));

const kinds = {
  application: { out: ToWorker.send, in: ToApplication.message, room: ToApplication.ringDrained },
  worker: { out: ToApplication.message, in: ToWorker.send, room: ToWorker.ringDrained },
};

/** Takes nothing before both rings have been full at once, and stands still for `pauseMs` in the middle. */
export function pressEnd({ memory, side, count, full, pauseMs }) {
  const kind = kinds[side];
  const end = new RingEnd(memory, side);
  const fulls = new Int32Array(full);
  const report = { received: 0, wrong: 0, refused: 0, told: 0 };
  let sent = 0;
  const areBothFull = () => Atomics.load(fulls, 0) + Atomics.load(fulls, 1) === 2;
  return new Promise((resolve) => {
    const send = () => {
      while (sent < count) {
        const bytes = payloadBytes(sent);
        const w = end.reserve(kind.out, bytes);
        if (w === undefined) {
          report.refused++;
          Atomics.store(fulls, side === "worker" ? 1 : 0, 1);
          break;
        }
        w.u32(sent);
        for (let i = 4; i < bytes; i++) w.u8((sent + i) & 0xff);
        end.publish();
        sent++;
      }
      finish();
    };
    const finish = () => {
      if (sent < count || report.received < count) return;
      end.ringNow();
      end.close();
      resolve(report);
    };
    const take = (came, bytes, view, start, stop) => {
      if (came === kind.room) {
        report.told++;
        // As PortHandle does: what was refused is tried again when this drain is over.
        queueMicrotask(send);
        return true;
      }
      if (!areBothFull()) return false;
      if (report.received === count >> 1) Atomics.wait(clock, 0, 0, pauseMs);
      const number = report.received++;
      if (came !== kind.in || !isRecord(number, number & 0xff, bytes, view, start, stop))
        report.wrong++;
      return true;
    };
    end.wait(() => {
      const more = end.drain(take);
      finish();
      return more;
    });
    send();
    // Who has stopped until both are full looks again when they are: no other wait is on a clock.
    const look = setInterval(() => {
      if (!areBothFull()) return;
      clearInterval(look);
      end.lookAgain();
    }, 1);
  });
}

/** Publishes so many records to the application, once `go` is there. */
export function fillRing({ memory, fill, filled, go }) {
  Atomics.wait(new Int32Array(go), 0, 0);
  const end = new RingEnd(memory, "worker");
  for (let number = 0; number < fill; number++) {
    const w = end.reserve(ToApplication.message, 8);
    w.u32(number);
    w.u32(fill);
    end.commit();
  }
  end.ringNow();
  const words = new Int32Array(filled);
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
}
