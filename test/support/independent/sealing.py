"""Makes and opens the datagrams of docs/sealing-vectors.json as docs/wire.md says, by the package cryptography alone.

Nothing of Stardust is imported: what stands here was written from the document. Prints what differs and ends with 1.
"""
import json
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CIPHERS = {"aes-256-gcm": AESGCM, "chacha20-poly1305": ChaCha20Poly1305}
problems = 0
datagrams = 0


def same(name, got, expected):
    global problems
    if got != expected:
        problems += 1
        print(f"{name}: {got!r}, and the vector has {expected!r}")


def expand(secret, label, count):
    return HKDFExpand(algorithm=hashes.SHA256(), length=count, info=label).derive(secret)


def refused(cipher, nonce, datagram, clear_bytes):
    try:
        cipher.decrypt(nonce, datagram[clear_bytes:], datagram[:clear_bytes])
    except InvalidTag:
        return True
    return False


with open(sys.argv[1], encoding="utf-8") as file:
    vectors = json.load(file)

for name, phases in vectors["ciphers"].items():
    secret = bytes.fromhex(phases[0]["secret"])
    for index, phase in enumerate(phases):
        place = f"{name}, phase {index}"
        same(f"{place}, secret", secret.hex(), phase["secret"])
        key = expand(secret, b"stardust 1 key", 32)
        iv = expand(secret, b"stardust 1 iv", 12)
        same(f"{place}, key", key.hex(), phase["key"])
        same(f"{place}, iv", iv.hex(), phase["iv"])
        cipher = CIPHERS[name](key)
        for row in phase["datagrams"]:
            datagrams += 1
            where = f"{place}, {row['case']}"
            clear = bytes.fromhex(row["clear"])
            plaintext = bytes.fromhex(row["plaintext"])
            number = bytes(4) + row["packetNumber"].to_bytes(8, "big")
            nonce = bytes(a ^ b for a, b in zip(iv, number))
            same(f"{where}, nonce", nonce.hex(), row["nonce"])
            same(f"{where}, K", clear[3] >> 1 & 1, index & 1)
            datagram = clear + cipher.encrypt(nonce, plaintext, clear)
            same(f"{where}, datagram", datagram.hex(), row["datagram"])
            for bit in range(8 * len(datagram)):
                changed = bytearray(datagram)
                changed[bit // 8] ^= 1 << bit % 8
                same(f"{where}, bit {bit}", refused(cipher, nonce, bytes(changed), len(clear)), True)
        secret = expand(secret, b"stardust 1 ku", 32)

if datagrams == 0:
    print("there is no datagram")
sys.exit(1 if problems > 0 or datagrams == 0 else 0)
