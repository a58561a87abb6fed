"""Canonical JSON equals another implementation of RFC 8785 within our subset, and everything outside is refused."""

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from partner_agent.wire import canonical
from partner_agent.wire.canonical import NotCanonicalError

KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


@given(VALUES)
@settings(max_examples=500, deadline=None)
def test_bytes_are_those_of_rfc8785(value: object):
    """Any value of the subset has exactly the bytes another implementation writes, and comes back."""
    data = canonical.encode(value)

    assert data == rfc8785.dumps(value)
    assert canonical.decode(data) == value


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), 2**53, -(2**53), {"é": 1}, {1: 2}, "\ud800", b"bytes", {1, 2}, object()]
)
def test_other_values_are_refused(value: object):
    """Floats, large numbers, other keys and types have no canonical form here."""
    with pytest.raises(NotCanonicalError):
        canonical.encode(value)


def test_depth_is_bounded():
    """A document nested deeper than 32 is refused, written or read."""
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    with pytest.raises(NotCanonicalError):
        canonical.encode(deep)
    with pytest.raises(NotCanonicalError):
        canonical.decode(json.dumps(deep, separators=(",", ":")).encode())
    with pytest.raises(NotCanonicalError):
        canonical.decode(b"[" * 100_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'"\\u0041"',
        b'"\\/"',
        b'{"a":NaN}',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"{}\n",
        b"-0",
    ],
)
def test_other_spellings_are_refused(data: bytes):
    """Bytes that are not exactly the canonical form are refused, so that nothing has two hashes."""
    with pytest.raises(NotCanonicalError):
        canonical.decode(data)


def test_object_is_demanded():
    """A reader that wants an object gets nothing else."""
    assert canonical.decode_object(b'{"a":1}') == {"a": 1}
    with pytest.raises(NotCanonicalError):
        canonical.decode_object(b"[]")


def test_hash_is_of_the_canonical_bytes():
    """Two orders of one object have one hash."""
    assert canonical.sha256_hex({"a": 1, "b": 2}) == canonical.sha256_hex({"b": 2, "a": 1})
