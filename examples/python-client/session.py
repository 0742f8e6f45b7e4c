"""One end of a sealed Stardust session, from wire.md alone: packet numbers, acknowledgements, channels. Times are milliseconds."""
import random
from cryptography.exceptions import InvalidTag
from stardust import OVERHEAD, WINDOW, ACK_NOW, PHASE, Layout, Refused, acknowledged, nearest

NEVER = float('inf')
ACK_TIMER_EARLY = 2
ACK_AGAIN = 5


class Inbox:
    """What has come on one channel. `next` is the lowest message number that has not."""

    def __init__(self):
        self.next, self.newest, self.whole, self.parts, self.counts = 0, -1, {}, {}, {}

    def full_number(self, low):
        top = self.next + WINDOW
        number = top - ((top - low) % 0x10000)
        return number if number >= 0 else number + 0x10000


class Flow:
    """The channels of one direction whose messages count against limits: what each holds of the budget."""

    def __init__(self, layout, budget, direction):
        each = [c for c in layout.channels.values() if c['delivery'] in ('reliable', 'reliable-ordered')
                and c['direction'] in (direction, 'both')]
        self.ids = sorted(c['id'] for c in each)
        part = budget if len(each) == 1 else budget // (4 * max(len(each), 1))
        self.pool = 0 if len(each) == 1 else budget * 3 // 4
        self.own = {c['id']: max(part, c['maxBytes'] + OVERHEAD) for c in each}
        self.counted, self.handed, self.told = [dict.fromkeys(self.ids, 0) for _ in range(3)]

    def pooled(self, channel, more=0):
        return max(0, self.counted[channel] - self.handed[channel] + more - self.own[channel])

    def room(self, channel):
        """What the others leave of the pool."""
        return self.pool - sum(self.pooled(other) for other in self.ids if other != channel)


