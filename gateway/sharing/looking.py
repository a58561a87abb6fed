"""What somebody may read of a camera before anything is released: whether they may know of it, and how it stands.

Asked of the kernel alone, for lists and pages; a release asks both engines (`deciding`). Pure: the layers are given.
"""

import dataclasses
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.kernel.principal import Principal
from gateway.sharing.layering import SiteLayers
from policies import request as law
from policies.decide import preview, propose_caps
from policies.heads import agency_head
from policies.layers import AgencyLayer, Layers
from policies.request import Caps, Decision, Deny, Permit, Span, Subject
from policies.vocabulary import Act, Condition, Effect, Layer, Purpose, Reason, Remedy, Technology

WISH: Final = Caps(seconds=1800, height_lines=1080)  # of a person who says nothing else
NOTHING: Final = Caps(seconds=0, height_lines=0)  # of knowing that a camera is there
NOT_CONNECTED: Final = Deny(Reason.NOT_SHARED, Layer.SHARING, "This site shares nothing through us yet.")
_ASSURANCE: Final = (("passkey", 3), ("totp", 2), ("password", 1))


class Availability(StrEnum):
    """What an operator may read about a camera they may know of."""

    AVAILABLE = "available"
    AVAILABLE_IF = "available_if"  # a remedy that the owner offers
    NOT_AVAILABLE = "not_available"  # for this purpose; never why


@dataclass(frozen=True, slots=True)
class Look:
    """How a camera stands for somebody.

    Attributes:
        is_known: whether they may know that it is there; if not, there is no such camera for them.
        denied: why a release would be refused, None where it would be permitted; for the owner and the auditor, an
            operator reads `availability`. The rule is not named: it is the partner's own name.
    """

    is_known: bool
    denied: Deny | None

    @property
    def availability(self) -> Availability:
        """What an operator may read."""
        if self.denied is None:
            return Availability.AVAILABLE
        return Availability.AVAILABLE_IF if self.remedies else Availability.NOT_AVAILABLE

    @property
    def remedy(self) -> Remedy:
        """What the owner offers that takes least."""
        return Remedy.NONE if self.denied is None else self.denied.remedy

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Everything the owner offers, in a fixed order."""
        return () if self.denied is None else self.denied.remedies


def wish_of(span: Span | None) -> Caps:
    """What a person asks for who says nothing else: of a recording its length, a second that was begun counts whole."""
    return WISH if span is None else dataclasses.replace(WISH, seconds=max(1, math.ceil(span.seconds)))


def look(site: SiteLayers, asked: law.Request, usage: law.Usage | None = None) -> Look:
    """How a camera of this site stands for what is asked, where the site gave so much already."""
    decision = previewed(site, asked, usage)
    denied = dataclasses.replace(decision, rule="") if isinstance(decision, Deny) else None
    return Look(is_known(site, asked), denied)


def is_known(site: SiteLayers, asked: law.Request) -> bool:
    """Whether the camera's place may be known: for what is asked, or to anybody who looks at the map.

    By its document, or on the list by what the owner answered. A switch or a pause ends releases, not knowledge.
    """
    is_connected = asked.camera in site.names.values()
    layers = site.layers(law.Facts()) if is_connected else site.drafted(law.Facts())
    if layers is None or layers.invariants is None:
        return False
    still = dataclasses.replace(layers.invariants, is_paused=False, is_suspended=False)
    layers = dataclasses.replace(layers, invariants=still)
    asks = dataclasses.replace(asked, act=Act.REGISTRY_VIEW, caps=NOTHING, span=None, technology=Technology.VIDEO)
    if isinstance(preview(layers, asks), Permit):
        return True
    on_the_map = (dataclasses.replace(asks, purpose=purpose, incident=None) for purpose in _map_purposes(layers))
    return any(isinstance(preview(layers, one), Permit) for one in on_the_map)


def knows_nothing(agency: AgencyLayer, asked: law.Request) -> bool:
    """Whether the agency's own rules let the caller know of no camera at all, whatever its owner shares.

    They look at no camera, so that nothing has to be read to find out; every question of `is_known` is among these.
    """
    asks = dataclasses.replace(asked, act=Act.REGISTRY_VIEW, caps=NOTHING, span=None, technology=Technology.VIDEO)
    on_the_map = (dataclasses.replace(asks, purpose=purpose, incident=None) for purpose in Purpose)
    return not any(agency.judges.verdict(agency_head(one), release=False).is_allowed for one in (asks, *on_the_map))


def previewed(site: SiteLayers, asked: law.Request, usage: law.Usage | None = None) -> Decision:
    """What a release would be answered by the kernel, where the site gave so much already; None: nothing."""
    facts = law.Facts() if usage is None else law.Facts(usage=usage)
    layers = site.for_agency(asked.subject.agency).for_camera(asked.camera).layers(facts)
    if layers is None:
        return NOT_CONNECTED
    caps = propose_caps(layers, asked)
    return preview(layers, asked if caps is None else dataclasses.replace(asked, caps=caps))


def subject_of(principal: Principal) -> Subject:
    """The person as the law sees them."""
    assurance = next((level for factor, level in _ASSURANCE if factor in principal.factors), 0)
    return Subject(
        ref=principal.person_id,
        agency=principal.organisation_id,
        unit=principal.unit,
        roles=frozenset(str(role) for role in principal.roles),
        assurance=assurance,
    )


def _map_purposes(layers: Layers) -> frozenset[Purpose]:
    """The purposes for which a place can be known without an incident; the others are not worth asking for."""
    found = frozenset(Purpose)
    for layer in layers.sharing:
        found &= frozenset[Purpose]().union(
            *(
                rule.purposes
                for rule in layer.policy.rules
                if rule.effect is Effect.ALLOW and Act.REGISTRY_VIEW in rule.acts and rule.condition == Condition.ALWAYS
            )
        )
    return found
