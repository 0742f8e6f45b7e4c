#!/usr/bin/env python3
"""A client of the sealed Stardust arena, written from wire.md, connection.md, model.json and the vectors alone.

    client.py HOST:PORT [--name NAME] [--join JSON] [--token TEXT] [--say TEXT] [--server-key=KEY] [--seconds N] [--docs DIR ...]
    client.py --self-test [--docs DIR ...]

It joins, takes the map, says something, prints the chat, and leaves with an acknowledged close. At servers of other sealed specs it
joins, says something where there is a channel `say`, and leaves. Beside it lie join.py (what it says to be let in),
stardust.py (bytes: messages, datagrams, keys, zero messages), session.py (the regular protocol) and selftest.py. Times are
milliseconds.
"""
import argparse, json, os, random, select, socket, sys, time
from join import WINDOW, Join, Token, Unfit
from session import NEVER, Session
from stardust import Codec, Refused, TrafficKeys, b64, check_accept, read_zero, unb64, write_zero


class Fatal(Exception):
    """The client cannot go on; the text is for its user."""


def milliseconds():
    return time.monotonic() * 1000


# ---- The connection: join, attach, close --------------------------------------------------------------------

class Gone(Exception):
    pass


class Timeout:
    """The retransmission timeout of RFC 6298, within 100 and 400 ms."""

    def __init__(self):
        self.smoothed, self.variation, self.now = None, None, 250.0

    def sample(self, took):
        if self.smoothed is None:
            self.smoothed, self.variation = took, took / 2
        else:
            self.variation += (abs(self.smoothed - took) - self.variation) / 4
            self.smoothed += (took - self.smoothed) / 8
        self.now = min(max(self.smoothed + 4 * self.variation, 100), 400)

    def double(self):
        self.now = min(self.now * 2, 400)

    def pause(self):
        """Longer by up to an eighth: who began with us does not come again with us."""
        return self.now * random.uniform(1, 1.125)


