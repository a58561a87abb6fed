"""A live view from the question to the site's answer: who does not get one, and how they are told."""

import anyio
import pytest

from gateway.audit import Query
from gateway.kernel.errors import DeniedError, InvalidError, LimitedError, NotFoundError, UnavailableError
from gateway.live import (
    ViewDeny,
    Words,
    words_of,
)
from gateway.live.opening import MAX_OPEN_PER_PERSON
from partner_agent.wire import promises
from partner_agent.wire.leaves import leaf_hash
from policies.vocabulary import Remedy
from tests.support.live import (
    CAMERA,
    LOCAL,
    OPERATOR,
    ORGANISATION,
    RELAY,
    SITE,
    SITE_CERTIFICATE,
    Plane,
)
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_denied_view_is_a_leaf_and_no_session(plane: Plane):
    """Nobody is asked, nothing is forwarded; the owner sees that somebody asked, and not who."""
    plane.decider.deny()

    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await plane.open()

    assert plane.site.grants == []
    assert await plane.kinds(ORGANISATION) == ["view.denied"]
    seen_by_owner = await plane.audit.find(Query(streams=frozenset({ORGANISATION})))
    assert "person" not in seen_by_owner.entries[0].openings
    assert plane.sessions.live.running() == []


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        (Remedy.ASK, "the owner agrees"),
        (Remedy.LINK_INCIDENT, "link an incident"),
        (Remedy.TWO_PERSONS, "second person"),
    ],
)
async def test_a_denial_names_only_the_remedy(plane: Plane, remedy: Remedy, words: str):
    """The reason is for owner and auditor; the operator reads what can be done."""
    plane.decider.deny(remedy, reason="window")

    with pytest.raises(DeniedError, match=words) as error:
        await plane.open()

    assert "window" not in error.value.sentence


async def test_an_unknown_camera_is_not_found(plane: Plane):
    """The same answer as for one the caller may not know of, and no leaf that would tell them apart."""
    plane.decider.is_known = False

    with pytest.raises(NotFoundError):
        await plane.open()

    assert await plane.kinds() == []


async def test_a_view_without_a_certificate_is_refused_before_it_is_decided(plane: Plane):
    """A ticket that binds no browser is never made."""
    with pytest.raises(InvalidError):
        await plane.open(fingerprint="AB:CD")

    assert plane.decider.asked == []


async def test_nobody_opens_without_end(plane: Plane):
    """A loop in a page cannot open the whole city."""
    for _ in range(MAX_OPEN_PER_PERSON):
        await plane.open()

    with pytest.raises(LimitedError):
        await plane.open()


async def test_nothing_new_is_shown_while_the_log_is_behind(plane: Plane):
    """A promise that cannot be kept is not made: no decision, no grant; what runs can still be ended."""
    running = await plane.accepted()
    plane.log_health.is_late = True

    with pytest.raises(UnavailableError, match="log is behind"):
        await plane.open()
    await plane.sessions.live.leave(OPERATOR, running.id)

    assert len(plane.site.grants) == 1
    await plane.in_state(running.id, "ended")


@pytest.mark.parametrize("problem", ["offline", "quarantined", "paused", "behind"])
async def test_a_site_that_cannot_be_asked_is_a_technical_cause(plane: Plane, problem: str):
    """Permitted, but not reachable: the operator reads "offline", the log holds both."""
    plane.site.problem = problem

    with pytest.raises(UnavailableError, match="offline"):
        await plane.open()

    assert await plane.kinds(CAMERA) == ["view.requested", "view.failed"]
    assert plane.site.grants == []


async def test_without_a_relay_nobody_is_asked(plane: Plane):
    """Until it is back: no entry, no grant, and no ticket that the next relay would refuse."""
    plane.relay.is_gone = True

    with pytest.raises(UnavailableError, match="starting again"):
        await plane.open()

    assert await plane.kinds(CAMERA) == []
    assert plane.site.grants == []
    plane.relay.is_gone = False
    await plane.accepted()


