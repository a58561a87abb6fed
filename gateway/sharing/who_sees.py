"""The matrix of a site: as it is in force and as it was answered, from the layers that decisions stand on."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.sharing.exact import ROLES
from gateway.sharing.layering import Layering, SiteLayers
from gateway.sharing.matrix import COLUMNS, NEVER, Cell, Viewer, cell_of_viewer, groups_of
from gateway.sharing.site_book import Agency
from gateway.sharing.views import SharingView
from gateway.sharing.week_grid import CONDITIONS, Open
from policies.layers import Layers
from policies.model import Policy
from policies.request import Facts, Invariants, Subject
from policies.vocabulary import Act

ASSURANCE: Final = 3  # of a viewer who signed in as surely as anybody can


@dataclass(frozen=True, slots=True)
class Row:
    """Viewers of one agency who can do the same: for each column, what is in force (None: the same), what was said."""

    viewers: tuple[Viewer, ...]
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
        asked = _asked(site, view)
        return [
            Table(
                cameras=", ".join(view.voice.cameras.get(name, name) for name in group),
                rows=tuple(asked.rows(viewers_of(view), group[0])),
            )
            for whole in groups_of(view.said)
            for group in _alike_in_force(whole, site)
        ]

    async def in_force(self, view: SharingView, act: Act, *, is_now: bool = False) -> Cell:
        """The most that any viewer can do with any camera of the site, by what it holds.

        Args:
            view: the site's.
            act: what for.
            is_now: nothing while the site is paused, or a switch of the owner or of the network is off.
        """
        site = await self._layering.of_site(view.site.id, view.site.organisation_id)
        asked, viewers = _asked(site, view), viewers_of(view)
        if is_now:
            viewers = [viewer for viewer in viewers if not _is_off(site.for_agency(viewer.subject.agency).invariants)]
        cells = [asked.held_cell(viewer, act, name) for viewer in viewers for name in site.names]
        if any(cell.is_open is Open.ALWAYS for cell in cells):
            return Cell(Open.ALWAYS, is_hourly=all(cell.is_hourly for cell in cells if cell.is_open is Open.ALWAYS))
        kinds = {kind for cell in cells for kind in cell.conditions}
        return Cell(Open.IF, tuple(kind for kind in CONDITIONS if kind in kinds)) if kinds else NEVER


def _is_off(now: Invariants) -> bool:
    return now.is_paused or now.is_suspended or not now.is_partner_active


def _asked(site: SiteLayers, view: SharingView) -> "_Asked":
    """Pauses and switches left out: they end releases, and the page says them by themselves."""
    still = dataclasses.replace(site.invariants, is_paused=False, is_suspended=False, is_partner_active=True)
    saved, held = _still(site.drafted(Facts()), still), _still(site.layers(Facts()), still)
    return _Asked(saved=saved, held=held, names=site.names, drawn=site.drawn, now=view.seen_at)


def _alike_in_force(group: tuple[str, ...], site: SiteLayers) -> list[list[str]]:
    """Cameras of one answer, apart where what is in force still tells them apart."""
    found: dict[object, list[str]] = {}
    for name in group:
        local = site.names.get(name)
        policies = [layer.policy for layer in site.sharing] if local is not None else []
        spoken = [
            frozenset(rule.id for rule in one.rules if rule.scope in one.scopes_of(local or "")) for one in policies
        ]
        tags = [one.tags_of(local or "") for one in policies]
        drawn = site.drawn.get(local or "", frozenset())
        found.setdefault((tuple(spoken), tuple(tags), drawn), []).append(name)
    return list(found.values())


def _still(layers: Layers | None, invariants: Invariants) -> Layers | None:
    return None if layers is None else dataclasses.replace(layers, invariants=invariants)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the cells of a site are asked of.

    Attributes:
        saved: what the owner answered, in our own names of the cameras.
        held: what is in force, in the site's names.
        names: the one to the other.
        drawn: by the site's names, the areas that it can make black.
    """

    saved: Layers | None
    held: Layers | None
    names: Mapping[str, str]
    drawn: Mapping[str, frozenset[str]]
    now: datetime

    def rows(self, viewers: Iterable[Viewer], camera: str) -> Iterator[Row]:
        """Each viewer's cells, once for those of an agency who have the same."""
        alike: dict[tuple[str, tuple[tuple[Cell | None, Cell], ...]], list[Viewer]] = {}
        for viewer in viewers:
            cells = tuple(self._cell(viewer, act, camera) for act, _ in COLUMNS)
            alike.setdefault((viewer.agency, cells), []).append(viewer)
        return (Row(tuple(found), cells) for (_agency, cells), found in alike.items())

    def _cell(self, viewer: Viewer, act: Act, camera: str) -> tuple[Cell | None, Cell]:
        saved = NEVER
        if self.saved is not None:
            layers = self._of_camera(self.saved, self.names.get(camera, ""))
            saved = cell_of_viewer(layers, viewer, act, camera, now=self.now)
        held = self.held_cell(viewer, act, camera)
        return (None if held == saved else held), saved

    def held_cell(self, viewer: Viewer, act: Act, camera: str) -> Cell:
        """What is in force; never for a camera that the site does not hold."""
        local = self.names.get(camera)
        if self.held is None or local is None:
            return NEVER
        return cell_of_viewer(self._of_camera(self.held, local), viewer, act, local, now=self.now)

    def _of_camera(self, layers: Layers, local: str) -> Layers:
        """As they are for one camera: what can be black in its pictures."""
        assert layers.invariants is not None
        drawn = self.drawn.get(local, frozenset())
        return dataclasses.replace(layers, invariants=dataclasses.replace(layers.invariants, drawn_masks=drawn))


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
