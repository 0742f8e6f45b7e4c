/**
 * Every bound of the runtime with its name and the reason for its size. What a spec may set stands in
 * `ProtocolLimits` (protocol.ts); here is what holds for every protocol.
 */

/** The largest channel id of a spec: ids are shifted by one on the wire, zero is the connection protocol. */
export const MAX_CHANNEL_ID: number = 0xff_fffe;

/** What a timer of Node can wait, milliseconds: a longer one runs at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** Packet and message numbers are JavaScript numbers inside; sessions close long before 2^53. */
export const MAX_PACKET_NUMBER: number = 2 ** 52;

/** Ranges of received packet numbers that an ack block says. */
export const MAX_ACK_RANGES = 32;

/**
 * Ranges that are remembered: RFC 9000 13.2.3 asks for a bound. More than a block says, since a burst that has come in any order is
 * as many before its gaps have filled, and what is forgotten is never acknowledged.
 */
export const MAX_KNOWN_RANGES = 128;

/** Packet numbers below the newest that a duplicate is still recognised for. Older ones are dropped as duplicates. */
export const DUPLICATE_WINDOW = 1024;

/**
 * In plain mode a packet number further ahead of the newest than this is believed only when a second one follows close
 * behind it (as RFC 3550 A.1 does it): one forged datagram must not end a session. A real jump, after so many losses
 * in a row, costs one datagram more.
 */
export const MAX_NUMBER_JUMP = 64;

/** How far a channel's message numbers run past the oldest that is not acknowledged; a quarter of the u16 space. */
export const MESSAGE_WINDOW = 0x4000;

/** A message costs its payload plus this in every budget, so that empty messages are not free. */
export const MESSAGE_OVERHEAD_BYTES = 64;

/** Of a budget that channels share: what is divided among them as parts of their own. The rest is the pool. */
export const OWN_SHARE: number = 1 / 4;
/** Of what the others leave of the pool: so much a channel takes beyond its own part. */
export const POOL_SHARE: number = 3 / 4;

/** An ack is due after at most this many datagrams with reliable data that ask for none. */
export const ACK_DATAGRAMS = 10;
/** The same of those with nothing but unreliable data. */
export const LAZY_ACK_DATAGRAMS = 32;
/** The longest that an ack of nothing but unreliable data is held back. */
export const LAZY_ACK_MS = 400;
/** An ack of reliable data that says that something is missing is followed by another, after so many milliseconds at most. */
export const ACK_AGAIN_MS = 5;

/** A sender that its window or a queue holds back asks for an ack with one in so many datagrams. */
export const ASK_WHILE_HELD_BACK = 2;
/** A sender that is to tell what became of unreliable messages asks for an ack so often, ms. */
export const ASK_FOR_FATE_MS = 60;

/** About one packet number in this many is skipped, so that an ack of everything is found out (RFC 9000 21.4). */
export const SKIP_ONE_IN = 4096;

/**
 * Datagrams sent and not resolved; at twice as many the oldest are given up. Far below what 16 bits of an ack can name.
 */
export const MAX_OUTSTANDING_DATAGRAMS = 8192;

/** Frames written into one datagram, so that a message number stays unambiguous in a late one (session/receive-age.ts). */
export const MAX_FRAMES_PER_DATAGRAM = 512;

/** Ack block and receive limit together, in a datagram that carries frames: what `sliceBytes` leaves free for them. */
export const ACK_RESERVE_BYTES = 32;

/** Unfinished messages in slices that one unreliable channel keeps; the oldest goes first. */
export const MAX_UNRELIABLE_REASSEMBLIES = 8;

/** Messages that one channel of delivery `unreliable-ordered` keeps behind a gap: the frames of one full datagram. */
export const MAX_ORDERED_WAITING = 512;

/** Fates of messages that wait to be told at the end of a turn; with so many, no message with a token is taken. */
export const MAX_UNTOLD_NOTICES = 16_384;

/** Messages to one peer whose fate a server's application waits for; further ones with a token are not taken. */
export const MAX_OPEN_TOKENS = 4096;

