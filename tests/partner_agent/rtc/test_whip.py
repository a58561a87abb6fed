"""The publisher trusts one relay: the one the grant names, at addresses the site allows."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import anyio
import httpx
import pytest

from partner_agent.rtc import sdp
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtc.whip import AddressRule, Publisher, PublishFailedError, PublishTarget
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.legs import ONE, TWO

pytestmark = pytest.mark.anyio
ANSWER = sdp.Call(
    "ufrag", "p" * 22, TWO.fingerprint, "passive", "recvonly", 96, "42e01f",
    candidates=("1 1 udp 9 127.0.0.1 9 typ host",),
)  # fmt: skip
TARGET = PublishTarget("http://localhost/whip/pub_1", "ticket", TWO.fingerprint)


async def no_units() -> AsyncIterator[AccessUnit]:
    """A camera that sends nothing."""
    for unit in ():
        yield unit


def publisher(answer: Callable[[httpx.Request], httpx.Response], rule: AddressRule = lambda _: True) -> Publisher:
    """A site whose relay answers as given."""
    return Publisher(
        http=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
        identity=ONE,
        media_address="127.0.0.1",
        allows_address=rule,
        clock=SystemClock(),
        ids=SystemIds(),
    )


async def refused(site: Publisher) -> str:
    """The sentence of the refusal."""
    async with anyio.create_task_group() as tasks:
        with pytest.raises(PublishFailedError) as error:
            await site.publish(no_units(), TARGET, tasks=tasks)
    return str(error.value)


async def test_the_ticket_goes_in_the_header_and_no_address_in_the_offer():
    """One offer: H.264 to send, our fingerprint, and nothing about the site's network."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401)

    await refused(publisher(answer))

    assert seen[0].headers["authorization"] == "Bearer ticket"
    offer = sdp.parse(seen[0].content.decode())
    assert (offer.direction, offer.fingerprint, offer.candidates) == ("sendonly", ONE.fingerprint, ())
    assert b"127.0.0.1" not in seen[0].content.replace(b"o=- 0 1 IN IP4 127.0.0.1", b"")


@pytest.mark.parametrize("status", [200, 307, 401, 500])
async def test_only_201_is_an_answer(status: int):
    """Redirects are not followed: the grant named the place."""
    headers = {"location": "http://elsewhere/"}

    assert str(status) in await refused(publisher(lambda _: httpx.Response(status, headers=headers)))


async def test_another_certificate_is_refused():
    """The relay in the answer must be the relay in the grant."""
    text = sdp.write(replace(ANSWER, fingerprint=ONE.fingerprint))

    assert "certificate" in await refused(publisher(lambda _: httpx.Response(201, text=text)))


@pytest.mark.parametrize("body", ["", "v=0", "x" * 20_000])
async def test_an_answer_that_is_none_is_refused(body: str):
    """Broken or oversized SDP ends the attempt, not the agent."""
    await refused(publisher(lambda _: httpx.Response(201, text=body)))


async def test_addresses_the_site_does_not_allow_are_not_dialled(monkeypatch: pytest.MonkeyPatch):
    """Neither forbidden ones, nor names, nor TCP: with none left there is no path."""
    monkeypatch.setattr("partner_agent.rtc.whip.CONNECT_S", 0.3)
    asked: list[str] = []

    def rule(address: object) -> bool:
        asked.append(str(address))
        return False

    candidates = (*ANSWER.candidates, "1 1 udp 9 x.local 9 typ host", "1 1 tcp 9 127.0.0.2 9 typ host")
    text = sdp.write(replace(ANSWER, candidates=candidates))

    assert "cannot be reached" in await refused(publisher(lambda _: httpx.Response(201, text=text), rule))
    assert asked == ["127.0.0.1"]
