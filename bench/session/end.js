/** One end of a session without a socket, as the benchmarks of the session drive it. */
import { Session } from "#src/session/session.js";
import { SeededRandom } from "#src/testing/index.js";
import { Writer } from "#src/wire/index.js";

/** What it has to send stands in `out`, of `outBytes`, one datagram behind the other, `ends` says where each ends. */
export class End {
  constructor(protocol, role, seed, outBytes = 256 * 1024) {
    const random = new SeededRandom(seed);
    this.taken = 0;
    this.bytes = 0;
    this.session = new Session({
      protocol,
      role,
      nowMs: 0,
      random: () => random.next(),
      sink: {
        deliver: ({ start, end }) => {
          this.taken++;
          this.bytes += end - start;
          return true;
        },
      },
    });
    this.out = new Writer(new Uint8Array(outBytes));
    this.count = 0;
    this.ends = new Int32Array(outBytes >>> 8);
  }

  /** Writes all that is due. */
  turn(nowMs) {
    const { out, session } = this;
    if (session.pollDeadline() <= nowMs) session.handleTimeout(nowMs);
    out.at = 0;
    this.count = 0;
    for (;;) {
      const at = out.at;
      const length = session.pollTransmit(out, nowMs);
      if (length === 0) break;
      out.at = at + length;
      this.ends[this.count++] = out.at;
    }
  }

  /** What it has written, each with a view: as from a socket, a datagram begins where its bytes do. */
  datagrams() {
    let at = 0;
    return Array.from({ length: this.count }, (_, i) => {
      const bytes = this.out.bytes.subarray(at, this.ends[i]);
      at = this.ends[i];
      return [bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length)];
    });
  }

  /** Reads all of another end's. */
  read(datagrams, nowMs) {
    for (const [bytes, view] of datagrams) {
      this.session.handleDatagram(bytes, view, bytes.length, nowMs);
    }
  }
}
