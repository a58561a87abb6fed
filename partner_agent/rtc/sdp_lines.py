"""The lines of an SDP: which attributes stand there, and numbers that are numbers. Pure. RFC 8866 §5, §9."""

import re
from typing import Final, Literal

DIRECTIONS: Final[tuple[Literal["recvonly", "sendonly"], ...]] = ("recvonly", "sendonly")
_NUMBER: Final = re.compile(r"[0-9]{1,10}")  # no other digits, and not so many that reading them costs


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
