"""The decision tables of the packs for kinds of places: what each row asks, and every small change of a pack."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Any

from policies.clauses import RADII_M, Clause, Live, Recordings, Where, expand
from policies.decide import preview
from policies.model import Totals
from policies.places import PlacePack
from policies.request import Approval, Caps, Facts, Incident, Permit, Span
from policies.vocabulary import RANGE_ACTS, Act, IncidentKind, Notify, Obligation, Origin, Purpose
from tests.policies.build import AGENCY, NOW, at_centre, incident, policy, request, subject
from tests.policies.generate import _cells
from tests.policies.tables import WIDE, Row, _sets
from tests.policies.worlds import EVERYBODY, OPEN_GUARD

KINDS = {  # a kind of incident that is a ground for the purpose
    Purpose.LIFE_SAFETY: IncidentKind.OTHER, Purpose.VIOLENT_CRIME: IncidentKind.ROBBERY,
    Purpose.PROPERTY_CRIME: IncidentKind.BURGLARY, Purpose.TRAFFIC: IncidentKind.CRASH,
    Purpose.MISSING_PERSON: IncidentKind.MISSING_PERSON, Purpose.FIRE: IncidentKind.FIRE,
    Purpose.MEDICAL: IncidentKind.MEDICAL, Purpose.DISASTER: IncidentKind.WEATHER,
    Purpose.PUBLIC_EVENT: IncidentKind.PLANNED_EVENT, Purpose.INVESTIGATION: IncidentKind.ROBBERY,
}  # fmt: skip
SOON = NOW + timedelta(minutes=5)


@cache
def _told(name: str, purpose: Purpose) -> Incident | None:
    """`none`, `closed`, or who says so and how far away: `cad_300`; `moved` and `old` are of the 911 centre."""
    if name == "none":
        return None
    said, _, radius = name.partition("_")
    cells = [cell for metres, cell in _cells("cam_1") if metres <= int(radius or RADII_M[0])]
    made = incident(kind=KINDS.get(purpose, IncidentKind.OTHER), cell=cells[-1])
    match said:
        case "closed":
            return dataclasses.replace(made, is_active=False)
        case "moved":
            return dataclasses.replace(made, has_moved=True)
        case "old":
            return dataclasses.replace(made, opened_at=NOW - timedelta(days=7))
        case _:
            return dataclasses.replace(made, origin=Origin(said))


def _facts(name: str, act: Act) -> Facts:
    match name:
        case "approved":
            return Facts(approval=Approval(act, SOON))
        case "panic":
            return Facts(panic_until=SOON)
        case "two":
            return Facts(is_second_person_present=True)
        case _:
            return Facts()


def breaks(clause: Clause, table: list[Row]) -> bool:
    """Whether some question notices that this is not the answer the table was written for."""
    return any(differing(clause, row) for row in table)


def differing(clause: Clause, row: Row) -> list[tuple[Any, ...]]:
    """The questions of a row that are answered otherwise than it says."""
    held = expand([clause]).into(
        policy(envelope=WIDE, guardrail=OPEN_GUARD.guardrail.digest, totals=Totals(10**6, 10**6, 8))
    )
    layers = at_centre(held, envelope=WIDE, guardrail=OPEN_GUARD, agency=EVERYBODY)
    found = []
    for act, purpose, told, fact in product(row["acts"], row["purposes"], row["incidents"], row["facts"]):
        start = NOW - timedelta(seconds=row.get("age_s", 600))
        asked = request(
            act=Act(act), purpose=Purpose(purpose), incident=_told(told, Purpose(purpose)),
            caps=Caps(row.get("seconds", 60), row.get("height_lines", 720)),
            span=Span(start, start + timedelta(seconds=1)) if act in RANGE_ACTS else None, subject=subject(assurance=3),
        )  # fmt: skip
        answer = preview(dataclasses.replace(layers, facts=_facts(fact, Act(act))), asked)
        is_told = not isinstance(answer, Permit) or answer.obligations[Obligation.NOTIFY] == row.get(
            "notify", _of(answer)
        )
        if isinstance(answer, Permit) is not row["expect"] or not is_told:
            found.append((act, purpose, told, fact))
    return found


def _of(answer: Permit) -> object:
    return answer.obligations[Obligation.NOTIFY]


def clause_of(pack: PlacePack) -> Clause:
    """The pack's answer for the first camera."""
    return pack.clause(frozenset({"cam_1"}), zone="America/Chicago")


def mutants(clause: Clause) -> Iterator[tuple[str, Clause]]:
    """Every answer exchanged, every purpose taken or added, each number moved by one, somebody left out or let in."""
    changes: list[tuple[str, dict[str, Any]]] = []
    for field, words in (("live", Live), ("recordings", Recordings), ("where", Where), ("notify", Notify)):
        changes += [(f"{field} {word}", {field: word}) for word in words if word != getattr(clause, field)]
    changes += [
        (f"purposes {name}", {"purposes": changed})
        for name, changed in _sets(clause.purposes, frozenset(map(str, Purpose)))
    ]
    changes += [(f"radius {metres}", {"radius_m": metres}) for metres in (150, *RADII_M) if metres != clause.radius_m]
    flags = ["by_hand", "is_moving", "hold", "audio", "ptz", "emergency"]
    # where live is given at any time, the alarm button adds nothing that could be asked for
    for flag in (*flags, *(["on_panic"] if clause.live is not Live.ALWAYS else [])):
        changes.append((f"{flag} flipped", {flag: not getattr(clause, flag)}))
    for field in ("session_s", "clip_s", "look_back_s", "height_lines"):
        changes += [(f"{field} {by:+}", {field: getattr(clause, field) + by}) for by in (-1, 1)]
    changes += [
        ("for others", {"agencies": frozenset({"age_2"})}),
        ("for one role", {"named": frozenset({f"role:{AGENCY}/supervisor"})}),
        ("without operators", {"excluded": frozenset({f"role:{AGENCY}/operator"})}),
        ("only at night", {"zone": "America/Chicago", "spans": ((0, 60),)}),
        ("only from now on", {"history_from_ms": round(NOW.timestamp() * 1000)}),
        ("over already", {"until_ms": round(NOW.timestamp() * 1000)}),
    ]
    for name, change in changes:
        yield name, dataclasses.replace(clause, **change)
