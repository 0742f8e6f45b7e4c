"""Stardust's bytes: messages, datagrams, keys and zero messages, from wire.md, connection.md and model.json alone."""
import base64, hashlib, hmac, json, re, struct
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

NEVER = float('inf')
ACK, ACK_NOW, FRAMES, SLICE, MORE, WIDE, PHASE, LIMIT = (0x80 >> bit for bit in range(8))
SAME, NEXT_SLICE, NEXT_MORE, CONSECUTIVE = 0x80, 0x40, 0x20, 0x10     # of a frame's next byte
TAG_BYTES, OVERHEAD, WINDOW = 16, 64, 1 << 14


class Refused(Exception):
    """A datagram or message is illegal; the text is the name of the counter."""


# ---- Bytes ---------------------------------------------------------------------------------------

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def unb64(text, size):
    """Base64url without padding; there is one text for each value."""
    data = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    if len(data) != size or b64(data) != text:
        raise ValueError('not canonical base64url')
    return data


def varint(value):
    out = b''
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        if size > self.left():
            raise Refused('truncated')
        self.at += size
        return self.data[self.at - size:self.at]

    def uint(self, size):
        return int.from_bytes(self.take(size), 'big')

    def varint(self):
        value = 0
        for shift in range(0, 56, 7):
            byte = self.uint(1)
            value |= (byte & 127) << shift
            if byte < 128:
                if (byte == 0 and shift) or value > 2 ** 53 - 1:
                    raise Refused('nonMinimal')
                return value
        raise Refused('nonMinimal')


def nearest(low, bits, largest):
    """The packet number that ends in `low` and is nearest to the largest received plus one (RFC 9000 A.3)."""
    span = 1 << bits
    number = (largest + 1) - ((largest + 1 - low) % span)        # at most the expected one
    if largest + 1 - number >= span // 2 or number < 0:
        number += span
    return number


def acknowledged(low, last_sent, bits=16):
    """The highest number that ends in `low` and is at most 2^15 above the last one sent."""
    top = last_sent + (1 << bits - 1)
    return top - ((top - low) % (1 << bits))


# ---- Messages: bytes by the model --------------------------------------------------------------------

