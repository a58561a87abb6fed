"""Which cameras an owner's answer speaks of besides those it names: those with a label, all of a place, all places.

A label is the owner's own word for cameras ("entrance", "car park"). It stays in the owner's answers: a document names
cameras, so a label, like every camera of a place, is looked up whenever one is written. What that adds is sharing more,
and waits for the owner as such; what it takes away counts at once.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

from policies.fields import PolicyError

LABEL_LENGTH: Final = 32  # characters
MOST_LABELS: Final = 8  # of one camera, and of one answer
_MARKS: Final = frozenset(" -'’")


class Reach(StrEnum):
    """How far an answer goes."""

    NAMED = "named"  # the cameras it names, and those with its labels
    SITE = "site"  # every camera of the place, also one that comes later
    PARTNER = "partner"  # the same, and said at all of the owner's places at once


def as_label(text: str) -> str:
    """A label as it is kept: one form of each letter, small, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def is_label(text: str) -> bool:
    """Whether this is a label as it is kept: letters and digits first, then also spaces, hyphens and apostrophes."""
    return (
        0 < len(text) <= LABEL_LENGTH
        and text == as_label(text)
        and text[0] not in _MARKS
        and all(letter in _MARKS or unicodedata.category(letter)[0] in "LMN" for letter in text)
    )


def labels_in(text: str) -> tuple[str, ...]:
    """The labels of a line with commas, each once, in their order; whether each is one is another question."""
    return tuple(dict.fromkeys(label for part in text.split(",") if (label := as_label(part))))


def read_label(value: object, path: str) -> str:
    """One label from its written form.

    Raises:
        PolicyError: it is none.
    """
    if not isinstance(value, str) or not is_label(value):
        raise PolicyError(path, f"must be a label: small letters, digits and spaces, at most {LABEL_LENGTH}")
    return value


def demand_reach(reach: Reach, labels: Collection[str], named: Collection[str]) -> None:
    """Refuse what says the same twice, and labels that are none.

    Raises:
        PolicyError: it names the field.
    """
    if len(labels) > MOST_LABELS:
        raise PolicyError("labels", f"give at most {MOST_LABELS} labels")
    for label in labels:
        read_label(label, "labels")
    if reach is not Reach.NAMED and (named or labels):
        raise PolicyError("reach", "an answer for every camera names no camera and no label")


def reached(
    reach: Reach,
    labels: Collection[str],
    *,
    named: Iterable[str],
    without: Collection[str],
    cameras: Mapping[str, Collection[str]],
) -> frozenset[str]:
    """The cameras spoken of.

    Args:
        reach: how far it goes.
        labels: cameras with one of them.
        named: cameras that are named.
        without: cameras left out, however they would be reached.
        cameras: every camera of the place, each with its labels.
    """
    if reach is not Reach.NAMED:
        return frozenset(cameras) - frozenset(without)
    wanted = frozenset(labels)
    labelled = {name for name, own in cameras.items() if not wanted.isdisjoint(own)}
    return (frozenset(named) | labelled) - frozenset(without)