class Client:
    def __init__(self, model, host, port, body, server_key, token=None):
        self.model, self.limits, self.server_key = model, model['limits'], server_key
        self.dialled, self.body, self.token = port, body, token
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self.ip, self.socket = address[0], socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.rto = Timeout()

    def send(self, data):
        try:
            self.socket.sendto(data, (self.ip, self.port))
        except OSError:
            pass                                                # what the network reports closes nothing

    def receive(self, until):
        """The next datagram from the address and port that we talk to; None when it is too late."""
        while True:
            wait = max(0, until - milliseconds()) / 1000
            if not select.select([self.socket], [], [], wait)[0]:
                return None
            try:
                data, source = self.socket.recvfrom(65536)
            except OSError:
                continue
            if source[:2] == (self.ip, self.port):
                return data

    def request(self, data, wanted, deadline, accept=lambda message, raw: message, sent=False):
        """
        Sends, and again with the retransmission timeout, until a message that is wanted comes; then what `accept` makes of it. `sent`: it
        has been sent before, and is heard.
        """
        first, again = milliseconds(), int(sent)
        while milliseconds() < deadline:
            if not sent:
                self.send(data)
            sent, until = False, min(milliseconds() + self.rto.pause(), deadline)
            while (raw := self.receive(until)) is not None:
                if raw[:3] != b'\0\0\0':
                    result = self.session and self.early(raw)
                    if result:
                        return result
                    continue
                message = read_zero(self.model, raw, self.cid, self.mac_in)
                if not message:
                    continue
                if message['msg'] == 'gone' and 'ack' not in wanted:
                    raise Gone
                if message['msg'] == 'reject' and wanted[0] in ('challenge', 'accept'):
                    raise Fatal('the server rejects: ' + json.dumps(message['sys'], ensure_ascii=False))
                if message['msg'] == 'processing' and 'accept' in wanted:
                    until = min(milliseconds() + self.rto.pause(), deadline)
                if message['msg'] in wanted and (result := accept(message, raw)) is not None:
                    if not again:
                        self.rto.sample(milliseconds() - first)  # Karn: only what was sent once
                    return result
            again += 1
            self.rto.double()
        raise Fatal('no answer: %s' % '/'.join(wanted))

    def early(self, raw):
        """A regular datagram while we attach: where it opens, it says as much as attached."""
        got = self.session.receive(raw, milliseconds())
        self.inbox += got or []
        return got is not None and {'msg': 'datagram'}

    def connect(self):
        deadline, pause = milliseconds() + self.limits['handshakeTimeoutMs'], 0
        while True:
            try:
                return self.attempt(deadline)
            except Gone:
                time.sleep(min(pause * random.uniform(1, 1.125), max(0, deadline - milliseconds())) / 1000)
                pause = min(pause * 2 or 1000, 8000)

    def attempt(self, deadline):
        join = Join(self.model, self.body, self.token)
        self.cid, self.port, self.mac_in, self.session, self.inbox = join.cid, self.dialled, None, None, []
        join2 = self.request(join.first(), ['challenge'], deadline, lambda message, raw: join.second(message['sys']))
        if self.server_key and join.identity not in (None, self.server_key):
            raise Fatal('the server is another one: its key is ' + join.identity)

        def accepted(message, raw):
            checked, said = check_accept(join.private, join2, raw), message['sys']
            if not checked or said['hash'] != self.model['hash'] or said.get('compat') \
                    or join.identity not in (None, checked[1]) \
                    or not any(low <= said['port'] <= high for low, high in said['ports']):
                return None
            return message, *checked

        early = None
        if join.pieces:
            self.request(join2, ['processing', 'accept'], deadline)
            early = self.send_pieces(join.pieces, deadline, accepted)
        accept, keys, identity = early or self.request(join2, ['accept'], deadline, accepted, sent=bool(join.pieces))
        if self.server_key and identity != self.server_key:
            raise Fatal('the server is another one: its key is ' + identity)
        print('the server has the key %s%s' % (identity, '' if self.server_key else
              ' (opportunistic: nobody has checked it, give --server-key)'))
        print('accepted as peer %d on port %d: %s' % (accept['sys']['peer'], accept['sys']['port'], accept['body'].get('motd', '')))
        self.peer, self.port, self.mac_out = accept['sys']['peer'], accept['sys']['port'], keys['client mac']
        self.mac_in = keys['server mac']
        self.session = Session(self.model, TrafficKeys(keys['client'], self.model['cipher']),
                               TrafficKeys(keys['server'], self.model['cipher']), milliseconds())
        size = next(m['maxBytes'] for m in self.model['zero']['messages'] if m['name'] == 'attached')
        attach = write_zero(self.cid, 'attach', 2, 1, {'port': self.port, 'nonce': b64(os.urandom(16)), 'counter': 1},
                            key=self.mac_out, pad_to=size)
        self.their_seq, self.remote_close, self.confirms, self.confirm_at, self.nonce = 2, None, 0, NEVER, None
        self.zero(self.request(attach, ['attached', 'close'], deadline))

    def send_pieces(self, pieces, deadline, accepted):
        """A window at a time, the oldest again with the retransmission timeout, until all are acknowledged. What came of accept, if that came first."""
        acked, sent, until = 0, 0, NEVER
        while acked < len(pieces):
            while sent < min(len(pieces), acked + WINDOW):
                self.send(pieces[sent])
                sent, until = sent + 1, min(until, milliseconds() + self.rto.pause())
            raw = self.receive(min(until, deadline))
            if raw is None:
                if milliseconds() >= deadline:
                    raise Fatal('no answer: pieces %d of %d' % (acked, len(pieces)))
                self.send(pieces[acked])
                self.rto.double()
                until = milliseconds() + self.rto.pause()
                continue
            message = read_zero(self.model, raw, self.cid, None)
            if not message:
                continue
            if message['msg'] == 'gone':
                raise Gone
            if message['msg'] == 'reject':
                raise Fatal('the server rejects: ' + json.dumps(message['sys'], ensure_ascii=False))
            if message['msg'] == 'accept' and (result := accepted(message, raw)):
                return result
            if message['msg'] == 'processing' and acked < message['sys'].get('pieces', 0) <= sent:
                acked, until = message['sys']['pieces'], milliseconds() + self.rto.pause()
        return None

    # -- open

    def zero(self, message):
        """A zero message while the connection is open or closing."""
        name = message['msg']
        if name == 'attached':
            self.nonce = message['sys']['nonce']
            self.confirm_at, self.confirms = milliseconds(), 0
        elif name == 'ack':
            if message['sys'].get('nonce') == self.nonce:
                self.confirm_at = NEVER                         # the server's own ack: our address is proven
        elif name == 'close':
            if message['seq'] in (self.their_seq, self.their_seq + 1):
                self.their_seq = message['seq']
                self.remote_close = message['sys']
                self.send(self.ack())

    def ack(self, nonce=None):
        return write_zero(self.cid, 'ack', 0, self.their_seq, {'nonce': nonce} if nonce else {}, key=self.mac_out)

    def turn(self, until):
        """Sends what is due, waits for one datagram, and gives the messages that are handed on."""
        now = milliseconds()
        if self.confirm_at <= now and self.confirms < 24:
            self.send(self.ack(self.nonce))
            self.confirms, self.confirm_at = self.confirms + 1, now + self.rto.pause()
            self.rto.double()
        self.session.timers(now)
        for data in self.session.transmit(now):
            self.send(data)
        if now > self.session.heard_at + self.limits['idleTimeoutMs']:
            raise Fatal('idle-timeout')
        raw, got, self.inbox = self.receive(min(until, self.session.next_timer(), self.confirm_at)), self.inbox, []
        while raw is not None:                                  # all that has come, in one turn
            if raw[:3] == b'\0\0\0':
                message = read_zero(self.model, raw, self.cid, self.mac_in)
                if message and message['msg'] in ('attached', 'ack', 'close'):
                    self.zero(message)
            else:
                got += self.session.receive(raw, milliseconds()) or []
            raw = self.receive(0)
        return got

    def close(self, code, reason=None):
        """True where the server has acknowledged it."""
        sys_ = {'code': code, 'reason': reason} if reason else {'code': code}
        data = write_zero(self.cid, 'close', 3, self.their_seq, sys_, key=self.mac_out)
        self.session, self.rto = None, Timeout()

        def answered(message, raw):
            if message['msg'] == 'close':
                self.zero(message)                              # theirs has crossed ours, and is acknowledged
            return message if message['ack'] >= 3 or message['msg'] == 'close' else None

        try:
            self.request(data, ['ack', 'close'], milliseconds() + 5000, answered)
            return True
        except Fatal:
            return False

    def drain(self):
        """The server has closed: its repetitions are acknowledged for 5 s."""
        deadline, self.session = milliseconds() + 5000, None
        while (raw := self.receive(deadline)) is not None:
            message = read_zero(self.model, raw, self.cid, self.mac_in)
            if message and message['msg'] == 'close':
                self.zero(message)


