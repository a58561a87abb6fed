"""Decisions kept so that they can be made again: against another document, before its owner saves it.

A record is a request as the kernel was asked, and the answer. `line` writes it down for a log of decisions; `replay`
asks a candidate document the same questions and says which answers would have been others. What the site measures
(distance, clocks) is taken as it was; which groups a camera stands in is read anew from the candidate.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from policies.kernel import Verdict
from policies.layers import SharingLayer
from policies.matching import Head

_NONE = frozenset[str]()


class Record(NamedTuple):
    """One decision of an owner's rules, as it was made.

    Attributes:
        ref: the decision's own id.
        document: SHA-256 of the document that decided.
        rule: the rule that decided, or empty.
    """

    ref: str
    document: str
    camera: str
    head: Head
    is_allowed: bool
    rule: str


class Outcome(NamedTuple):
    """What a candidate would have answered.

    Attributes:
        made: how many decisions were made again.
        refused: refs of what happened and would have been refused.
        allowed: refs of what was refused and would have happened.
    """

    made: int
    refused: tuple[str, ...]
    allowed: tuple[str, ...]


def record(layer: SharingLayer, *, ref: str, document: str, camera: str, head: Head, verdict: Verdict) -> Record:
    """What is kept of a decision."""
    rule = "" if verdict.row is None else layer.rows[verdict.row].rid
    return Record(ref, document, camera, head, verdict.is_allowed, rule)


def line(kept: Record) -> str:
    """A record as one line of a log: fields in a fixed order, separated by tabs, which no word of ours holds."""
    ref, document, camera, (sub, dom, _, act, ctx), is_allowed, rule = kept
    told, asked, reach = ctx.told, ctx.asked, ctx.reach
    about = f"{told.origin}/{'moved' if told.has_moved else ''}/{told.distance_m}" if told else ""
    much = f"{asked.seconds}/{asked.bound}/{asked.height_lines}" if asked else ""
    where = f"{reach.age_s}/{reach.start_ms}/{reach.around_s}" if reach else ""
    return (
        f"{ref}\t{document}\t{camera}\t{_list(sub)}\t{dom}\t{_list(act)}\t{ctx.purpose}\t{ctx.technology}\t{ctx.now_ms}"
        f"\t{_list(ctx.holding)}\t{about}\t{much}\t{where}\t{'allow' if is_allowed else 'deny'}\t{rule}"
    )


@lru_cache(4096)
def _list(words: frozenset[str]) -> str:
    """The words of a set in one order; heads share their sets, so that most were written before."""
    return "|".join(sorted(words))


def replay(candidate: SharingLayer, records: Iterable[Record]) -> Outcome:
    """Every decision again, by the candidate's rules."""
    verdict, scopes = candidate.judges.kernel.verdict, candidate.scopes
    made, refused, allowed = 0, list[str](), list[str]()
    for ref, _, camera, head, was_allowed, _ in records:
        made += 1
        obj = scopes.get(camera, _NONE)
        asked = head if obj == head.obj else head._replace(obj=obj)
        is_allowed = verdict(asked).is_allowed
        if is_allowed is not was_allowed:
            (allowed if is_allowed else refused).append(ref)
    return Outcome(made, tuple(refused), tuple(allowed))
