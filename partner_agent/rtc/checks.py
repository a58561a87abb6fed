"""The ICE checks that keep a way which was found: read, answered and asked without an object for each.

A relay hears two such checks and sends one for each peer every few seconds, as long as it watches. `read` takes only
what changes nothing: a binding request or answer of the known peer, in its known role, with nothing else in it; all
that is new, odd or meant for somebody else is None and goes the long way, through the ICE agent. RFC 8489 §5 and §14,
RFC 8445 §7.1 and §7.3, RFC 7675 §5.1. No bytes raise.
"""

import hmac
import ipaddress
import struct
from binascii import crc32
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from partner_agent.rtc.gso import Address

REQUEST: Final = 0x0001
ANSWER: Final = 0x0101
_COOKIE: Final = 0x2112A442
_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_INTEGRITY_BYTES: Final = 4 + 20
_FINGERPRINT_BYTES: Final = 4 + 4
_FINGERPRINT_XOR: Final = 0x5354554E
_MAPPED_ADDRESS: Final = 0x0001
_USERNAME: Final = 0x0006
_INTEGRITY: Final = 0x0008
_XOR_MAPPED_ADDRESS: Final = 0x0020
_PRIORITY: Final = 0x0024
_USE_CANDIDATE: Final = 0x0025
_FINGERPRINT: Final = 0x8028
_CONTROLLED: Final = 0x8029
_CONTROLLING: Final = 0x802A
_OPTIONAL: Final = 0x8000  # attributes from here on may be passed over by whoever does not know them
_KNOWN: Final = {
    REQUEST: frozenset({_USERNAME, _PRIORITY, _USE_CANDIDATE}),
    ANSWER: frozenset({_USERNAME, _MAPPED_ADDRESS, _XOR_MAPPED_ADDRESS}),  # libnice repeats the name it was asked by
}
_REFLEXIVE_PRIORITY: Final = 110 << 24 | 65_535 << 8 | 255  # RFC 8445 §5.1.2.1: peer-reflexive, component 1


@dataclass(frozen=True, slots=True)
class Peer:
    """Who both ends of a way are.

    Attributes:
        asks_as, key: what the peer's requests name, and our password, which signs them and our answers.
        asked_as, peer_key: what ours name, and the peer's password, which signs them and its answers.
        is_controlling: our own role.
        tie_breaker: what our requests say beside it, 64 bits.
    """

    asks_as: bytes
    key: bytes
    asked_as: bytes
    peer_key: bytes
    is_controlling: bool
    tie_breaker: int


def kind_of(data: bytes) -> int:
    """`REQUEST`, `ANSWER`, or whatever else the first two bytes say."""
    return data[0] << 8 | data[1] if len(data) > 1 else 0


def transaction_of(data: bytes) -> bytes:
    """The twelve bytes by which an answer finds its request."""
    return data[8:20]


def is_kept(data: bytes, peer: Peer) -> bool:
    """Whether this is an authentic check of `peer` (or its answer to ours) that changes nothing."""
    if len(data) < _HEADER.size:
        return False
    kind, length, cookie, _ = _HEADER.unpack_from(data)
    known = _KNOWN.get(kind)
    if known is None or cookie != _COOKIE or length != len(data) - _HEADER.size or length % 4:
        return False
    other_role = _CONTROLLED if peer.is_controlling else _CONTROLLING
    is_named = kind == ANSWER
    at = _HEADER.size
    while at + _ATTRIBUTE.size <= len(data):
        name, size = _ATTRIBUTE.unpack_from(data, at)
        start = at + _ATTRIBUTE.size
        if start + size > len(data):
            return False
        if name == _INTEGRITY:
            key = peer.key if kind == REQUEST else peer.peer_key
            return is_named and size == _INTEGRITY_BYTES - 4 and _is_sealed(data, at, key)
        if name == _USERNAME:
            is_named = data[start : start + size] == (peer.asks_as if kind == REQUEST else peer.asked_as)
        elif name in (_CONTROLLED, _CONTROLLING, _FINGERPRINT):
            if name != other_role:
                return False
        elif name < _OPTIONAL and name not in known:
            return False
        at = start + (size + 3 & ~3)
    return False


def answer(request: bytes, address: Address, peer: Peer) -> bytes:
    """What `peer` gets back for a request that `is_kept`, which came from `address`."""
    transaction = transaction_of(request)
    packed = _packed(address[0])
    pad = _COOKIE.to_bytes(4, "big") + transaction
    port, host = address[1] ^ _COOKIE >> 16, int.from_bytes(packed, "big") ^ int.from_bytes(pad[: len(packed)], "big")
    value = struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, port) + host.to_bytes(len(packed), "big")
    return _sealed(ANSWER, transaction, _attribute(_XOR_MAPPED_ADDRESS, value), peer.key)


def request(transaction: bytes, peer: Peer) -> bytes:
    """A check of ours. In the controlling role it names its way as the one that counts, each time.

    The peer may see it come from another address than before, because our network or a router changed. Only with
    USE-CANDIDATE does it go over there, once it has proved that way (RFC 8445 §7.3.1.5); without, it would send to the
    former address until consent runs out, and then end.
    """
    role = _CONTROLLING if peer.is_controlling else _CONTROLLED
    nominates = _attribute(_USE_CANDIDATE, b"") if peer.is_controlling else b""
    body = (
        _attribute(_USERNAME, peer.asked_as)
        + _attribute(_PRIORITY, _REFLEXIVE_PRIORITY.to_bytes(4, "big"))
        + nominates
        + _attribute(role, peer.tie_breaker.to_bytes(8, "big"))
    )
    return _sealed(REQUEST, transaction, body, peer.peer_key)


def _is_sealed(data: bytes, at: int, key: bytes) -> bool:
    """Whether MESSAGE-INTEGRITY at `at` is right, and nothing but a right FINGERPRINT follows."""
    end = at + _INTEGRITY_BYTES
    said = data[at + 4 : end]
    if not hmac.compare_digest(said, hmac.digest(key, _with_length(data[:at], end), "sha1")):
        return False
    if end == len(data):
        return True
    tail = data[end:]
    return tail == _ATTRIBUTE.pack(_FINGERPRINT, 4) + _fingerprint(data[:end]) and len(data) == end + _FINGERPRINT_BYTES


def _sealed(kind: int, transaction: bytes, body: bytes, key: bytes) -> bytes:
    whole = _HEADER.size + len(body) + _INTEGRITY_BYTES
    start = _HEADER.pack(kind, whole - _HEADER.size, _COOKIE, transaction) + body
    signed = start + _attribute(_INTEGRITY, hmac.digest(key, start, "sha1"))
    signed = _with_length(signed, whole + _FINGERPRINT_BYTES)
    return signed + _attribute(_FINGERPRINT, _fingerprint(signed))


def _fingerprint(before: bytes) -> bytes:
    """Of everything before it, whose length already counts it (RFC 8489 §14.7)."""
    return (crc32(before) ^ _FINGERPRINT_XOR).to_bytes(4, "big")


def _with_length(data: bytes, end: int) -> bytes:
    """The same message, as if it ended at `end`."""
    return data[:2] + (end - _HEADER.size).to_bytes(2, "big") + data[4:]


def _attribute(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) % 4)


@lru_cache(maxsize=1_024)
def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host).packed
