"""Requests as plain JSON values, for everything that must not share code with the law: the oracle and other engines.

Times are microseconds since 1970 UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from policies.request import Facts, Request

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Case = dict[str, Any]


def case_of(asked: Request, facts: Facts) -> Case:
    """A question and what is true at that moment."""
    incident, span, approval, who = asked.incident, asked.span, facts.approval, asked.subject
    return {
        "now": _us(asked.now),
        "partner": asked.partner,
        "camera": asked.camera,
        "act": str(asked.act),
        "purpose": str(asked.purpose),
        "technology": str(asked.technology),
        "agency": who.agency,
        "unit": who.unit,
        "roles": sorted(who.roles),
        "assurance": who.assurance,
        "on_behalf": who.on_behalf_of != "",
        "seconds": asked.caps.seconds,
        "height_lines": asked.caps.height_lines,
        "audio": asked.caps.audio,
        "ptz": asked.caps.ptz,
        "incident": None
        if incident is None
        else {
            "kind": str(incident.kind),
            "origin": str(incident.origin),
            "cell": list(incident.cell),
            "opened": _us(incident.opened_at),
            "has_moved": incident.has_moved,
            "is_active": incident.is_active,
        },
        "span": None if span is None else [_us(span.start), _us(span.end)],
        "panic_until": None if facts.panic_until is None else _us(facts.panic_until),
        "approval": None if approval is None else [str(approval.act), _us(approval.until)],
        "second_person": facts.is_second_person_present,
        "live_s": facts.usage.live_s,
        "clip_s": facts.usage.clip_s,
        "views_now": facts.usage.views_now,
    }


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
