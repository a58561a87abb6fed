"""Sharing, as rules without storage: an owner's answers for a site, the policy they stand for, and what to send.

A site stands at the newest document it acknowledged, plus at most one narrowing that it has not acknowledged yet. What
an owner wants beyond that is a proposal, which waits for approval. The gateway decides by the acknowledged
document and the pending narrowing together, so that less counts at once and more only when the site says so.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.partners import OrganisationKind
from policies.clauses import MAX_CLAUSES, Clause, expand
from policies.fields import PolicyError
from policies.geo import point_of
from policies.guardrail import Guardrail
from policies.meet import kept_owners, meet
from policies.model import Agreement, Camera, Envelope, Owner, Policy, Totals
from policies.narrowing import compare
from policies.parts import CLIP_S_PER_DAY, LIVE_S_PER_DAY
from policies.places import PlacePack
from policies.vocabulary import Tag

SITE_TOTALS: Final = Totals(live_s_per_day=LIVE_S_PER_DAY, clip_s_per_day=CLIP_S_PER_DAY, views_at_once=8)


# what is offered first to whom; the other packs follow
_FITTING: Final[Mapping[OrganisationKind, tuple[str, ...]]] = {
    OrganisationKind.BUSINESS: ("shop", "hospital"),
    OrganisationKind.RESIDENT: ("residence",),
    OrganisationKind.CITY: ("city_department", "school", "transit"),
}


def fitting(places: Sequence[PlacePack], kind: OrganisationKind, *, is_home: bool) -> tuple[PlacePack, ...]:
    """The ready answers for kinds of places, the one that fits best first; where people live that is a home."""
    first = ("residence", *_FITTING[kind]) if is_home else _FITTING[kind]
    return tuple(sorted(places, key=lambda pack: first.index(pack.id) if pack.id in first else len(first)))


EVERYBODY: Final = "*"  # in place of an agency: all of them


class Step(StrEnum):
    """How a document came to be sent."""

    NARROWING = "narrowing"
    PROPOSAL = "proposal"


class DocumentState(StrEnum):
    """How far a document has come."""

    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Answers:
    """What an owner said about a site.

    Attributes:
        version: counts saves; a save names the one it was made from.
        off: registered cameras that are switched off, whatever the clauses say.
        pending: the content of a narrowing that the site has not acknowledged, or None.
        suspended: agencies that its organisation shares nothing with, or `EVERYBODY`; a fact of the organisation.
        owners: whose passkeys its owner wants to approve there, until the site names exactly these; None for no wish.
    """

    site_id: str
    organisation_id: str
    version: int
    clauses: tuple[Clause, ...]
    off: frozenset[str]
    changed_at: datetime
    pending: Mapping[str, object] | None = None
    owners: tuple[Owner, ...] | None = None
    suspended: frozenset[str] = frozenset()

    @property
    def effective(self) -> tuple[Clause, ...]:
        """The clauses without the cameras that are switched off and without whom the organisation shares nothing."""
        if EVERYBODY in self.suspended:
            return ()
        stopped = frozenset(f"agency:{agency}" for agency in self.suspended)
        left = _left(self.clauses, self.off)
        return tuple(dataclasses.replace(clause, excluded=clause.excluded | stopped) for clause in left)

    def of_camera(self, camera_id: str, labels: Collection[str] = ()) -> tuple[Clause, ...]:
        """The clauses that speak of a camera with these labels."""
        own = {camera_id: labels}
        return tuple(clause for clause in self.clauses if camera_id in clause.over(own).cameras)


@dataclass(frozen=True, slots=True)
class Version:
    """One save.

    Attributes:
        author_name: who saved it; empty where that was not kept.
        sha256: of what was said, for whoever compares.
    """

    seq: int
    author_name: str
    created_at: datetime
    clauses: tuple[Clause, ...]
    off: frozenset[str]
    sha256: str

    @property
    def effective(self) -> tuple[Clause, ...]:
        """The clauses without the cameras that were switched off."""
        return _left(self.clauses, self.off)


def _left(clauses: Sequence[Clause], off: frozenset[str]) -> tuple[Clause, ...]:
    """The clauses without the cameras that are switched off, however they speak of them; those of none are gone."""
    left = (dataclasses.replace(one, cameras=one.cameras - off, without=one.without | off) for one in clauses)
    return tuple(clause for clause in left if clause.is_about_any)


def merged(clauses: Sequence[Clause]) -> tuple[Clause, ...]:
    """The same answers with equal clauses as one, and those without cameras gone.

    Raises:
        PolicyError: there are more than a document holds.
    """
    by_answer: dict[Clause, Clause] = {}
    for clause in clauses:
        answer = dataclasses.replace(clause, cameras=frozenset(), labels=frozenset())
        known = by_answer.get(answer, answer)
        cameras, labels = known.cameras | clause.cameras, known.labels | clause.labels
        by_answer[answer] = dataclasses.replace(known, cameras=cameras, labels=labels)
    found = tuple(clause for clause in by_answer.values() if clause.is_about_any)
    if len(found) > MAX_CLAUSES:
        raise PolicyError("clauses", f"give at most {MAX_CLAUSES} different answers for one site")
    return found


@dataclass(frozen=True, slots=True)
class SiteCamera:
    """A camera as a document names it.

    Attributes:
        id: the registered camera.
        name_on_site: what the document calls it: the agent's own id, or the registered one before pairing.
        labels: the owner's words for it, which no document holds.
    """

    id: str
    name_on_site: str
    lat: float
    lon: float
    people_live_here: bool
    is_public_facing: bool
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """Everything of a site's policy that is not an answer of the owner."""

    partner: str
    agreement: Agreement
    envelope: Envelope
    guardrail: str
    hold_s: int
    cameras: tuple[SiteCamera, ...]


