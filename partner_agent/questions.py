"""From a signed grant to a question for the law, and the site's own layers to answer it.

What the grant says (subject, purpose, incident, second person) is the city's word; time, camera, pause, panic, approval
and usage are the site's own. Each is taken from where it belongs and nowhere else.
"""

import dataclasses
from datetime import datetime
from typing import Final

from partner_agent.policy_store import InForce
from partner_agent.ports import Limits
from partner_agent.wire.clips import ClipRequest
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.grants import Grant
from partner_agent.wire.limits import INCIDENT_MOVES
from policies.geo import Cell, is_cell
from policies.layers import Layers
from policies.request import (
    Approval,
    Caps,
    Facts,
    Incident,
    Invariants,
    Permit,
    Request,
    Span,
    Subject,
    Usage,
)
from policies.vocabulary import Act, IncidentKind, Obligation, Origin, Purpose, Technology

LIVE: Final = frozenset({Act.LIVE_VIEW})
RECORDED: Final = frozenset({Act.RECORDED_VIEW})
STILL: Final = frozenset({Act.STILL_TAKE})
FETCHED: Final = frozenset({Act.CLIP_FETCH})


class QuestionError(ValueError):
    """The grant uses a word, a cell or a time that the vocabulary does not have."""


@dataclasses.dataclass(frozen=True, slots=True)
class SiteFacts:
    """What the site itself knows at the moment of the decision; `drawn_masks` of this camera."""

    is_paused: bool
    is_camera_present: bool
    drawn_masks: frozenset[str]
    panic_until: datetime | None
    approval: Approval | None
    usage: Usage


def request_of(grant: Grant, *, partner: str, now: datetime, clip: ClipRequest | None) -> Request:
    """The question a grant asks.

    Raises:
        QuestionError: a word that is not in the vocabulary; it is refused as a denial.
    """
    try:
        return Request(
            now=now,
            partner=partner,
            camera=grant.camera,
            act=Act(grant.act),
            purpose=Purpose(grant.purpose),
            subject=_subject(grant),
            caps=Caps(grant.caps.seconds, grant.caps.height_lines, audio=grant.caps.audio, ptz=grant.caps.ptz),
            incident=_incident(grant),
            span=_span(grant, clip),
            technology=Technology(grant.facts.technology),
        )
    except ValueError as error:
        raise QuestionError(str(error)) from error


def layers_of(in_force: InForce | None, facts: SiteFacts, grant: Grant) -> Layers:
    """The site's layers; without a document, and without its pack, one is missing and the answer is no."""
    return Layers.at_site(
        invariants=Invariants(
            is_camera_present=facts.is_camera_present, is_paused=facts.is_paused, drawn_masks=facts.drawn_masks
        ),
        guardrail=in_force.guardrail if in_force else None,
        sharing=in_force.sharing if in_force else None,
        facts=Facts(
            usage=facts.usage,
            panic_until=facts.panic_until,
            approval=facts.approval,
            is_second_person_present=grant.facts.is_second_person_present,
        ),
    )


def tightest(permit: Permit, grant: Grant) -> Limits:
    """What is enforced: the stricter of the own decision and the grant, point by point."""
    own, carried = permit.obligations, grant.obligations
    seconds = [permit.caps.seconds, grant.caps.seconds]
    lines = [permit.caps.height_lines, grant.caps.height_lines]
    for obligations in (own, carried):
        seconds += _numbers(obligations.get(Obligation.MAX_SECONDS))
        lines += _numbers(obligations.get(Obligation.MAX_HEIGHT))
    is_off = {
        name: any(bool(o.get(name)) for o in (own, carried)) for name in (Obligation.AUDIO_OFF, Obligation.PTZ_OFF)
    }
    return Limits(
        seconds=min(seconds),
        height_lines=min(lines),
        audio=permit.caps.audio and grant.caps.audio and not is_off[Obligation.AUDIO_OFF],
        ptz=permit.caps.ptz and grant.caps.ptz and not is_off[Obligation.PTZ_OFF],
        masks=_masks(own.get(Obligation.MASKS)) | _masks(carried.get(Obligation.MASKS)),
    )


def owes_more(permit: Permit, grant: Grant, sent: Limits) -> bool:
    """Whether what is sent within `sent` is more than a permit would give now: a running picture is not changed."""
    now = tightest(permit, grant)
    is_louder = sent.audio and not now.audio
    return now.height_lines < sent.height_lines or not now.masks <= sent.masks or is_louder


def acts_of(grant: Grant) -> frozenset[Act]:
    """What a grant of this form may be for: a picture of now, one of a recording, a still, or a file."""
    if grant.still is not None:
        return STILL
    if grant.publish is None:
        return FETCHED
    return LIVE if grant.recorded is None else RECORDED


def _span(grant: Grant, clip: ClipRequest | None) -> Span | None:
    if grant.recorded is not None:
        return Span(grant.recorded.first, grant.recorded.last)
    return Span(clip.start, clip.end) if clip else None


def _subject(grant: Grant) -> Subject:
    said = grant.subject
    return Subject(
        ref=said.ref,
        agency=said.agency,
        unit=said.unit,
        roles=frozenset({said.role}),
        assurance=said.assurance,
        on_behalf_of=said.on_behalf_of,
    )


def _incident(grant: Grant) -> Incident | None:
    said = grant.incident
    if said is None:
        return None
    cell = Cell(*said.cell)
    if not is_cell(cell):
        raise QuestionError("the incident's cell is not on Earth")
    if not said.has_moved <= said.moves <= INCIDENT_MOVES:
        raise QuestionError("the incident has moved more often than one may, or is elsewhere without having moved")
    return Incident(
        ref=said.ref,
        kind=IncidentKind(said.kind),
        origin=Origin(said.origin),
        cell=cell,
        opened_at=from_rfc3339(said.opened_at),
        has_moved=said.has_moved,
        is_active=said.is_active,
    )


def _numbers(value: object) -> list[int]:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []


def _masks(value: object) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, list | tuple) else frozenset()