# ---- What it does there ----------------------------------------------------------------------------------------------

def fnv1a(data):
    value = 0x811c9dc5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xffffffff
    return value


class Arena:
    """What this client does in the game: takes the map, says that it is ready, says one line, listens."""

    def __init__(self, model, client, line):
        self.codec, self.client, self.line = Codec(model), client, line
        self.channels = {c['id']: c for c in model['channels']}
        self.seen, self.said, self.echoed, self.chats = {}, False, False, 0

    def play(self, seconds):
        client, start = self.client, milliseconds()
        end = start + seconds * 1000
        while milliseconds() < end and not client.remote_close:
            for channel, payload in client.turn(end if self.said else min(end, start + 3000)):
                self.handle(self.channels[channel], payload)
            if not self.said and ('map' in self.seen or milliseconds() > start + 3000):
                self.said = True
                client.session.say('chat', self.codec.encode('ChatMessage', {'from': 0, 'text': self.line}))

    def handle(self, about, payload):
        name, value = about['name'], self.codec.decode(about['message'], payload)
        self.seen[name] = self.seen.get(name, 0) + 1
        if name == 'map':
            print('map %r: %d x %d tiles, %d bytes' % (value['name'], value['width'], value['height'], len(payload)))
            self.client.session.say('ready', self.codec.encode('ReadyMessage', {'mapChecksum': fnv1a(value['tiles'])}))
        elif name == 'chat':
            self.chats += 1
            own = value['from'] == self.client.peer and value['text'] == self.line
            self.echoed = self.echoed or own
            print('<%d>%s %s' % (value['from'], ' (that is us)' if own else '', value['text']))

    def settle(self):
        """Lets what was sent be acknowledged, for 500 ms at most. True where all is."""
        end = milliseconds() + 500
        while (self.client.session.unacked or self.client.session.fresh) and milliseconds() < end:
            for channel, payload in self.client.turn(end):
                self.handle(self.channels[channel], payload)
        return not self.client.session.unacked and not self.client.session.fresh

    def problems(self):
        return [] if self.chats else ['no chat came']