async def test_the_answer_comes_before_the_site_s(plane: Plane):
    """The browser calls the relay while the site still thinks; nothing is forwarded meanwhile."""
    plane.site.gate = anyio.Event()

    opened = await plane.open()

    assert opened.whep_url == f"/whep/{opened.session_id}"
    assert opened.ticket.count(".") == 2
    await until(lambda: plane.site.grants)
    assert plane.relay.orders == []
    plane.site.gate.set()
    await plane.in_state(opened.session_id, "accepted")
    assert [order[0] for order in plane.relay.orders] == ["admit"]


async def test_the_grant_shows_its_leaf_and_the_log_s_promise(plane: Plane):
    """What the site is shown is committed, names this grant, and is promised."""
    session = await plane.accepted()

    read = plane.site.grants[0]
    assert read.sha256 == session.grant_sha256
    assert read.grant.camera == LOCAL
    assert read.grant.publish is not None
    assert read.grant.publish.whip_url == f"{RELAY.public_url}/whip/{session.publication}"
    assert read.grant.publish.relay_fingerprint == f"sha-256 {RELAY.fingerprint}"
    claims = promises.parse(
        read.grant.promise, [plane.keyring.promise.public], gateway="http://localhost:8080", origin="localhost/log"
    )
    assert claims.leaf_hash == leaf_hash(read.grant.leaf)
    logged = {entry.leaf_hash.hex() for entry in await plane.log(session.id)}
    assert claims.leaf_hash in logged


async def test_the_relay_forwards_only_the_accepted_publisher(plane: Plane):
    """Its certificate out of the signed acceptance, and no longer than the horizon."""
    plane.decider.horizon_s = 90

    session = await plane.accepted()

    assert plane.relay.orders == [("admit", session.id, session.publication, SITE_CERTIFICATE)]
    assert plane.relay.admitted[session.id] == pytest.approx(90)


@pytest.mark.parametrize("answer", ["accept_other", "accept_forged", "stale", "silent"])
async def test_without_a_good_acceptance_nothing_is_forwarded(plane: Plane, answer: str):
    """Another grant's, another key's, something else, or nothing: the view fails and the site is told to stop."""
    plane.site.answer = answer

    opened = await plane.open()

    await plane.in_state(opened.session_id, "failed")
    assert [order[0] for order in plane.relay.orders] == ["drop"]
    assert plane.site.ends[0].session == opened.session_id
    assert (await plane.kinds(opened.session_id))[-1] == "view.failed"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("policy_denies", Words.NOT_AVAILABLE),
        ("not_shared", Words.NOT_AVAILABLE),
        ("paused", Words.NOT_AVAILABLE),
        ("a_new_code", Words.NOT_AVAILABLE),
        ("camera_unreachable", Words.OFFLINE),
        ("codec_unsupported", Words.CANNOT_START),
    ],
)
async def test_a_refusal_is_logged_with_its_code_and_told_without(plane: Plane, code: str, words: Words):
    """Owner and auditor read why; the operator cannot tell one refusal from another."""
    plane.site.answer = code

    opened = await plane.open()

    await plane.in_state(opened.session_id, "refused")
    assert words_of(await plane.read(opened.session_id)) is words
    entry = (await plane.log(opened.session_id))[-1]
    assert (entry.kind, entry.said("reason")) == ("view.refused", code)
    assert plane.relay.orders == []


async def test_a_full_site_is_told_as_it_is(plane: Plane):
    """Permitted but for what the site gives already: a limit in words and a leaf; other denials stay what they were."""
    plane.decider.answer = ViewDeny(
        reason="totals", layer="sharing", remedies=(), site_id=SITE, organisation_id=ORGANISATION, is_full=True
    )

    with pytest.raises(LimitedError, match=r"^This site can show no more pictures now\.$"):
        await plane.open()

    assert await plane.kinds(ORGANISATION) == ["view.denied"]


async def test_a_site_s_own_limit_reads_like_ours(plane: Plane):
    """It refuses the grant for its limit: the same words, and no rule of its owner is hinted at."""
    plane.site.answer = "limit"

    opened = await plane.open()

    await plane.in_state(opened.session_id, "refused")
    assert words_of(await plane.read(opened.session_id)) is Words.FULL
