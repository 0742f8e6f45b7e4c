/**
 * One side of an exchange over two small rings under pressure: takes nothing before both rings have been full at once, stands
 * still for `pauseMs` in the middle, and gives on what comes only when it is whole and next. Used by both threads.
 */
import { Doorbell } from "#src/port/doorbell.js";
import { Drained, RingReader, RingWriter } from "#src/port/ring.js";
import { isRecord, payloadBytes } from "./records.mjs";

/** Of this thread alone: nothing else runs meanwhile. */
const clock = new Int32Array(new SharedArrayBuffer(4));

export function exchangePressed({ out, in: inbound, bell, otherBell, count, full, side, pauseMs }) {
  const writer = new RingWriter(out);
  const reader = new RingReader(inbound);
  const own = new Doorbell(bell);
  const other = new Doorbell(otherBell);
  const fulls = new Int32Array(full);
  const report = { received: 0, wrong: 0, refused: 0 };
  let sent = 0;
  const areBothFull = () => Atomics.load(fulls, 0) + Atomics.load(fulls, 1) === 2;
  return new Promise((resolve) => {
    const send = () => {
      while (sent < count) {
        const bytes = payloadBytes(sent);
        const w = writer.reserve(sent & 0xff, bytes);
        if (w === undefined) {
          report.refused++;
          Atomics.store(fulls, side, 1);
          break;
        }
        w.u32(sent);
        for (let i = 4; i < bytes; i++) w.u8((sent + i) & 0xff);
        writer.commit();
        sent++;
      }
      other.ring();
      if (areBothFull()) own.resume();
      if (sent < count) setImmediate(send);
      else finish();
    };
    const finish = () => {
      if (sent < count || report.received < count) return;
      other.ringNow();
      own.close();
      other.close();
      resolve(report);
    };
    own.wait(
      () => areBothFull() && !reader.isEmpty,
      () => {
        const result = reader.drain(64, (kind, bytes, view, start, end) => {
          if (!areBothFull()) return false;
          if (report.received === count >> 1) Atomics.wait(clock, 0, 0, pauseMs);
          if (!isRecord(report.received++, kind, bytes, view, start, end)) report.wrong++;
          return true;
        });
        finish();
        return result === Drained.more;
      },
    );
    send();
  });
}
