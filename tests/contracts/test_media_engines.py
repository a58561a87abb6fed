"""Every media engine keeps one contract: who sees what is decided by us, and what was ended stays ended.

The relay and Janus are the real ones. MediaMTX is a fake that speaks its documented API; the real one was not run.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.live.relay import protocol
from tests.fakes.mediamtx import behind_fake_mediamtx
from tests.support import janus
from tests.support.engines import MARK, Bench, behind_janus, embedded, of_several
from tests.support.legs import ONE, TWO
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
LATER_S = 0.3  # fifteen pictures of the camera
BENCHES = {"embedded": embedded, "several": of_several, "janus": behind_janus, "fake mediamtx": behind_fake_mediamtx}


@pytest.fixture(params=BENCHES)
async def bench(request: Any, tmp_path: Path) -> AsyncIterator[Bench]:
    """One engine, running."""
    if request.param == "janus":
        janus.need()
    async with BENCHES[request.param](tmp_path) as running:
        yield running


async def watching(bench: Bench, session: str = "ses_1") -> Any:
    """A viewer who was admitted and sees pictures."""
    await bench.admit(session)
    viewer, answer = await bench.view(session)
    assert answer.status == 201
    await until(lambda: bench.seen(viewer), timeout_s=5)
    return viewer


async def test_a_ticket_that_opens_nothing(bench: Bench):
    """A word that is no ticket, another session's, another door's, and one that was used open nothing."""
    viewer = await bench.end(TWO)
    offer = bench.offer(viewer, "recvonly")
    used = bench.viewing()
    await bench.admit()
    with anyio.move_on_after(0.05):  # taken before it is held
        await bench.engine.whep("ses_1", used, offer)

    for ticket in ("no ticket", bench.viewing("ses_2"), bench.publishing("ses_1"), used):
        assert (await bench.engine.whep("ses_1", ticket, offer)).status == 401
    assert (await bench.engine.whip("pub_1", bench.viewing("pub_1"), bench.offer(viewer, "sendonly"))).status == 401


async def test_a_ticket_is_for_one_browser(bench: Bench):
    """An offer that shows another certificate than the ticket names is refused."""
    stranger = await bench.end(ONE)
    assert (await bench.engine.whep("ses_1", bench.viewing(), bench.offer(stranger, "recvonly"))).status == 403


async def test_an_offer_that_cannot_be_used(bench: Bench):
    """What is no offer, and what goes the wrong way, is refused after the ticket."""
    end = await bench.end(TWO)
    assert (await bench.engine.whep("ses_1", bench.viewing(), "no offer")).status == 422
    assert (await bench.engine.whip("pub_1", bench.publishing(), bench.offer(end, "recvonly"))).status == 422


async def test_nobody_sees_without_an_admission(bench: Bench):
    """A viewer's call with a good ticket gets no picture until the site has accepted, and pictures then."""
    await bench.publish()
    viewers: list[Any] = []

    async def call() -> None:
        viewers.append(await bench.view())

    bench.tasks.start_soon(call)
    await anyio.sleep(LATER_S)
    assert not any(end.rtp for end in bench.ends)

    assert await bench.admit()

    await until(lambda: viewers and bench.seen(viewers[0][0]), timeout_s=5)
    await until(lambda: bench.told(protocol.ViewerUp))


async def test_a_first_picture_is_given_once_to_an_admitted_session_or_never(bench: Bench):
    """Where there is a cache; an engine without one has none to give. What has ended gets none either way."""
    await bench.publish()
    assert await bench.admit()
    assert await bench.admit("ses_2")
    await bench.engine.drop(["ses_2"])

    async def give(session: str) -> bool:
        answer = await bench.engine.first_picture(session=session, publication="pub_1")
        return answer.status == 200 and MARK in answer.picture

    given = [await give(session) for session in ("ses_1", "ses_1", "ses_2")]

    assert given == [bench.engine.features.starts_at_once, False, False]


async def test_another_publisher_than_the_accepted_one_is_not_forwarded(bench: Bench):
    """What a stranger with a ticket publishes reaches nobody."""
    await bench.publish(identity=TWO)
    await bench.admit()

    with anyio.move_on_after(LATER_S):
        await bench.view()

    assert not any(end.rtp for end in bench.ends)


async def test_who_watches_does_not_go_on_with_another_publisher(bench: Bench):
    """When another certificate publishes under the same name, the views of the former end."""
    await bench.publish()
    await watching(bench)

    await bench.publish(identity=TWO)

    await until(lambda: bench.reasons() == {"ses_1": "replaced"})


async def test_nothing_is_forwarded_after_a_drop(bench: Bench):
    """No picture that the camera takes after the drop has returned reaches the viewer; others go on."""
    if not bench.engine.features.confirms_ends:
        pytest.skip("its API answers before the connection is closed, so it cannot be chosen")
    await bench.publish()
    viewer, other = await watching(bench), await watching(bench, "ses_2")

    await bench.engine.drop(["ses_1"])
    played = bench.played

    await until(lambda: bench.seen(other) > played + 20, timeout_s=5)
    assert bench.seen(viewer) <= played
    assert bench.reasons() == {"ses_1": "dropped"}


async def test_what_is_over_does_not_begin_again(bench: Bench):
    """A dropped session is neither admitted nor called any more, with a good ticket."""
    await bench.admit()
    await bench.engine.drop(["ses_1"])

    assert not await bench.admit()
    _, answer = await bench.view()
    assert answer.status == 409


async def test_a_session_missing_from_a_lease_ends(bench: Bench):
    """What the gateway names goes on, everything else is over when the lease is taken."""
    await bench.publish()
    viewer, other = await watching(bench), await watching(bench, "ses_2")

    await bench.engine.lease(["ses_2"])
    played = bench.played

    await until(lambda: bench.seen(other) > played + 20, timeout_s=5)
    assert bench.seen(viewer) <= played
    await until(lambda: bench.reasons() == {"ses_1": "lease"})