class Visit(Arena):
    """In another game: says one line where there is a channel `say`, prints what comes, and leaves when the line comes back."""

    def play(self, seconds):
        end = milliseconds() + seconds * 1000
        say = next((c for c in self.channels.values() if c['name'] == 'say'), None)
        if say:
            self.client.session.say('say', self.codec.encode(say['message'], {'text': self.line}))
        self.said = True
        while milliseconds() < end and not self.client.remote_close and not self.echoed:
            for channel, payload in self.client.turn(end):
                self.handle(self.channels[channel], payload)

    def handle(self, about, payload):
        self.seen[about['name']] = self.seen.get(about['name'], 0) + 1
        value = self.codec.decode(about['message'], payload)
        self.echoed = self.echoed or value == {'text': self.line}
        print('%s: %s' % (about['name'], json.dumps(value, ensure_ascii=False, default=repr)))

    def problems(self):
        return []


def load(folders, name):
    """A JSON file, from the first of the folders that has it."""
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                return json.load(file)
    raise Fatal('%s is in none of %s' % (name, ', '.join(folders)))


def run(options, model):
    host, _, port = options.address.rpartition(':')
    key = options.server_key
    if key and len(key) == 64:
        key = b64(bytes.fromhex(key))
    if key:
        unb64(key, 32)
    body = json.loads(options.join) if options.join else {'name': options.name}
    token = Token(options.token) if options.token else None
    client = Client(model, host.strip('[]'), int(port), body, key, token)
    arena = (Arena if any(c['name'] == 'map' for c in model['channels']) else Visit)(model, client, options.say)
    try:
        client.connect()
        print('attached')
        arena.play(options.seconds)
        if client.remote_close:
            client.drain()
            raise Fatal('the server closed: ' + json.dumps(client.remote_close, ensure_ascii=False))
        settled = arena.settle()
    except Refused as problem:                                  # behind a good tag: it is the other side's doing
        client.close('protocol-violation', str(problem))
        raise Fatal('the server has broken the protocol: %s' % problem) from None
    closed = client.close('done')
    print('messages by channel: ' + json.dumps(arena.seen))
    problems = [text for good, text in ((arena.said and settled, 'our message was not acknowledged'),
                                        (closed, 'close was not acknowledged')) if not good]
    problems += arena.problems()
    if problems:
        raise Fatal('; '.join(problems))
    print('left: close was acknowledged' + ('' if arena.echoed else ' (our line was not echoed)'))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('address', nargs='?', metavar='HOST:PORT')
    parser.add_argument('--name', default='python')
    parser.add_argument('--join', metavar='JSON', help='the body of join, in place of a name')
    parser.add_argument('--token', metavar='TEXT', help='a connect token, as a backend hands it to a player')
    parser.add_argument('--say', default='hello from Python', metavar='TEXT')
    parser.add_argument('--server-key', metavar='KEY', help="the server's public key: base64url, or 64 hex digits")
    parser.add_argument('--seconds', type=float, default=5, help='how long to stay')
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument('--docs', nargs='+', default=[os.path.join(here, '..', '..', folder) for folder in ('generated', 'docs')],
                        metavar='DIR', help='where model.json and the vectors lie')
    parser.add_argument('--self-test', action='store_true')
    options = parser.parse_args()
    try:
        model = load(options.docs, 'model.json')
        if options.self_test:
            import selftest
            return selftest.run(lambda name: load(options.docs, name), model)
        if not options.address or not options.address.rpartition(':')[2].isdigit():
            parser.error('HOST:PORT is needed')
        run(options, model)
        return 0
    except (Fatal, Unfit, OSError, ValueError) as problem:
        print('error: %s' % problem, file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
