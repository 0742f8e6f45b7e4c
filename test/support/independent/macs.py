"""Checks docs/mac-vectors.json against docs/connection.md, by Python's own library alone.

Nothing of Stardust is imported: what stands here was written from the document. Prints what differs and ends with 1.
"""
import base64
import hashlib
import hmac
import json
import sys

problems = 0


def same(name, got, expected):
    global problems
    if got != expected:
        problems += 1
        print(f"{name}: {got!r}, and the vector has {expected!r}")


def mac(key, text):
    return hmac.new(key, text if isinstance(text, bytes) else text.encode(), hashlib.sha256).digest()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def check(v):
    plain = v["plain"]
    ticket = bytes.fromhex(plain["ticket"])
    for side, label in (("client", "client to server"), ("server", "server to client")):
        key = mac(ticket, f"stardust 1 zero mac {label}")
        same(f"{side}Key", key.hex(), plain[f"{side}Key"])
        datagram = bytes.fromhex(plain[f"from{side.capitalize()}"])
        same(f"{side}: its place", (datagram[-32:-24], datagram[-2:]), (b',"mac":"', b'"}'))
        same(f"{side}: its MAC", datagram[-24:-2].decode(), b64(mac(key, datagram[:-32])[:16]))
        same(f"{side}: an object", json.loads(datagram[3:])["v"], 1)

    secret = bytes.fromhex(v["secret"])
    for c in v["cookies"]:
        said = "\n".join(str(part) for part in ("cookie", c["address"], c["port"], c["local"], c["cid"], c["hash"], c["timeMs"]))
        same(f"cookie of {c['timeMs']}", b64(c["timeMs"].to_bytes(6, "big") + mac(secret, said)[:16]), c["cookie"])

    n = v["nonce"]
    said = "\n".join(str(part) for part in ("nonce", n["cid"], n["counter"], n["address"], n["port"], n["local"]))
    same("nonce", b64(mac(secret, said)[:16]), n["nonce"])

    loss = v["loss"]
    key = mac(bytes.fromhex(loss["identitySeed"]), "stardust 1 reset key")
    same("resetKey", key.hex(), loss["resetKey"])
    proof = mac(key, f"reset\n{loss['cid']}\n{loss['port']}")[:16]
    same("proof", b64(proof), loss["proof"])
    same("reset", b64(hashlib.sha256(proof).digest()[:16]), loss["reset"])


with open(sys.argv[1], encoding="utf8") as file:
    check(json.load(file))
print("problems:", problems)
sys.exit(1 if problems else 0)
