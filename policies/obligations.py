"""Comparing obligations: what a grant carries must be at least as strict as what the site derives itself."""

from collections.abc import Mapping
from typing import Final

from policies.request import Obligations, ObligationValue
from policies.vocabulary import Notify, Obligation

_NUMBERS: Final = frozenset({Obligation.MAX_SECONDS, Obligation.MAX_HEIGHT, Obligation.AFTER_ACTION_DAYS})
_STRICTNESS: Final = {str(notify): rank for rank, notify in enumerate(Notify)}


def to_json(obligations: Obligations) -> dict[str, object]:
    """The form obligations travel in."""
    return {str(kind): list(value) if isinstance(value, tuple) else value for kind, value in obligations.items()}


def unmet(derived: Obligations, carried: Mapping[str, object]) -> str:
    """The first obligation that is unknown, or carried less strictly than derived; empty when all is well.

    Args:
        derived: what the site's own decision obliges to.
        carried: what the grant says, as JSON.
    """
    known = {str(kind) for kind in Obligation}
    for name, value in carried.items():
        if name not in known or not _is_well_formed(Obligation(name), value):
            return name
    for kind, needed in derived.items():
        if str(kind) not in known or str(kind) not in carried or not _at_least(kind, carried[str(kind)], needed):
            return str(kind)
    return ""


def _is_well_formed(kind: Obligation, value: object) -> bool:
    if kind in _NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if kind is Obligation.NOTIFY:
        return value in _STRICTNESS
    if kind is Obligation.MASKS:
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    return value is True


def _at_least(kind: Obligation, carried: object, needed: ObligationValue) -> bool:
    match carried, needed:
        case (list() | tuple(), tuple()):
            return set(needed) <= set(carried)
        case (str(), str()):
            return _STRICTNESS[carried] >= _STRICTNESS[needed]
        case (bool(), bool()):
            return carried == needed
        case (int(), int()):
            return kind in _NUMBERS and carried <= needed
        case _:
            return False
