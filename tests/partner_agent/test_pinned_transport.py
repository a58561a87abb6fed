"""What the agent takes of an answer over HTTP: no more than it waits for, whoever sends it."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import httpx
import pytest

from partner_agent.addresses import ANSWER_BYTES, AddressRules, PinnedTransport, SystemResolver
from partner_agent.rtc import sdp, whip_answer
from tests.support.legs import TWO

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def gateway(head: str, body: bytes, *, status: str = "200 OK") -> AsyncIterator[tuple[str, list[bytes]]]:
    """One that answers so whatever it is asked: its address, and what it was asked."""
    asked: list[bytes] = []

    async def answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            asked.append(await stream.receive())
            await stream.send(f"HTTP/1.1 {status}\r\n{head}content-length: {len(body)}\r\n\r\n".encode())
            try:
                await stream.send(body)
            except anyio.BrokenResourceError:
                return  # it has heard enough

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        yield f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}", asked
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def agent() -> AsyncIterator[httpx.AsyncClient]:
    """The agent's client."""
    rules = AddressRules(resolver=SystemResolver(), allow_loopback=True)
    async with httpx.AsyncClient(transport=PinnedTransport(rules, lambda _: True)) as http:
        yield http


async def test_an_answer_is_taken_as_it_is():
    """Up to the bound, and nothing packed is asked for."""
    body = b"x" * ANSWER_BYTES
    async with gateway("", body) as (url, asked), agent() as http:
        assert (await http.post(url, content=b"")).content == body
        assert b"accept-encoding: identity" in asked[0].lower()


async def test_an_answer_that_is_too_large_is_none():
    """A gateway that lies fills nobody's memory: it reads as a connection that broke."""
    async with gateway("", b"x" * (ANSWER_BYTES + 1)) as (url, _), agent() as http:
        with pytest.raises(httpx.HTTPError, match="larger"):
            await http.post(url, content=b"")


@pytest.mark.parametrize("name", ["gzip", "deflate", "identity, gzip"])
async def test_a_packed_answer_is_not_unpacked(name: str):
    """A few kilobytes on the way would be megabytes here."""
    packed = gzip.compress(bytes(100 * ANSWER_BYTES))
    assert len(packed) < ANSWER_BYTES
    async with gateway(f"content-encoding: {name}\r\n", packed) as (url, _), agent() as http:
        with pytest.raises(httpx.HTTPError, match="packed"):
            await http.post(url, content=b"")


async def test_a_call_s_goodbye_goes_to_the_host_it_was_made_at():
    """Not to the address the host had: that is in no key set, so a call that ended was never said goodbye to."""
    head = "location: /whip/pub_1/secret\r\n"
    call = sdp.Call(
        "ufrag", "p" * 22, TWO.fingerprint, "passive", "recvonly", 96, "42e01f",
        candidates=("1 1 udp 9 127.0.0.1 9 typ host",),
    )  # fmt: skip
    async with gateway(head, sdp.write(call).encode(), status="201 Created") as (url, _):
        named = url.replace("127.0.0.1", "localhost")
        rules = AddressRules(resolver=SystemResolver(), allow_loopback=True)
        transport = PinnedTransport(rules, lambda each: each.startswith(named))
        async with httpx.AsyncClient(transport=transport) as http:
            response = await http.post(f"{named}/whip/pub_1", content=b"")

            assert response.url.host == "127.0.0.1"
            answered = whip_answer.read(
                response, url=f"{named}/whip/pub_1", certificate=TWO.fingerprint, allows=lambda _: True
            )
            assert answered.url == f"{named}/whip/pub_1/secret"
            await http.delete(answered.url)
