"""The matrix of a site: as it is in force and as it was answered, from the layers that decisions stand on."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.sharing.exact import ROLES
from gateway.sharing.layering import Layering
from gateway.sharing.matrix import COLUMNS, NEVER, Cell, Viewer, cell_of_viewer, groups_of
from gateway.sharing.site_book import Agency
from gateway.sharing.views import SharingView
from policies.layers import Layers
from policies.model import Policy
from policies.request import Facts, Invariants, Subject
from policies.vocabulary import Act

ASSURANCE: Final = 3  # of a viewer who signed in as surely as anybody can


@dataclass(frozen=True, slots=True)
class Row:
    """A viewer with, for each column, what is in force (None: the same) and what was answered."""

    viewer: Viewer
    cells: tuple[tuple[Cell | None, Cell], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """What each viewer can do with cameras that the same rules speak of."""

    cameras: str
    rows: tuple[Row, ...]


class WhoSees:
    """Asks the kernel for every cell."""

    def __init__(self, *, layering: Layering) -> None:
        self._layering = layering

    async def tables(self, view: SharingView) -> list[Table]:
        """The matrix of a site; empty before anything was said."""
        if view.answers is None:
            return []
        site = await self._layering.of_site(view.site.id, view.site.organisation_id)
        still = dataclasses.replace(site.invariants, is_paused=False, is_suspended=False, is_partner_active=True)
        asked = _Asked(
            saved=_still(site.drafted(Facts()), still),
            held=_still(site.layers(Facts()), still),
            names=site.names,
            now=view.seen_at,
        )
        return [
            Table(
                cameras=", ".join(view.voice.cameras.get(name, name) for name in group),
                rows=tuple(asked.row(viewer, group[0]) for viewer in viewers_of(view)),
            )
            for group in groups_of(view.said)
        ]


def _still(layers: Layers | None, invariants: Invariants) -> Layers | None:
    return None if layers is None else dataclasses.replace(layers, invariants=invariants)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the cells of a site are asked of.

    Attributes:
        saved: what the owner answered, in our own names of the cameras.
        held: what is in force, in the site's names.
        names: the one to the other.
    """

    saved: Layers | None
    held: Layers | None
    names: Mapping[str, str]
    now: datetime

    def row(self, viewer: Viewer, camera: str) -> Row:
        """A viewer's cells."""
        return Row(viewer, tuple(self._cell(viewer, act, camera) for act, _ in COLUMNS))

    def _cell(self, viewer: Viewer, act: Act, camera: str) -> tuple[Cell | None, Cell]:
        local = self.names.get(camera)
        saved = NEVER if self.saved is None else cell_of_viewer(self.saved, viewer, act, camera, now=self.now)
        held = NEVER
        if self.held is not None and local is not None:
            held = cell_of_viewer(self.held, viewer, act, local, now=self.now)
        return (None if held == saved else held), saved


def viewers_of(view: SharingView) -> list[Viewer]:
    """Who might look: each role and each named unit of each agency, and somebody of none of them."""
    found = []
    for agency in view.agencies:
        found += [Viewer("role", role.value, agency.name, _who(agency.id, role=role)) for role in ROLES]
        units = sorted(set(_units(view.said, agency)))
        found += [Viewer("unit", unit, agency.name, _who(agency.id, unit=unit)) for unit in units]
    return [*found, Viewer("other", "", "", _who("age_nobody"))]


def _who(agency: str, *, unit: str = "", role: str = ROLES[0]) -> Subject:
    return Subject("per_matrix", agency, unit, frozenset({str(role)}), ASSURANCE)


def _units(policy: Policy, agency: Agency) -> Iterable[str]:
    start = f"unit:{agency.id}/"
    return (rule.grantee.removeprefix(start) for rule in policy.rules if rule.grantee.startswith(start))
