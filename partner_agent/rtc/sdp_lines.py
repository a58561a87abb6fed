"""The lines of an SDP: which attributes stand there, and numbers that are numbers. Pure. RFC 8866 §5, §9."""

import re
from dataclasses import dataclass
from typing import Final, Literal, Self

DIRECTIONS: Final[tuple[Literal["recvonly", "sendonly"], ...]] = ("recvonly", "sendonly")
_WORD: Final = r"[!#-'*+\-.0-9A-Z^-~]+"  # RFC 8866 §9
_MEDIA: Final = re.compile(rf"m=({_WORD}) [0-9]{{1,5}}(?:/[0-9]{{1,5}})? ({_WORD}(?:/{_WORD})*) ({_WORD}(?: {_WORD})*)")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")  # no other digits, and not so many that reading them costs


@dataclass(frozen=True, slots=True)
class Declined:
    """A section that nobody takes; its answer has its protocol and its formats (RFC 3264 §6, RFC 9429 §5.3.1).

    Attributes:
        kind: what its media are called.
        protocol: how they would travel.
        formats: in which, at least one.
        mid: its own name.
        position: its place among all sections.
    """

    kind: str
    protocol: str
    formats: str
    mid: str
    position: int

    @classmethod
    def read(cls, line: str, *, mid: str, position: int) -> Self | None:
        """By its `m=` line; None where that is none."""
        found = _MEDIA.fullmatch(line)
        if found is None:
            return None
        kind, protocol, formats = found.groups()
        return cls(kind, protocol, formats, mid, position)

    def lines(self) -> list[str]:
        """What an answer says of it."""
        return [
            f"m={self.kind} 0 {self.protocol} {self.formats}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{self.mid}",
            "a=inactive",
        ]


def sections(text: str) -> list[list[str]]:
    """What stands before the first `m=`, then each section."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("m="):
            found.append([])
        found[-1].append(line.strip())
    return found


def values_of(lines: list[str], name: str) -> list[str]:
    """Every value of an attribute, in their order."""
    prefix = f"a={name}:"
    return [line[len(prefix) :] for line in lines if line.startswith(prefix)]


def number_of(text: str) -> int:
    """A decimal number; -1 for anything else."""
    return int(text) if _NUMBER.fullmatch(text) else -1
