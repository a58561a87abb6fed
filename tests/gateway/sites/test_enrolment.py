"""Pairing: who gets codes, who may type them, and that a code opens one door once."""

import json
from datetime import timedelta

import anyio
import pytest

from gateway.kernel.errors import LimitedError, NotFoundError
from gateway.sites.model import (
    CODE_LIFE,
    CODES_PER_ADDRESS,
    LOCK,
    PENDING_PER_ADDRESS,
    WRONG_CODES,
    AgentState,
    make_user_code,
    read_user_code,
    write_user_code,
)
from partner_agent.wire import classes, enrolment, frames
from partner_agent.wire.tokens import LocalSigner, numeric_date
from tests.fakes.clock import START
from tests.support.site_bench import PUBLIC_URL, SECOND_SITE, SITE, MiniAgent, SiteBench, owner, token_form

pytestmark = pytest.mark.anyio
ADDRESS = "192.0.2.1"


async def _codes(bench: SiteBench, agent: MiniAgent | None = None, address: str = ADDRESS) -> dict[str, str]:
    status, body = await bench.sites.enrolments.begin((agent or MiniAgent(bench.clock)).device_form(), address=address)
    assert status == 200
    return dict(body)


def _ten_years(agent: MiniAgent) -> str:
    device, now = agent.device, numeric_date(agent.clock.now())
    claims = {"iss": device.public.kid, "aud": PUBLIC_URL + "/oauth/token", "iat": now, "exp": now + 315_360_000}
    return device.sign(classes.ENROL, {**claims, "jwk": dict(device.public.jwk)})


async def test_no_codes_without_proof_of_the_key(lite: SiteBench):
    """A key nobody proved, a foreign proof, a proof for another gateway, an old or a ten-year one get no codes."""
    agent, other = MiniAgent(lite.clock), MiniAgent(lite.clock)
    elsewhere = enrolment.make_proof(agent.device, token_url="https://evil.example/oauth/token", now=lite.clock.now())
    old = enrolment.make_proof(
        agent.device, token_url=PUBLIC_URL + "/oauth/token", now=lite.clock.now() - timedelta(hours=1)
    )
    forms = [
        agent.device_form(jwk_proof=""),
        agent.device_form(jwk_proof=other.device_form()["jwk_proof"]),
        agent.device_form(jwk=other.device_form()["jwk"]),
        agent.device_form(jwk="[1"),
        agent.device_form(jwk_proof=elsewhere),
        agent.device_form(jwk_proof=old),
        agent.device_form(jwk_proof=_ten_years(agent)),
    ]

    for form in forms:
        assert await lite.sites.enrolments.begin(form, address=ADDRESS) == (400, {"error": "invalid_request"})


async def test_no_codes_for_a_private_key(lite: SiteBench):
    """An agent that sends its private key by mistake is refused, so that it is never stored."""
    agent = MiniAgent(lite.clock)
    form = agent.device_form(jwk=json.dumps(agent.device.private_jwk()))

    assert (await lite.sites.enrolments.begin(form, address=ADDRESS))[0] == 400


async def test_only_the_one_client_and_scope(lite: SiteBench):
    """Another client is unknown, and a scope beyond enrolment is refused rather than cut."""
    agent = MiniAgent(lite.clock)
    begin = lite.sites.enrolments.begin

    status, body = await begin(agent.device_form(client_id="api1"), address=ADDRESS)
    assert (status, body["error"]) == (401, "invalid_client")
    status, body = await begin(agent.device_form(scope="agent:enrol admin"), address=ADDRESS)
    assert (status, body["error"]) == (400, "invalid_scope")


async def test_an_address_cannot_hoard_codes(lite: SiteBench):
    """At most five codes of one address wait at a time."""
    for _ in range(PENDING_PER_ADDRESS):
        await _codes(lite)

    with pytest.raises(LimitedError):
        await _codes(lite)
    await _codes(lite, address="198.51.100.1")


async def test_an_address_gets_ten_codes_an_hour(lite: SiteBench):
    """Also when some of its codes have ended in between."""
    for number in range(CODES_PER_ADDRESS):
        await _codes(lite)
        if number == PENDING_PER_ADDRESS - 1:
            lite.clock.advance(CODE_LIFE.total_seconds() + 1)
    lite.clock.advance(CODE_LIFE.total_seconds() + 1)

    with pytest.raises(LimitedError):
        await _codes(lite)


async def test_an_unknown_device_code_looks_like_an_old_one(lite: SiteBench):
    """Nobody learns by polling which codes exist."""
    codes = await _codes(lite)
    unknown = await lite.sites.enrolments.poll(token_form("nobody's"))
    lite.clock.advance(CODE_LIFE.total_seconds() + 1)
    old = await lite.sites.enrolments.poll(token_form(codes["device_code"]))

    assert unknown == old == (400, {"error": "expired_token"})


async def test_polling_too_fast_slows_down(lite: SiteBench):
    """Each poll that comes too soon makes the interval five seconds longer."""
    codes = await _codes(lite)
    poll = lite.sites.enrolments.poll

    assert (await poll(token_form(codes["device_code"])))[1] == {"error": "authorization_pending"}
    lite.clock.advance(1)
    assert (await poll(token_form(codes["device_code"])))[1] == {"error": "slow_down"}
    lite.clock.advance(6)
    assert (await poll(token_form(codes["device_code"])))[1] == {"error": "slow_down"}
    lite.clock.advance(16)
    assert (await poll(token_form(codes["device_code"])))[1] == {"error": "authorization_pending"}


