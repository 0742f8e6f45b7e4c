/**
 * One side of an exchange of records over two rings: writes `count` of them in bursts, as fast as they are taken,
 * and checks `count` that come. Used by both threads.
 */
import { Doorbell } from "#src/port/doorbell.js";
import { Drained, RingReader, RingWriter } from "#src/port/ring.js";

/** Resolves with what came: how many, a checksum, and how often this side was woken. */
export function exchange({ out, in: inbound, bell, otherBell, count, seed, otherSeed }) {
  const writer = new RingWriter(out);
  const reader = new RingReader(inbound);
  const own = new Doorbell(bell);
  const other = new Doorbell(otherBell);
  const report = { received: 0, wrong: 0, checksum: 0, turns: 0 };
  let sent = 0;
  let burst = 1;
  return new Promise((resolve) => {
    const send = () => {
      // Bursts of changing size: sometimes the other side sleeps in between, sometimes it falls behind.
      burst = (burst * 7 + 3) % 1500;
      for (let i = 0; i < burst && sent < count; i++) {
        const size = 8 + ((sent * 13) % 90);
        const w = writer.reserve(sent & 0xff, size);
        if (w === undefined) break;
        w.u32(sent);
        w.u32((sent * 2654435761 + seed) >>> 0);
        w.at += size - 8;
        writer.commit();
        sent++;
      }
      other.ring();
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
      () => !reader.isEmpty,
      () => {
        report.turns++;
        const result = reader.drain(1024, (kind, _bytes, view, start, end) => {
          const number = report.received++;
          const check = view.getUint32(start + 4);
          if (
            kind !== (number & 0xff) ||
            view.getUint32(start) !== number ||
            check !== (number * 2654435761 + otherSeed) >>> 0 ||
            end - start !== 8 + ((number * 13) % 90)
          ) {
            report.wrong++;
          }
          report.checksum = (report.checksum + check) >>> 0;
          return true;
        });
        finish();
        return result === Drained.more;
      },
    );
    send();
  });
}
