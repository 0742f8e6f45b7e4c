"""Checks the golden vectors of secret members with nothing but docs/connection.md and Python's `cryptography`."""
import base64
import json
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

v = json.load(open(sys.argv[1], encoding='utf-8'))


def b64(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def raw(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


identity = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(v['identitySeed']))
port = X25519PrivateKey.from_private_bytes(bytes.fromhex(v['joinPrivateKey']))
client = X25519PrivateKey.from_private_bytes(bytes.fromhex(v['clientPrivateKey']))

# The key of a challenge: a key, whose it is, and a signature of both.
said = json.loads(bytes.fromhex(v['challenge'])[3:])['sys']['joinKey']
assert said == v['joinKey'] and len(said) == 171
text = b64(said)
assert text[:32] == raw(port) and text[32:64] == raw(identity) == b64(v['identity'])
Ed25519PublicKey.from_public_bytes(text[32:64]).verify(text[64:], b'stardust 1 join key' + text[:64])
assert text == text[:64] + identity.sign(b'stardust 1 join key' + text[:64])


def key_of(shared):
    return HKDF(SHA256(), 32, raw(client) + raw(port), b'stardust 1 join secret').derive(shared)


key = key_of(client.exchange(X25519PublicKey.from_public_bytes(text[:32])))
assert key == key_of(port.exchange(X25519PublicKey.from_public_bytes(raw(client))))


def split(datagram):
    head, _, rest = datagram.rpartition(b',"secret":"')
    assert rest.endswith(b'"}')
    return head, b64(rest[:-2].decode())


def opened(datagram):
    head, sealed = split(datagram)
    return AESGCM(key).decrypt(bytes(12), sealed, head)


join = bytes.fromhex(v['join'])
plain = opened(join)
assert plain.rstrip(b' ') == v['members'].encode() and len(plain) % 64 == 0
assert b64(json.loads(join[3:])['sys']['key']) == raw(client)
head, sealed = split(join)
assert AESGCM(key).encrypt(bytes(12), plain, head) == sealed
for bad in v['refused']:
    try:
        opened(bytes.fromhex(bad['join']))
    except InvalidTag:
        continue
    raise SystemExit('opened: ' + bad['case'])
print('the vectors of secret members are right')
