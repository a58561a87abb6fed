"""Who may be the second person of emergency access by two people: the agency's own rules say, and say no by default.

An ordinance may name the rank they must hold besides. Both engines are asked, for something is released on it. Nobody
seconds themselves, and nobody who signed in less surely than the person who asks.
"""

from datetime import datetime

from policies.heads import duty_head
from policies.layers import AgencyLayer, DisagreementError
from policies.request import Subject
from policies.vocabulary import Duty, Rank


def may_second(
    agency: AgencyLayer, *, first: Subject, second: Subject, now: datetime, rank: Rank | None = None
) -> bool:
    """Whether `second` may confirm what `first` asks for.

    The checks: 1 two different people, 2 of one agency, 3 the second signed in at least as surely as the first, 4 the
    agency's rules give the second this duty, 5 the second holds the rank that the ordinance names.

    Args:
        agency: the agency's own rules.
        first: who asks, as they were when they asked.
        second: who confirms, as they are now.
        now: the time of the decision.
        rank: of the ordinance in force; None where it names none.
    """
    if not second.ref or second.ref == first.ref:  # 1
        return False
    if second.agency != first.agency:  # 2
        return False
    if second.assurance < first.assurance:  # 3
        return False
    if rank is not None and rank not in second.roles:  # 5
        return False
    try:
        return agency.judges.verdict(duty_head(second, Duty.SECOND_CONFIRM, now), release=True).is_allowed  # 4
    except DisagreementError:
        return False
