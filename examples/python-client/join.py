"""What a client says to be let in: both joins, secret members, a connect token, a body in pieces. From connection.md alone."""
import hashlib, json, math, os
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from stardust import b64, unb64, write_zero

MAX_PIECES, MAX_BODY, WINDOW, LONGEST_COOKIE = 64, 8192, 4, '-' * 64


class Unfit(Exception):
    """The body fits neither a datagram nor pieces; the text is for the user."""


def compact(value):
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False).encode()


def padded(value):
    """JSON with spaces behind it, to a multiple of 64 bytes."""
    text = compact(value)
    return text + b' ' * (-len(text) % 64)


def read_join_key(text):
    """-> the port's public key, the server's identity; None where that has not signed it."""
    try:
        data = unb64(text, 128)
        Ed25519PublicKey.from_public_bytes(data[32:64]).verify(data[64:], b'stardust 1 join key' + data[:64])
    except (ValueError, InvalidSignature):
        return None
    return data[:32], b64(data[32:64])


def secret_key(private, port_key):
    """What secret members are sealed with. ValueError where the port's key gives nothing."""
    shared = private.exchange(X25519PublicKey.from_public_bytes(port_key))
    salt = private.public_key().public_bytes_raw() + port_key
    return HKDF(hashes.SHA256(), 32, salt, b'stardust 1 join secret').derive(shared)


class Token:
    """A connect token as a player gets it: what a server is shown, and the key that it names."""

    def __init__(self, text):
        text, start = text.strip(), 'stardust-token-'
        self.signed, _, seed = text.removeprefix(start).partition('.')
        if not text.startswith(start) or not seed:
            raise ValueError('not a connect token with the key of its client')
        self.key = Ed25519PrivateKey.from_private_bytes(unb64(seed, 32))

    def sign(self, head):
        return self.key.sign(b'stardust 1 client signature' + hashlib.sha256(head).digest())


class Join:
    """One attempt, under a connection id of its own."""

    def __init__(self, model, body, token=None, cid=None, private=None):
        self.model, self.token, self.cid, self.size = model, token, cid or b64(os.urandom(16)), model['limits']['maxDatagramBytes']
        self.private = (private or X25519PrivateKey.generate()) if model['security'] == 'sealed' else None
        about = next(m for m in model['zero']['messages'] if m['name'] == 'join')
        names = [name for name, schema in about['body'].get('properties', {}).items() if schema.get('secret')]
        self.sealed = bool(names)
        self.body = {name: value for name, value in body.items() if name not in names}
        self.secret = {name: value for name, value in body.items() if name in names}
        self.large, self.pieces, self.identity = {}, [], None
        if len(self.build(LONGEST_COOKIE, bytes(32), stay=True)) > self.size:
            self.cut(body, about.get('bodyBytes', 0))

    def cut(self, body, most):
        """The body goes in pieces, and the joins say how many."""
        self.text = padded(body) if self.sealed else compact(body)
        room = (self.size - len(self.piece(MAX_PIECES, b'', 0))) * 3 // 4 - (16 if self.sealed else 0)
        count = math.ceil(len(self.text) / room)
        if not most or len(self.text) > MAX_BODY or count > MAX_PIECES:
            raise Unfit('the body of join is too long')
        self.large = {'pieces': count, 'bytes': len(self.text)}
        if not self.sealed:
            self.large['digest'] = b64(hashlib.sha256(self.text).digest())
        self.body, self.secret = {}, None

    def build(self, cookie, key, stay=False):
        """A join; the first has no cookie. `key` is what secrets are sealed with."""
        sys_ = {'cookie': cookie} if cookie else {}                 # cookie and hash stand first
        sys_.update(hash=self.model['hash'], version=self.model['version'], **self.own_key())
        if cookie and self.token:
            sys_['token'] = self.token.signed
        sys_.update({'stay': True} if stay else {}, **self.large)
        seal = None
        if cookie and self.sealed and self.secret is not None:
            plain = padded(self.secret)
            seal = len(plain) + 16, lambda head: AESGCM(key).encrypt(bytes(12), plain, head)
        sign = self.token.sign if cookie and self.token else None
        return write_zero(self.cid, 'join', 1 if cookie else 0, 0, sys_, self.body, pad_to=self.size, seal=seal, sign=sign)

    def own_key(self):
        return {'key': b64(self.private.public_key().public_bytes_raw())} if self.private else {}

    def first(self):
        return self.build(None, None)

    def second(self, challenge):
        """The bytes of join 2; those of the pieces are in `pieces` then. None where the challenge is not to be heeded."""
        key = None
        if self.sealed:
            offered = read_join_key(challenge.get('joinKey', ''))
            if not offered:
                return None
            key, self.identity = secret_key(self.private, offered[0]), offered[1]
        join = self.build(challenge['cookie'], key)
        if self.large:
            self.cut_pieces(join, key)
        return join

    def cut_pieces(self, join, key):
        """All but the last of equal length; sealed, each by itself and for this join 2 alone."""
        size, digest = math.ceil(self.large['bytes'] / self.large['pieces']), hashlib.sha256(join).digest()
        for number in range(1, self.large['pieces'] + 1):
            data = self.text[(number - 1) * size:number * size]
            if self.sealed:
                data = AESGCM(key).encrypt(bytes(11) + bytes([number]), data, digest)
            self.pieces.append(self.piece(number, data, self.size))

    def piece(self, number, data, size):
        sys_ = {'hash': self.model['hash'], 'version': self.model['version'], **self.own_key(), 'piece': number, 'data': b64(data)}
        return write_zero(self.cid, 'join', 0, 0, sys_, pad_to=size)
