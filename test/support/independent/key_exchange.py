"""Checks docs/key-exchange-vectors.json against docs/connection.md, by the package cryptography alone.

Nothing of Stardust is imported: what stands here was written from the document. Prints what differs and ends with 1.
"""
import base64
import hashlib
import hmac
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

problems = 0


def same(name, got, expected):
    global problems
    if got != expected:
        problems += 1
        print(f"{name}: {got!r}, and the vector has {expected!r}")


def unhex(text):
    return bytes.fromhex(text)


def from_base64url(text):
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def raw(public_key):
    return public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def envelope(datagram):
    assert datagram[:3] == bytes(3)
    return json.loads(datagram[3:])


def check(v):
    client = X25519PrivateKey.from_private_bytes(unhex(v["clientPrivateKey"]))
    server = X25519PrivateKey.from_private_bytes(unhex(v["serverPrivateKey"]))
    identity = Ed25519PrivateKey.from_private_bytes(unhex(v["identitySeed"]))
    same("clientPublicKey", raw(client.public_key()).hex(), v["clientPublicKey"])
    same("serverPublicKey", raw(server.public_key()).hex(), v["serverPublicKey"])
    same("identityPublicKey", raw(identity.public_key()).hex(), v["identityPublicKey"])

    join, accept = unhex(v["join"]), unhex(v["accept"])
    join_sys, accept_sys = envelope(join)["sys"], envelope(accept)["sys"]
    same("join key", from_base64url(join_sys["key"]).hex(), v["clientPublicKey"])
    same("accept key", from_base64url(accept_sys["key"]).hex(), v["serverPublicKey"])
    same("accept identity", from_base64url(accept_sys["identity"]).hex(), v["identityPublicKey"])

    # ,"sig":" and 86 characters and "} close the datagram.
    head, tail = accept[:-96], accept[-96:]
    same("sig's place", (tail[:8], tail[-2:]), (b',"sig":"', b'"}'))
    signature = from_base64url(tail[8:-2].decode())
    same("signature", signature.hex(), v["signature"])

    digest = hashlib.sha256(join).digest()
    same("joinDigest", digest.hex(), v["joinDigest"])
    transcript = hashlib.sha256(b"stardust 1 transcript" + digest + head).digest()
    same("transcript", transcript.hex(), v["transcript"])
    message = b"stardust 1 server signature" + transcript
    same("signature made", identity.sign(message).hex(), v["signature"])
    Ed25519PublicKey.from_public_bytes(from_base64url(accept_sys["identity"])).verify(signature, message)

    shared = client.exchange(server.public_key())
    same("shared", shared.hex(), v["shared"])
    for name, label in (
        ("clientMacKey", "stardust 1 zero mac client to server"),
        ("serverMacKey", "stardust 1 zero mac server to client"),
        ("clientSecret", "stardust 1 datagrams client to server"),
        ("serverSecret", "stardust 1 datagrams server to client"),
    ):
        key = HKDF(hashes.SHA256(), 32, salt=transcript, info=label.encode()).derive(shared)
        same(name, key.hex(), v[name])

    for name, key in (("attach", "clientMacKey"), ("attached", "serverMacKey")):
        datagram = unhex(v[name])
        # ,"mac":" and 22 characters and "}
        mac = hmac.new(unhex(v[key]), datagram[:-32], hashlib.sha256).digest()[:16]
        same(f"mac of {name}", from_base64url(datagram[-24:-2].decode()).hex(), mac.hex())

    for text in v["lowOrderKeys"]:
        try:
            shared = client.exchange(X25519PublicKey.from_public_bytes(unhex(text)))
        except ValueError:
            continue
        same(f"low order {text}", shared.hex(), "refused")

    for at in range(len(head)):
        changed = head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :]
        other = hashlib.sha256(b"stardust 1 transcript" + digest + changed).digest()
        try:
            identity.public_key().verify(signature, b"stardust 1 server signature" + other)
        except InvalidSignature:
            continue
        same(f"byte {at} changed", "taken", "refused")


with open(sys.argv[1], encoding="utf8") as file:
    check(json.load(file))
print("problems:", problems)
sys.exit(1 if problems else 0)
