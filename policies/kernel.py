"""The compiled kernel: the same model files as the enforcer, each turned into one Python function.

It walks rules in document order, so that it can also say which rule decided, or which came nearest. The Casbin enforcer
has the last word on a release; this kernel must agree with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from policies.matcher import NO_DENY, Model, Read, Row, check_rows, load
from policies.matching import Head, prepared

_Numbered = tuple[int, Read]
_number = itemgetter(0)


class Nearest(NamedTuple):
    """The allow that came nearest where nothing matched: its row, and the rule field that stopped it."""

    row: int | None
    field: str


class Verdict(NamedTuple):
    """What the rules say: allowed or not, and the row that decided (None: none matched).

    Attributes:
        nearest: where nothing matched, the allow that came nearest of those that name the acts; None: there is none.
    """

    is_allowed: bool
    row: int | None
    nearest: Nearest | None = None


class Kernel:
    """One layer's rules under one model. No rules at all is a deny, whatever the effect.

    Rules are found by act: a rule that names none of the acts of a request cannot match it, for a term on `act` stands
    in every model of ours.
    """

    __slots__ = ("_by_act", "_effect", "_matcher", "_rows")

    def __init__(self, name: str, rows: Sequence[Row]) -> None:
        """`name`: the model; `rows`: the rules in document order.

        Raises:
            ModelError: a row has the wrong number of fields or an effect that is neither allow nor deny.
        """
        model, self._matcher = load(name)
        check_rows(model, rows)
        self._effect = model.effect
        self._rows = tuple(enumerate(prepared(model.policy, row) for row in rows))
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
        nearest, most = -1, self._matcher.fields.index("act")
        for index, row in self._candidates(head):
            count = passed(head, row)
            if count == all_terms:
                if row[-1] == "deny":
                    return Verdict(False, index)
                if first is None:
                    first = index
            elif count > most and row[-1] == "allow":
                nearest, most = index, count
        if self._effect == NO_DENY:
            return Verdict(bool(self._rows), first)
        if first is not None:
            return Verdict(True, first)
        return Verdict(False, None, Nearest(nearest, self._matcher.fields[most]) if nearest >= 0 else None)

    def nearest(self, head: Head) -> Nearest:
        """Where nothing matched, the first allow of those that came farthest, among all rules."""
        best, most = None, -1
        for index, row in self._rows:
            if row[-1] == "allow":
                count = self._matcher.passed(head, row)
                if count > most:
                    best, most = index, count
        return Nearest(best, "" if best is None else (*self._matcher.fields, "")[most])

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