def policy_of(facts: SiteFacts, clauses: Sequence[Clause]) -> Policy:
    """The policy that answers stand for at this site; whose passkeys may approve is no answer, and `plan` says it.

    Raises:
        PolicyError: a camera's name on site cannot stand in a document.
    """
    names = {camera.id: camera.name_on_site for camera in facts.cameras}
    labelled = {camera.id: camera.labels for camera in facts.cameras}
    local = [
        dataclasses.replace(clause, cameras=frozenset(names[name] for name in clause.cameras if name in names))
        for clause in (one.over(labelled) for one in clauses)
    ]
    homes = frozenset(camera.name_on_site for camera in facts.cameras if camera.people_live_here)
    streets = frozenset(camera.name_on_site for camera in facts.cameras if camera.is_public_facing)
    empty = Policy(
        partner=facts.partner,
        agreement=facts.agreement,
        owners=(),
        hold_s=facts.hold_s,
        cameras=tuple(
            Camera(camera.name_on_site, *point_of(camera.lat, camera.lon))
            for camera in sorted(facts.cameras, key=lambda camera: camera.name_on_site)
        ),
        groups=(),
        tags={Tag.RESIDENTIAL: homes, Tag.PUBLIC_FACING: streets},
        rules=(),
        windows=(),
        terms=(),
        envelope=facts.envelope,
        guardrail=facts.guardrail,
        totals=SITE_TOTALS,
    )
    return expand(local).into(empty)


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from what a site holds and what its owner wants.

    Attributes:
        narrowing: takes effect at once, or None.
        proposal: waits for approval on site, or None.
    """

    narrowing: Policy | None = None
    proposal: Policy | None = None


def plan(
    held: Policy | None,
    wanted: Policy,
    *,
    owners: tuple[Owner, ...] | None = None,
    packs: Mapping[str, Guardrail] | None = None,
) -> Plan:
    """What to do about a wish.

    Args:
        held: where the site stands; None for nothing shared yet.
        wanted: what its owner wants; the owners it names do not count.
        owners: whose passkeys are to approve; None for those of what is held, which a document without them would
            take away.
        packs: ordinance packs by digest: a change between two of these to a stricter one needs nobody.
    """
    if held is None:
        wanted = dataclasses.replace(wanted, owners=owners or ())
        return Plan(proposal=wanted) if wanted.rules or wanted.owners else Plan()
    wanted = dataclasses.replace(wanted, owners=held.owners if owners is None else owners)
    same_pack = held.guardrail == wanted.guardrail
    if compare(held, wanted, packs=packs).is_narrowing:
        return Plan() if compare(wanted, held, packs=packs).is_narrowing and same_pack else Plan(narrowing=wanted)
    common = meet(held, wanted)
    if common is None or compare(common, held).is_narrowing:
        return Plan(proposal=wanted)
    return Plan(narrowing=common, proposal=wanted)


def rebased(pending: Policy, base: Policy) -> Policy:
    """A pending narrowing on what the site holds now: the owners named there, less those that it suspends."""
    return dataclasses.replace(pending, owners=kept_owners(base, pending, is_whole=False))
