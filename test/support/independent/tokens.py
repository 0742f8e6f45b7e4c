"""Checks docs/token-vectors.json against docs/connection.md, by the package cryptography alone.

Nothing of Stardust is imported: what stands here was written from the document. Prints what differs and ends with 1.
"""
import base64
import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

problems = 0
MAX_AUDIENCE, MAX_CLAIMS, MAX_LEVELS, MAX_KEYS = 64, 512, 6, 64
FORBIDDEN = ("__proto__", "constructor", "prototype")


def same(name, got, expected):
    global problems
    if got != expected:
        problems += 1
        print(f"{name}: {got!r}, and the vector has {expected!r}")


def unhex(text):
    return bytes.fromhex(text)


def from_base64url(text):
    """Strict: one text for each value."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        return None
    value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return value if base64.urlsafe_b64encode(value).rstrip(b"=").decode() == text else None


def raw(public_key):
    return public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def shape(value, level=1):
    """Levels and keys of a JSON value; whether a name is forbidden."""
    if isinstance(value, dict):
        inner = [shape(v, level + 1) for v in value.values()]
        bad = any(name in FORBIDDEN for name in value)
        keys = len(value)
    elif isinstance(value, list):
        inner = [shape(v, level + 1) for v in value]
        bad, keys = False, 0
    else:
        return level - 1, 0, False
    return (
        max([level] + [i[0] for i in inner]),
        keys + sum(i[1] for i in inner),
        bad or any(i[2] for i in inner),
    )


def read(text):
    """A token taken apart, or None."""
    data = from_base64url(text)
    if data is None or len(data) < 128 or data[0] != 1:
        return None
    end = len(data) - 64
    length = data[63]
    if length > MAX_AUDIENCE or 64 + length > end or end - 64 - length > MAX_CLAIMS:
        return None
    try:
        audience = data[64 : 64 + length].decode()
        claims = data[64 + length : end].decode()
        value = json.loads(claims)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    levels, keys, bad = shape(value)
    if levels > MAX_LEVELS or keys > MAX_KEYS or bad:
        return None
    return {
        "issuer": data[1:9],
        "expiresAtMs": int.from_bytes(data[9:15], "big"),
        "id": data[15:31],
        "clientKey": data[31:63],
        "audience": audience,
        "claims": claims,
        "signed": data[:end],
        "signature": data[end:],
    }


def check(v):
    issuer = Ed25519PrivateKey.from_private_bytes(unhex(v["issuerSeed"]))
    client = Ed25519PrivateKey.from_private_bytes(unhex(v["clientSeed"]))
    same("issuerPublicKey", raw(issuer.public_key()).hex(), v["issuerPublicKey"])
    same("clientPublicKey", raw(client.public_key()).hex(), v["clientPublicKey"])

    for name, audience, claims in (
        ("token", v["audience"], v["claims"]),
        ("tokenOfLittle", "", "{}"),
    ):
        token = read(v[name])
        same(f"{name}: issuer", token["issuer"].hex(), v["issuerPublicKey"][:16])
        same(f"{name}: expiresAtMs", token["expiresAtMs"], v["expiresAtMs"])
        same(f"{name}: id", token["id"].hex(), v["id"])
        same(f"{name}: clientKey", token["clientKey"].hex(), v["clientPublicKey"])
        same(f"{name}: audience", token["audience"], audience)
        same(f"{name}: claims", token["claims"], claims)
        said = b"stardust 1 connect token" + token["signed"]
        same(f"{name}: signature", issuer.sign(said).hex(), token["signature"].hex())

        # Made anew from its parts.
        made = (
            bytes([1])
            + raw(issuer.public_key())[:8]
            + v["expiresAtMs"].to_bytes(6, "big")
            + unhex(v["id"])
            + raw(client.public_key())
            + bytes([len(audience.encode())])
            + audience.encode()
            + claims.encode()
        )
        made += issuer.sign(b"stardust 1 connect token" + made)
        same(f"{name} made", base64.urlsafe_b64encode(made).rstrip(b"=").decode(), v[name])

    join = unhex(v["join"])
    head, tail = join[:-96], join[-96:]
    same("sig's place", (tail[:8], tail[-2:]), (b',"sig":"', b'"}'))
    signature = from_base64url(tail[8:-2].decode())
    same("joinSignature", signature.hex(), v["joinSignature"])
    same("join's token", json.loads(join[3:])["sys"]["token"], v["token"])
    said = b"stardust 1 client signature" + hashlib.sha256(head).digest()
    same("joinSignature made", client.sign(said).hex(), v["joinSignature"])
    for at in range(len(head)):
        changed = head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :]
        other = b"stardust 1 client signature" + hashlib.sha256(changed).digest()
        try:
            client.public_key().verify(signature, other)
        except InvalidSignature:
            continue
        same(f"byte {at} of the join changed", "taken", "refused")

    for refused in v["refused"]:
        same(f"refused: {refused['case']}", read(refused["token"]), None)


with open(sys.argv[1], encoding="utf8") as file:
    check(json.load(file))
print("problems:", problems)
sys.exit(1 if problems else 0)
