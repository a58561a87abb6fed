"""The compiled kernel: the same model files as the enforcer, each turned into one Python function.

It walks rules in document order, so that it can also say which rule decided, or which came nearest. The Casbin enforcer
has the last word on a release; this kernel must agree with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from policies.matcher import NO_DENY, NOTHING, Model, Read, Row, load, read_rows
from policies.matching import Head, Names

_Numbered = tuple[int, Read]
_number = itemgetter(0)


class Verdict(NamedTuple):
    """What the rules say: allowed or not, and the row that decided (None: none matched).

    Attributes:
        nearest: where nothing matched, the allow that came nearest of those that name an act; None: there is none.
        stopped_by: the rule field that stopped it.
    """

    is_allowed: bool
    row: int | None
    nearest: int | None = None
    stopped_by: str = ""


class Kernel:
    """One layer's rules under one model. No rules at all is a deny, whatever the effect.

    Rules are found by act: a rule that names none of the acts of a request cannot match it, for a term on `act` stands
    in every model of ours.
    """

    __slots__ = ("_act", "_by_act", "_effect", "_matcher", "_rows")

    def __init__(self, name: str, rows: Sequence[Row], names: Names = NOTHING) -> None:
        """`name`: the model; `rows`: the rules in document order; `names`: what windows and terms stand for.

        Raises:
            ModelError: as `read_rows`.
        """
        model, self._matcher = load(name)
        self._act = self._matcher.fields.index("act")
        self._effect = model.effect
        self._rows = tuple(enumerate(read_rows(model, rows, names)))
        self._by_act = _by_act(model, self._rows)

    def matches(self, head: Head, index: int) -> bool:
        """Whether one rule matches."""
        return self._matcher.matches(head, self._rows[index][1])

    def stopped_at(self, head: Head, index: int) -> str:
        """The rule field that stops one rule; empty where it matches."""
        return (*self._matcher.fields, "")[self._matcher.passed(head, self._rows[index][1])]

    def verdict(self, head: Head) -> Verdict:
        """The first deny that matches, else the first allow that matches, else nothing."""
        passed, all_terms = self._matcher.passed, len(self._matcher.fields)
        first: int | None = None
        nearest: int | None = None
        most = self._act  # a rule has to come farther than its acts, or it is not told from those not looked at
        for index, row in self._candidates(head):
            if first is not None and row[-1] == "allow":
                continue  # the first allow that matches decides; after it only a deny matters
            count = passed(head, row)
            if count == all_terms:
                if row[-1] == "deny":
                    return Verdict(False, index)
                first = index
            elif count > most and row[-1] == "allow":
                nearest, most = index, count
        if self._effect == NO_DENY:
            return Verdict(bool(self._rows), first)
        if first is not None:
            return Verdict(True, first)
        return Verdict(False, None, nearest, "" if nearest is None else self._matcher.fields[most])

    def nearest(self, head: Head) -> tuple[int | None, str]:
        """Where nothing matched, the first allow of those that came farthest among all rules, and what stopped it."""
        best, most = None, -1
        for index, row in self._rows:
            if row[-1] == "allow":
                count = self._matcher.passed(head, row)
                if count > most:
                    best, most = index, count
        return best, "" if best is None else (*self._matcher.fields, "")[most]

    def _candidates(self, head: Head) -> Iterable[_Numbered]:
        if len(head.act) == 1:
            (act,) = head.act
            return self._by_act.get(act, ())
        return sorted(dict(numbered for act in head.act for numbered in self._by_act.get(act, ())).items(), key=_number)


def _by_act(model: Model, rows: Iterable[_Numbered]) -> Mapping[str, tuple[_Numbered, ...]]:
    place = model.policy.index("act")
    found: dict[str, list[_Numbered]] = {}
    for index, row in rows:
        for act in row[place]:
            found.setdefault(act, []).append((index, row))
    return {act: tuple(named) for act, named in found.items()}
