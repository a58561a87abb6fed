"""One file that proves one entry: its number, the hashes to the root, and the checkpoint (C2SP tlog-proof).

Bytes in, values or an error out. Stdlib and cryptography only: the verifier stands on this.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from partner_agent.wire.notes import SignedCheckpoint, Verifier, open_checkpoint
from partner_agent.wire.proofs import HASH_BYTES, ProofError, verify_inclusion

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = "index "


@dataclass(frozen=True, slots=True)
class LogProof:
    """An inclusion proof with the checkpoint it leads to.

    Attributes:
        index: place of the leaf.
        hashes: RFC 9162 §2.1.3 inclusion proof, from the leaf up.
        note: the signed checkpoint.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: str

    @property
    def text(self) -> str:
        """The file."""
        lines = [_HEADER, f"{_INDEX}{self.index}", *(base64.b64encode(value).decode() for value in self.hashes)]
        return "\n".join(lines) + "\n\n" + self.note

    @classmethod
    def parse(cls, text: str) -> "LogProof":
        """Read the file.

        Raises:
            ProofError: it is no such file.
        """
        head, separator, note = text.partition("\n\n")
        header, *lines = head.split("\n")
        if header != _HEADER or not separator or not lines:
            raise ProofError("not a log proof")
        number, *hashes = lines
        digits = number.removeprefix(_INDEX)
        if not number.startswith(_INDEX) or not digits.isascii() or not digits.isdecimal() or len(digits) > 19:
            raise ProofError("a log proof names the entry's number")
        proof = cls(index=int(digits), hashes=tuple(_hash(line) for line in hashes), note=note)
        if proof.text != text:
            raise ProofError("a log proof has one spelling")
        return proof

    def verify(self, leaf_hash: bytes, log: Verifier, *cosigners: Verifier) -> SignedCheckpoint:
        """Check that `log` has signed a tree with this leaf at this place.

        Raises:
            NoteError: the checkpoint is not the log's.
            ProofError: the leaf is not in it at this place.
        """
        opened = open_checkpoint(self.note.encode(), log, *cosigners)
        head = opened.checkpoint
        verify_inclusion(leaf_hash, index=self.index, size=head.size, proof=self.hashes, root=head.root)
        return opened


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError("a proof hash is base64") from error
    if len(raw) != HASH_BYTES:
        raise ProofError("a proof hash has 32 bytes")
    return raw
