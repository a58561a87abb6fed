"""Whichever library seals, the bytes are those of RFC 7714; one that would not give them is not taken."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import aead

keys = st.one_of(st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32))
numbers = st.one_of(st.integers(0, (1 << 48) - 1), st.sampled_from([0, 0xFFFF, 0x10000, (1 << 48) - 1]))


class Right:
    """A cipher as we know it."""

    def __init__(self, key: bytes, vector: bytes) -> None:
        self._key, self._vector = key, vector

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """By the definition."""
        return sealed(self._key, self._vector, packet_number, data, associated_data)

    def decrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """By the definition."""
        return AESGCM(self._key).decrypt(nonce(self._vector, packet_number), data, associated_data)


class Moved(Right):
    """A cipher whose packets another would not open."""

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """By the next number."""
        return super().encrypt(packet_number + 1, data, associated_data)


class Broken(Right):
    """A cipher that asks for something else."""

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """Never."""
        raise TypeError("sequence number, please")


class Blind(Right):
    """A cipher that opens nothing any more."""

    def decrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """Never."""
        raise ValueError("not mine")


def sealed(key: bytes, vector: bytes, number: int, payload: bytes, associated: bytes) -> bytes:
    """By the definition: the nonce is the vector exclusive-or the number (RFC 7714 §8.1)."""
    return AESGCM(key).encrypt(nonce(vector, number), payload, associated)


def nonce(vector: bytes, number: int) -> bytes:
    """Byte by byte."""
    return bytes(one ^ two for one, two in zip(vector, number.to_bytes(12, "big"), strict=True))


class Trusting(Right):
    """A cipher that opens whatever it is given."""

    def decrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """Always."""
        return b"payload"


class Loud(Right):
    """A cipher that refuses in words of its own."""

    def decrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """By another error."""
        try:
            return super().decrypt(packet_number, data, associated_data)
        except InvalidTag:
            raise LookupError("forged") from None


class Panic(BaseException):
    """What a Rust library raises at the end of its wits."""


class Panicking(Right):
    """A cipher whose own programming error ends it."""

    def encrypt(self, packet_number: int, data: bytes, associated_data: bytes) -> bytes:
        """Never."""
        raise Panic("index out of bounds")


@pytest.fixture(params=["installed", "alone"])
def _library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """With what is installed here, and as an agent without it."""
    if request.param == "alone":
        monkeypatch.setattr(aead, "_QUICK", {})


@pytest.mark.usefixtures("_library")
def test_the_sealed_packet_is_that_of_the_definition():
    """Any key, vector and number; an empty payload, and one larger than any packet."""

    @given(keys, st.binary(min_size=12, max_size=12), numbers, st.binary(max_size=2_000), st.binary(max_size=40))
    def each(key: bytes, vector: bytes, number: int, payload: bytes, associated: bytes) -> None:
        found = aead.cipher(key, vector).encrypt(number, payload, associated)
        assert found == sealed(key, vector, number, payload, associated)
        assert aead.cipher(key, vector).decrypt(number, found, associated) == payload

    each()


@pytest.mark.usefixtures("_library")
@pytest.mark.parametrize("length", [16, 32])
def test_a_packet_that_is_not_authentic_is_refused_in_one_way(length: int):
    """Another number, other associated bytes, a bit turned, a tag cut off: each is `FORGED`."""
    key, vector = bytes(length), bytes(12)
    packet, open_ = sealed(key, vector, 7, b"payload", b"head"), aead.cipher(key, vector).decrypt
    turned = bytes([packet[0] ^ 1, *packet[1:]])

    for number, data, associated in (
        (8, packet, b"head"),
        (7, packet, b"heed"),
        (7, turned, b"head"),
        (7, packet[:-1], b"head"),
        (7, b"", b"head"),
    ):
        with pytest.raises(aead.FORGED):
            open_(number, data, associated)
    assert open_(7, packet, b"head") == b"payload"


@pytest.mark.parametrize("kind", [Moved, Broken, Blind, Trusting, Loud, Panicking])
def test_a_library_that_seals_otherwise_is_left_alone(kind: type[Right]):
    """It is asked before it is used; a length of which it is right is kept."""
    assert aead.proved({16: kind, 32: Right}) == {32: Right}


def test_without_it_nothing_is_quick(monkeypatch: pytest.MonkeyPatch):
    """And that can be asked, for a relay to say so."""
    monkeypatch.setattr(aead, "_QUICK", {})

    assert not aead.is_quick()
