"""Which cameras of an area somebody may see now, and why not the others: one decision for all that the same rules bind.

The mark beside a camera names its signature. A signature is decided once for a class of people (agency, unit, roles,
sign-in), an act, a purpose and what an incident is; where rules name radii, once for each band of distance from it. The
answer holds until a weekly window opens or closes; every other date ends the mark itself. Cameras are read square by
square until a page is full, those whose mark is known to be hidden left out by the database. One without a mark that
counts, or whose signature is not stored, is decided by itself from what is stored: a missing or old mark permits
nothing. Who may not know of a camera finds it neither in a page nor in a count.

Nothing is released by a list: `Decisions.decide_for` is asked for each release, and looks at what the site gave before.
"""

import dataclasses
import json
import math
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple

from gateway.cameras import Box, Camera, Cameras, Position, Wanted, position_of
from gateway.incidents import Incident
from gateway.kernel.errors import InvalidError, LenspactError
from gateway.kernel.principal import Principal
from gateway.partners import Place
from gateway.sharing.layering import Layering, SiteLayers
from gateway.sharing.looking import WISH, Availability, Look, look, subject_of
from gateway.sharing.marking import SINGLY
from gateway.sharing.ports import SignatureRows
from gateway.sharing.signatures import CAMERA, PARTNER, Signature, read_signature
from partner_agent.wire.clock import Clock, to_ms
from policies import hours
from policies import request as law
from policies.fields import PolicyError
from policies.geo import CELL_E6, EARTH_RADIUS_M, Cell, Point, far_edge_m, point_of
from policies.layers import AgencyLayer, GuardrailLayer, SharingLayer
from policies.request import Deny, Invariants, Subject
from policies.vocabulary import RANGE_ACTS, Act, Layer, Purpose, Reason, Remedy, Technology

PAGE: Final = 500
MOST_READ: Final = 4_000  # cameras read in one go while a page is filled
MOST_NEAR: Final = 5_000  # cameras looked through around an incident
MOST_LEFT_OUT: Final = 500  # marks that one question to the database names
MOST_SINGLE: Final = 500  # cameras decided by themselves for one count; more are not counted
COMPILED: Final = 5_000  # signatures kept compiled
SHEETS: Final = 256  # questions whose answers are kept
_M_PER_E6: Final = EARTH_RADIUS_M * math.pi / 180e6  # of a meridian, for a millionth of a degree
_NO_CELL: Final = Cell(0, 0)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BROKEN: Final = Look(False, Deny(Reason.ERROR, Layer.SHARING, "The rules cannot be read.", is_alarm=True))


