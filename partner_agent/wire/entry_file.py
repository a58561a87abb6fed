"""One entry of the log as a file anybody can check offline: the leaf, what opens it, and its proof.

Canonical JSON {v, leaf, openings, proof}; `proof` is a C2SP tlog-proof. Bytes in, values or an error out. Stdlib and
cryptography only: the verifier stands on this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from partner_agent.wire import canonical, leaves
from partner_agent.wire.notes import SignedCheckpoint, Verifier
from partner_agent.wire.proofs import ProofError, leaf_hash
from partner_agent.wire.tlog_proof import LogProof

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class EntryFile:
    """An entry, those of its details that are opened, and the proof that it is in the log.

    Attributes:
        leaf: the canonical bytes that were hashed.
        openings: field to {salt, value}; a missing one is closed, not wrong.
        proof: place and checkpoint.
    """

    leaf: bytes
    openings: Mapping[str, object]
    proof: LogProof

    def encode(self) -> bytes:
        """The file."""
        document = {
            "v": _VERSION,
            "leaf": canonical.decode_object(self.leaf),
            "openings": dict(self.openings),
            "proof": self.proof.text,
        }
        return canonical.encode(document)

    @classmethod
    def parse(cls, data: bytes) -> "EntryFile":
        """Read the file.

        Raises:
            ValueError: it is no such file.
        """
        match canonical.decode_object(data):
            case {"v": 1, "leaf": dict(leaf), "openings": dict(openings), "proof": str(proof), **rest} if not rest:
                return cls(leaf=canonical.encode(leaf), openings=openings, proof=LogProof.parse(proof))
        raise ProofError("not an entry file")

    def verify(self, log: Verifier, *cosigners: Verifier) -> tuple[SignedCheckpoint, dict[str, object]]:
        """The checkpoint, and what the entry says of every opened field.

        1. The log has signed a tree with this leaf at this place. 2. Every opening opens its commitment.

        Raises:
            ValueError: the first that does not hold.
        """
        opened = self.proof.verify(leaf_hash(self.leaf), log, *cosigners)  # 1
        document = canonical.decode_object(self.leaf)
        said = {field: leaves.said(document, self.openings, field) for field in sorted(self.openings)}  # 2
        return opened, said
