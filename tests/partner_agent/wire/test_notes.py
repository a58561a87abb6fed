"""Notes and checkpoints: published vectors hold, and nothing that was changed or signed by others passes."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from partner_agent.wire.notes import (
    Checkpoint,
    Cosigner,
    KeyKind,
    Note,
    NoteError,
    NoteSigner,
    Signature,
    Verifier,
    open_checkpoint,
    open_note,
    parse_note,
)

# The example in the documentation of golang.org/x/mod/sumdb/note.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
LOG = NoteSigner(name="gateway.example/log", private=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SHOP = Cosigner(name="shop.example/w1", private=Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
STRANGER = NoteSigner(name=LOG.name, private=Ed25519PrivateKey.from_private_bytes(bytes(32)))
POINT = Checkpoint(origin=LOG.name, size=1000, root=bytes(range(32)))


def _note(point: Checkpoint = POINT, *more: Signature) -> bytes:
    return Note(text=point.text, signatures=(LOG.sign(point.text), *more)).encode()


def test_the_published_note_opens():
    """Go's example note verifies under Go's example key."""
    note, signed = open_note(NEUMANN_NOTE, Verifier.from_vkey(NEUMANN))

    assert note.text.startswith("If you think")
    assert [v.vkey for v in signed] == [NEUMANN]
    assert note.encode() == NEUMANN_NOTE


def test_vkey_comes_back():
    """A key written as vkey is read back the same, of both kinds."""
    for verifier in (LOG.verifier, SHOP.verifier):
        assert Verifier.from_vkey(verifier.vkey) == verifier


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+c74f20a3",
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN.replace("Peter", "Petra"),
        NEUMANN[:-4],
        NEUMANN.replace("+ARpc", "+Ahpc"),
        "two words" + NEUMANN.removeprefix("PeterNeumann"),
        NEUMANN.replace("10TW", "10T!"),
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_wrong_vkey_is_refused(vkey: str):
    """A vkey with another name, id, kind, length or spelling is refused."""
    with pytest.raises(NoteError):
        Verifier.from_vkey(vkey)


@given(st.data())
@settings(max_examples=1500, deadline=None)
def test_changed_note_is_refused_or_says_the_same(data: st.DataObject):
    """However one byte of a checkpoint note is changed, it never opens as another checkpoint."""
    whole = _note()
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] = data.draw(st.integers(0, 255).filter(lambda b: b != whole[at]))

    with pytest.raises(NoteError):
        open_checkpoint(bytes(changed), LOG.verifier)


@given(st.binary(max_size=400))
def test_rubbish_is_refused_quietly(data: bytes):
    """Any bytes either parse or raise NoteError, nothing else."""
    try:
        note = parse_note(data)
    except NoteError:
        return
    assert note.encode() == data


def test_note_signed_by_another_key_of_the_same_name_is_refused():
    """The name alone proves nothing."""
    note = Note(text=POINT.text, signatures=(STRANGER.sign(POINT.text),)).encode()

    with pytest.raises(NoteError, match="nobody"):
        open_checkpoint(note, LOG.verifier)


def test_bad_signature_beside_a_good_one_spoils_the_note():
    """A known key's broken signature is not outvoted by its good one."""
    good = LOG.sign(POINT.text)
    bad = Signature(good.name, good.key_id, bytes(64))

    with pytest.raises(NoteError, match="does not hold"):
        open_checkpoint(_note(POINT, bad), LOG.verifier)


def test_signature_of_an_unknown_key_is_ignored():
    """Others may sign too; rotation and co-signing depend on it."""
    opened = open_checkpoint(_note(POINT, STRANGER.sign(POINT.text), SHOP.sign(POINT.text, time_s=5)), LOG.verifier)

    assert opened.checkpoint == POINT
    assert opened.cosigned == ()


def test_cosignature_counts_with_its_time():
    """A co-signer's line is verified over its time."""
    opened = open_checkpoint(_note(POINT, SHOP.sign(POINT.text, time_s=1_790_000_000)), LOG.verifier, SHOP.verifier)

    assert opened.cosigned == ((SHOP.verifier, 1_790_000_000),)


def test_cosignature_with_another_time_is_refused():
    """The time is under the signature."""
    line = SHOP.sign(POINT.text, time_s=5)
    moved = Signature(line.name, line.key_id, (6).to_bytes(8, "big") + line.value[8:])

    with pytest.raises(NoteError):
        open_checkpoint(_note(POINT, moved), LOG.verifier, SHOP.verifier)


def test_cosigner_alone_is_no_log():
    """A checkpoint only co-signed is not a checkpoint of the log."""
    note = Note(text=POINT.text, signatures=(SHOP.sign(POINT.text, time_s=5),)).encode()

    with pytest.raises(NoteError, match="log's key"):
        open_checkpoint(note, LOG.verifier, SHOP.verifier)


def test_cosigner_key_is_not_taken_for_a_log_key():
    """A key of the co-signing kind never opens a log."""
    with pytest.raises(NoteError):
        open_checkpoint(_note(POINT, SHOP.sign(POINT.text, time_s=5)), SHOP.verifier)


def test_checkpoint_of_another_origin_is_refused():
    """The log's key speaks only for its own origin."""
    other = Checkpoint(origin="elsewhere.example/log", size=1, root=bytes(32))

    with pytest.raises(NoteError, match="origin"):
        open_checkpoint(_note(other), LOG.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        "log\n",
        "log\n1\n",
        "log\n1\n\n",
        "\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "log\n01\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "log\n-1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "log\n٣\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "log\n9223372036854775808\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "log\n1\n" + base64.b64encode(bytes(31)).decode() + "\n",
        "log\n1\n" + base64.b64encode(bytes(32)).decode() + "\n\n",
        "log\n1\n" + base64.b64encode(bytes(32)).decode(),
        "log\t\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
    ],
)
def test_malformed_checkpoint_is_refused(text: str):
    """Sizes, roots and lines have one spelling each."""
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_checkpoint_text_comes_back_with_extensions():
    """Extension lines survive."""
    point = Checkpoint(origin="log", size=0, root=bytes(32), extensions=("a", "b c"))

    assert Checkpoint.parse(point.text) == point


@pytest.mark.parametrize(
    "data",
    [
        b"text\n",
        b"text\n\n",
        b"text\n\nname AAAAAAAA\n",
        "text\n\n— name AAAA\n".encode(),
        "text\n\n— na+me AAAAAAAAAAAA\n".encode(),
        "text\n\n— name\n".encode(),
        "text\n\n— name AAAAAAAAAAAA".encode(),
        b"\xff\n\n",
        b"a" * (1024 * 1024 + 1),
        b"text\n\n" + "— name AAAAAAAAAAAA\n".encode() * 101,
    ],
)
def test_malformed_note_is_refused(data: bytes):
    """What is not text, an empty line and signature lines is no note."""
    with pytest.raises(NoteError):
        parse_note(data)


def test_key_of_another_size_is_refused():
    """Only 32 byte keys, and 64 byte signatures."""
    with pytest.raises(NoteError):
        Verifier(name="log", kind=KeyKind.ED25519, public=b"short")
    short = Signature(LOG.name, LOG.verifier.key_id, bytes(10))
    with pytest.raises(NoteError, match="size"):
        open_note(Note(text="text\n", signatures=(short,)).encode(), LOG.verifier)


def test_nobody_signs_what_is_no_text():
    """A text with control characters, or for a co-signer no checkpoint, is not signed."""
    with pytest.raises(NoteError):
        LOG.sign("no line end")
    with pytest.raises(NoteError):
        SHOP.sign("not a checkpoint\n", time_s=1)
