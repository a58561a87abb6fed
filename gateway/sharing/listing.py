"""Which cameras of an area somebody may see now, and why not the others: one decision for all that the same rules bind.

The mark beside a camera names its signature. A signature is decided once for a class of people (agency, unit, roles,
sign-in), an act, a purpose and what an incident is; where rules name radii, once for each band of distance from it. The
answer holds until a weekly window opens or closes; every other date ends the mark itself. Cameras are read square by
square until a page is full, those whose mark is known to be hidden left out by the database. One without a mark that
counts, or whose signature is not stored, is decided by itself from what is stored: a missing or old mark permits
nothing. Who may not know of a camera finds it neither in a page nor in a count.

What sites gave in the last 24 hours is asked for a page at once; the cameras of those that gave something, and only
they, are decided again by themselves. Nothing is released by a list: `Decisions.decide_for` is asked for each release.
"""

import dataclasses
import json
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple

from msgspec import structs

from gateway.cameras import Box, Camera, Cameras, Position, Wanted, position_of
from gateway.incidents import Incident
from gateway.kernel.errors import InvalidError, LenspactError
from gateway.kernel.principal import Principal
from gateway.partners import Place
from gateway.sharing.layering import Layering
from gateway.sharing.looking import WISH, Availability, Look, knows_nothing, look, subject_of
from gateway.sharing.marking import SINGLY
from gateway.sharing.ports import SignatureRows
from gateway.sharing.sheets import Answer, Compiled, Kept, Sheet
from gateway.sharing.signatures import CAMERA, PARTNER, read_signature
from partner_agent.wire.clock import Clock, to_ms
from policies import request as law
from policies.fields import PolicyError
from policies.geo import CELL_E6, Cell, point_of
from policies.layers import AgencyLayer, GuardrailLayer
from policies.request import Deny, Subject
from policies.vocabulary import RANGE_ACTS, Act, Layer, Purpose, Reason, Remedy, Technology

