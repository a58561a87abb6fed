"""What the console asks of sharing, live and evidence, decided by the test."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gateway.cameras import Box, Camera, Cameras, position_of
from gateway.desks.console import AskLine, ClipLine, ClipWish, SecondAsk
from gateway.emergency import topic_of_first
from gateway.incidents import Incident
from gateway.kernel.errors import DeniedError, NotFoundError
from gateway.kernel.principal import Principal
from gateway.live import topic_of_asker
from gateway.partners import Place
from gateway.sharing.ports import Publisher
from partner_agent.wire.clock import SystemClock


@dataclass(frozen=True)
class FakeNear:
    """A camera of the list."""

    camera: Camera
    distance_m: float
    availability: str
    remedies: Sequence[str] = ()


@dataclass(frozen=True)
class FakeMap:
    """The map before an incident."""

    points: Sequence[Camera]
    squares: Mapping[int, int]


@dataclass
class FakeListing:
    """Every camera is known and available unless the test says otherwise, by name."""

    cameras: Cameras
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    for_others: dict[str, tuple[str, ...]] = field(default_factory=dict)  # on behalf of another agency

    async def list_near(
        self,
        principal: Principal,
        incident: Incident,
        *,
        purpose: str,
        radius_m: float,
        most: int,
        on_behalf_of: str,
    ) -> Sequence[FakeNear]:
        """Those around the incident."""
        centre = Place(incident.place.lat, incident.place.lon)
        found = await self.cameras.near(centre, radius_m=radius_m, most=most)
        answers = self.answers | (self.for_others if on_behalf_of else {})
        return [
            FakeNear(n.camera, n.distance_m, state, remedies)
            for n in found
            for state, *remedies in [answers.get(n.camera.name, ("available",))]
            if n.camera.name not in self.unknown
        ]

    async def map_view(self, principal: Principal, box: Box, *, purpose: str, most: int) -> FakeMap:
        """Homes as numbers, the others at their places."""
        seen = [c for c in await self.cameras.within(box, most=most) if c.name not in self.unknown]
        points = [c for c in seen if not c.people_live_here]
        return FakeMap(points, Counter(position_of(c).cell for c in seen if c.people_live_here))

    async def is_known(self, principal: Principal, camera: Camera, *, purpose: str, incident: Incident | None) -> bool:
        """Unless the test says otherwise."""
        return camera.name not in self.unknown


@dataclass
class FakeClips:
    """Requests kept in memory."""

    wishes: list[ClipWish] = field(default_factory=list)
    is_offered: bool = True

    async def may_ask(self, principal: Principal, wish: ClipWish) -> bool:
        """As the test says."""
        return self.is_offered

    async def ask(self, principal: Principal, wish: ClipWish) -> str:
        """Keep it."""
        self.wishes.append(wish)
        return f"clr_{len(self.wishes)}"

    async def lines(self, principal: Principal, *, before: str) -> Sequence[ClipLine]:
        """The first of them is ready."""
        return [
            ClipLine(
                id=f"clr_{i}",
                camera_id=w.camera_id,
                incident_id=w.incident_id,
                t0=w.t0,
                t1=w.t1,
                words="Ready to download." if i == 0 else "The site is cutting the recording.",
                package="/download" if i == 0 else "",
                created_at=datetime(2026, 11, 22, tzinfo=UTC),
            )
            for i, w in enumerate(self.wishes)
        ]


@dataclass
class FakeAsks:
    """Owners who can be asked, once for an incident; they answer when the test says so."""

    cameras: Cameras
    publisher: Publisher
    asked: dict[str, AskLine] = field(default_factory=dict)  # by organisation
    refusal: str = ""

    async def ask(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask."""
        if self.refusal:
            raise DeniedError(self.refusal)
        await self.answer(principal, camera_id, "asked")

    async def answer(self, principal: Principal, camera_id: str, standing: str) -> None:
        """How it stands now; whoever asked hears that there is news."""
        camera = await self.cameras.camera(camera_id)
        until = SystemClock().now() + timedelta(minutes=15)
        self.asked[camera.organisation_id] = AskLine(camera_id, standing, until)
        self.publisher.publish(topic_of_asker(principal.person_id), camera_id)

    async def of_incident(self, principal: Principal, incident_id: str) -> Mapping[str, AskLine]:
        """All of them."""
        return dict(self.asked)


