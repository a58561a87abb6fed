"""One question about many cameras, and the answers found so far: by signature and by how far an incident is.

A signature with its rules compiled answers for every camera that it stands for; what it answered holds until one of its
weekly windows opens or closes. Nothing here reads anything: `listing` does, and asks.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from gateway.partners import Place
from gateway.sharing.layering import SiteLayers
from gateway.sharing.looking import Look
from gateway.sharing.signatures import CAMERA, Signature
from partner_agent.wire.clock import to_ms
from policies import hours
from policies import request as law
from policies.geo import CELL_E6, EARTH_RADIUS_M, Cell, Point, far_edge_m, point_of
from policies.layers import AgencyLayer, GuardrailLayer, SharingLayer
from policies.request import Invariants

MOST_READ: Final = 4_000  # cameras read in one go while a page is filled
LEAST_READ: Final = 32
LEAST_SHARE: Final = 0.1  # of cameras that turn out to be known
SPARE: Final = 1.04  # more than what should be enough
_M_PER_E6: Final = EARTH_RADIUS_M * math.pi / 180e6  # of a meridian, for a millionth of a degree


class Compiled:
    """A signature with its rules compiled."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.radii_m = signature.radii_m
        self._sharing = tuple(SharingLayer(policy) for policy in signature.documents)
        self._draft = None if signature.draft is None else SharingLayer(signature.draft)

    def next_change(self, now: datetime) -> int | None:
        """When a window may open or close next, milliseconds since 1970; None: never."""
        changes = (hours.next_change(window.spans, window.zone, now) for window in self.signature.windows)
        return min((to_ms(at) for at in changes if at is not None), default=None)

    def band(self, place: Place, cell: Cell) -> int:
        """Which radii reach an incident's cell from a place, as `Signature.band`."""
        north_south_m = abs(place.lat * 1e6 - (cell.lat * CELL_E6 + CELL_E6 // 2)) * _M_PER_E6
        if north_south_m > self.radii_m[-1] + 1:  # the middle of the cell is farther already, its far edge no nearer
            return len(self.radii_m)
        return self.signature.band(far_edge_m(point_of(place.lat, place.lon), cell))

    def site(self, place: Point, guardrail: GuardrailLayer, agency: AgencyLayer, *, is_suspended: bool) -> SiteLayers:
        """A site with this one camera, at a place."""
        held = self.signature
        return SiteLayers(
            document=None,
            sharing=tuple(layer.at(place) for layer in self._sharing),
            draft=None if self._draft is None else self._draft.at(place),
            names={CAMERA: CAMERA} if held.is_connected else {},
            envelope=held.envelope,
            guardrail=guardrail,
            agency=agency,
            invariants=Invariants(
                is_camera_present=True,
                is_paused=held.is_paused,
                is_suspended=is_suspended,
                is_partner_active=held.is_partner_active,
            ),
            network=0,
            generation=0,
            suspended=held.suspended,
        )


class Answer(NamedTuple):
    """How cameras of a signature stand, from `from_ms` until `until_ms` (None: as long as their mark counts)."""

    look: Look
    from_ms: int
    until_ms: int | None

    def holds(self, now_ms: int) -> bool:
        """Whether it holds now."""
        return self.from_ms <= now_ms and (self.until_ms is None or now_ms < self.until_ms)


@dataclass(slots=True)
class Kept:
    """The answers to one question found so far, by mark and band.

    Attributes:
        hidden: by mark, of cameras that the caller may not know of, wherever they are.
        known_share: of the cameras read lately, how many the caller may know of.
    """

    looks: dict[tuple[str, int], Answer] = field(default_factory=dict)
    hidden: dict[str, Answer] = field(default_factory=dict)
    known_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """One question, and the answers found so far.

    Attributes:
        is_blind: the agency's own rules let the caller know of no camera.
        panicking: sites that call for help: what they are is decided camera by camera.
        sites: of cameras decided by themselves, this time.
    """

    asked: law.Request
    guardrail: GuardrailLayer
    agency: AgencyLayer
    is_suspended: bool
    is_blind: bool
    panicking: frozenset[str]
    now_ms: int
    kept: Kept
    sites: dict[str, SiteLayers | None] = field(default_factory=dict)

    def reading(self, wanted: int) -> int:
        """How many cameras to read so that about so many are known; too many cost little, another question more."""
        return min(max(LEAST_READ, math.ceil(wanted * SPARE / self.kept.known_share)), MOST_READ)

    def learn(self, known: int, read: int) -> None:
        """So many of those read were known."""
        self.kept.known_share = max(known / read, LEAST_SHARE)
