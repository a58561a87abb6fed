"""The gate before a media server of others: tickets, admissions, leases and ends, which such a server does not know.

A viewer's call is held here, and the server hears of it only once the site has accepted and its publisher is the
accepted one: what is not admitted cannot be forwarded by mistake. Ending waits for the server. Without leases
everything ends here; a server that loses this process ends it by itself, if it is fenced. Such a server does not say
who is still there, so viewers are asked for a pulse: a PATCH each `PULSE_S`.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import anyio.abc

from gateway.live.engines.accounts import Accounts
from gateway.live.engines.descriptions import handed_back, passed_on
from gateway.live.engines.patching import patched, tag_of
from gateway.live.engines.ports import Leg, MediaServer, ServerRefusedError
from gateway.live.engines.tables import Uplink, View, Way
from gateway.live.engines.tidings import Tidings
from gateway.live.ports import EngineFeatures
from gateway.live.relay import protocol
from gateway.live.relay.admission import Admission, admitted, over_by
from gateway.live.relay.client import OnEvent, RelayGoneError
from gateway.live.relay.ended import Ended
from gateway.live.relay.offers import CallRefusedError, parsed
from gateway.live.relay.protocol import Answer
from gateway.live.relay.silence import SWEEP_S, Found
from gateway.live.tickets import InvalidTicketError, Ticket, TicketReader, Use
from partner_agent.rtc import sdp
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import BACKOFF_FIRST_S

HELD_S: Final = 12.0  # a viewer's call that is not admitted by then is refused; the site answers within 8 s
MAX_CALLS: Final = 1_000
PULSE_S: Final = 1.5  # with two that get lost a viewer is still there before `SILENCE_S` is over
CONNECT_S: Final = 10.0  # from our answer to media, for ICE and DTLS
BACKOFF_LAST_S: Final = 10.0
_LOG: Final = logging.getLogger("lenspact.live")


class GatedEngine:
    """`MediaEngine` over a `MediaServer`. Use `run` in a task."""

    def __init__(
        self,
        *,
        server: MediaServer,
        fingerprint: str,
        tickets: TicketReader,
        on_event: OnEvent,
        on_gone: Callable[[], Awaitable[None]],
        clock: Clock,
        ids: IdSource,
        held_s: float = HELD_S,
    ) -> None:
        """`fingerprint` is of the certificate that grants name, where the server keeps one."""
        self._held_s = held_s
        self._fingerprint = fingerprint if server.features.keeps_one_certificate else ""
        self._server, self._tickets, self._clock, self._ids = server, tickets, clock, ids
        self._on_gone, self._tidings = on_gone, Tidings(on_event)
        self._accounts = Accounts(server=server, tidings=self._tidings, clock=clock)
        self._uplinks: dict[str, Uplink] = {}
        self._views: dict[str, View] = {}
        self._admissions: dict[str, Admission] = {}
        self._ended = Ended()
        self._tasks: anyio.abc.TaskGroup | None = None

    @property
    def features(self) -> EngineFeatures:
        """The server's."""
        return self._server.features

    @property
    def is_ready(self) -> bool:
        """Whether calls can be made, and tickets issued now open."""
        return self._server.is_ready and self._clock.now().timestamp() >= self._tickets.since

    async def run(self) -> None:
        """Connect to the server, and again with back-off whenever it is gone, until cancelled."""
        pause_s = BACKOFF_FIRST_S
        async with anyio.create_task_group() as self._tasks:
            self._tasks.start_soon(self._tidings.run)
            self._tasks.start_soon(self._sweep_forever)
            self._tasks.start_soon(self._accounts.run, self._calls)
            while True:
                started = self._clock.monotonic()
                try:
                    await self._server.run(self)
                except RelayGoneError as error:
                    _LOG.warning("the media server is gone: %s", error)
                self._forget_all()
                with anyio.CancelScope(shield=True):
                    await self._on_gone()
                if self._clock.monotonic() - started >= BACKOFF_LAST_S:
                    pause_s = BACKOFF_FIRST_S
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, BACKOFF_LAST_S)

    # Calls.

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        """A publisher's call; a former one of the same publication ends."""
        try:
            self._take_ticket(ticket, "whip", publication)
            offer = parsed(sdp, "sendonly")
            self._demand_room()
            leg = await self._server.publish(publication, passed_on(offer))
            await self._demand_certificate(leg)
        except CallRefusedError as refused:
            return Answer(re=0, status=refused.status)
        except ServerRefusedError as error:
            _LOG.warning("the media server takes no publisher: %s", error)
            return Answer(re=0, status=503)
        resource, now = self._ids.secret(16).hex(), self._clock.monotonic()
        uplink = Uplink(publication, offer.fingerprint, resource, leg.id, _way(leg, offer), now)
        former, self._uplinks[publication] = self._uplinks.get(publication), uplink
        if former is not None:
            await self._end_uplink(former)
        return _taken(leg, offer, uplink.resource)

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        """A viewer's call: held until it is admitted and the accepted publisher's pictures are there."""
        try:
            claims = self._take_ticket(ticket, "whep", session)
            offer = parsed(sdp, "recvonly")
            _demand(offer.fingerprint == claims.fingerprint, 403)
            _demand(session not in self._ended and session not in self._views, 409)
            self._demand_room()
        except CallRefusedError as refused:
            return Answer(re=0, status=refused.status)
        view = self._views[session] = View(session, self._ids.secret(16).hex())
        try:
            return await self._open(view, offer)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._end(session, "failed")
            raise

    async def delete(self, subject: str, resource: str) -> bool:
        """A goodbye by the name only the caller was given."""
        view, uplink = self._views.get(subject), self._uplinks.get(subject)
        if view is not None and view.leg_id and resource == view.resource:
            await self._end(subject, "left")
            return True
        if uplink is not None and resource == uplink.resource:
            await self._end_uplink(self._uplinks.pop(subject))
            return True
        return False

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> Answer:
        """Candidates are read and dropped, ICE is restarted where the server can; a viewer's is a sign of life too."""
        found = self._views.get(subject) or self._uplinks.get(subject)
        if found is None or found.way is None or found.resource != resource:
            return Answer(re=0, status=404)
        try:
            return await patched(found, self._server, tags=tags, text=sdp, now=self._clock.monotonic())
        except CallRefusedError as refused:
            return Answer(re=0, status=refused.status)

    # Orders.

    async def admit(
        self, *, session: str, publication: str, fingerprint: str, valid_s: float, sound: bool = False
    ) -> bool:
        """Let a held call through, or lengthen one that runs; False when the session is over. Never with sound."""
        del sound
        self._demand_server()
        if session in self._ended:
            return False
        now = self._clock.monotonic()
        self._admissions[session] = admitted(publication, fingerprint, now, valid_s)
        if session in self._views:
            self._views[session].wake()
        return True

    async def lease(self, sessions: list[str]) -> None:
        """These go on, every other one ends."""
        self._demand_server()
        now, named = self._clock.monotonic(), set(sessions)
        for session, admission in self._admissions.items():
            if session in named:
                admission.lease(now)
        await self._end_all([session for session in self._admissions if session not in named], "lease")

    async def drop(self, sessions: list[str]) -> None:
        """End these; when it returns nothing more is forwarded to them."""
        await self._end_all(sessions, "dropped")

    async def first_picture(self, *, session: str, publication: str) -> Answer:
        """Such a server has none to give."""
        return Answer(re=0, status=404)

    async def figures(self, session: str = "") -> dict[str, int]:
        """How much runs; of a viewer's way such a server says nothing here."""
        self._demand_server()
        if session:
            return {}
        return {
            "publications": len(self._uplinks),
            "viewers": sum(bool(view.leg_id) for view in self._views.values()),
            "calls": len(self._views),
            "admissions": len(self._admissions),
        }

    # News of the server.

    def up(self, leg_id: str) -> None:
        """Media flow on a call, or can."""
        for uplink in self._uplinks.values():
            if uplink.leg_id == leg_id and not uplink.is_up:
                uplink.is_up = True
                self._tidings.tell(
                    protocol.PublicationUp(publication=uplink.publication, fingerprint=uplink.fingerprint)
                )
                for view in list(self._views.values()):
                    view.wake()
        for view in self._views.values():
            if view.leg_id == leg_id and view.started_at is None:
                view.started_at = self._clock.monotonic()
                self._begin(self._accounts.started, view)

    def lost(self, leg_id: str) -> None:
        """A call is over at the server."""
        for uplink in list(self._uplinks.values()):
            if uplink.leg_id == leg_id:
                del self._uplinks[uplink.publication]
                self._begin(self._end_uplink, uplink)
        for view in list(self._views.values()):
            if view.leg_id == leg_id:
                self._begin(self._end, view.session, "left")

    # Inside.

    async def _open(self, view: View, offer: sdp.Call) -> Answer:
        with anyio.move_on_after(self._held_s):
            while self._is_open(view) and self._uplink_for(view) is None:
                await view.changed.wait()
        uplink = self._uplink_for(view)
        if not self._is_open(view) or uplink is None:
            await self._end(view.session, "unadmitted")
            return Answer(re=0, status=409)
        try:
            leg = await self._server.view(uplink.leg_id, passed_on(offer))
        except ServerRefusedError as error:
            _LOG.warning("the media server takes no viewer: %s", error)
            await self._end(view.session, "failed")
            return Answer(re=0, status=503)
        if not self._is_open(view) or self._uplink_for(view) is not uplink:  # over meanwhile: they get no answer
            await self._server.end(leg.id)
            await self._end(view.session, "replaced")
            return Answer(re=0, status=409)
        view.leg_id, view.uplink, view.since, view.way = leg.id, uplink, self._clock.monotonic(), _way(leg, offer)
        return _taken(leg, offer, view.resource, pulse_s=PULSE_S)

    def _calls(self) -> tuple[View | Uplink, ...]:
        return (*self._views.values(), *self._uplinks.values())

    def _is_open(self, view: View) -> bool:
        return self._views.get(view.session) is view

    def _uplink_for(self, view: View) -> Uplink | None:
        """The running publisher this viewer may see; None while there is no admission, or another publisher."""
        admission = self._admissions.get(view.session)
        if admission is None or self._clock.monotonic() >= admission.until:
            return None
        uplink = self._uplinks.get(admission.publication)
        return uplink if uplink and uplink.is_up and uplink.fingerprint == admission.fingerprint else None

    async def _end_all(self, sessions: list[str], reason: protocol.EndReason) -> None:
        """End several at once. The first who cannot be ended raises; by then all others have been asked for too."""
        failures: list[RelayGoneError] = []

        async def end(session: str) -> None:
            try:
                await self._end(session, reason)
            except RelayGoneError as error:
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            for session in sessions:
                tasks.start_soon(end, session)
        if failures:
            raise failures[0]

    async def _end(self, session: str, reason: protocol.EndReason) -> None:
        """End one session, for good: forwarding first, then the news."""
        admission, view = self._admissions.pop(session, None), self._views.pop(session, None)
        is_first = self._ended.add(session, self._clock.monotonic())
        try:
            if view is not None:
                view.wake()
                if view.leg_id:
                    await self._accounts.end(view)
        finally:
            if is_first and (admission or view):
                self._accounts.ended(session, reason, view)

    async def _end_uplink(self, uplink: Uplink) -> None:
        """A publisher is gone or replaced, and with it what was forwarded of it."""
        watching = [view.session for view in self._views.values() if view.uplink is uplink]
        try:
            await self._end_all(watching, "replaced")
            await self._accounts.end(uplink)
        finally:
            self._accounts.down(uplink)

    def _forget_all(self) -> None:
        """The server is gone, and every call with it."""
        for session in {*self._views, *self._admissions}:
            view = self._views.pop(session, None)
            self._admissions.pop(session, None)
            self._ended.add(session, self._clock.monotonic())
            if view is not None:
                view.wake()
            self._accounts.ended(session, "failed", view)
        self._uplinks.clear()

    async def _sweep_forever(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_S)
            try:
                await self.sweep()
            except RelayGoneError:
                _LOG.debug("no media server to keep")

    async def sweep(self) -> None:
        """End what has run out, and tell the server that we live."""
        now = self._clock.monotonic()
        for reason in ("horizon", "lease"):
            await self._end_all(over_by(reason, self._admissions, now), reason)
        await self._end_unconnected(now)
        await self._end_all([view.session for view in self._views.values() if self._is_silent(view, now)], "silent")
        if self._server.is_ready:
            await self._server.keep()

    async def _end_unconnected(self, now: float) -> None:
        """Who has an answer and does not come takes up room at the server."""
        latest = now - CONNECT_S
        late = [view.session for view in self._views.values() if view.leg_id and view.started_at is None]
        await self._end_all([session for session in late if self._views[session].since <= latest], "failed")
        for uplink in list(self._uplinks.values()):
            if not uplink.is_up and uplink.since <= latest:
                del self._uplinks[uplink.publication]
                await self._end_uplink(uplink)

    def _is_silent(self, view: View, now: float) -> bool:
        """Lost by the server, or without a pulse from a viewer who gave one."""
        if not view.is_up:
            return False
        return view.passed.is_lost or (view.attention is not None and view.attention.look(now) is Found.GONE)

    def _begin(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        async def run() -> None:
            try:
                await work(*arguments)
            except RelayGoneError:
                _LOG.debug("no media server to tell")

        if self._tasks is not None:
            self._tasks.start_soon(run)

    def _take_ticket(self, ticket: str, use: Use, subject: str) -> Ticket:
        self._demand_server()
        try:
            return self._tickets.take(ticket, use=use, subject=subject)
        except InvalidTicketError as error:
            raise CallRefusedError(401) from error

    def _demand_server(self) -> None:
        if not self._server.is_ready:
            raise RelayGoneError("there is no media server")

    async def _demand_certificate(self, leg: Leg) -> None:
        if self._fingerprint and leg.answer.fingerprint != self._fingerprint:
            await self._server.end(leg.id)
            raise ServerRefusedError("it shows another certificate than the one that grants name")

    def _demand_room(self) -> None:
        _demand(len(self._uplinks) + len(self._views) < MAX_CALLS, 503)


def _demand(holds: bool, status: int) -> None:
    if not holds:
        raise CallRefusedError(status)


def _way(leg: Leg, offer: sdp.Call) -> Way:
    return Way(offer.mid, offer.user_fragment, tag_of(leg.answer.user_fragment))


def _taken(leg: Leg, offer: sdp.Call, resource: str, *, pulse_s: float = 0.0) -> Answer:
    tag, answer = tag_of(leg.answer.user_fragment), handed_back(leg.answer, offer)
    return Answer(re=0, status=201, sdp=answer, resource=resource, etag=tag, pulse_s=pulse_s)