/**
 * Requests to one peer that may be open at once, and requests of one peer that are answered at once, where the option
 * `maxOpenRequests` says nothing; what was given up counts until whatever answers it has ended, so that asking and giving up
 * does not make work without bound. Each side holds the other to its own number and itself to it too: the two need not agree.
 */
export const DEFAULT_MAX_OPEN_REQUESTS = 256;
/** What that may be set to. */
export const MAX_OPEN_REQUESTS = 65_536;

/**
 * Requests, cancels and answers for one peer that wait for room in its queue, as a multiple of the requests that may be open;
 * further answers are dropped.
 */
export const WAITING_PER_OPEN_REQUEST = 4;

/** How long a request waits for its answer where its caller says nothing. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;

/** A message that is sent again, or of a channel with `redundancy`, rides in further datagrams where it is not larger. */
export const MAX_REDUNDANT_BYTES = 256;

/** Datagrams sent in one burst: a stock receive buffer holds about 92 full ones. */
export const MAX_BURST_DATAGRAMS = 32;

/** Of a round trip: what it carries in so much of it is a quantum, with which a sender goes on that had to wait for its pacer … */
export const QUANTUM_ROUND_TRIPS: number = 1 / 16;
/** … but no more than in so many milliseconds, nor than half a burst. */
export const MAX_QUANTUM_MS = 5;

/** Peers that have left and still have messages at a reader: beside those, each is an object with the body of its join. */
export const MAX_DEPARTED_ORIGINS = 1024;

/**
 * Records drained from a ring before the event loop gets a turn, or timers and sockets starve; and how long that may take,
 * beside the record that is being handled. The clock is looked at between strides of so many, or fewer where they take long.
 */
export const MAX_DRAIN_RECORDS = 1024;
export const MAX_DRAIN_MS = 8;
export const MAX_DRAIN_STRIDE = 16;

/** A zero message is one datagram; the shortest possible JSON object behind three zeros is 5 bytes. */
export const MIN_ZERO_DATAGRAM_BYTES = 5;

/** The body of a join that comes in pieces, and how many: with the smallest datagrams these are fewer bytes. */
export const MAX_JOIN_BODY_BYTES = 8192;
export const MAX_JOIN_PIECES = 64;
/** Datagrams that a server looks into for each piece of a join. */
export const MAX_PIECE_TRANSMISSIONS = 32;

/** Depth and keys of a zero message's JSON, checked on the bytes before JSON.parse sees them. */
export const MAX_ZERO_JSON_DEPTH = 6;
export const MAX_ZERO_JSON_KEYS = 64;

/** How long a close waits for reliable messages to be acknowledged where its caller says nothing. */
export const DEFAULT_LINGER_MS = 500;

/** Longest zero message that is read at all, whatever the spec says: a newer protocol's join must be told what differs. */
export const MAX_ZERO_DATAGRAM_BYTES = 1500;

/** Zero messages that may be sent and unacknowledged, and that may be held because one before them is missing. */
export const ZERO_WINDOW = 4;

/**
 * RFC 6298 2.1, 2.4 and 2.5, with bounds that suit a game rather than a bulk transfer: people wait, a repetition costs a
 * datagram, every answer is the same as before, and the handshake has a deadline.
 */
export const ZERO_INITIAL_RTO_MS = 250;
export const ZERO_MIN_RTO_MS = 100;
/**
 * Measured or doubled: what seems further away is a side that is busy, as in a crowd of joins, and a longer wait for
 * what was lost would cost it the deadline.
 */
export const ZERO_MAX_RTO_MS = 400;
/**
 * A pause is longer by at most such a share of it, at random, and never shorter (RFC 8961 section 4: a timeout is not to be below
 * what was measured): who has begun at one moment with many others repeats beside them, not with them.
 */
export const ZERO_RTO_JITTER: number = 1 / 8;

