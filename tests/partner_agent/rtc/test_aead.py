"""Whichever library seals, the bytes are those of RFC 7714; one that would not give them is not taken."""

import pytest
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


def sealed(key: bytes, vector: bytes, number: int, payload: bytes, associated: bytes) -> bytes:
    """By the definition: the nonce is the vector exclusive-or the number (RFC 7714 §8.1)."""
    nonce = bytes(one ^ two for one, two in zip(vector, number.to_bytes(12, "big"), strict=True))
    return AESGCM(key).encrypt(nonce, payload, associated)


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
        found = aead.encryptor(key, vector)(number, payload, associated)
        assert found == sealed(key, vector, number, payload, associated)

    each()


@pytest.mark.parametrize("kind", [Moved, Broken])
def test_a_library_that_seals_otherwise_is_left_alone(kind: type[Right]):
    """It is asked before it is used; a length of which it is right is kept."""
    assert aead.proved({16: kind, 32: Right}) == {32: Right}


def test_names_that_moved_are_no_error(monkeypatch: pytest.MonkeyPatch):
    """A later version without them is as good as none."""
    monkeypatch.setattr(aead, "quic", object())

    assert aead._found() == {}


def test_without_it_nothing_is_quick(monkeypatch: pytest.MonkeyPatch):
    """And that can be asked, for a relay to say so."""
    monkeypatch.setattr(aead, "_QUICK", {})

    assert not aead.is_quick()
