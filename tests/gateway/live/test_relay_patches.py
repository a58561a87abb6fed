"""PATCH in the relay: tags guard the ICE session, no candidate is dialled, and a restart keeps the picture going."""

import socket
from collections.abc import Callable

import anyio
import pytest

from gateway.live.relay.offers import ANY, RESTART_PERIOD_S, CallRefusedError
from gateway.live.relay.patches import Patched
from gateway.live.relay.silence import SILENCE_S
from partner_agent.rtc import fragment
from partner_agent.rtc.fragment import Fragment
from partner_agent.rtc.mux import UdpPort
from tests.support.legs import ONE, TWO, End
from tests.support.relay_lab import KEY, Lab, lab, pass_time
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
LOGIN = "a=ice-ufrag:{}\r\na=ice-pwd:" + "p" * 22 + "\r\n"


class Caller:
    """Somebody whose call was taken, with what the relay told them."""

    def __init__(self, relay: Lab, end: End, subject: str) -> None:
        self.relay, self.end, self.subject = relay, end, subject
        tables = relay.engine._tables
        call = tables.calls.get(subject) or tables.streams[subject]
        self.resource = call.resource
        self.tag = relay.engine.patches.tag(subject, self.resource)

    def patch(self, text: str, *tags: str, resource: str = "") -> Patched:
        return self.relay.engine.patches.take(self.subject, resource or self.resource, list(tags), text)

    async def restart(self, *tags: str) -> Patched:
        """A whole ICE restart: new names, the relay's answer, a new way."""
        leg = self.end.leg
        session = leg.restart("unknown")
        mine = fragment.write(Fragment(session.user_fragment, session.password), mid="0")
        taken = self.patch(mine, *tags)
        said = fragment.parse(taken.sdp)
        session.peer_fragment = said.user_fragment
        await leg.add_candidate(said.candidates[0])
        with anyio.fail_after(5):
            await leg.follow(session, said.password)
        return taken


def refusal(act: Callable[[], object]) -> int:
    """The status of what must be refused."""
    with pytest.raises(CallRefusedError) as refused:
        act()
    return refused.value.status


async def test_a_patch_needs_the_tag_of_the_ice_session():
    """None 428, another 412, a weak one 412; the present one and * pass (RFC 9725 §4.3.1)."""
    async with lab() as relay:
        caller = Caller(relay, await relay.view(), "ses_1")
        text = "a=end-of-candidates"

        assert refusal(lambda: caller.patch(text)) == 428
        assert refusal(lambda: caller.patch(text, '"another"')) == 412
        assert refusal(lambda: caller.patch(text, f"W/{caller.tag}")) == 412
        assert caller.patch(text, '"another"', caller.tag) == caller.patch(text, ANY) == Patched()


async def test_nobody_patches_a_call_whose_name_they_do_not_know():
    """404, also where the session is known, and after its end."""
    async with lab() as relay:
        caller = Caller(relay, await relay.view(), "ses_1")

        assert refusal(lambda: caller.patch("a=mid:0", ANY, resource="guess")) == 404
        relay.engine.leave("ses_1", caller.resource)
        assert refusal(lambda: caller.patch("a=mid:0", ANY)) == 404


@pytest.mark.parametrize("text", ["", "v=0", "a=candidate:nonsense", "a=ice-ufrag:abcd"])
async def test_what_is_no_fragment_is_refused(text: str):
    """400, and the call goes on."""
    async with lab() as relay:
        caller = Caller(relay, await relay.view(), "ses_1")

        assert refusal(lambda: caller.patch(text, caller.tag)) == 400
        assert relay.reasons() == []


async def test_no_candidate_is_ever_dialled():
    """A ticket must not make the relay send to an address of its holder's choice: neither offer nor patch does."""
    async with lab() as relay:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bystander:
            bystander.bind(("127.0.0.1", 0))
            bystander.setblocking(False)
            named = f"a=candidate:1 1 udp 2122260223 127.0.0.1 {bystander.getsockname()[1]} typ host\r\n"
            end = await relay.end(TWO)
            answer, _ = await relay.engine.whep("ses_1", relay.ticket(), relay.offer(end, "recvonly") + named)
            caller = Caller(relay, end, "ses_1")
            caller.patch(named, caller.tag)
            await relay.join(end, answer)
            await until(lambda: relay.engine._tables.calls["ses_1"].is_open)
            caller.patch(LOGIN.format("another") + named, ANY)
            await anyio.sleep(0.3)

            with pytest.raises(BlockingIOError):
                bystander.recv(2_000)


async def test_the_picture_goes_on_after_a_viewer_s_ice_restart():
    """200 with our new names and a new tag; the old tag is over; the account, the keys and the admission stay."""
    async with lab() as relay:
        publisher = await relay.publish()
        caller = Caller(relay, await relay.view(), "ses_1")
        relay.admit()
        await until(lambda: len(caller.end.rtp) == len(KEY))

        taken = await caller.restart(ANY)

        assert taken.tag != caller.tag
        assert taken.tag == relay.engine.patches.tag("ses_1", caller.resource)
        assert fragment.parse(taken.sdp).is_last
        assert refusal(lambda: caller.patch("a=end-of-candidates", caller.tag)) == 412
        assert caller.patch("a=end-of-candidates", taken.tag) == Patched()
        await relay.picture(publisher)
        await until(lambda: len(caller.end.rtp) == 2 * len(KEY))
        assert relay.reasons() == []


