"""Which keys to believe: the log's, and those of the co-signers who must have seen it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from partner_agent.verify.report import CheckError, Outcome, bad, unreadable
from partner_agent.wire.notes import KeyKind, NoteError, SignedCheckpoint, Verifier, open_checkpoint


@dataclass(frozen=True, slots=True)
class Trust:
    """What the person checking believes.

    Attributes:
        log: the log's key.
        cosigners: keys of co-signers.
        quorum: how many of them must have signed.
        is_pinned: whether the log's key came from outside what is checked.
    """

    log: Verifier
    cosigners: tuple[Verifier, ...] = ()
    quorum: int = 0
    is_pinned: bool = True

    def open(self, note: bytes) -> SignedCheckpoint:
        """The checkpoint, if the log has signed it.

        Raises:
            CheckError: the log has not.
        """
        try:
            return open_checkpoint(note, self.log, *self.cosigners)
        except NoteError as error:
            raise bad(f"The checkpoint cannot be believed: {error}.") from error

    def demand_quorum(self, opened: SignedCheckpoint) -> None:
        """Check that enough co-signers have seen the checkpoint.

        Raises:
            CheckError: too few.
        """
        count = len(opened.cosigned)
        if count < self.quorum:
            raise CheckError(
                Outcome.TOO_FEW_COSIGNERS,
                f"The log is sound, but {count} of the {self.quorum} demanded co-signers have seen this state of it.",
            )

    @property
    def remark(self) -> str:
        """What to add to a good result."""
        if self.is_pinned:
            return ""
        return " The key came with what was checked: compare it with one you have from elsewhere (--key)."


def read_trust(key: str, cosigners: Sequence[str], quorum: int | None, *, beside: Path | None = None) -> Trust:
    """Read keys, each given as text or as the name of a file that holds it.

    Args:
        key: the log's; empty to take the file `beside`.
        cosigners: theirs.
        quorum: how many must have signed; None means all of them.
        beside: a key that lies with what is checked, which proves less.

    Raises:
        CheckError: a key cannot be read, or more co-signers are demanded than were given.
    """
    source = key or (str(beside) if beside and beside.exists() else "")
    if not source:
        raise unreadable("Give the log's public key with --key: its text, or a file that holds it.")
    trust = Trust(
        log=_read(source),
        cosigners=tuple(_read(each) for each in cosigners),
        quorum=len(cosigners) if quorum is None else quorum,
        is_pinned=bool(key),
    )
    if trust.quorum > len(trust.cosigners) or trust.quorum < 0:
        raise unreadable("--quorum demands more co-signers than were given with --cosigner.")
    if trust.log.kind is not KeyKind.ED25519 or any(v.kind is not KeyKind.COSIGNATURE for v in trust.cosigners):
        raise unreadable("A key is of the wrong kind: --key takes a log's, --cosigner a co-signer's.")
    if len({v.public for v in trust.cosigners}) != len(trust.cosigners):
        raise unreadable("A co-signer was given twice; each counts once.")
    return trust


def _read(source: str) -> Verifier:
    try:
        path = Path(source)
        text = path.read_text(encoding="utf-8") if "+" not in source or path.is_file() else source
        return Verifier.from_vkey(text.strip())
    except (OSError, ValueError) as error:
        raise unreadable(f"The key {source[:80]!r} cannot be read: {error}.") from error
