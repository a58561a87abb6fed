"""The agent's publisher: access units in, one WHIP call out, without transcoding.

Offers one H.264 stream with its ticket, accepts only the relay whose DTLS fingerprint the grant names, and dials only
addresses the site allows. Decides nothing about who may see: `sessions` starts and stops it. RFC 9725.
"""

import ipaddress
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import anyio
import anyio.abc
import httpx

from partner_agent.rtc import outgoing, rtcp, sdp
from partner_agent.rtc.certificate import DtlsIdentity
from partner_agent.rtc.hooks import Leg, LegFailedError, check_hooks
from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.outgoing import OutgoingStream
from partner_agent.rtc.rtx import Retransmitter
from partner_agent.rtc.units import AccessUnit
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import SDP_BYTES

CONNECT_S: Final = 10.0  # from the offer to the first packet
GOODBYE_S: Final = 2.0  # for DELETE and DTLS close, after sending has stopped
_PROFILE: Final = "42e01f"  # what decoders accept; a camera's higher profile decodes all the same

AddressRule = Callable[[ipaddress.IPv4Address | ipaddress.IPv6Address], bool]


class PublishFailedError(Exception):
    """The relay did not take the stream; the sentence says why. The session ends as not startable."""


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
    """

    def __init__(self, *, leg: Leg, stream: OutgoingStream, port: UdpPort, clock: Clock, goodbye: "_Goodbye") -> None:
        self.ended = anyio.Event()
        self._leg, self._stream, self._port, self._clock, self._goodbye = leg, stream, port, clock, goodbye
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        self._started = self._latest = 0.0
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
        with anyio.move_on_after(GOODBYE_S, shield=True):
            await self._goodbye.say()
        with anyio.move_on_after(GOODBYE_S, shield=True):
            await self._leg.close()
        self._port.close()

    async def pump(self, units: AsyncIterator[AccessUnit]) -> None:
        """Send until `halt`, the end of `units`, or the loss of the relay."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._send_all, units, tasks.cancel_scope)
            await self.ended.wait()
            tasks.cancel_scope.cancel()

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
        async for unit in units:
            if self.ended.is_set() or not self._leg.is_open:
                break
            self._send(unit)
        self.halt()
        scope.cancel()

    def _send(self, unit: AccessUnit) -> None:
        now = self._clock.monotonic()
        datagrams = self._stream.datagrams(unit, now)
        if not datagrams:
            return
        self._leg.send(datagrams)
        self._account(datagrams)
        report = self._stream.report(unit, at=self._clock.now(), now=now)
        if report is not None:
            self._leg.send_rtcp(report)

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
    ) -> None:
        check_hooks()
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
    ) -> Publication:
        """Call the relay and start sending; `units` begins with the cached group of pictures.

        Args:
            units: what the camera sends; the caller ends it or calls `stop`.
            target: where, with what ticket, to whom.
            tasks: owns the sending.
            on_key_frame_wanted: a viewer waits for a key frame; ask the camera if it can be asked.

        Raises:
            PublishFailedError: refused, another certificate, no path within `CONNECT_S`.
        """
        port = await UdpPort.open(self._media_address)
        try:
            with anyio.fail_after(CONNECT_S):
                return await self._call(units, target, port, tasks, on_key_frame_wanted)
        except BaseException as error:
            port.close()
            match error:
                case sdp.SdpError() | LegFailedError() | httpx.HTTPError() | TimeoutError():
                    raise PublishFailedError(f"the relay cannot be reached: {error or 'no answer in time'}") from error
                case _:
                    raise

    async def _call(
        self,
        units: AsyncIterator[AccessUnit],
        target: PublishTarget,
        port: UdpPort,
        tasks: anyio.abc.TaskGroup,
        on_key_frame_wanted: Callable[[], None],
    ) -> Publication:
        ssrc, rtx_ssrc = secrets.randbits(32) | 1, secrets.randbits(32) & ~1 or 2  # never the same
        publications: list[Publication] = []
        leg = self._leg(port, publications, on_key_frame_wanted)
        try:
            answer, session_url = await self._offer(leg, target, ssrc, rtx_ssrc)
            for candidate in self._allowed(answer.candidates):
                await leg.add_candidate(candidate)
            await leg.connect(
                user_fragment=answer.user_fragment,
                password=answer.password,
                fingerprint=target.certificate,
                role="client",
            )
        except BaseException:
            with anyio.move_on_after(GOODBYE_S, shield=True):
                await leg.close()
            raise
        goodbye = _Goodbye(self._http, session_url, target.ticket)
        stream = OutgoingStream(
            ssrc=ssrc, protector=leg.protector(ssrc), retransmitter=_retransmitter(leg, answer, rtx_ssrc)
        )
        publication = Publication(leg=leg, stream=stream, port=port, clock=self._clock, goodbye=goodbye)
        publications.append(publication)
        tasks.start_soon(publication.pump, units)
        return publication

    def _leg(self, port: UdpPort, publications: list[Publication], on_key_frame_wanted: Callable[[], None]) -> Leg:
        """The connection; what the relay says on it goes to the publication, once there is one."""

        def heard(data: bytes) -> None:
            said = rtcp.read(data)
            if said.wants_key_frame:
                on_key_frame_wanted()
            for publication in publications:
                publication.repeat(said.wanted)

        def closed() -> None:
            for publication in publications:
                publication.halt()

        return Leg(
            port=port,
            identity=self._identity,
            ids=self._ids,
            is_controlling=True,
            on_rtp=lambda _: None,
            on_rtcp=heard,
            on_closed=closed,
        )

    async def _offer(self, leg: Leg, target: PublishTarget, ssrc: int, rtx_ssrc: int) -> tuple[sdp.Call, str]:
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
            )
        )
        headers = {"content-type": "application/sdp", "authorization": f"Bearer {target.ticket}"}
        response = await self._http.post(target.url, content=offer, headers=headers, follow_redirects=False)
        if response.status_code != httpx.codes.CREATED or len(response.content) > SDP_BYTES:
            raise PublishFailedError(f"the relay answered {response.status_code}")
        answer = sdp.parse(response.text)
        if answer.fingerprint != target.certificate:
            raise PublishFailedError("the relay shows another certificate than the grant names")
        return answer, str(response.url.join(response.headers.get("location", "")))

    def _allowed(self, candidates: tuple[str, ...]) -> list[str]:
        """The candidates we may dial: UDP, a literal address, and one the site allows."""
        allowed = []
        for candidate in candidates:
            fields = candidate.split()
            try:
                address = ipaddress.ip_address(fields[4])
            except (IndexError, ValueError):
                continue
            if fields[2].lower() == "udp" and self._allows_address(address):
                allowed.append(candidate)
        return allowed


def _retransmitter(leg: Leg, answer: sdp.Call, ssrc: int) -> Retransmitter | None:
    """Ours, if the relay takes retransmissions under the name we offered."""
    if answer.rtx_payload_type != outgoing.RTX_PAYLOAD_TYPE:
        return None
    return Retransmitter(ssrc=ssrc, payload_type=outgoing.RTX_PAYLOAD_TYPE, protector=leg.protector(ssrc))
