"""Checks the functions of the client against the vectors in the JSON files."""
import hashlib, hmac, json
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from join import Join, Token, padded, read_join_key, secret_key
from session import Session
from stardust import (Codec, Layout, Reader, Refused, TrafficKeys, acknowledged, b64, check_accept, handshake_keys, mac_of, nearest,
                      read_zero, unb64, varint, write_zero)

counts = {}


def same(what, ours, theirs):
    good, bad = counts.get(what.split(':')[0], (0, 0))
    counts[what.split(':')[0]] = (good + (ours == theirs), bad + (ours != theirs))
    if ours != theirs:
        print('WRONG %s\n  ours   %.400r\n  theirs %.400r' % (what, ours, theirs))


def plain(value):
    """A value of the vectors as ours: {"$bytes": hex} are bytes."""
    if isinstance(value, dict):
        return bytes.fromhex(value['$bytes']) if '$bytes' in value else {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Refused as problem:
        return 'refused: %s' % problem


def key_exchange(v):
    h = bytes.fromhex
    private = X25519PrivateKey.from_private_bytes(h(v['clientPrivateKey']))
    same('key exchange: public key', private.public_key().public_bytes_raw().hex(), v['clientPublicKey'])
    transcript, keys = handshake_keys(private, h(v['serverPublicKey']), h(v['join']), h(v['accept']))
    same('key exchange: transcript', transcript.hex(), v['transcript'])
    for ours, theirs in (('shared', 'shared'), ('client mac', 'clientMacKey'), ('server mac', 'serverMacKey'),
                         ('client', 'clientSecret'), ('server', 'serverSecret')):
        same('key exchange: ' + theirs, keys[ours].hex(), v[theirs])
    checked = check_accept(private, h(v['join']), h(v['accept']))
    same('key exchange: signature', checked and checked[1], b64(h(v['identityPublicKey'])))
    signature = Ed25519PrivateKey.from_private_bytes(h(v['identitySeed'])).sign(b'stardust 1 server signature' + transcript)
    same('key exchange: signature made again', signature.hex(), v['signature'])
    same('key exchange: another join', check_accept(private, h(v['join']) + b' ', h(v['accept'])), None)
    for key in v['lowOrderKeys']:
        try:
            private.exchange(X25519PublicKey.from_public_bytes(h(key)))
            same('key exchange: low order', 'taken', 'refused')
        except ValueError:
            same('key exchange: low order', 'refused', 'refused')
    for name, key in (('attach', 'client mac'), ('attached', 'server mac')):
        data = h(v[name])
        same('key exchange: mac', mac_of(keys[key], data[:-32]), data[-24:-2])


def recorded(v, model):
    """A whole connection: its keys from the private ones, then every MAC, and every datagram opened."""
    h = bytes.fromhex
    private = X25519PrivateKey.from_private_bytes(h(v['clientPrivateKey']))
    join = [h(d['hex']) for d in v['datagrams'] if d.get('msg') == 'join'][-1]
    keys = traffic = None
    for d in v['datagrams']:
        data, side = h(d['hex']), d['from']
        if d.get('msg') == 'accept':
            keys, _ = check_accept(private, join, data)
            traffic = {side: TrafficKeys(keys[side], model['cipher']) for side in ('client', 'server')}
        elif 'msg' in d and data[-32:-24] == b',"mac":"':
            same('recorded: mac of ' + d['msg'], mac_of(keys[side + ' mac'], data[:-32]), data[-24:-2])
        elif 'open' in d:
            number = int.from_bytes(data[4:6], 'big')
            same('recorded: opened', (data[:6] + traffic[side].open(number, data[:6], data[6:])).hex(), d['open'])
    cid = h(v['datagrams'][0]['hex'])[17:39].decode()
    for one in v['refused']:
        data, side = h(one['hex']), v['datagrams'][one['before']]['from']
        mac_key = keys[side + ' mac'] if v['datagrams'][one['before']]['msg'] in ('attach', 'attached') else None
        is_accept = v['datagrams'][one['before']]['msg'] == 'accept'    # its body is another spec's; what is signed is not

        def take(datagram):
            return check_accept(private, join, datagram) if is_accept else read_zero(model, datagram, cid, mac_key, side)

        same('recorded: taken', take(h(v['datagrams'][one['before']]['hex'])) is not None, True)
        same('recorded: refused, ' + one['case'], take(data), None)
    for message in v['messages']:
        same('recorded: said', any(d.get('open', '').endswith(message['payload']) for d in v['datagrams']), True)


def model_of(hash_, security, secrets, size=1200):
    """As much of a model as a join needs, for vectors of specs that are not at hand."""
    body = {'properties': {name: {'secret': name in secrets} for name in ('name', 'ticket', *secrets)}}
    return {'hash': hash_, 'version': 1, 'security': security, 'limits': {'maxDatagramBytes': size},
            'zero': {'messages': [{'name': 'join', 'body': body, 'bodyBytes': 8192}]}}


def secrets(v):
    h = bytes.fromhex
    private, port = (X25519PrivateKey.from_private_bytes(h(v[name])) for name in ('clientPrivateKey', 'joinPrivateKey'))
    challenge, join = (json.loads(h(v[name])[3:]) for name in ('challenge', 'join'))
    offered = read_join_key(challenge['sys']['joinKey'])
    same('secrets: key', offered, (port.public_key().public_bytes_raw(), v['identity']))
    same('secrets: another key', read_join_key('A' + v['joinKey'][1:]), None)
    key, plain = secret_key(private, offered[0]), padded(json.loads(v['members']))
    seal = len(plain) + 16, lambda head: AESGCM(key).encrypt(bytes(12), plain, head)
    made = write_zero(join['cid'], 'join', 1, 0, join['sys'], join['body'], pad_to=700, seal=seal)
    same('secrets: join', made.hex(), v['join'])
    for one in v['refused']:
        head, _, text = h(one['join']).rpartition(b',"secret":"')
        try:
            AESGCM(key).decrypt(bytes(12), unb64(text[:-2].decode(), seal[0]), head)
            same('secrets: ' + one['case'], 'opened', 'refused')
        except InvalidTag:
            same('secrets: refused', 'refused', 'refused')


def tokens(v):
    h = bytes.fromhex
    token = Token('stardust-token-%s.%s' % (v['token'], b64(h(v['clientSeed']))))
    join = json.loads(h(v['join'])[3:])
    made = write_zero(join['cid'], 'join', 1, 0, join['sys'], join['body'], pad_to=800, sign=token.sign)
    same('tokens: join', made.hex(), v['join'])
    same('tokens: of ours', token.signed, join['sys']['token'])
    for wrong in ('', v['token'], 'stardust-token-' + v['token']):
        try:
            same('tokens: wrong', Token(wrong), None)
        except ValueError:
            same('tokens: refused', True, True)


def replay(join, datagrams):
    """Both joins and all pieces, made again with the record's cookie."""
    challenge = next(json.loads(d[3:]) for d in datagrams if b'"msg":"challenge"' in d)
    ours = [join.first(), join.second(challenge['sys']), *join.pieces]
    theirs = list(dict.fromkeys(d for d in datagrams if b'"msg":"join"' in d[:64]))
    for at, (made, said) in enumerate(zip(ours, theirs)):
        same('joins: %d' % (at + 1), made.hex(), said.hex())
    same('joins: count', len(ours), len(theirs))
    return ours[1]


def pieces(v):
    h = bytes.fromhex
    for name, security, hidden in (('readable', 'plain', ()), ('sealed', 'sealed', ('password', 'pin'))):
        one = v[name]
        first, second = (json.loads(h(one[join])[3:]) for join in ('join1', 'join2'))
        private = X25519PrivateKey.from_private_bytes(h(v['clientPrivateKey']))
        join = Join(model_of(first['sys']['hash'], security, hidden), json.loads(one['body']), cid=first['cid'], private=private)
        port = X25519PrivateKey.from_private_bytes(h(v['joinPrivateKey'])).public_key().public_bytes_raw()
        same('pieces: join 1', join.first().hex(), one['join1'])
        made = join.build(second['sys']['cookie'], secret_key(private, port))
        same('pieces: join 2', made.hex(), one['join2'])
        join.cut_pieces(made, secret_key(private, port))
        same('pieces: pieces', [piece.hex() for piece in join.pieces], one['pieces'])


def recorded_joins(v):
    h = bytes.fromhex
    keys = v['keys']
    for one in v['joins']:
        datagrams = [h(d['hex']) for d in one['datagrams']]
        security = 'sealed' if b'"key":"' in datagrams[0] else 'plain'
        token = one.get('token') and Token('stardust-token-%s.%s' % (one['token'], b64(h(keys['tokenKeySeed']))))
        private = X25519PrivateKey.from_private_bytes(h(keys['clientPrivateKey']))
        join = Join(model_of(one['hash'], security, one['secrets']), one['body'], token, datagrams[0][17:39].decode(), private)
        join2 = replay(join, datagrams)
        accept = next(d for d in datagrams if b'"msg":"accept"' in d)
        if security == 'sealed':
            macs, identity = check_accept(private, join2, accept)
            same('joins: identity', join.identity in (None, identity), True)
        else:
            ticket = unb64(json.loads(accept[3:])['sys']['ticket'], 32)
            macs = {side + ' mac': hmac.digest(ticket, b'stardust 1 zero mac ' + way, 'sha256')
                    for side, way in (('client', b'client to server'), ('server', b'server to client'))}
        for d, data in zip(one['datagrams'], datagrams):
            if data[-32:-24] == b',"mac":"':
                same('joins: mac', mac_of(macs[d['from'] + ' mac'], data[:-32]), data[-24:-2])


def macs(v):
    h, plain = bytes.fromhex, v['plain']
    for side, way in (('client', b'client to server'), ('server', b'server to client')):
        key = hmac.digest(h(plain['ticket']), b'stardust 1 zero mac ' + way, 'sha256')
        same('macs: key', key.hex(), plain[side + 'Key'])
        data = h(plain['from' + side.capitalize()])
        same('macs: mac', mac_of(key, data[:-32]), data[-24:-2])
    same('macs: proof of a loss', b64(hashlib.sha256(unb64(v['loss']['proof'], 16)).digest()[:16]), v['loss']['reset'])


def sealing(v):
    for cipher, phases in v['ciphers'].items():
        keys = TrafficKeys(bytes.fromhex(phases[0]['secret']), cipher)
        for phase in phases:
            same('sealing: key', (keys.key.hex(), keys.iv.hex()), (phase['key'], phase['iv']))
            for d in phase['datagrams']:
                clear, rest = bytes.fromhex(d['clear']), bytes.fromhex(d['plaintext'])
                same('sealing: nonce', keys.nonce(d['packetNumber']).hex(), d['nonce'])
                same('sealing: ' + d['case'], keys.seal(d['packetNumber'], clear, rest).hex(), d['datagram'])
                sealed = bytes.fromhex(d['datagram'])[len(clear):]
                same('sealing: opened', keys.open(d['packetNumber'], clear, sealed), rest)
            following, keys = keys.following.hex(), keys.next()
            if phase is not phases[-1]:
                same('sealing: next secret', following, phases[phases.index(phase) + 1]['secret'])


def messages(v, model):
    codec, layout = Codec(model), Layout(model)
    structs = {c['name']: c['message'] for c in model['channels']}
    for m in v['messages']:
        name, value = structs[m['channel']], plain(m['value'])
        same('messages: encode %s' % m['case'], codec.encode(name, value).hex(), m['hex'])
        same('messages: decode %s' % m['case'], attempt(codec.decode, name, bytes.fromhex(m['hex'])), value)

    def whole(data):
        channel, flags, low, bits, size = layout.read_clear(data)
        return layout.read_rest(channel, flags, data[size:])

    for d in v['datagrams']:
        ack = d.get('ack') and (d['ack']['largest'], d['ack']['delay'], d['ack']['runs'])
        frames = [(layout.ids[f['channel']], f.get('number'), f.get('slice') and (f['slice']['index'], f['slice']['count']),
                   bytes.fromhex(f['payload'])) for f in d['frames']]
        data = b''.join(layout.write(d['packetNumber'], d['wide'], ack, d.get('receiveLimit'), d['ackNow'], frames, d.get('padding', 0)))
        same('datagrams: ' + d['case'], data.hex(), d['hex'])
        same('datagrams: read ' + d['case'], attempt(whole, bytes.fromhex(d['hex'])), (ack, d.get('receiveLimit'), frames))
    for r in v['refused']:
        data = bytes.fromhex(r['hex'])
        result = attempt(codec.decode, structs[r['channel']], data) if 'channel' in r else attempt(whole, data)
        same('refused: %s, %s' % (r.get('channel', 'datagram'), r['case']), str(result)[:8], 'refused:')


def zero(v, model):
    keys, joins = v['keys'], {}
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(keys['clientPrivateKey']))
    for z in v['zero']:
        data = bytes.fromhex(z['hex'])
        key = bytes.fromhex(keys[z['from']]) if z['mac'] else None
        if not z.get('sig'):
            same('zero: write ' + z['case'], write_zero(z['cid'], z['msg'], z['seq'], z['ack'], z['sys'], z['body'], key, z['padBytes']), data)
        got = read_zero(model, data, z['cid'], key, z['from'])
        same('zero: read ' + z['case'], got and [got[n] for n in ('msg', 'seq', 'ack', 'sys', 'body')],
             [z[n] for n in ('msg', 'seq', 'ack', 'sys', 'body')])
        if z['msg'] == 'join':
            joins[z['case']] = data
        if z.get('sig'):                                        # for which join is not said: one of them must do
            good = [case for case, join in joins.items() if check_accept(private, join, data)]
            same('zero: signature, ' + z['case'], bool(good), True)
            for case in good:
                ours = handshake_keys(private, X25519PrivateKey.from_private_bytes(bytes.fromhex(keys['serverPrivateKey']))
                                      .public_key().public_bytes_raw(), joins[case], data)[1]
                fits = [ours[o].hex() == keys[t] for o, t in (('client mac', 'client'), ('server mac', 'server'),
                                                              ('client', 'clientSecret'), ('server', 'serverSecret'))]
                print('  (%s is signed for: %s; its keys are those of the vectors: %s)' % (z['case'], case, fits))