_Key = tuple[Subject, Act, Purpose, law.Incident | None, bool, GuardrailLayer, AgencyLayer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What somebody would like to do with the cameras of an area.

    Attributes:
        act: any but those that need a time range; those are asked one by one.
        purpose: a word of `policies.vocabulary.Purpose`.
        incident: the reason, or None.
    """

    principal: Principal
    purpose: str
    act: Act = Act.LIVE_VIEW
    incident: Incident | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A camera that the caller may know of."""

    camera: Camera
    look: Look


@dataclass(frozen=True, slots=True)
class Page:
    """Some cameras; `next` is where to go on, None at the end."""

    listed: tuple[Listed, ...]
    next: Position | None


@dataclass(frozen=True, slots=True)
class MapView:
    """The map before an incident: cameras at their places, and how many more are in a square, by its number."""

    points: tuple[Camera, ...]
    squares: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class NearView:
    """A camera near an incident, as its operator may read of it."""

    camera: Camera
    distance_m: float
    availability: Availability
    remedy: Remedy = Remedy.NONE


class _Compiled:
    """A signature with its rules compiled."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._sharing = tuple(SharingLayer(policy) for policy in signature.documents)
        self._draft = None if signature.draft is None else SharingLayer(signature.draft)

    def next_change(self, now: datetime) -> int | None:
        """When a window may open or close next, milliseconds since 1970; None: never."""
        changes = (hours.next_change(window.spans, window.zone, now) for window in self.signature.windows)
        return min((to_ms(at) for at in changes if at is not None), default=None)

    def band(self, place: Point, cell: Cell) -> int:
        """Which radii reach an incident's cell from a place, as `Signature.band`."""
        radii = self.signature.radii_m
        north_south_m = abs(place.lat_e6 - (cell.lat * CELL_E6 + CELL_E6 // 2)) * _M_PER_E6
        if north_south_m > radii[-1]:  # the middle of the cell is farther already, and its far edge no nearer
            return len(radii)
        return self.signature.band(far_edge_m(place, cell))

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


class _Answer(NamedTuple):
    """How cameras of a signature stand, from `from_ms` until `until_ms` (None: as long as their mark counts)."""

    look: Look
    from_ms: int
    until_ms: int | None

    def holds(self, now_ms: int) -> bool:
        """Whether it holds now."""
        return self.from_ms <= now_ms and (self.until_ms is None or now_ms < self.until_ms)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One question, and the answers found so far, by mark and band."""

    asked: law.Request
    guardrail: GuardrailLayer
    agency: AgencyLayer
    is_suspended: bool
    panicking: frozenset[str]  # sites that call for help: what they are is decided camera by camera
    now_ms: int
    looks: dict[tuple[str, int], _Answer]
    hidden: dict[str, _Answer]  # by mark, of cameras that the caller may not know of, wherever they are
    sites: dict[str, SiteLayers | None] = field(default_factory=dict)  # of cameras decided by themselves, this time


class Listing:
    """Lists and counts of cameras."""

    def __init__(self, *, cameras: Cameras, layering: Layering, rows: SignatureRows, ground: str, clock: Clock) -> None:
        """`ground`: the beginning of every mark that counts."""
        self._cameras = cameras
        self._layering = layering
        self._rows = rows
        self._ground = f"{ground}."
        self._clock = clock
        self._compiled: OrderedDict[str, _Compiled] = OrderedDict()
        self._kept: OrderedDict[_Key, tuple[dict[tuple[str, int], _Answer], dict[str, _Answer]]] = OrderedDict()

    async def page(
        self, search: Search, box: Box, *, after: Position | None = None, most: int = PAGE, homes: bool = True
    ) -> Page:
        """Up to `most` cameras of a box that the caller may know of, with how each stands, from the south-west on.

        Args:
            search: who asks, and what for.
            box: where.
            after: go on behind this place, which a page before named.
            most: at most 500.
            homes: whether cameras where people live are among them.

        Raises:
            InvalidError: the purpose is no word of ours, or the act needs a time range.
        """
        most, sheet = min(most, PAGE), await self._sheet(search)
        found: list[Listed] = []
        count = most + 1
        while True:
            hidden = (mark for mark, answer in sheet.hidden.items() if answer.holds(sheet.now_ms))
            left_out = frozenset(islice(hidden, MOST_LEFT_OUT))
            wanted = Wanted(most=count, after=after, without=left_out, homes=homes, now_ms=sheet.now_ms)
            cameras = await self._cameras.page(box, wanted)
            for camera, seen in zip(cameras, await self._looks(sheet, cameras), strict=True):
                if not seen.is_known:
                    continue
                if len(found) == most:
                    return Page(tuple(found), position_of(found[-1].camera))
                found.append(Listed(camera, seen))
            if len(cameras) < count:
                return Page(tuple(found), None)
            after, count = position_of(cameras[-1]), min(count * 2, MOST_READ)

    async def list_near(
        self, principal: Principal, incident: Incident, *, purpose: str, radius_m: float, most: int
    ) -> list[NearView]:
        """The cameras around an incident that the caller may know of, nearest first, with what they may read of each.

        Raises:
            InvalidError: the purpose is no word of ours.
        """
        sheet = await self._sheet(Search(principal=principal, purpose=purpose, incident=incident))
        centre, count = Place(incident.place.lat, incident.place.lon), most
        while True:
            near = await self._cameras.near(centre, radius_m=radius_m, most=count)
            looks = await self._looks(sheet, [one.camera for one in near])
            found = [
                NearView(one.camera, one.distance_m, seen.availability, seen.remedy)
                for one, seen in zip(near, looks, strict=True)
                if seen.is_known
            ]
            if len(found) >= most or len(near) < count or count >= MOST_NEAR:
                return found[:most]
            count = min(count * 4, MOST_NEAR)

    async def is_known(self, principal: Principal, camera: Camera, *, purpose: str, incident: Incident | None) -> bool:
        """Whether the caller may know where this camera is, for this purpose and incident.

        Raises:
            InvalidError: the purpose is no word of ours.
        """
        search = Search(principal=principal, purpose=purpose, act=Act.REGISTRY_VIEW, incident=incident)
        sheet = await self._sheet(search)
        return (await self._looks(sheet, [dataclasses.replace(camera, mark="")]))[0].is_known

    async def counts(self, search: Search, box: Box) -> Mapping[int, int]:
        """How many cameras the caller may know of are in each square that the box touches, homes left out.

        Raises:
            InvalidError: the purpose is no word of ours.
        """
        sheet = await self._sheet(dataclasses.replace(search, incident=None))
        found: Counter[int] = Counter()
        by_square = await self._cameras.counts(box, homes=False, now_ms=sheet.now_ms)
        await self._compile({mark for _, mark in by_square})
        singly: set[str] = set()
        for (cell, mark), count in by_square.items():
            compiled = self._compiled.get(mark)
            if compiled is None:
                singly.add(mark)
            elif self._decided(sheet, mark, compiled, Point(0, 0)).is_known:
                found[cell] += count
        if singly:
            wanted = Wanted(most=MOST_SINGLE, only=frozenset(singly), homes=False, now_ms=sheet.now_ms)
            cameras = await self._cameras.page(box.widened(), wanted)
            looks = await self._looks(sheet, cameras)
            found.update(position_of(one).cell for one, seen in zip(cameras, looks, strict=True) if seen.is_known)
        return found

    async def map_view(self, principal: Principal, box: Box, *, purpose: str, most: int) -> MapView:
        """The map before an incident: up to `most` cameras that the caller may know of one by one, homes as numbers.

        Where there are more, all of them are numbers.

        Raises:
            InvalidError: the purpose is no word of ours.
        """
        search = Search(principal=principal, purpose=purpose, act=Act.REGISTRY_VIEW)
        page = await self.page(search, box, most=most, homes=False)
        squares = await self.homes(box)
        if page.next is None:
            return MapView(tuple(one.camera for one in page.listed), squares)
        return MapView((), Counter(squares) + Counter(await self.counts(search, box)))

    async def homes(self, box: Box) -> Mapping[int, int]:
        """How many cameras of homes are in each square that the box touches, whatever their owners share."""
        found: Counter[int] = Counter()
        for (cell, _), count in (await self._cameras.counts(box, homes=True)).items():
            found[cell] += count
        return found

    # -- inside --------------------------------------------------------------------------------------------------

    async def _sheet(self, search: Search) -> _Sheet:
        if search.purpose not in set(Purpose):
            raise InvalidError("Choose a purpose.", fields={"purpose": "This is no purpose we know."})
        if search.act in RANGE_ACTS:
            raise InvalidError(
                "Recordings are asked for one camera at a time.", fields={"act": "This needs a time range."}
            )
        now = self._clock.now()
        who = dataclasses.replace(subject_of(search.principal), ref="")
        fact = None if search.incident is None else search.incident.fact(now)
        asked = law.Request(
            now=now,
            partner=PARTNER,
            camera=CAMERA,
            act=search.act,
            purpose=Purpose(search.purpose),
            subject=who,
            caps=WISH,
            incident=None if fact is None else dataclasses.replace(fact, ref="", opened_at=_EPOCH),
            technology=Technology.VIDEO,
        )
        guardrail, agency = await self._layering.guardrail(), self._layering.agency
        is_suspended, now_ms = await self._layering.is_suspended(), to_ms(now)
        placeless = None if asked.incident is None else dataclasses.replace(asked.incident, cell=_NO_CELL)
        key = (who, asked.act, asked.purpose, placeless, is_suspended, guardrail, agency)
        if key not in self._kept:
            self._kept[key] = ({}, {})
            while len(self._kept) > SHEETS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        looks, hidden = self._kept[key]
        return _Sheet(asked, guardrail, agency, is_suspended, self._layering.panicking(), now_ms, looks, hidden)

    async def _looks(self, sheet: _Sheet, cameras: Sequence[Camera]) -> list[Look]:
        await self._compile({camera.mark for camera in cameras if self._counts(camera, sheet.now_ms)})
        return [await self._look(sheet, camera) for camera in cameras]

    def _counts(self, camera: Camera, now_ms: int) -> bool:
        return camera.mark_until_ms is None or now_ms < camera.mark_until_ms

    async def _look(self, sheet: _Sheet, camera: Camera) -> Look:
        compiled = self._compiled.get(camera.mark) if self._counts(camera, sheet.now_ms) else None
        if compiled is None or camera.site_id in sheet.panicking:
            return await self._singly(sheet, camera)
        return self._decided(sheet, camera.mark, compiled, point_of(camera.place.lat, camera.place.lon))

    def _decided(self, sheet: _Sheet, mark: str, compiled: _Compiled, place: Point) -> Look:
        """The answer for a signature at a place; the one found before, for a place that the same radii reach."""
        incident = sheet.asked.incident
        has_bands = incident is not None and bool(compiled.signature.radii_m)
        band = compiled.band(place, incident.cell) if incident and has_bands else -1
        known = sheet.looks.get((mark, band))
        if known is None or not known.holds(sheet.now_ms):
            site = compiled.site(place, sheet.guardrail, sheet.agency, is_suspended=sheet.is_suspended)
            seen, until_ms = look(site, sheet.asked), compiled.next_change(sheet.asked.now)
            known = sheet.looks[mark, band] = _Answer(seen, sheet.now_ms, until_ms)
            if not seen.is_known and band <= 0:  # nobody is nearer: no radius makes it known anywhere
                sheet.hidden[mark] = known
            elif not seen.is_known and incident is not None:
                at_it = Point(incident.cell.lat * CELL_E6 + CELL_E6 // 2, incident.cell.lon * CELL_E6 + CELL_E6 // 2)
                if compiled.band(at_it, incident.cell) == 0:
                    self._decided(sheet, mark, compiled, at_it)
        return known.look

    async def _singly(self, sheet: _Sheet, camera: Camera) -> Look:
        """The answer for one camera from what is stored about its site; refused where that cannot be read."""
        if camera.site_id not in sheet.sites:
            try:
                site = await self._layering.of_site(camera.site_id, camera.organisation_id)
                sheet.sites[camera.site_id] = site
            except (LenspactError, PolicyError):
                sheet.sites[camera.site_id] = None
        found = sheet.sites[camera.site_id]
        if found is None:
            return _BROKEN
        name = found.names.get(camera.id, camera.id)
        return look(found, dataclasses.replace(sheet.asked, partner=camera.organisation_id, camera=name))

    async def _compile(self, marks: set[str]) -> None:
        """Have the signatures of these marks compiled, of those that count and are stored."""
        wanted = {mark for mark in marks if mark.startswith(self._ground) and not mark.endswith(SINGLY)}
        for mark in wanted & self._compiled.keys():
            self._compiled.move_to_end(mark)
        missing = wanted - self._compiled.keys()
        for mark, body in (await self._rows.signatures(missing)).items() if missing else ():
            try:
                signature = read_signature(json.loads(body))
            except (PolicyError, ValueError):
                continue  # not what we write: its cameras are decided by themselves
            if f"{self._ground}{signature.digest}" == mark:
                self._compiled[mark] = _Compiled(signature)
        while len(self._compiled) > max(COMPILED, len(wanted)):
            self._compiled.popitem(last=False)