/** The pause after the second `gone`; it doubles each time, up to ZERO_MAX_RESTART_MS. */
export const ZERO_RESTART_MS = 1000;
export const ZERO_MAX_RESTART_MS = 8000;

/**
 * A client whose attach has had no answer for such a share of the handshake's time asks the port that it dialled to keep it:
 * late enough for what was only lost, and with as much time again for the second attempt.
 */
export const ZERO_STAY_SHARE: number = 1 / 3;

/** How often the ack that confirms an address is sent; without an answer the idle timeout decides. */
export const ZERO_CONFIRM_TRANSMISSIONS = 24;

/**
 * A client whose datagrams are not acknowledged asks the server to look for it after three probe timeouts, each twice the one
 * before, as multiples of the first; not before the least, and not after such a share of what is left of the idle timeout
 * behind a keep-alive.
 */
export const SILENT_PROBE_TIMEOUTS = 7;
export const MIN_SILENCE_MS = 500;
export const MAX_SILENCE_SHARE: number = 1 / 3;
/** The same of a protocol, milliseconds. */
export function maxSilenceMs(limits: {
  readonly idleTimeoutMs: number;
  readonly keepAliveMs: number;
}): number {
  return (limits.idleTimeoutMs - limits.keepAliveMs) * MAX_SILENCE_SHARE;
}

/**
 * A server's keep-alive leaves at a multiple of the step, the last that is at least one step before it must; the step is a share of
 * `keepAliveMs`, and at most so long. By a step network and timers may be late without the client saying something, too.
 * With a smaller one fewer peers share a turn, with a larger one a turn has more to send.
 */
export const KEEP_ALIVE_STEP: number = 1 / 25;
export const MAX_KEEP_ALIVE_STEP_MS = 100;
/** Who has only acknowledged for so many times `keepAliveMs` asks for an ack, too. */
export const KEEP_ALIVES_UNASKED = 4;

/** A rebind is repeated with the retransmission timeout, which doubles up to so much. */
export const ZERO_MAX_REBIND_PAUSE_MS = 1000;
/**
 * After so many transmissions without an answer, and after each further one, a client that does not hear the server either takes
 * another socket; after so many what was to be verified is asked for anew.
 */
export const ZERO_REBIND_TRANSMISSIONS = 3;
/** The same pause of who goes on from the socket that it has, where such silence may last that long. */
export const ZERO_MAX_CALM_REBIND_PAUSE_MS = 4000;

/** Of the peers that a port may have, so many may be away at a time; the one that is away for the longest leaves. */
export const MAX_AWAY_SHARE: number = 1 / 2;

/** How long a close is repeated without an answer, and how long the other side answers repeated ones. */
export const ZERO_CLOSE_TIMEOUT_MS = 5000;

/** Zero datagrams and events waiting to be fetched; a caller that fetches after each call never has more than a few. */
export const MAX_ZERO_OUTBOX = 1024;

/** Times the bytes received that an unproven address may be sent (RFC 9000 section 8.1). */
export const UNPROVEN_FACTOR = 3;

/** Buckets of addresses, each with a rate of its own above the one for all: addresses may share one. */
export const ADDRESS_BUCKETS = 4096;

/** UTF-8 bytes of a connect token's claims, which are a JSON object, and of the name of its audience. */
export const MAX_TOKEN_CLAIMS_BYTES = 512;
export const MAX_TOKEN_AUDIENCE_BYTES = 64;

/** How long a connect token may live: a server remembers the ids of those that were used for as long. */
export const MAX_TOKEN_LIFETIME_MS = 86_400_000;

/** Issuers whose connect tokens one server takes. */
export const MAX_TOKEN_ISSUERS = 16;

/**
 * The most that V8 keeps of what is new in a worker's heap, MiB, three times what it collects at a time. `node:dgram` gives each
 * datagram memory of its own outside the heap, which only a collection frees. By itself V8 waits for 16 MiB of new objects, of
 * which a datagram is few, and searches the whole heap before that for the sake of what is outside.
 */
export const WORKER_YOUNG_HEAP_MB = 6;