async def test_a_publisher_may_restart_as_well():
    """The same door for the site's side."""
    async with lab() as relay:
        publisher = await relay.publish()
        caller = Caller(relay, publisher, "pub_1")

        await caller.restart(caller.tag)  # another user fragment is a restart, whatever the tag says

        await relay.picture(publisher)


async def test_a_restart_gives_a_silent_viewer_time():
    """While its network changes a browser cannot report; a restart counts as a sign of life, for four seconds."""
    async with lab() as relay:
        await relay.publish()
        caller = Caller(relay, await relay.view(), "ses_1")
        relay.admit(valid_s=600)
        await until(lambda: caller.end.rtp)
        caller.end.port.close()
        pass_time(relay, SILENCE_S - 1)

        caller.patch(LOGIN.format("moved"), ANY)
        pass_time(relay, SILENCE_S - 1)
        assert relay.reasons() == []

        pass_time(relay, 1)
        assert relay.reasons() == ["silent"]


async def test_restarts_are_few():
    """One a second for a call: 429, and the one that runs is not disturbed."""
    async with lab() as relay:
        caller = Caller(relay, await relay.view(), "ses_1")
        taken = caller.patch(LOGIN.format("first"), ANY)

        assert refusal(lambda: caller.patch(LOGIN.format("second"), ANY)) == 429
        assert relay.engine.patches.tag("ses_1", caller.resource) == taken.tag
        relay.clock.advance(RESTART_PERIOD_S)
        assert caller.patch(LOGIN.format("third"), ANY).tag


async def test_nothing_restarts_before_it_is_connected():
    """409, and the call may still connect."""
    async with lab() as relay:
        end = await relay.end(TWO)
        answer, _ = await relay.engine.whep("ses_1", relay.ticket(), relay.offer(end, "recvonly"))
        caller = Caller(relay, end, "ses_1")

        assert refusal(lambda: caller.patch(LOGIN.format("another"), ANY)) == 409
        await relay.join(end, answer)


async def test_a_full_port_refuses_a_restart(monkeypatch: pytest.MonkeyPatch):
    """503, and what runs goes on."""
    async with lab() as relay:
        publisher = await relay.publish()
        caller = Caller(relay, await relay.view(), "ses_1")
        relay.admit()
        await until(lambda: caller.end.rtp)
        monkeypatch.setattr("partner_agent.rtc.mux.MAX_PEERS", 0)

        assert refusal(lambda: caller.patch(LOGIN.format("another"), ANY)) == 503
        count = len(caller.end.rtp)
        await relay.picture(publisher)
        await until(lambda: len(caller.end.rtp) > count)


async def test_after_the_end_nothing_restarts_a_view():
    """An ended session stays ended: its call is gone, and its new way leads nowhere."""
    async with lab() as relay:
        publisher = await relay.publish()
        caller = Caller(relay, await relay.view(), "ses_1")
        relay.admit()
        await until(lambda: caller.end.rtp)
        caller.patch(LOGIN.format("another"), ANY)
        relay.engine.drop(["ses_1"])

        await relay.picture(publisher)
        await until(lambda: len(relay.engine._ports[0]._by_name) == 1)
        assert len(caller.end.rtp) == len(KEY)
        assert refusal(lambda: caller.patch(LOGIN.format("again"), ANY)) == 404


@pytest.mark.parametrize("offer", ["", "\x00" * 100, "m=video\r\n" * 1_000])
async def test_a_ticket_is_looked_at_before_any_sdp(offer: str):
    """A body that no parser takes is 401 without a ticket; with one it is 422, and the ticket is used up."""
    async with lab() as relay:
        tickets = (
            relay.ticket("ses_1"),
            relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay="relay-1"),
        )
        for door, subject, ticket in zip(
            (relay.engine.whep, relay.engine.whip), ("ses_1", "pub_1"), tickets, strict=True
        ):
            for shown, status in (("no ticket", 401), (ticket, 422), (ticket, 401)):
                with pytest.raises(CallRefusedError) as refused:
                    await door(subject, shown, offer)
                assert refused.value.status == status


async def test_a_viewer_and_a_publisher_may_say_sendrecv():
    """RFC 9725 §4.2 and WHEP: some clients do; the answer has our direction."""
    async with lab() as relay:
        end = await relay.end(TWO)
        offer = relay.offer(end, "recvonly").replace("a=recvonly", "a=sendrecv")
        answer, _ = await relay.engine.whep("ses_1", relay.ticket(), offer)
        assert "a=sendonly\r\n" in answer
        publisher = End(await UdpPort.open("127.0.0.1"), ONE, is_controlling=True)
        relay.ends.append(publisher)
        ticket = relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay="relay-1")
        offer = relay.offer(publisher, "sendonly").replace("a=sendonly", "a=sendrecv")
        answer, _ = await relay.engine.whip("pub_1", ticket, offer)
        assert "a=recvonly\r\n" in answer