class Session:
    """One end of the regular protocol. `receive` takes datagrams, `transmit` gives them; it has no clock of its own."""

    def __init__(self, model, keys_out, keys_in, now, direction='server-to-client', skip=True):
        self.layout, self.limits, self.direction = Layout(model), model['limits'], direction
        self.keys_out, self.skip = keys_out, skip
        # Receiving. `seen` tells duplicates (the last 1024 numbers), `ranges` is what is acknowledged, newest first.
        self.keys_in, self.keys_before, self.phase, self.phase_first, self.phase_since = keys_in, None, 0, None, NEVER
        self.largest, self.largest_at, self.seen, self.ranges = -1, now, set(), []
        self.ack_at, self.ripe_at, self.reliable_count, self.unreliable_count, self.answers = NEVER, NEVER, 0, 0, set()
        self.again = False
        self.inboxes = {channel: Inbox() for channel in self.layout.channels}
        budget, other = self.limits['receiveBudgetBytes'], {'server-to-client': 'client-to-server', 'client-to-server': 'server-to-client'}
        self.flow_in = Flow(self.layout, budget, direction)
        self.flow_out = Flow(self.layout, budget, other[direction])
        self.heard_at = now
        # Sending.
        self.number, self.left_out, self.largest_acked, self.sent = 0, set(), -1, {}
        self.fresh, self.waiting, self.unacked, self.message_numbers = [], [], {}, {}
        self.asks, self.held_back = 0, False
        self.smoothed, self.variation, self.latest, self.first_sample = 333.0, 166.5, 333.0, True
        self.probes, self.probe_from, self.want_q, self.last_q, self.loss_at = 0, now, False, -NEVER, NEVER
        self.sent_at = now

    # -- what comes

    def receive(self, data, now):
        """Messages that are handed on, as (channel id, payload); None where the datagram was dropped.
        Raises Refused where the other side has broken the protocol behind a good tag."""
        try:
            channel, flags, low, bits, size = self.layout.read_clear(data)
        except Refused:
            return None                                         # the clear part can be anybody's: only dropped
        number = nearest(low, bits, self.largest)
        if number <= self.largest - 1024 or number in self.seen:
            return None
        rest = self.open(number, data[:size], data[size:], 1 if flags & PHASE else 0, now)
        if rest is None:
            return None
        ack, limit, frames = self.layout.read_rest(channel, flags, rest, self.direction)
        frames = self.check(frames)
        acked = self.check_ack(ack)
        if limit is not None:
            flow = self.flow_out
            if not flow.ids:
                raise Refused('unknownChannel')
            if limit // len(flow.ids) > flow.counted[flow.ids[limit % len(flow.ids)]]:
                raise Refused('acknowledgedUnsent')
        # All is right: now it has effects.
        gap, late = number != self.largest + 1, number < self.largest - 64
        self.heard_at = now
        self.seen.add(number)
        self.add_range(number)
        if number > self.largest:
            self.largest, self.largest_at = number, now
            self.seen = {n for n in self.seen if n > number - 1024}
        self.schedule_ack(flags, frames, gap, now)
        if flags & ACK_NOW and not frames:
            self.answers.add(channel)
        if limit is not None:
            flow = self.flow_out
            of, handed = flow.ids[limit % len(flow.ids)], limit // len(flow.ids)
            flow.handed[of] = max(flow.handed[of], handed)
        if acked and not late:
            self.on_ack(acked, ack[1], now)
        return [message for frame in frames for message in self.take(frame, number)]

    def open(self, number, clear, sealed, phase, now):
        if phase == self.phase:
            keys, kind = self.keys_in, 'current'
        elif self.phase_first is None or number < self.phase_first:
            keys, kind = self.keys_before if now < self.phase_since + 3 * self.probe_timeout() else None, 'before'
        else:
            keys, kind = self.keys_in.next(), 'next'
        try:
            rest = keys.open(number, clear, sealed) if keys else None
        except InvalidTag:
            return None
        if rest is not None and kind == 'next':
            self.keys_before, self.keys_in, self.phase = self.keys_in, keys, phase
            self.phase_first, self.phase_since = number, now
        elif rest is not None and kind == 'current':
            self.phase_first = number if self.phase_first is None else min(self.phase_first, number)
        return rest

    def check(self, frames):
        """Whole message numbers, and what only the state can refuse."""
        out, new, flow = [], {}, self.flow_in
        for channel, low, part, payload in frames:
            inbox, about = self.inboxes[channel], self.layout.channels[channel]
            number = None if low is None else inbox.full_number(low)
            if number is not None:
                if about['reliable'] and number >= inbox.next + WINDOW:
                    raise Refused('messageWindow')
                if part and inbox.counts.get(number, part[1]) != part[1]:
                    raise Refused('sliceBounds')
                if about['reliable'] and number >= inbox.next and number not in inbox.whole and number not in inbox.counts:
                    cost = OVERHEAD + ((part[1] - 1) * self.layout.slice_bytes + 1 if part else len(payload))
                    new[channel] = new.get(channel, 0) + cost
                    if flow.pooled(channel, new[channel]) and sum(flow.pooled(c, new.get(c, 0)) for c in flow.ids) > flow.pool:
                        raise Refused('receiveLimit')
            out.append((channel, number, part, payload))
        return out

    def check_ack(self, ack):
        """The ranges [(lowest, highest)] that a block names, newest first."""
        if not ack:
            return None
        high, ranges = acknowledged(ack[0], self.number - 1), []
        for at, run in enumerate(ack[2]):
            if at % 2 == 0:
                ranges.append((high - run + 1, high))
            high -= run
        if high < -1 or ranges[0][1] >= self.number or any(a <= n <= b for n in self.left_out for a, b in ranges):
            raise Refused('acknowledgedUnsent')
        return ranges

    def add_range(self, number):
        merged = []
        for low, high in sorted(self.ranges + [(number, number)], reverse=True):
            if merged and merged[-1][0] <= high + 1:
                merged[-1] = low, merged[-1][1]
            else:
                merged.append((low, high))
        self.ranges = merged[:32]                              # the oldest are forgotten

    def schedule_ack(self, flags, frames, gap, now):
        if not frames and not flags & ACK_NOW:
            return                                              # a pure ack asks for none
        hold, full = 400, False
        if any(self.layout.channels[f[0]]['reliable'] for f in frames):
            self.reliable_count += 1
            hold, full = self.limits['maxAckDelayMs'] - ACK_TIMER_EARLY, self.reliable_count >= 10
            self.again = self.again or gap                      # should the ack that says so be lost
        else:
            self.unreliable_count += 1
            full = self.unreliable_count >= 32
        self.again = self.again and len(self.ranges) > 1
        if flags & ACK_NOW or gap or full or now >= self.ripe_at:
            self.ack_at = now
        elif now + hold < self.ack_at:
            self.ack_at, self.ripe_at = now + hold, now + hold / 3

    def take(self, frame, packet):
        """Puts a frame into its channel, gives what can be handed on."""
        channel, number, part, payload = frame
        inbox, about = self.inboxes[channel], self.layout.channels[channel]
        if not about['reliable']:
            if about['delivery'] == 'unreliable-sequenced':     # the arena has no numbered ones
                if packet < inbox.newest:
                    return []
                inbox.newest = packet
            return [(channel, payload)]
        if number < inbox.next or number in inbox.whole:
            return []
        if part:
            if number not in inbox.parts:
                inbox.parts[number], inbox.counts[number] = {}, part[1]
                self.flow_in.counted[channel] += OVERHEAD + (part[1] - 1) * self.layout.slice_bytes + 1
            parts = inbox.parts[number]
            if part[0] == part[1] - 1 and part[0] not in parts:
                self.flow_in.counted[channel] += len(payload) - 1
            parts[part[0]] = payload
            if len(parts) < part[1]:
                return []
            payload = b''.join(parts[index] for index in range(part[1]))
            del inbox.parts[number], inbox.counts[number]
        else:
            self.flow_in.counted[channel] += OVERHEAD + len(payload)
        ordered = about['delivery'] == 'reliable-ordered'
        inbox.whole[number] = payload if ordered else None
        out = [] if ordered else [payload]
        while inbox.next in inbox.whole:
            kept = inbox.whole.pop(inbox.next)
            inbox.next += 1
            out += [kept] if ordered else []
        self.flow_in.handed[channel] += sum(OVERHEAD + len(each) for each in out)
        return [(channel, each) for each in out]

    def on_ack(self, ranges, delay, now):
        named = lambda n: any(low <= n <= high for low, high in ranges)
        largest, news = ranges[0][1], False
        record = self.sent.get(largest)
        if record and record['asks'] and not record['acked'] and delay != 255:
            held = min(delay * 0.25, self.limits['maxAckDelayMs'] if record['keys'] else 64)
            self.sample(now - record['at'], held)
        for number, record in self.sent.items():
            if record['acked'] or not named(number):
                continue
            record['acked'] = news = True
            for key in record['keys']:
                self.unacked.pop(key, None)
            # What that datagram acknowledged need not be named again; the largest number stays as the block's head.
            self.ranges = [(max(low, min(record['acks'] + 1, self.largest)), high) for low, high in self.ranges
                           if high > record['acks'] or high == self.largest]
        self.largest_acked = max(self.largest_acked, largest)
        if news:
            self.probes, self.probe_from = 0, now
            self.detect_losses(now)
        self.sent = {n: r for n, r in self.sent.items() if n > self.largest_acked - 1024 or r['keys'] and not r['acked']}

    def sample(self, took, held):
        sample, self.latest = max(took - held, 0), took
        if self.first_sample:
            self.smoothed, self.variation, self.first_sample = sample, sample / 2, False
        else:
            self.variation += (abs(self.smoothed - sample) - self.variation) / 4
            self.smoothed += (sample - self.smoothed) / 8

    def detect_losses(self, now):
        """By time alone: a round trip and an eighth after a datagram was sent, if a later one was acknowledged."""
        self.loss_at, trip = NEVER, max(self.smoothed, self.latest)
        for number, record in self.sent.items():
            if record['keys'] and not record['acked'] and not record['lost'] and number < self.largest_acked:
                at = record['at'] + max(trip * 9 / 8, 1)
                if at <= now:
                    record['lost'] = True
                    self.waiting += [key for key in record['keys'] if key in self.unacked]
                else:
                    self.loss_at = min(self.loss_at, at)

    # -- what is sent

    def say(self, channel, payload):
        self.fresh.append((self.layout.ids[channel], payload))

    def probe_timeout(self):
        return self.smoothed + max(4 * self.variation, 1) + self.limits['maxAckDelayMs']

    def probe_at(self):
        timeout = self.probe_timeout()
        held_back = bool(self.fresh)                            # the limit timer is the same
        return self.probe_from + min(timeout * 2 ** self.probes, max(3000, timeout)) if self.unacked or held_back else NEVER

    def next_timer(self):
        return min(self.ack_at, self.probe_at(), self.loss_at, self.sent_at + self.limits['keepAliveMs'])

    def timers(self, now):
        if self.loss_at <= now:
            self.detect_losses(now)
        if self.probe_at() <= now:
            self.probes, self.probe_from, self.want_q = self.probes + 1, now, True
            self.waiting += list(self.unacked)[:8]
        if self.sent_at + self.limits['keepAliveMs'] <= now:
            self.want_q = True

    def pick(self):
        """Frames for one datagram: what was lost before what is new. All of ours are small, none is a slice."""
        keys, size = [], 0
        for key in sorted(set(self.waiting)):
            if key in self.unacked and size + len(self.unacked[key]) < 900:
                keys, size = keys + [key], size + len(self.unacked[key]) + 8
        self.waiting = [key for key in self.waiting if key in self.unacked and key not in keys]
        in_flight = sum(1 for r in self.sent.values() if r['keys'] and not r['acked'] and not r['lost'])
        while self.fresh and in_flight < 10 and size + len(self.fresh[0][1]) < 900:   # a simple congestion window
            channel, payload = self.fresh[0]
            cost, flow = OVERHEAD + len(payload), self.flow_out
            self.held_back = flow.pooled(channel, cost) > flow.room(channel) * 3 / 4
            if self.held_back:
                self.asks = channel
                break
            number = self.message_numbers.get(channel, 0)
            self.message_numbers[channel] = number + 1
            self.unacked[channel, number] = payload
            flow.counted[channel] += cost
            keys, size = keys + [(channel, number)], size + len(payload) + 8
            self.fresh.pop(0)
        return [(channel, number, None, self.unacked[channel, number]) for channel, number in sorted(keys)]

    def transmit(self, now):
        """All datagrams that are to be sent now, sealed."""
        out = []
        while True:
            frames = self.pick()
            if not frames and not self.want_q and self.ack_at > now:
                return out
            ack, limit, ack_now = None, None, self.want_q or bool(frames and self.fresh)   # more waits for acks
            if self.ranges and (self.reliable_count or self.unreliable_count or self.ack_at <= now):
                delay, runs, before = int((now - self.largest_at) * 4), [], None
                for low, high in self.ranges:
                    runs += ([] if before is None else [before - high - 1]) + [high - low + 1]
                    before = low
                ack = self.ranges[0][1], min(delay, 255), runs
                flow = self.flow_in
                for at, c in enumerate(flow.ids):
                    if limit is None and (flow.handed[c] - flow.told[c] >= flow.own[c] / 4 or c in self.answers and flow.handed[c]):
                        limit, flow.told[c] = flow.handed[c] * len(flow.ids) + at, flow.handed[c]
                        self.answers.discard(c)
                if not frames and len(runs) > 1 and now - self.last_q > self.smoothed:
                    ack_now = True                              # so that our ranges can be forgotten
                self.ack_at, self.ripe_at, self.reliable_count, self.unreliable_count = NEVER, NEVER, 0, 0
                if self.again:
                    self.ack_at, self.again = now + ACK_AGAIN, False
            wide = self.number - self.largest_acked >= 1 << 14
            asks = self.asks if ack_now and not frames else 0
            clear, rest = self.layout.write(self.number, wide, ack, limit, ack_now, frames, asks=asks)
            out.append(self.keys_out.seal(self.number, clear, rest))
            self.sent[self.number] = {'at': now, 'keys': [f[:2] for f in frames], 'acks': ack[0] if ack else -1,
                                      'asks': bool(frames or ack_now), 'acked': False, 'lost': False}
            self.sent_at, self.want_q = now, False
            if ack_now:
                self.last_q = now
            if frames:
                self.probe_from = now
            self.number += 1
            if self.skip and random.randrange(4096) == 0:
                self.left_out.add(self.number)
                self.number += 1