async def test_another_grant_type_is_unknown(lite: SiteBench):
    """There is no password, code or client-credentials grant here."""
    codes = await _codes(lite)
    for grant in ("password", "authorization_code", "client_credentials", ""):
        status, body = await lite.sites.enrolments.poll(token_form(codes["device_code"], grant_type=grant))
        assert (status, body["error"]) == (400, "unsupported_grant_type")


async def test_wrong_codes_lock_the_session(bench: SiteBench):
    """Five wrong entries, and even the right code is refused for a quarter of an hour; others are not hindered."""
    codes = await _codes(bench)
    for _ in range(WRONG_CODES):
        with pytest.raises(NotFoundError):
            await bench.sites.enrolments.look(owner(), "BBBB-BBBB")

    with pytest.raises(LimitedError):
        await bench.sites.enrolments.look(owner(), codes["user_code"])
    await bench.sites.enrolments.look(owner(session="s2"), codes["user_code"])
    bench.clock.advance(1)
    assert await bench.kinds() == ["agent.code_entry_locked"]


async def test_a_lock_ends(lite: SiteBench):
    """After the quarter of an hour the owner may try again."""
    for _ in range(WRONG_CODES):
        with pytest.raises(NotFoundError):
            await lite.sites.enrolments.look(owner(), "nonsense")
    lite.clock.advance(LOCK.total_seconds() + 1)
    codes = await _codes(lite)

    assert (await lite.sites.enrolments.look(owner(), codes["user_code"])).host == "shop-pc"


async def test_an_old_code_cannot_be_approved(lite: SiteBench):
    """Ten minutes after it was shown, a code is wrong."""
    codes = await _codes(lite)
    lite.clock.advance(CODE_LIFE.total_seconds() + 1)

    with pytest.raises(NotFoundError):
        await lite.sites.enrolments.approve(owner(), SITE, codes["user_code"])


async def test_a_code_gives_one_pairing(bench: SiteBench):
    """After the pairing was handed out the device code is as good as unknown, and the user code too."""
    agent = MiniAgent(bench.clock)
    codes = await _codes(bench, agent)
    await bench.sites.key_sets.ensure_current()
    await bench.sites.enrolments.approve(owner(), SITE, codes["user_code"])

    status, pairing = await bench.sites.enrolments.poll(token_form(codes["device_code"]))
    again = await bench.sites.enrolments.poll(token_form(codes["device_code"]))

    assert (status, pairing["site"], pairing["gateway"]) == (200, SITE.id, PUBLIC_URL)
    assert "access_token" not in pairing
    assert again == (400, {"error": "expired_token"})
    with pytest.raises(NotFoundError):
        await bench.sites.enrolments.approve(owner(), SITE, codes["user_code"])
    assert (await bench.kinds())[-2:] == ["agent.approved", "agent.enrolled"]


async def test_a_code_gives_one_pairing_under_concurrency(bench: SiteBench):
    """Ten polls at the same moment: exactly one receives the pairing."""
    codes = await _codes(bench)
    await bench.sites.key_sets.ensure_current()
    await bench.sites.enrolments.approve(owner(), SITE, codes["user_code"])
    statuses: list[int] = []

    async def poll() -> None:
        statuses.append((await bench.sites.enrolments.poll(token_form(codes["device_code"])))[0])

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(poll)

    assert sorted(statuses) == [200] + [400] * 9


async def test_codes_are_not_stored(bench: SiteBench):
    """Neither device code nor user code can be read out of the database."""
    codes = await _codes(bench)
    async with bench.database.read() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM site_enrolment")).all()

    assert codes["device_code"] not in str(rows)
    assert read_user_code(codes["user_code"]) not in str(rows)


async def test_pairing_again_replaces_the_agent(bench: SiteBench):
    """A site has one agent: the new one starts at nothing, the old one's key is dead and its link ends."""
    old = await bench.paired()
    async with bench.connected(old) as pipe:
        new = await bench.paired()
        assert await pipe.end() == 4403

    assert (await bench.sites.agents.agent_of(SITE.id)).id == new.id
    async with bench.dialled() as pipe:
        challenge = await pipe.hear()
        pipe.say(frames.encode(old.proof(challenge)))
        assert await pipe.end() == 4403


async def test_one_key_serves_one_site(bench: SiteBench):
    """A key that already speaks for a site is refused at another: a copied disk gets no second identity."""
    agent = await bench.paired()
    codes = await _codes(bench, agent)
    await bench.sites.enrolments.approve(owner(), SECOND_SITE, codes["user_code"])

    assert await bench.sites.enrolments.poll(token_form(codes["device_code"])) == (400, {"error": "access_denied"})


async def test_a_new_agent_shares_nothing(bench: SiteBench):
    """Paired is not shared: no camera is ticked, no document is in force."""
    agent = await bench.paired()
    stored = await bench.sites.agents.agent_of(SITE.id)

    assert (stored.state, stored.acked_seq, await bench.sites.agents.ticked(agent.id)) == (AgentState.PENDING, 0, [])


def test_user_codes_are_forgiving_to_type():
    """Case, spaces and dashes do not matter; anything else does."""
    letters = make_user_code(bytes(range(16)))

    shown = write_user_code(letters)
    assert len(shown) == 9
    assert read_user_code(f" {shown.lower()} ") == read_user_code(letters) == letters
    assert read_user_code("AEIO-UAEI") == read_user_code(letters + "B") == read_user_code("") == ""


def test_no_enrolment_with_another_curve():
    """The device key is P-256, as TPMs have it."""
    key = LocalSigner.generate("Ed25519")
    with pytest.raises(ValueError, match="P-256"):
        enrolment.check_proof(json.dumps(dict(key.public.jwk)), "", token_url="x", now=START)
