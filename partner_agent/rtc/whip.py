"""The agent's publisher: access units in, one WHIP call out, without transcoding.

Offers one H.264 stream, perhaps with sound, with its ticket, accepts only the relay whose DTLS fingerprint the grant
names, and dials only addresses the site allows. Decides nothing about who may see: `sessions` starts and stops it.
RFC 9725.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import anyio
import anyio.abc
import httpx

from partner_agent.rtc import outgoing, outgoing_sound, own_ports, rtcp, sdp, whip_answer
from partner_agent.rtc.certificate import DtlsIdentity
from partner_agent.rtc.detours import Detours
from partner_agent.rtc.expected import check_hooks
from partner_agent.rtc.hooks import Leg, LegFailedError
from partner_agent.rtc.mux import Port, UdpPort
from partner_agent.rtc.outgoing import OutgoingStream
from partner_agent.rtc.outgoing_sound import OutgoingSound
from partner_agent.rtc.pace import Pace
from partner_agent.rtc.rtx import Retransmitter
from partner_agent.rtc.sdp_sound import OFFERED, Sound
from partner_agent.rtc.units import AccessUnit, SoundUnit
from partner_agent.rtc.whip_answer import AddressRule, Answered, PublishFailedError
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

CONNECT_S: Final = 10.0  # from the offer to the first packet
GOODBYE_S: Final = 2.0  # for DELETE and DTLS close, after sending has stopped
_PROFILE: Final = "42e01f"  # what decoders accept; a camera's higher profile decodes all the same


@dataclass(frozen=True, slots=True)
class PublishTarget:
    """Where a grant says to publish.

    Attributes:
        url: the WHIP endpoint, already checked against the key set's hosts.
        ticket: shown once, in the header.
        fingerprint: the relay's DTLS certificate, by grant and key set; `sha-256 ` may stand before it, as in SDP.
    """

    url: str
    ticket: str
    fingerprint: str

    @property
    def certificate(self) -> str:
        """The fingerprint without its algorithm."""
        return self.fingerprint.removeprefix("sha-256 ")


@dataclass(frozen=True, slots=True)
class Counts:
    """What left the site: the times are the agent's clock."""

    first_at: datetime | None
    last_at: datetime | None
    seconds: float
    packets: int
    sent_bytes: int