async def test_a_view_that_is_decided_again_at_its_horizon_goes_on(bench: Bench):
    """Between the two an engine looks whether it is over, more than once."""
    await bench.publish()
    viewer = await watching(bench)
    await bench.admit(valid_s=0.1)
    for _ in range(2):
        await anyio.sleep(0.5)
        await bench.engine.lease(["ses_1"])

    assert await bench.admit(valid_s=60)

    played = bench.played
    await until(lambda: bench.seen(viewer) > played + 20, timeout_s=5)
    assert bench.reasons() == {}


async def test_a_view_ends_after_its_horizon(bench: Bench):
    """Without another word from the gateway than that it goes on."""
    await bench.publish()
    viewer = await watching(bench)

    await bench.admit(valid_s=0.1)
    with anyio.fail_after(20):
        while not bench.reasons():
            await anyio.sleep(0.5)
            await bench.engine.lease(["ses_1"])
    assert bench.reasons() == {"ses_1": "horizon"}

    played = bench.played
    await until(lambda: bench.played > played + 20, timeout_s=5)
    assert bench.seen(viewer) <= played


async def test_a_viewer_who_leaves_is_told(bench: Bench):
    """By the name only they were given; a guess ends nothing."""
    await bench.publish()
    await bench.admit()
    viewer, answer = await bench.view()
    await until(lambda: bench.seen(viewer), timeout_s=5)

    assert not await bench.engine.delete("ses_1", "guess")
    assert await bench.engine.delete("ses_1", answer.resource)

    await until(lambda: bench.reasons() == {"ses_1": "left"})


async def test_a_publisher_that_leaves_is_told(bench: Bench):
    """And is no longer there."""
    _, answer = await bench.publish()

    assert await bench.engine.delete("pub_1", answer.resource)

    await until(lambda: bench.told(protocol.PublicationDown))
    assert (await bench.engine.figures())["publications"] == 0


async def test_a_publisher_that_vanishes_is_told(bench: Bench):
    """Its goodbye on the wire is enough."""
    camera, _ = await bench.publish()

    await camera.leg.close()

    await until(lambda: bench.told(protocol.PublicationDown), timeout_s=5)


async def test_a_patch_adds_candidates_and_knows_its_call(bench: Bench):
    """A guess is 404, one without a tag 428, and candidates are taken."""
    _, answer = await bench.publish()
    text = "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n"

    assert (await bench.engine.patch("pub_1", "guess", ["*"], text)).status == 404
    assert (await bench.engine.patch("pub_1", answer.resource, [], text)).status == 428
    assert (await bench.engine.patch("pub_1", answer.resource, [answer.etag], text)).status == 204


async def test_the_figures_count_who_is_there(bench: Bench):
    """Publications and viewers, as they are at the moment."""
    await bench.publish()
    await watching(bench)
    figures = await bench.engine.figures()
    assert (figures["publications"], figures["viewers"]) == (1, 1)


async def test_publishers_are_shown_the_certificate_that_grants_name(bench: Bench):
    """Wherever the engine says that it keeps one."""
    if not bench.engine.features.keeps_one_certificate:
        pytest.skip("it makes a new one for each call, so no site publishes to it")
    _, answer = await bench.publish()
    assert f"a=fingerprint:sha-256 {bench.fingerprint}" in answer.sdp.splitlines()


async def test_a_viewer_who_vanishes_is_let_go(bench: Bench):
    """Without a goodbye, within five seconds; where the engine asks for a pulse it was given until then."""
    await bench.publish()
    viewer = await watching(bench)
    await anyio.sleep(2)  # it reports, or gives its pulse
    bench.ends.remove(viewer)

    viewer.port.close()

    await until(lambda: bench.reasons() == {"ses_1": "silent"}, timeout_s=7)  # its lease would end it after ten


async def test_who_changes_the_network_goes_on(bench: Bench):
    """Viewer and publisher get another ICE session, with its own tag; the picture goes on, wherever the engine can."""
    if not bench.engine.features.restarts_ice:
        pytest.skip("its documents name no way; who changes the network opens the view again")
    camera, published = await bench.publish()
    await bench.admit()
    viewer, viewed = await bench.view()
    await until(lambda: bench.seen(viewer), timeout_s=5)

    for subject, answer, end in (("ses_1", viewed, viewer), ("pub_1", published, camera)):
        taken = await bench.restart(subject, answer, end)
        assert taken.status == 200
        assert taken.etag != answer.etag
        played = bench.played
        await until(lambda: bench.seen(viewer) > played + 20, timeout_s=5)  # noqa: B023 -- awaited here
    assert bench.reasons() == {}


async def test_the_account_says_what_passed(bench: Bench):
    """The cipher when it starts, packets and bytes when it ends, wherever the engine says that it counts."""
    if not bench.engine.features.counts:
        pytest.skip("it does not say what it sent to whom")
    await bench.publish()
    viewer = await watching(bench)
    await until(lambda: bench.seen(viewer) > 20, timeout_s=5)
    got = len(viewer.rtp)

    await bench.engine.drop(["ses_1"])

    await until(lambda: bench.told(protocol.ViewerGone))
    (up,), (gone,) = bench.told(protocol.ViewerUp), bench.told(protocol.ViewerGone)
    assert isinstance(up, protocol.ViewerUp)
    assert isinstance(gone, protocol.ViewerGone)
    assert up.srtp_profile == viewer.leg.srtp_profile
    assert gone.packets >= got
    assert gone.sent_bytes >= sum(len(packet.payload) for packet in viewer.rtp[:got])
