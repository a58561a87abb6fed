"""What one touch signs: labels keep kinds apart, and one touch covers each of its documents and no other."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.wire import touches
from partner_agent.wire.documents import POLICY_LABEL
from partner_agent.wire.proofs import leaf_hash
from partner_agent.wire.touches import LABELS, Path, TouchError
from tests.support import merkle

DIGESTS = [hashlib.sha256(bytes([n])).digest() for n in range(200)]


def test_each_label_gives_another_challenge():
    """The same digest approved as one kind of thing is never a yes to another kind."""
    found = {touches.challenge(label, DIGESTS[0]) for label in LABELS}

    assert len(found) == len(LABELS) == 5
    assert DIGESTS[0] not in found


def test_a_challenge_is_the_hash_of_label_zero_and_digest():
    """The vector another implementation is held against."""
    expected = hashlib.sha256(b"lenspact/policy/v1\x00" + DIGESTS[0]).digest()

    assert touches.challenge(POLICY_LABEL, DIGESTS[0]) == expected


@pytest.mark.parametrize(("label", "digest"), [("lenspact/login/v1", DIGESTS[0]), (POLICY_LABEL, b"short")])
def test_an_unknown_kind_or_no_digest_has_no_challenge(label: str, digest: bytes):
    """Nothing outside the four labels is ever put to an approval passkey."""
    with pytest.raises(TouchError):
        touches.challenge(label, digest)


@given(st.integers(1, 200), st.data())
def test_every_document_of_a_touch_leads_to_its_root(size: int, data):
    """Each agent's path leads from its own digest to what was signed, as RFC 6962 has it."""
    index = data.draw(st.integers(0, size - 1))
    digests = DIGESTS[:size]
    root = touches.root(digests)

    assert root == merkle.root([leaf_hash(digest) for digest in digests])
    assert touches.signed(digests[index], touches.path(digests, index)) == root


@given(st.integers(2, 200), st.data())
def test_no_other_document_leads_to_the_root(size: int, data):
    """A path of another place, another digest, a step less or one more leads nowhere that was signed."""
    index, other = data.draw(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)))
    root, where = touches.root(DIGESTS[:size]), touches.path(DIGESTS[:size], index)
    wrong = [
        (DIGESTS[0] + b"" if index else DIGESTS[1], where),
        (DIGESTS[index], Path(index=other, size=size, hashes=where.hashes)),
        (DIGESTS[index], Path(index=index, size=size, hashes=where.hashes[1:])),
        (DIGESTS[index], Path(index=index, size=size, hashes=[*where.hashes, "00" * 32])),
    ]
    for digest, path in wrong:
        if path == where and digest == DIGESTS[index]:
            continue
        try:
            assert touches.signed(digest, path) != root
        except TouchError:
            continue


@pytest.mark.parametrize(
    "where",
    [
        Path(index=0, size=201, hashes=["00" * 32] * 8),
        Path(index=2, size=2, hashes=["00" * 32]),
        Path(index=-1, size=2, hashes=["00" * 32]),
        Path(index=0, size=2, hashes=["zz" * 32]),
        Path(index=0, size=2, hashes=["AB" * 32]),
        Path(index=0, size=2, hashes=["00" * 31]),
        Path(index=0, size=2, hashes=[]),
    ],
    ids=str,
)
def test_a_path_that_is_none_is_refused(where: Path):
    """More than 200 documents, places that are not there, and hashes that are none."""
    with pytest.raises(TouchError):
        touches.signed(DIGESTS[0], where)


def test_a_touch_is_for_one_to_two_hundred_documents():
    """None and too many have no root; nobody approves more than a person may have read."""
    for digests in ([], [*DIGESTS, DIGESTS[0]]):
        with pytest.raises(TouchError):
            touches.root(digests)


@pytest.mark.parametrize("text", ["AA==", "A", "+/", "AB"])
def test_base64url_has_one_way_to_write_bytes(text: str):
    """Padding, other alphabets and stray bits are refused, so that nothing hides in a field."""
    with pytest.raises(TouchError):
        touches.from_base64url(text)
