"""Checks the golden vectors of joins in pieces with nothing but docs/connection.md and Python's `cryptography`."""
import base64
import hashlib
import json
import math
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

v = json.load(open(sys.argv[1], encoding='utf-8'))


def b64(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def message(datagram):
    raw = bytes.fromhex(datagram)
    assert raw[:3] == bytes(3) and len(raw) == 1200
    return json.loads(raw[3:])


def put_together(case, opened):
    first, second = message(case['join1']), message(case['join2'])
    said = second['sys']
    for join in (first, second):
        assert join['body'] == {} and 'secret' not in join
        assert all(join['sys'].get(name) == said.get(name) for name in ('pieces', 'bytes', 'digest'))
    assert (first['seq'], second['seq']) == (0, 1)
    size = math.ceil(said['bytes'] / said['pieces'])
    text = b''
    for i, datagram in enumerate(case['pieces']):
        piece = message(datagram)
        assert (piece['msg'], piece['seq'], piece['ack'], piece['body']) == ('join', 0, 0, {})
        assert piece['cid'] == second['cid'] and piece['sys']['piece'] == i + 1
        assert piece['sys']['hash'] == said['hash'] and piece['sys'].get('key') == said.get('key')
        part = opened(i + 1, b64(piece['sys']['data']))
        assert len(part) == min(size, said['bytes'] - i * size) > 0
        text += part
    assert len(case['pieces']) == said['pieces'] and len(text) == said['bytes'] <= 8192
    return said, text


case = v['readable']
said, text = put_together(case, lambda number, data: data)
assert text == case['body'].encode()
assert b64(said['digest']) == hashlib.sha256(text).digest()

case = v['sealed']
port = X25519PrivateKey.from_private_bytes(bytes.fromhex(v['joinPrivateKey']))
client = X25519PrivateKey.from_private_bytes(bytes.fromhex(v['clientPrivateKey']))
raw = lambda key: key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
key = HKDF(SHA256(), 32, raw(client) + raw(port), b'stardust 1 join secret').derive(
    port.exchange(client.public_key()))
join2 = bytes.fromhex(case['join2'])


def opener(join):
    digest = hashlib.sha256(join).digest()
    return lambda number, data: AESGCM(key).decrypt(bytes(11) + bytes([number]), data, digest)


said, text = put_together(case, opener(join2))
assert 'digest' not in said and len(text) % 64 == 0
assert text.rstrip(b' ') == case['body'].encode()
for wrong in (lambda n, d: opener(join2)(n % said['pieces'] + 1, d), opener(join2[:-2] + b' }')):
    try:
        put_together(case, wrong)
    except InvalidTag:
        continue
    raise SystemExit('opened, though it is another join or another number')
print('the vectors of joins in pieces are right')