class Publication:
    """One running uplink. Made by `Publisher.publish`.

    Attributes:
        ended: set once nothing more will be sent.
        fault: what nobody foresaw and ended it, if that is why.
    """

    def __init__(
        self,
        *,
        leg: Leg,
        stream: OutgoingStream,
        sound: OutgoingSound | None = None,
        ports: Sequence[Port],
        clock: Clock,
        goodbye: "_Goodbye",
    ) -> None:
        """`sound`: None where the relay takes none."""
        self.ended = anyio.Event()
        self._sound = sound
        self.fault: Exception | None = None
        self._leg, self._stream, self._ports, self._clock, self._goodbye = leg, stream, ports, clock, goodbye
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        self._started = self._latest = 0.0
        self._pace = Pace(clock.monotonic())
        self._packets = self._bytes = 0

    @property
    def counts(self) -> Counts:
        """The account so far."""
        return Counts(self._first_at, self._last_at, self._latest - self._started, self._packets, self._bytes)

    def halt(self) -> None:
        """Send nothing more, from this instant. `close` says goodbye afterwards."""
        self.ended.set()

    async def stop(self) -> None:
        """Send nothing more, then say goodbye within `GOODBYE_S`."""
        self.halt()
        try:
            with anyio.move_on_after(GOODBYE_S, shield=True):
                await self._goodbye.say()
        finally:
            try:
                with anyio.move_on_after(GOODBYE_S, shield=True):
                    await self._leg.close()
            finally:
                for port in self._ports:
                    port.close()

    async def pump(self, units: AsyncIterator[AccessUnit]) -> None:
        """Send until `halt`, the end of `units`, or the loss of the relay."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._send_all, units, tasks.cancel_scope)
            await self.ended.wait()
            tasks.cancel_scope.cancel()

    def say(self, unit: SoundUnit) -> None:
        """Send one piece of sound, unless nothing more may be sent or the relay does not take it; it is counted."""
        if self._sound is None or self.ended.is_set() or not self._leg.is_open:
            return
        now = self._clock.monotonic()
        datagrams = self._sound.datagrams(unit, now)
        if not datagrams:
            return
        self._leg.send(datagrams)
        self._packets += len(datagrams)
        self._bytes += sum(map(len, datagrams))
        report = self._sound.report(unit, at=self._clock.now(), now=now)
        if report is not None:
            self._leg.send_rtcp(report)

    def repeat(self, wanted: list[tuple[int, int]]) -> None:
        """Send again what the relay lost, unless nothing more may be sent; what leaves twice is counted twice."""
        if self.ended.is_set() or not wanted:
            return
        datagrams = self._stream.repeated(wanted, self._clock.monotonic())
        if datagrams:
            self._leg.send(datagrams)
            self._packets += len(datagrams)
            self._bytes += sum(map(len, datagrams))

    async def _send_all(self, units: AsyncIterator[AccessUnit], scope: anyio.CancelScope) -> None:
        try:
            async for unit in units:
                if self.ended.is_set() or not self._leg.is_open:
                    break
                if wait_s := self._send(unit):
                    await self._clock.sleep(wait_s)
        except Exception as error:  # noqa: BLE001 - the supervisor of one uplink: no other one ends with it
            self.fault = error
        self.halt()
        scope.cancel()

    def _send(self, unit: AccessUnit) -> float:
        """Seconds to wait before the next: none, but where a long group of pictures lay ready."""
        now = self._clock.monotonic()
        datagrams = self._stream.datagrams(unit, now)
        if not datagrams:
            return 0.0
        self._leg.send(datagrams)
        self._pace.spend(len(datagrams))
        self._account(datagrams)
        report = self._stream.report(unit, at=self._clock.now(), now=now)
        if report is not None:
            self._leg.send_rtcp(report)
        return self._pace.wait_s(now)

    def _account(self, datagrams: list[bytes]) -> None:
        now, moment = self._clock.now(), self._clock.monotonic()
        if self._first_at is None:
            self._first_at, self._started = now, moment
        self._last_at, self._latest = now, moment
        self._packets += len(datagrams)
        self._bytes += sum(map(len, datagrams))


class _Goodbye:
    """DELETE of the WHIP session, once (RFC 9725 §4.2)."""

    def __init__(self, http: httpx.AsyncClient, url: str, ticket: str) -> None:
        self._http, self._url, self._ticket = http, url, ticket

    async def say(self) -> None:
        try:
            await self._http.delete(self._url, headers={"authorization": f"Bearer {self._ticket}"})
        except httpx.HTTPError:
            return  # the relay notices the silence


class Publisher:
    """Opens uplinks. One per agent: its DTLS identity is what `accepted` names."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        identity: DtlsIdentity,
        media_address: str,
        allows_address: AddressRule,
        clock: Clock,
        ids: IdSource,
        detours: Detours | None = None,
    ) -> None:
        check_hooks()
        self._detours = detours or Detours(_no_server)
        self._http, self._identity, self._media_address = http, identity, media_address
        self._allows_address, self._clock, self._ids = allows_address, clock, ids

    @property
    def fingerprint(self) -> str:
        """SHA-256 of our DTLS certificate."""
        return self._identity.fingerprint

    async def publish(
        self,
        units: AsyncIterator[AccessUnit],
        target: PublishTarget,
        *,
        tasks: anyio.abc.TaskGroup,
        on_key_frame_wanted: Callable[[], None] = lambda: None,
        on_loss: Callable[[int], None] = lambda _: None,
        spares: Callable[[int], bool] = lambda _: True,
        has_sound: bool = False,
    ) -> Publication:
        """Call the relay and start sending; `units` begins with the cached group of pictures.

        Args:
            units: what the camera sends; the caller ends it or calls `stop`.
            target: where, with what ticket, to whom.
            tasks: owns the sending.
            on_key_frame_wanted: a viewer waits for a key frame; ask the camera if it can be asked.
            on_loss: about once a second, how much of the pictures did not reach the relay since, in 1/256.
            spares: whether so many bytes may leave for a second time, because the relay lost them; it counts them.
            has_sound: whether there may be sound to `say`, now or later.

        Raises:
            PublishFailedError: refused, another certificate, no path within `CONNECT_S`, no socket to be had.
        """
        ports = await own_ports.opened(self._media_address)
        try:
            with anyio.fail_after(CONNECT_S):
                return await self._call(
                    units,
                    target,
                    ports,
                    tasks,
                    on_key_frame_wanted=on_key_frame_wanted,
                    on_loss=on_loss,
                    spares=spares,
                    has_sound=has_sound,
                )
        except BaseException as error:
            for port in ports:
                port.close()
            match error:
                # a timeout is an OSError, too; a ValueError is an answer, or a part of one, in other words
                case sdp.SdpError() | LegFailedError() | httpx.HTTPError() | OSError() | ValueError():
                    raise PublishFailedError(f"the relay cannot be reached: {error or 'no answer in time'}") from error
                case _:
                    raise

    async def _call(
        self,
        units: AsyncIterator[AccessUnit],
        target: PublishTarget,
        ports: Sequence[UdpPort],
        tasks: anyio.abc.TaskGroup,
        *,
        on_key_frame_wanted: Callable[[], None],
        on_loss: Callable[[int], None],
        spares: Callable[[int], bool],
        has_sound: bool,
    ) -> Publication:
        ssrc, rtx_ssrc = secrets.randbits(32) | 1, secrets.randbits(32) & ~1 or 2  # never the same
        sound = Sound(OFFERED, ssrc=(rtx_ssrc + 2) % (1 << 32) or 4) if has_sound else None  # nor any of them
        publications: list[Publication] = []
        leg = self._leg(ports, publications, on_key_frame_wanted, partial(_tell_loss, on_loss, ssrc))
        try:
            answered = await self._offer(leg, target, ssrc, rtx_ssrc, sound)
            answer = answered.call
            for candidate in answered.candidates:
                await leg.add_candidate(candidate)
            straight = partial(
                leg.connect,
                user_fragment=answer.user_fragment,
                password=answer.password,
                fingerprint=target.certificate,
                role="client",
            )
            around = await self._detours.connect(
                leg, answered.servers, straight, tunnel=answered.tunnel, carriers=tasks
            )
        except BaseException:
            with anyio.move_on_after(GOODBYE_S, shield=True):
                await leg.close()
            raise
        goodbye = _Goodbye(self._http, answered.url, target.ticket)
        stream = OutgoingStream(
            ssrc=ssrc, protector=leg.protector(ssrc), retransmitter=_retransmitter(leg, answer, rtx_ssrc, spares)
        )
        publication = Publication(
            leg=leg,
            stream=stream,
            sound=outgoing_sound.agreed(sound, answer.offered_sound, leg.protector),
            ports=[*ports, *around],
            clock=self._clock,
            goodbye=goodbye,
        )
        publications.append(publication)
        for each in around:
            each.on_lost = publication.halt
        tasks.start_soon(publication.pump, units)
        return publication

    def _leg(
        self,
        ports: Sequence[UdpPort],
        publications: list[Publication],
        on_key_frame_wanted: Callable[[], None],
        on_blocks: Callable[[Sequence[rtcp.ReportBlock]], None],
    ) -> Leg:
        """The connection; what the relay says on it goes to the publication, once there is one."""

        def heard(data: bytes) -> None:
            said = rtcp.read(data)
            if said.wants_key_frame:
                on_key_frame_wanted()
            on_blocks(said.blocks)
            for publication in publications:
                publication.repeat(said.wanted)

        def closed() -> None:
            for publication in publications:
                publication.halt()

        return Leg(
            port=ports[0],
            beside=ports[1:],
            identity=self._identity,
            ids=self._ids,
            is_controlling=True,
            on_rtp=lambda _: None,
            on_rtcp=heard,
            on_closed=closed,
        )

    async def _offer(self, leg: Leg, target: PublishTarget, ssrc: int, rtx_ssrc: int, sound: Sound | None) -> Answered:
        offer = sdp.write(
            sdp.Call(
                user_fragment=leg.user_fragment,
                password=leg.password,
                fingerprint=self.fingerprint,
                setup="actpass",
                direction="sendonly",
                payload_type=outgoing.PAYLOAD_TYPE,
                profile=_PROFILE,
                ssrc=ssrc,
                has_nack=True,
                rtx_payload_type=outgoing.RTX_PAYLOAD_TYPE,
                rtx_ssrc=rtx_ssrc,
                sound=sound,
            )
        )
        headers = {"content-type": "application/sdp", "authorization": f"Bearer {target.ticket}"}
        response = await self._http.post(target.url, content=offer, headers=headers, follow_redirects=False)
        return whip_answer.read(response, url=target.url, certificate=target.certificate, allows=self._allows_address)


def _tell_loss(on_loss: Callable[[int], None], ssrc: int, blocks: Sequence[rtcp.ReportBlock]) -> None:
    """Of the pictures alone: sound and repeated packets are no measure of the line."""
    for block in blocks:
        if block.ssrc == ssrc:
            on_loss(block.lost_of_256)


async def _no_server(host: str, port: int) -> None:
    """A site that allows none."""
    del host, port


def _retransmitter(leg: Leg, answer: sdp.Call, ssrc: int, spares: Callable[[int], bool]) -> Retransmitter | None:
    """Ours, if the relay takes retransmissions under the name we offered."""
    if answer.rtx_payload_type != outgoing.RTX_PAYLOAD_TYPE:
        return None
    return Retransmitter(
        ssrc=ssrc, payload_type=outgoing.RTX_PAYLOAD_TYPE, protector=leg.protector(ssrc), spares=spares
    )