class Codec:
    def __init__(self, model):
        self.structs = {each['name']: each for each in model['structs']}
        self.enums = {each['name']: {v['name']: v['value'] for v in each['values']} for each in model['enums']}

    def encode(self, name, value):
        bits, rest = '', b''
        for member in self.structs[name]['members']:
            kind, here = member['type'], value.get(member['name'])
            width = kind.get('bits', 0)
            if member['optional']:
                bits += '0' if here is None else '1'
            if here is None and not member['optional']:
                raise ValueError('no ' + member['name'])
            if width:
                bits += format(0 if here is None else self.index(kind, here), '0%db' % width)
            elif here is not None:
                rest += self.whole(kind, here)
        return self.pack(bits) + rest

    @staticmethod
    def pack(bits):
        bits += '0' * (-len(bits) % 8)
        return int(bits or '0', 2).to_bytes(len(bits) // 8, 'big')

    def index(self, kind, value):
        """The number that stands for a value in a bit block."""
        if kind['kind'] == 'bool':
            return int(value)
        if kind['kind'] == 'enum':
            return self.enums[kind['name']][value]
        low, high, steps = kind['min'], kind['max'], kind['steps']
        if not low <= value <= high:
            raise ValueError('out of range')
        return value - low if kind['integer'] else int((value - low) / (high - low) * steps + 0.5)

    def value(self, kind, index):
        if kind['kind'] == 'bool':
            return bool(index)
        if kind['kind'] == 'enum':
            for name, number in self.enums[kind['name']].items():
                if number == index:
                    return name
            raise Refused('messagesMalformed')
        low, high, steps = kind['min'], kind['max'], kind['steps']
        if index > steps:
            raise Refused('messagesMalformed')
        return low + index if kind['integer'] else high if index == steps else low + index / steps * (high - low)

    def whole(self, kind, value):
        """What stands in the rest: whole bytes."""
        what = kind['kind']
        if what == 'integer':
            return value.to_bytes(kind['bytes'], 'big', signed=kind['signed'])
        if what in ('string', 'bytes'):
            data = value.encode() if what == 'string' else value
            if len(data) > kind['maxBytes']:
                raise ValueError('longer than %d bytes' % kind['maxBytes'])
            return varint(len(data)) + data
        if what == 'list':
            if len(value) > kind['max']:
                raise ValueError('too many')
            of = kind['of']
            return varint(len(value)) + b''.join(
                self.pack(format(self.index(of, v), '0%db' % of['bits'])) if 'bits' in of else self.whole(of, v) for v in value)
        if what == 'struct':
            return self.encode(kind['name'], value)
        raise NotImplementedError(what)                           # the arena has no others

    def decode(self, name, data):
        reader = Reader(data)
        try:
            value = self.members(name, reader)
        except (Refused, UnicodeDecodeError):
            raise Refused('messagesMalformed') from None
        if reader.left():
            raise Refused('messagesMalformed')
        return value

    def members(self, name, reader):
        members = self.structs[name]['members']
        width = sum(m['type'].get('bits', 0) + m['optional'] for m in members)
        size = -(-width // 8)
        bits = format(reader.uint(size), '0%db' % (size * 8)) if size else ''
        if '1' in bits[width:]:
            raise Refused('messagesMalformed')                    # padding
        value, at = {}, 0
        for member in members:
            kind, here = member['type'], True
            if member['optional']:
                here, at = bits[at] == '1', at + 1
            if 'bits' in kind:
                index, at = int(bits[at:at + kind['bits']], 2), at + kind['bits']
                if here:
                    value[member['name']] = self.value(kind, index)
                elif index:
                    raise Refused('messagesMalformed')
            elif here:
                value[member['name']] = self.read_whole(kind, reader)
        return value

    def read_whole(self, kind, reader):
        what = kind['kind']
        if what == 'integer':
            return int.from_bytes(reader.take(kind['bytes']), 'big', signed=kind['signed'])
        if what == 'struct':
            return self.members(kind['name'], reader)
        count = reader.varint()
        if count > kind['max' if what == 'list' else 'maxBytes'] or count > reader.left():
            raise Refused('messagesMalformed')
        if what == 'list':                                        # the arena has lists of structs only
            return [self.read_whole(kind['of'], reader) for _ in range(count)]
        data = reader.take(count)
        return data.decode('utf-8') if what == 'string' else data


# ---- Datagrams of the regular protocol (as they are before they are sealed) ---------------------------------

class Layout:
    """The header of the arena (the default one without a session tag) and frames on its channels."""

    def __init__(self, model):
        sizes = {each['name']: each['fixedBytes'] for each in model['structs']}
        self.channels = {c['id']: dict(c, fixed=sizes[c['message']]) for c in model['channels']}
        self.ids = {c['name']: c['id'] for c in model['channels']}
        self.slice_bytes = model['limits']['sliceBytes']

    def write(self, number, wide, ack=None, limit=None, ack_now=False, frames=(), padding=0, asks=0):
        """`asks` is a channel id; `ack` is (largest, delay, runs); a frame (channel id, number, (index, count) or None, payload). -> clear, rest"""
        flags = ACK * (ack is not None) | ACK_NOW * ack_now | WIDE * wide | LIMIT * (limit is not None)
        if frames:
            flags |= FRAMES | SLICE * (frames[0][2] is not None) | MORE * (len(frames) > 1)
        clear = struct.pack('>I', (frames[0][0] + 1 if frames else asks + 1) << 8 | flags)
        clear += struct.pack('>I' if wide else '>H', number & (0xffffffff if wide else 0xffff))
        rest = b''
        if ack:
            largest, delay, runs = ack
            rest += struct.pack('>HB', largest & 0xffff, delay)
            short = len(runs) == 1 and runs[0] <= 128
            rest += bytes([runs[0] - 1]) if short else bytes([0x80 + len(runs) // 2]) + b''.join(varint(r - 1) for r in runs)
        if limit is not None:
            rest += varint(limit)
        before = None
        for at, (channel, message, part, payload) in enumerate(frames):
            more, about = at + 1 < len(frames), self.channels[channel]
            consecutive = False
            if before:
                same = before[0] == channel
                consecutive = same and about['numbered'] and message & 0xffff == before[1] + 1 & 0xffff
                rest += bytes([SAME * same | NEXT_SLICE * (part is not None) | NEXT_MORE * more | CONSECUTIVE * consecutive])
                if not same:
                    rest += (channel + 1).to_bytes(3, 'big')
            if about['numbered'] and not consecutive:
                rest += struct.pack('>H', message & 0xffff)
            if part:
                rest += varint(part[0]) + varint(part[1])
            if more and (part or about['fixed'] < 0):
                rest += varint(len(payload))
            rest, before = rest + payload, (channel, message)
        return clear, rest + bytes(padding)

    def read_clear(self, data):
        """-> (channel id, flags, low bits of the number, how many bits, size of the clear part)"""
        reader = Reader(data)
        channel, flags = reader.uint(3) - 1, reader.uint(1)
        bits = 32 if flags & WIDE else 16
        low = reader.uint(bits // 8)
        if flags & (SLICE | MORE) and not flags & FRAMES or flags & LIMIT and not flags & ACK \
                or not flags & (ACK | ACK_NOW | FRAMES):
            raise Refused('flags')
        if channel not in self.channels and (flags & FRAMES or channel != 0) or channel != 0 and not flags & (FRAMES | ACK_NOW):
            raise Refused('unknownChannel')
        return channel, flags, low, bits, reader.at

    def read_rest(self, channel, flags, data, direction=None):
        """-> ack (low bits of the largest, delay, runs) or None, limit or None, frames"""
        reader, ack, limit, frames = Reader(data), None, None, []
        if flags & ACK:
            largest, delay, first = reader.uint(2), reader.uint(1), reader.uint(1)
            if first < 0x80:
                runs = [first + 1]
            else:
                if first > 0x80 + 31:
                    raise Refused('ackRanges')
                runs = [reader.varint() + 1 for _ in range(1 + 2 * (first - 0x80))]
                if len(runs) == 1 and runs[0] <= 128:
                    raise Refused('nonMinimal')
            ack = largest, delay, runs
        if flags & LIMIT:
            limit = reader.varint()
        if not flags & FRAMES:
            padding = reader.take(reader.left())
            if any(padding) or padding and not flags & ACK_NOW:
                raise Refused('trailingBytes')
            return ack, limit, frames
        sliced, more, message, consecutive, same = flags & SLICE, flags & MORE, None, False, False
        while True:
            about = self.channels[channel]
            if direction and about['direction'] not in (direction, 'both'):
                raise Refused('direction')
            if about['numbered']:
                if consecutive:
                    message = message + 1 & 0xffff
                else:
                    before, message = message, reader.uint(2)
                    if same and message == before + 1 & 0xffff:
                        raise Refused('nonMinimal')
            elif consecutive:
                raise Refused('reservedBits')
            part, size = None, about['fixed']
            if sliced:
                part, size = (reader.varint(), reader.varint()), -1
                if not about['fragment'] or not 2 <= part[1] <= 16383 or part[0] >= part[1] \
                        or (part[1] - 1) * self.slice_bytes >= about['maxBytes']:
                    raise Refused('sliceBounds')
            if more:
                payload = reader.take(reader.varint() if size < 0 else size)
            else:
                payload = reader.take(reader.left())
            if part:
                last = part[0] == part[1] - 1
                good = 1 <= len(payload) <= self.slice_bytes if last else len(payload) == self.slice_bytes
            else:
                good = len(payload) == size if size >= 0 else len(payload) <= about['maxBytes']
            if not good:
                raise Refused('payloadSize')
            frames.append((channel, message if about['numbered'] else None, part, payload))
            if not more:
                return ack, limit, frames
            byte = reader.uint(1)
            sliced, more, consecutive, same = byte & NEXT_SLICE, byte & NEXT_MORE, byte & CONSECUTIVE, byte & SAME
            if byte & 15 or consecutive and not same:
                raise Refused('reservedBits')
            if not same:
                following, message = reader.uint(3) - 1, None
                if following == channel:
                    raise Refused('nonMinimal')
                channel = following
                if channel not in self.channels:
                    raise Refused('unknownChannel')


# ---- Keys ----------------------------------------------------------------------------------------------

class TrafficKeys:
    """What seals the datagrams of one direction in one phase."""

    def __init__(self, secret, cipher='aes-256-gcm'):
        expand = lambda label, size: HKDFExpand(hashes.SHA256(), size, label).derive(secret)
        self.key, self.iv = expand(b'stardust 1 key', 32), expand(b'stardust 1 iv', 12)
        self.following, self.cipher = expand(b'stardust 1 ku', 32), cipher
        self.aead = (AESGCM if cipher == 'aes-256-gcm' else ChaCha20Poly1305)(self.key)

    def nonce(self, number):
        return bytes(a ^ b for a, b in zip(self.iv, number.to_bytes(12, 'big')))

    def seal(self, number, clear, rest):
        return clear + self.aead.encrypt(self.nonce(number), rest, clear)

    def open(self, number, clear, sealed):
        return self.aead.decrypt(self.nonce(number), sealed, clear)        # InvalidTag

    def next(self):
        return TrafficKeys(self.following, self.cipher)


def handshake_keys(private, server_public, join, accept):
    """-> transcript, and the keys of a connection. `join`: the datagram of join 2; `accept`: that of accept."""
    signed = accept[:accept.rindex(b',"sig":"')]
    transcript = hashlib.sha256(b'stardust 1 transcript' + hashlib.sha256(join).digest() + signed).digest()
    shared = private.exchange(X25519PublicKey.from_public_bytes(server_public))   # ValueError where it is zeros
    derive = lambda info: HKDF(hashes.SHA256(), 32, transcript, b'stardust 1 ' + info).derive(shared)
    return transcript, {'shared': shared,
                        'client mac': derive(b'zero mac client to server'), 'server mac': derive(b'zero mac server to client'),
                        'client': derive(b'datagrams client to server'), 'server': derive(b'datagrams server to client')}


# ---- Messages of the connection protocol ------------------------------------------------------------------

def mac_of(key, data):
    return b64(hmac.new(key, data, hashlib.sha256).digest()[:16]).encode()


def write_zero(cid, msg, seq, ack, sys_, body=None, key=None, pad_to=0, seal=None, sign=None):
    """`seal`: how long what is secret gets, and what seals it beside all before it; `sign`: what signs all before it."""
    head = json.dumps({'v': 1, 'cid': cid, 'msg': msg, 'seq': seq, 'ack': ack, 'sys': sys_, 'body': body or {}},
                      separators=(',', ':'), ensure_ascii=False).encode()
    data = b'\0\0\0' + head[:-1]
    room = pad_to - len(data) - len(b',"pad":""}') - (31 if key else 0) - (95 if sign else 0)
    room -= len(b',"secret":""') + -(-seal[0] * 4 // 3) if seal else 0
    if pad_to and room > 0:
        data += b',"pad":"' + b'.' * room + b'"'
    if seal:
        data += b',"secret":"' + b64(seal[1](data)).encode() + b'"'
    if sign:
        data += b',"sig":"' + b64(sign(data)).encode() + b'"'
    return data + (b',"mac":"' + mac_of(key, data) + b'"}' if key else b'}')


def valid(schema, value):
    """The part of JSON Schema that the model uses."""
    kind = schema.get('type')
    if kind == 'object':
        return isinstance(value, dict) and all(k in value for k in schema.get('required', ())) \
            and all(valid(s, value[k]) for k, s in schema['properties'].items() if k in value)
    if kind == 'array':
        return isinstance(value, list) and schema.get('minItems', 0) <= len(value) <= schema['maxItems'] \
            and all(valid(schema['items'], v) for v in value)
    if kind == 'string':
        return isinstance(value, str) and schema.get('minLength', 0) <= len(value) <= schema.get('maxLength', NEVER) \
            and value in schema.get('enum', [value])
    if kind == 'integer':
        return type(value) is int and schema['minimum'] <= value <= schema['maximum']
    return type(value) is bool


def members_once(pairs):
    if len(dict(pairs)) < len(pairs) or {'__proto__', 'constructor', 'prototype'} & dict(pairs).keys():
        raise ValueError('member twice, or forbidden')
    return dict(pairs)


def keys_in(value):
    """How many members all the objects in it have."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (len(value) if isinstance(value, dict) else 0) + sum(map(keys_in, inner))


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def read_zero(model, data, cid, key, sender='server'):
    """A zero message for `cid`, or None. `key` is the sender's MAC key, once there is one."""
    try:
        if len(data) > 1500 or not data.startswith(b'\0\0\0{"v":1,"cid":"%s",' % cid.encode()) or min(data[3:]) < 32 or data[-1:] != b'}':
            return None
        has_mac, has_sig = data[-32:-24] == b',"mac":"', data[-96:-88] == b',"sig":"'
        if has_mac and (not key or not hmac.compare_digest(data[-24:-2], mac_of(key, data[:-32]))):
            return None
        message = json.loads(data[3:].decode('utf-8'), object_pairs_hook=members_once)
        json.dumps(message, ensure_ascii=False).encode()                    # no half of a surrogate pair
        about = next(m for m in model['zero']['messages'] if m['name'] == message['msg'])
        if about['from'] not in (sender, 'both') or about['mac'] != has_mac or about.get('sig', False) != has_sig \
                or depth(message) > 6 or keys_in(message) > 64 or any(type(message[n]) is not int or message[n] < 0 for n in ('seq', 'ack')) \
                or 'seq' in about and message['seq'] not in about['seq'] or 'ack' in about and message['ack'] not in about['ack'] \
                or not valid(about['sys'], message['sys']) or not valid(about['body'], message['body']):
            return None
        return message
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        return None


ACCEPT = re.compile(rb'\0\0\0\{"v":1,"cid":"[\w-]{22}","msg":"accept","seq":1,"ack":1,"sys":'
                    rb'\{"key":"([\w-]{43})","identity":"([\w-]{43})"', re.ASCII)


def check_accept(private, join, accept):
    """The keys and the server's identity, or None where the accept is not signed by it for this join."""
    head = ACCEPT.match(accept)
    if not head or accept[-96:-88] != b',"sig":"' or accept[-2:] != b'"}':
        return None
    try:
        server, identity = (unb64(text.decode(), 32) for text in head.groups())
        signed = hashlib.sha256(b'stardust 1 transcript' + hashlib.sha256(join).digest() + accept[:-96]).digest()
        Ed25519PublicKey.from_public_bytes(identity).verify(
            unb64(accept[-88:-2].decode(), 64), b'stardust 1 server signature' + signed)
        return handshake_keys(private, server, join, accept)[1], b64(identity)
    except (ValueError, InvalidSignature):
        return None
