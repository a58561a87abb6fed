"""Several relay processes of one machine as one engine: each publication has its relay, named by its id alone.

Placement is by rendezvous hashing: nothing is kept, every part of the gateway comes to the same answer, and another
number of relays moves no more publications than it must. Orders that name sessions go to every relay, for each knows
its own; a relay that is gone keeps nothing from the others.
"""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import anyio
import msgspec

from gateway.live.ports import EngineFeatures, MediaEngine
from gateway.live.relay.client import RelayGoneError
from gateway.live.relay.protocol import Answer
from gateway.live.tunnels.ports import Address, TunnelEnds

T = TypeVar("T")
_REFUSED: Final = 401


def owner(relays: Sequence[str], publication: str) -> str:
    """The relay of a publication: the one with the highest hash of both names."""
    return max(relays, key=lambda relay: hashlib.sha256(f"{relay}\0{publication}".encode()).digest())


class TunnelEngine(MediaEngine, TunnelEnds, Protocol):
    """An engine that tunnels lead to as well."""


class _Audience(msgspec.Struct):
    aud: str


class Relays:
    """Engines by their names, all alike."""

    def __init__(self, engines: Mapping[str, TunnelEngine]) -> None:
        self._engines = dict(engines)
        self._all = tuple(self._engines.values())

    @property
    def features(self) -> EngineFeatures:
        """Those of each."""
        return self._all[0].features

    @property
    def is_ready(self) -> bool:
        """Whether any is; new publications go to those that are."""
        return any(engine.is_ready for engine in self._all)

    def is_up(self, relay: str) -> bool:
        """Whether this one is ready."""
        return self._engines[relay].is_ready

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        """A publisher's call, for the relay that its ticket names."""
        engine = self._named_in(ticket)
        return await engine.whip(publication, ticket, sdp) if engine else Answer(re=0, status=_REFUSED)

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        """A viewer's call, for the relay that its ticket names."""
        engine = self._named_in(ticket)
        return await engine.whep(session, ticket, sdp) if engine else Answer(re=0, status=_REFUSED)

    async def delete(self, subject: str, resource: str) -> bool:
        """A goodbye; the relay that knows the call takes it."""
        return any(await self._each(lambda engine: engine.delete(subject, resource)))

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> Answer:
        """Candidates or a restart; the relay that knows the call answers."""
        answers = await self._each(lambda engine: engine.patch(subject, resource, tags, sdp))
        return next((answer for answer in answers if answer.status != 404), answers[0])

    async def tunnel_end(self, publication: str, resource: str) -> Address | None:
        """Where the relay that has this publisher's call takes media; one that has none gives no tunnel either."""
        found = await self._each(lambda engine: engine.tunnel_end(publication, resource))
        return next((address for address in found if address is not None), None)

    async def admit(
        self, *, session: str, publication: str, fingerprint: str, valid_s: float, sound: bool = False
    ) -> bool:
        """Forward, at the publication's relay."""
        engine = self._engines[owner(tuple(self._engines), publication)]
        return await engine.admit(
            session=session, publication=publication, fingerprint=fingerprint, valid_s=valid_s, sound=sound
        )

    async def lease(self, sessions: list[str]) -> None:
        """These go on, wherever they are."""
        await self._each(lambda engine: engine.lease(sessions))

    async def drop(self, sessions: list[str]) -> None:
        """End these, wherever they are.

        Raises:
            RelayGoneError: one did not say that nothing more is forwarded; the others have ended theirs.
        """
        if len(await self._each(lambda engine: engine.drop(sessions))) < len(self._all):
            raise RelayGoneError("a relay does not answer")

    async def first_picture(self, *, session: str, publication: str) -> Answer:
        """The newest key picture, from the publication's relay."""
        engine = self._engines[owner(tuple(self._engines), publication)]
        return await engine.first_picture(session=session, publication=publication)

    async def figures(self, session: str = "") -> dict[str, int]:
        """How much runs in all; with a session, what the relay that has it knows."""
        figures = await self._each(lambda engine: engine.figures(session))
        names = dict.fromkeys(name for each in figures for name in each)
        return {name: sum(each.get(name, 0) for each in figures) for name in names}

    def _named_in(self, ticket: str) -> TunnelEngine | None:
        """By its `aud`, which nobody has checked yet: the relay does, and takes no ticket of another."""
        try:
            claims = ticket.split(".")[1]
            read = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=_Audience)
        except (IndexError, ValueError, binascii.Error, msgspec.MsgspecError):
            return None
        return self._engines.get(read.aud)

    async def _each(self, ask: Callable[[TunnelEngine], Awaitable[T]]) -> list[T]:
        """What those that are there answer, all asked at once.

        Raises:
            RelayGoneError: none is there.
        """
        answers: list[T] = []

        async def one(engine: TunnelEngine) -> None:
            try:
                answers.append(await ask(engine))
            except RelayGoneError:
                return

        async with anyio.create_task_group() as tasks:
            for engine in self._all:
                tasks.start_soon(one, engine)
        if not answers:
            raise RelayGoneError("no relay answers")
        return answers