@dataclass
class FakeSeconds:
    """Second people who can be asked; `first` is who asked, and whoever else signs in may answer."""

    publisher: Publisher
    first: Principal
    asked: dict[str, SecondAsk] = field(default_factory=dict)  # by id
    is_offered: bool = False  # for recordings

    async def ask(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask."""
        self._put(principal, camera_id, purpose, incident_id)

    async def ask_for_still(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> SecondAsk:
        """Ask."""
        ask = self._put(principal, camera_id, purpose, incident_id)
        self.asked[ask.id] = replace(ask, act="still.take")
        return self.asked[ask.id]

    async def ask_to_look_back(
        self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str, at: datetime
    ) -> SecondAsk:
        """Ask, for a minute before the moment."""
        ask = self._put(principal, camera_id, purpose, incident_id)
        self.asked[ask.id] = replace(ask, act="recorded.view", t0=at - timedelta(minutes=1), t1=at)
        return self.asked[ask.id]

    async def ask_for_recording(self, principal: Principal, wish: ClipWish) -> None:
        """Ask."""
        ask = self._put(principal, wish.camera_id, wish.purpose, wish.incident_id)
        self.asked[ask.id] = replace(ask, act="clip.fetch", t0=wish.t0, t1=wish.t1, legal_basis=wish.legal_basis)

    async def is_for_two(self, principal: Principal, wish: ClipWish) -> bool:
        """As the test says."""
        return self.is_offered

    async def recordings(self, principal: Principal) -> Sequence[SecondAsk]:
        """Those of whoever asked."""
        mine = principal.person_id == self.first.person_id
        return [ask for ask in self.asked.values() if mine and not ask.is_over and ask.act == "clip.fetch"]

    def _put(self, principal: Principal, camera_id: str, purpose: str, incident_id: str) -> SecondAsk:
        now = SystemClock().now()
        ask = SecondAsk(
            id=f"emg_{len(self.asked) + 1:026d}",
            camera_id=camera_id,
            incident_id=incident_id,
            act="live.view",
            purpose=purpose,
            asker=principal.name,
            standing="operator, rtcc",
            asked_at=now,
            until=now + timedelta(minutes=5),
            state="asked",
            is_over=False,
            may_answer=False,
            is_own=True,
        )
        self.asked[ask.id] = ask
        return ask

    async def of_incident(self, principal: Principal, incident_id: str) -> Mapping[str, SecondAsk]:
        """Those of whoever asked."""
        del incident_id
        mine = principal.person_id == self.first.person_id
        views = [ask for ask in self.asked.values() if ask.act == "live.view" and not ask.is_over]
        return {ask.camera_id: ask for ask in views if mine}

    async def waiting(self, principal: Principal) -> Sequence[SecondAsk]:
        """Those of others."""
        return [one for one in [await self.one(principal, name) for name in self.asked] if one.may_answer]

    async def one(self, principal: Principal, ask_id: str) -> SecondAsk:
        """One."""
        if ask_id not in self.asked:
            raise NotFoundError("There is no such request for a second person.")
        ask = self.asked[ask_id]
        is_own = principal.person_id == self.first.person_id
        return replace(ask, may_answer=ask.state == "asked" and not is_own, is_own=is_own)

    async def answer(self, principal: Principal, ask_id: str, *, is_yes: bool) -> SecondAsk:
        """Yes or no; whoever asked hears that there is news."""
        if not (ask := await self.one(principal, ask_id)).may_answer:
            raise DeniedError("You asked for this yourself. Somebody else has to confirm it.")
        self.asked[ask_id] = replace(ask, state="confirmed" if is_yes else "declined", is_over=not is_yes)
        self.publisher.publish(topic_of_first(self.first.person_id), ask.camera_id)
        return self.asked[ask_id]


@dataclass
class FakeLayouts:
    """What people chose, in memory."""

    chosen: dict[tuple[str, str], str] = field(default_factory=dict)

    async def read(self, person_id: str, name: str) -> str:
        return self.chosen.get((person_id, name), "")

    async def keep(self, person_id: str, name: str, value: str) -> None:
        self.chosen[person_id, name] = value
