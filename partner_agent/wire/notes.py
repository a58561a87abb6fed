"""Signed notes and checkpoints: the text a log signs, who signed it, and whether that holds.

C2SP signed-note v1, tlog-checkpoint v1 and tlog-cosignature v1 with Ed25519. Bytes in, values or `NoteError` out; what
a checkpoint commits to is the business of `proofs`, which key to believe is the caller's. Stdlib and cryptography only.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NOTE_BYTES: Final = 1024 * 1024  # signed-note: a reader may refuse larger notes
MAX_SIGNATURES: Final = 100  # signed-note: a reader may ignore or refuse more
_KEY_ID_BYTES: Final = 4
_PUBLIC_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_TIME_BYTES: Final = 8
_ROOT_BYTES: Final = 32
_DASH: Final = "— "  # U+2014, space: begins every signature line


class NoteError(ValueError):
    """The note, key or checkpoint is malformed, or is not signed by the key it must be signed by."""


class KeyKind(IntEnum):
    """The signature type identifiers of C2SP signed-note that we accept."""

    ED25519 = 0x01
    COSIGNATURE = 0x04  # Ed25519 over a timestamped checkpoint


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under the name it signs as.

    Attributes:
        name: the key name; for a log, its origin.
        kind: a log's plain signature or a co-signer's timestamped one.
        public: 32 raw bytes of the Ed25519 key.
    """

    name: str
    kind: KeyKind
    public: bytes

    def __post_init__(self) -> None:
        """Refuse names a note cannot carry and keys of another size."""
        _check_name(self.name)
        if len(self.public) != _PUBLIC_KEY_BYTES:
            raise NoteError("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """The four bytes that lead a signature: SHA-256(name ‖ LF ‖ kind ‖ key), cut (signed-note, Signatures)."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:_KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The text form people pin: `name+keyid+base64(kind ‖ key)`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    @classmethod
    def from_vkey(cls, text: str) -> "Verifier":
        """Read a vkey.

        Raises:
            NoteError: malformed, of an unknown kind, or its key id is not that of the key.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise NoteError("a vkey has three parts: name+keyid+key")
        name, key_id, encoded = parts
        raw = _unbase64(encoded)
        if not raw or raw[0] not in tuple(KeyKind):
            raise NoteError("the vkey is of a kind we do not know")
        verifier = cls(name=name, kind=KeyKind(raw[0]), public=raw[1:])
        if verifier.key_id.hex() != key_id:
            raise NoteError("the vkey's key id does not belong to its key")
        return verifier


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line, not verified."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """`— name base64(keyid ‖ signature)` with its line end."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}\n"


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A log's Ed25519 key under its name; signs note texts."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(name=self.name, kind=KeyKind.ED25519, public=self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """Sign `text`, which must be a whole note text."""
        _check_text(text)
        return Signature(name=self.name, key_id=self.verifier.key_id, value=self.private.sign(text.encode()))


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A co-signer's Ed25519 key; signs checkpoints with the time it saw them (tlog-cosignature)."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(name=self.name, kind=KeyKind.COSIGNATURE, public=self.private.public_key().public_bytes_raw())

    def sign(self, text: str, *, time_s: int) -> Signature:
        """Cosign the checkpoint `text`, seen `time_s` seconds after 1970."""
        Checkpoint.parse(text)
        value = time_s.to_bytes(_TIME_BYTES, "big") + self.private.sign(_cosigned(text, time_s))
        return Signature(name=self.name, key_id=self.verifier.key_id, value=value)


@dataclass(frozen=True, slots=True)
class Note:
    """A note's text and its signature lines; `open_note` says which of them hold."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The bytes of the note."""
        return (self.text + "\n" + "".join(signature.line for signature in self.signatures)).encode()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: `size` leaves under `root`.

    Attributes:
        origin: the log's unique name.
        size: number of leaves.
        root: 32 bytes, RFC 6962 tree head.
        extensions: further lines; we write none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The note text."""
        return "\n".join((self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)) + "\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a note text.

        Raises:
            NoteError: it is no checkpoint.
        """
        _check_text(text)
        origin, *rest = text[:-1].split("\n")
        if len(rest) < 2 or not origin or not all(rest):
            raise NoteError("a checkpoint has an origin, a size and a root, and no empty line")
        size, encoded, *extensions = rest
        if not (size.isascii() and size.isdecimal()) or (size != "0" and size.startswith("0")) or int(size) >= 1 << 63:
            raise NoteError("a checkpoint's size is a plain decimal number")
        root = _unbase64(encoded)
        if len(root) != _ROOT_BYTES:
            raise NoteError("a checkpoint's root has 32 bytes")
        return cls(origin=origin, size=int(size), root=root, extensions=tuple(extensions))


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint its log has signed, and which of the asked co-signers had seen it, with their times."""

    checkpoint: Checkpoint
    note: Note
    cosigned: tuple[tuple[Verifier, int], ...]


def parse_note(data: bytes) -> Note:
    """Split a note into text and signature lines; verifies nothing.

    Raises:
        NoteError: not a signed note.
    """
    if len(data) > NOTE_BYTES:
        raise NoteError("the note is larger than 1 MiB")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise NoteError("a note is UTF-8 text") from error
    head, separator, tail = whole.rpartition("\n\n")
    text = head + "\n"
    if not separator or not tail.endswith("\n"):
        raise NoteError("a note is a text, an empty line and signature lines")
    _check_text(text)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("the note has more than 100 signatures")
    return Note(text=text, signatures=tuple(_parse_line(line) for line in lines))


def open_note(data: bytes, *verifiers: Verifier) -> tuple[Note, tuple[Verifier, ...]]:
    """Parse a note and say which of `verifiers` signed it.

    Signatures by others are ignored; a bad signature under a known key spoils the note (signed-note, Verification).

    Raises:
        NoteError: malformed, or a known key's signature does not hold, or none of `verifiers` signed.
    """
    note = parse_note(data)
    signed = []
    for verifier in verifiers:
        mine = [s for s in note.signatures if (s.name, s.key_id) == (verifier.name, verifier.key_id)]
        for signature in mine:
            _verify(verifier, note.text, signature.value)
        if mine:
            signed.append(verifier)
    if not signed:
        raise NoteError("nobody whose key was given has signed this note")
    return note, tuple(signed)


def open_checkpoint(data: bytes, log: Verifier, *cosigners: Verifier) -> SignedCheckpoint:
    """A checkpoint signed by `log` under its own origin, with the cosignatures of those of `cosigners` who gave one.

    Raises:
        NoteError: malformed, not signed by `log`, of another origin, or a bad signature under any of the keys.
    """
    note, signed = open_note(data, log, *cosigners)
    if log not in signed or log.kind is not KeyKind.ED25519:
        raise NoteError("the log's key has not signed this checkpoint")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log.name:
        raise NoteError("the checkpoint is of another origin than the log's key")
    times = {(s.name, s.key_id): int.from_bytes(s.value[:_TIME_BYTES], "big") for s in note.signatures}
    cosigned = tuple((v, times[v.name, v.key_id]) for v in signed if v.kind is KeyKind.COSIGNATURE)
    return SignedCheckpoint(checkpoint=checkpoint, note=note, cosigned=cosigned)


def _verify(verifier: Verifier, text: str, value: bytes) -> None:
    message = text.encode()
    if verifier.kind is KeyKind.COSIGNATURE:
        time_s, value = int.from_bytes(value[:_TIME_BYTES], "big"), value[_TIME_BYTES:]
        message = _cosigned(text, time_s)
    if len(value) != _SIGNATURE_BYTES:
        raise NoteError(f"the signature of {verifier.name} has the wrong size")
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(value, message)
    except (InvalidSignature, ValueError) as error:
        raise NoteError(f"the signature of {verifier.name} does not hold") from error


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()  # tlog-cosignature, Format


def _parse_line(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise NoteError("a signature line begins with an em dash and a space")
    _check_name(name)
    raw = _unbase64(encoded)
    if len(raw) <= _KEY_ID_BYTES:
        raise NoteError("a signature line is a key id and a signature")
    return Signature(name=name, key_id=raw[:_KEY_ID_BYTES], value=raw[_KEY_ID_BYTES:])


def _check_name(name: str) -> None:
    if not name or "+" in name or not name.isprintable() or any(c.isspace() for c in name):
        raise NoteError("a key name is not empty and has neither spaces nor a plus sign")


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise NoteError("a note's text ends its last line and has no control characters")


def _unbase64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise NoteError("not canonical base64")  # loose trailing bits would give one key or root two spellings
    return raw