class NullKeys:
    def seal(self, number, clear, rest):
        return clear + rest

    def open(self, number, clear, sealed):
        return sealed


def sessions(v, model):
    for n in v['packetNumbers']:
        same('session: packet numbers %s' % n, nearest(n['truncated'], n['bits'], n['largest']), n['number'])
    for n in v['acknowledged']:
        same('session: acknowledged %s' % n, acknowledged(n['truncated'], n['lastSent'], n['bits']), n['number'])
    s = Session(model, NullKeys(), NullKeys(), 0)
    for r in v['roundTrips']:
        s.sample(r['rttMs'], min(r['ackDelayMs'], 20 if r['reliable'] else 60))
        same('session: round trips', (s.smoothed, s.variation, s.probe_timeout()), (r['smoothedMs'], r['variationMs'], r['probeTimeoutMs']))
    # The traces are of another spec; this client knows the deliveries of the first one only. The session tag is cut out of what comes.
    about = v['model']
    other = dict(model, limits=dict(model['limits'], **about['limits']), structs=model['structs'] + [{'name': 'N', 'fixedBytes': 4}],
                 channels=[dict(c, message='N') for c in about['channels'] if c['name'] in ('spark', 'event')])
    for trace in v['traces'][:1]:
        s = Session(other, NullKeys(), NullKeys(), 0, 'client-to-server', skip=False)
        for step in trace['steps']:
            now, handed = step['atMs'], None
            if 'datagram' in step:
                data = bytes.fromhex(step['datagram'])
                handed = s.receive(data[:4] + data[8:], now)
            same('session: trace hands on: %s' % step, [{'channel': s.layout.channels[c]['name'], 'hex': p.hex()} for c, p in handed or []],
                 step.get('handsOn', []))
            writes = []
            for data in s.transmit(now):
                channel, flags, low, bits, size = s.layout.read_clear(data)
                ack, limit, _ = s.layout.read_rest(channel, flags, data[size:])
                high, pairs = ack[0], []
                for at, run in enumerate(ack[2]):
                    pairs += [[high - run + 1, high]] if at % 2 == 0 else []
                    high -= run
                writes.append({'acks': pairs, 'delay': ack[1], **({} if limit is None else {'limit': limit})})
            same('session: trace writes: %s' % step, writes, step.get('writes', []))


def run(load, model):
    """`load` gives a JSON file by its name."""
    for value in (0, 127, 128, 300, 2 ** 53 - 1):
        same('varints: %d' % value, Reader(varint(value)).varint(), value)
    key_exchange(load('key-exchange-vectors.json'))
    sealing(load('sealing-vectors.json'))
    recorded(load('recorded-session.json'), model)
    secrets(load('secret-vectors.json'))
    tokens(load('token-vectors.json'))
    pieces(load('piece-vectors.json'))
    recorded_joins(load('recorded-joins.json'))
    macs(load('mac-vectors.json'))
    vectors = load('vectors.json')
    messages(vectors, model)
    zero(vectors, model)
    sessions(load('session-vectors.json'), model)
    for what, (good, bad) in counts.items():
        print('%-14s %4d good, %d wrong' % (what, good, bad))
    return 1 if any(bad for _, bad in counts.values()) else 0
