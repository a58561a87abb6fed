"""The adapter of MediaMTX when it is not there, or says no; the contract suite holds the rest."""

import httpx
import pytest

from gateway.live.engines.mediamtx import MediaMtx
from gateway.live.engines.ports import ServerRefusedError
from gateway.live.relay.client import RelayGoneError

pytestmark = pytest.mark.anyio


class Deaf:
    """Hears no news."""

    def up(self, leg_id: str) -> None: ...

    def lost(self, leg_id: str) -> None: ...


def server(status: int, text: str = "{}") -> MediaMtx:
    """One that always answers the same."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=text))
    return MediaMtx(http=httpx.AsyncClient(transport=transport), media_url="http://m", api_url="http://a")


@pytest.mark.parametrize(("status", "text"), [(401, "{}"), (500, "{}"), (200, "no JSON"), (200, '{"items": [{}]}')])
async def test_one_that_does_not_list_its_sessions_is_gone(status: int, text: str):
    """A wrong password, a fault, and what is no list: the gate tries again later."""
    mediamtx = server(status, text)
    with pytest.raises(RelayGoneError):
        await mediamtx.run(Deaf())
    assert not mediamtx.is_ready


async def test_nobody_at_the_door_is_gone():
    """A call fails as one to a relay that is away."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    with pytest.raises(RelayGoneError):
        await MediaMtx(http=http, media_url="http://m", api_url="http://a").publish("pub_1", "offer")


async def test_an_answer_that_is_none_is_refused():
    """No name of the session, or a status that is not 201."""
    for status in (201, 400, 404):
        with pytest.raises(ServerRefusedError):
            await server(status).publish("pub_1", "offer")


async def test_a_kick_that_fails_is_not_taken_for_an_end():
    """Whoever waits for the end hears that it cannot be confirmed."""
    with pytest.raises(RelayGoneError):
        await server(500).end("some")
