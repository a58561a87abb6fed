"""The layers of a decision, compiled: each holds its rules twice, for the kernel and for the Casbin enforcer.

A layer is an immutable snapshot; a change of rules is a new layer, swapped by one assignment. Which layers a place
needs is fixed here; a layer that is not there is a deny, never a pass.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

from policies.agency import AgencyRule
from policies.agency import rows as agency_rows
from policies.enforcer import Enforcer
from policies.geo import Point
from policies.guardrail import Guardrail
from policies.hours import edges_of
from policies.kernel import Kernel, Verdict
from policies.matcher import NOTHING, Row
from policies.matching import MOVED, Head, Hours, Names
from policies.model import Policy
from policies.parts import ALWAYS, NO_TERMS, Envelope, Rule
from policies.request import Facts, Invariants, Place
from policies.vocabulary import Layer

REQUIRED: Final[Mapping[Place, tuple[Layer, ...]]] = {
    Place.CENTRE: tuple(Layer),
    Place.SITE: tuple(layer for layer in Layer if layer is not Layer.AGENCY),
}


class DisagreementError(Exception):
    """Kernel and enforcer gave different answers to one request."""


class Judges:
    """One layer's rules with both engines, which must agree."""

    def __init__(self, name: str, rows: Sequence[Row], names: Names = NOTHING) -> None:
        """`name`: the model; `rows`: the rules in document order; `names`: what windows and terms stand for.

        Raises:
            ModelError: a row does not fit the model, or names what is not there.
        """
        self.kernel = Kernel(name, rows, names)
        self._for_enforcer = (name, rows, names)

    @cached_property
    def enforcer(self) -> Enforcer:
        """The Casbin enforcer, built when something is first to be released by these rules."""
        return Enforcer(*self._for_enforcer)

    def verdict(self, head: Head, *, release: bool) -> Verdict:
        """What the rules say to this request.

        Args:
            head: the request, in the model's tokens.
            release: whether something is to leave: then the enforcer is asked too.

        Raises:
            DisagreementError: the engines differ.
        """
        verdict = self.kernel.verdict(head)
        if release and self.enforcer.permits(head) is not verdict.is_allowed:
            raise DisagreementError
        return verdict


class SharingRow(NamedTuple):
    """An owner's rule in the fields of `models/sharing.conf`."""

    rid: str
    dom: str
    grantee: str
    scope: str
    act: str
    purpose: str
    dates: str
    window: str
    condition: str
    origin: str
    terms: str
    eft: str


class SharingLayer:
    """One policy document in force or pending, compiled."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.rows = tuple(_row(policy.partner, rule) for rule in policy.rules)
        self.judges = Judges("sharing", self.rows, names_in(policy))
        self.scopes = {camera: policy.scopes_of(camera) for camera in policy.camera_by_id}

    def at(self, place: Point) -> "SharingLayer":
        """The same rules with every camera at one place; rules do not look at places, so nothing is compiled anew."""
        moved = copy(self)
        cameras = (replace(camera, lat_e6=place.lat_e6, lon_e6=place.lon_e6) for camera in self.policy.cameras)
        moved.policy = replace(self.policy, cameras=tuple(cameras))
        return moved


class GuardrailLayer:
    """An ordinance pack, compiled."""

    def __init__(self, guardrail: Guardrail) -> None:
        self.guardrail = guardrail
        self.judges = Judges("guardrail", guardrail.rows())


class AgencyLayer:
    """The agency's own rules, compiled."""

    def __init__(self, rules: tuple[AgencyRule, ...]) -> None:
        self.judges = Judges("agency", agency_rows(rules))


@dataclass(frozen=True, slots=True)
class Layers:
    """Everything a decision stands on. `None`, or no sharing document at all, is a missing layer.

    Attributes:
        envelope: the agreement as the decider holds it; each policy document's own envelope binds as well.
        sharing: all of them must permit: at the centre the newest acknowledged document and every pending narrowing.
    """

    place: Place
    invariants: Invariants | None
    guardrail: GuardrailLayer | None
    envelope: Envelope | None
    sharing: tuple[SharingLayer, ...]
    facts: Facts | None
    agency: AgencyLayer | None = None

    @classmethod
    def at_site(
        cls, *, invariants: Invariants, guardrail: GuardrailLayer | None, sharing: SharingLayer | None, facts: Facts
    ) -> "Layers":
        """What the agent decides by: the document it holds, and the pack that this document pins."""
        if sharing is None:
            return cls(Place.SITE, invariants, guardrail, None, (), facts)
        return cls(Place.SITE, invariants, guardrail, sharing.policy.envelope, (sharing,), facts)

    def missing(self) -> Layer | None:
        """The first layer that this place needs and that is not there."""
        for layer in REQUIRED[self.place]:
            value = getattr(self, layer)
            if value is None or value == ():
                return layer
        return None


def names_in(policy: Policy) -> Names:
    """What windows and terms of a document stand for; `always` and `none` are nothing that binds."""
    windows = {window.id: Hours(window.zone, edges_of(window.spans)) for window in policy.windows}
    return {"window": {ALWAYS: None, **windows}, "terms": {NO_TERMS: None, **policy.terms_by_id}}


def _row(partner: str, rule: Rule) -> SharingRow:
    low, high = ("" if at is None else str(at) for at in (rule.from_ms, rule.until_ms))
    return SharingRow(
        rid=rule.id,
        dom=partner,
        grantee=rule.grantee,
        scope=rule.scope,
        act="|".join(sorted(rule.acts)),
        purpose="|".join(sorted(rule.purposes)),
        dates=f"{low}/{high}",
        window=rule.window,
        condition=rule.condition,
        origin="|".join(sorted(rule.origins) + ([MOVED] if rule.is_moving else [])),
        terms=rule.terms,
        eft=str(rule.effect),
    )