PAGE: Final = 500
MOST_NEAR: Final = 5_000  # cameras looked through around an incident
MOST_LEFT_OUT: Final = 500  # marks that one question to the database names
MOST_SINGLE: Final = 500  # cameras decided by themselves for one count; more are not counted
COMPILED: Final = 5_000  # signatures kept compiled
SHEETS: Final = 256  # questions whose answers are kept
NO_BAND: Final = -1  # of an answer that no radius bears on
_NO_CELL: Final = Cell(0, 0)
_NOWHERE: Final = Place(0, 0)
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
        on_behalf_of: the other agency it is for, as they say; empty for their own.
    """

    principal: Principal
    purpose: str
    act: Act = Act.LIVE_VIEW
    incident: Incident | None = None
    on_behalf_of: str = ""


class Listed(NamedTuple):
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
    remedies: tuple[Remedy, ...] = ()


class Listing:
    """Lists and counts of cameras."""

    def __init__(self, *, cameras: Cameras, layering: Layering, rows: SignatureRows, ground: str, clock: Clock) -> None:
        """`ground`: the beginning of every mark that counts."""
        self._cameras = cameras
        self._layering = layering
        self._rows = rows
        self._ground = f"{ground}."
        self._clock = clock
        self._compiled: OrderedDict[str, Compiled] = OrderedDict()
        self._kept: OrderedDict[_Key, Kept] = OrderedDict()

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
        read, count = 0, sheet.reading(most + 1)
        while not sheet.is_blind:
            hidden = (mark for mark, answer in sheet.kept.hidden.items() if answer.holds(sheet.now_ms))
            left_out = frozenset(islice(hidden, MOST_LEFT_OUT))
            wanted = Wanted(most=count, after=after, without=left_out, homes=homes, now_ms=sheet.now_ms)
            cameras = await self._cameras.page(box, wanted)
            for index, (camera, seen) in enumerate(zip(cameras, await self._looks(sheet, cameras), strict=True)):
                if not seen.is_known:
                    continue
                if len(found) == most:
                    sheet.learn(most, read + index)
                    return Page(await self._with_given(sheet, found), position_of(found[-1].camera))
                found.append(Listed(camera, seen))
            if len(cameras) < count:
                break
            read += count
            sheet.learn(len(found), read)
            after, count = position_of(cameras[-1]), sheet.reading(most + 1 - len(found))
        return Page(await self._with_given(sheet, found), None)

    async def list_near(
        self,
        principal: Principal,
        incident: Incident,
        *,
        purpose: str,
        radius_m: float,
        most: int,
        on_behalf_of: str = "",
    ) -> list[NearView]:
        """The cameras around an incident that the caller may know of, nearest first, with what they may read of each.

        Raises:
            InvalidError: the purpose is no word of ours.
        """
        search = Search(principal=principal, purpose=purpose, incident=incident, on_behalf_of=on_behalf_of)
        sheet = await self._sheet(search)
        centre, count = Place(incident.place.lat, incident.place.lon), most
        while not sheet.is_blind:
            near = await self._cameras.near(centre, radius_m=radius_m, most=count)
            looks = await self._looks(sheet, [one.camera for one in near])
            found = [
                (one.distance_m, Listed(one.camera, seen))
                for one, seen in zip(near, looks, strict=True)
                if seen.is_known
            ][:most]
            if len(found) >= most or len(near) < count or count >= MOST_NEAR:
                listed = await self._with_given(sheet, [one for _, one in found])
                return [
                    NearView(one.camera, distance_m, one.look.availability, one.look.remedies)
                    for (distance_m, _), one in zip(found, listed, strict=True)
                ]
            count = min(count * 4, MOST_NEAR)
        return []

    async def is_known(self, principal: Principal, camera: Camera, *, purpose: str, incident: Incident | None) -> bool:
        """Whether the caller may know where this camera is, for this purpose and incident.

        Raises:
            InvalidError: the purpose is no word of ours.
        """
        search = Search(principal=principal, purpose=purpose, act=Act.REGISTRY_VIEW, incident=incident)
        sheet = await self._sheet(search)
        return (await self._looks(sheet, [structs.replace(camera, mark="")]))[0].is_known

    async def counts(self, search: Search, box: Box) -> Mapping[int, int]:
        """How many cameras the caller may know of are in each square that the box touches, homes left out.

        Raises:
            InvalidError: the purpose is no word of ours.
        """
        sheet = await self._sheet(dataclasses.replace(search, incident=None))
        found: Counter[int] = Counter()
        if sheet.is_blind:
            return found
        by_square = await self._cameras.counts(box, homes=False, now_ms=sheet.now_ms)
        await self._compile({mark for _, mark in by_square})
        singly: set[str] = set()
        for (cell, mark), count in by_square.items():
            compiled = self._compiled.get(mark)
            if compiled is None:
                singly.add(mark)
            elif self._decided(sheet, mark, compiled, _NOWHERE).is_known:
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

    async def _sheet(self, search: Search) -> Sheet:
        if search.purpose not in set(Purpose):
            raise InvalidError("Choose a purpose.", fields={"purpose": "This is no purpose we know."})
        if search.act in RANGE_ACTS:
            raise InvalidError(
                "Recordings are asked for one camera at a time.", fields={"act": "This needs a time range."}
            )
        now = self._clock.now()
        who = dataclasses.replace(subject_of(search.principal), ref="", on_behalf_of=search.on_behalf_of)
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
            self._kept[key] = Kept()
            while len(self._kept) > SHEETS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        is_blind, panicking = knows_nothing(agency, asked), self._layering.panicking()
        return Sheet(asked, guardrail, agency, is_suspended, is_blind, panicking, now_ms, self._kept[key])

    async def _looks(self, sheet: Sheet, cameras: Sequence[Camera]) -> list[Look]:
        now_ms = sheet.now_ms
        counting = [camera.mark_until_ms is None or now_ms < camera.mark_until_ms for camera in cameras]
        await self._compile({camera.mark for camera, counts in zip(cameras, counting, strict=True) if counts})
        compiled_of, panicking = self._compiled, sheet.panicking
        found: list[Look] = []
        for camera, counts in zip(cameras, counting, strict=True):
            compiled = compiled_of.get(camera.mark) if counts else None
            if compiled is None or camera.site_id in panicking:
                found.append(await self._singly(sheet, camera))
            else:
                found.append(self._decided(sheet, camera.mark, compiled, camera.place))
        return found

    async def _with_given(self, sheet: Sheet, found: Sequence[Listed]) -> tuple[Listed, ...]:
        """The same cameras; what their sites gave already is taken off from what would be permitted."""
        open_to = {one.camera.site_id for one in found if one.look.denied is None}
        given = await self._layering.usages(open_to)
        if not given:
            return tuple(found)
        after = []
        for one in found:
            usage = given.get(one.camera.site_id) if one.look.denied is None else None
            if usage is None:
                after.append(one)
            else:
                seen = await self._singly(sheet, one.camera, usage)
                after.append(Listed(one.camera, dataclasses.replace(seen, is_known=True)))
        return tuple(after)

    def _decided(self, sheet: Sheet, mark: str, compiled: Compiled, place: Place) -> Look:
        """The answer for a signature at a place; the one found before, for a place that the same radii reach."""
        incident, band = sheet.asked.incident, NO_BAND
        if incident is not None and compiled.radii_m:
            band = compiled.band(place, incident.cell)
        known = sheet.kept.looks.get((mark, band))
        if known is None or not known.holds(sheet.now_ms):
            point = point_of(place.lat, place.lon)
            site = compiled.site(point, sheet.guardrail, sheet.agency, is_suspended=sheet.is_suspended)
            seen, until_ms = look(site, sheet.asked), compiled.next_change(sheet.asked.now)
            known = sheet.kept.looks[mark, band] = Answer(seen, sheet.now_ms, until_ms)
            if not seen.is_known and band <= 0:  # nobody is nearer: no radius makes it known anywhere
                sheet.kept.hidden[mark] = known
            elif not seen.is_known and incident is not None:
                at_it = _middle(incident.cell)
                if compiled.band(at_it, incident.cell) == 0:
                    self._decided(sheet, mark, compiled, at_it)
        return known.look

    async def _singly(self, sheet: Sheet, camera: Camera, usage: law.Usage | None = None) -> Look:
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
        return look(found, dataclasses.replace(sheet.asked, partner=camera.organisation_id, camera=name), usage)

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
                self._compiled[mark] = Compiled(signature)
        while len(self._compiled) > max(COMPILED, len(wanted)):
            self._compiled.popitem(last=False)


def _middle(cell: Cell) -> Place:
    return Place((cell.lat + 0.5) * CELL_E6 / 1e6, (cell.lon + 0.5) * CELL_E6 / 1e6)
