"""Approval passkeys: added once, within minutes, by a verified owner on our page; theirs alone, each step a leaf."""

import json

import pytest

from gateway.audit import Query
from gateway.identity.model import CHALLENGE_LIFE, MAX_PASSKEYS
from gateway.kernel.errors import ConflictError, InvalidError, NotFoundError, PreconditionError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from partner_agent.wire.touches import base64url
from tests.identity.conftest import ORGANISATION, Gateway
from tests.support.application import ORIGIN
from tests.support.passkeys import PRESENT, SoftPasskey

pytestmark = pytest.mark.anyio

HERE = {"origin": ORIGIN, "rp_id": "localhost"}


async def owner(gateway: Gateway, email: str = "owner@shop.example", *, session: str = "s1") -> Principal:
    """Somebody signed in by a mailed link."""
    return Principal(
        kind=PrincipalKind.PARTNER,
        person_id=await gateway.owner(email),
        organisation_id=ORGANISATION,
        roles=frozenset({Role.OWNER}),
        name="Rosa Owner",
        session_ref=session,
    )


async def add(gateway: Gateway, who: Principal, key: SoftPasskey, **changes):
    """Begin and finish as a browser does; `changes` are of the answer."""
    passkeys = gateway.services.identity.passkeys
    options = await passkeys.begin(who)
    answer = key.register(options["challenge"], **{**HERE, **changes})
    return await passkeys.add(who, name="Phone", answer=answer)


async def kinds(gateway: Gateway, who: Principal) -> list[str]:
    """What the log says of somebody, oldest first."""
    page = await gateway.services.audit.find(Query(streams=frozenset({who.person_id})), limit=50)
    return [entry.kind for entry in reversed(page.entries) if entry.kind.startswith("credential")]


WRONG = {
    "another page": {"origin": "https://evil.example"},
    "another site's passkey": {"rp_id": "evil.example"},
    "nobody verified": {"flags": PRESENT},
    "a touch, not a registration": {"type": "webauthn.get"},
    "inside another page": {"crossOrigin": True},
    "a page above": {"topOrigin": "https://evil.example"},
    "a challenge of nobody": {"challenge": base64url(b"x" * 32)},
    "no challenge": {"challenge": None},
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_answer_that_is_not_right_adds_nothing(gateway: Gateway, name: str):
    """Origin, relying party, verification and challenge are all held to; nothing is listed, nothing is logged."""
    who = await owner(gateway)

    with pytest.raises(InvalidError):
        await add(gateway, who, SoftPasskey(), **WRONG[name])
    assert await gateway.services.identity.passkeys.of_caller(who) == []
    assert await kinds(gateway, who) == []


async def test_an_algorithm_that_sites_do_not_take_is_refused(gateway: Gateway):
    """RSA is refused here already; a site would refuse its every touch."""
    with pytest.raises(InvalidError):
        await add(gateway, await owner(gateway), SoftPasskey(algorithm="RS256"))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"response": 1}', '{"response": {"clientDataJSON": "e30"}}'])
async def test_what_is_no_answer_is_refused(gateway: Gateway, text: str):
    """Anything else than a registration is one sentence, and no error of ours."""
    with pytest.raises(InvalidError):
        await gateway.services.identity.passkeys.add(await owner(gateway), name="Phone", answer=text)


async def test_a_challenge_is_good_for_one_session_once_and_for_minutes(gateway: Gateway):
    """In another session, sent twice, or too late, the same answer adds nothing."""
    passkeys = gateway.services.identity.passkeys
    who, elsewhere = await owner(gateway), await owner(gateway, session="s2")
    options = await passkeys.begin(who)
    answer = SoftPasskey().register(options["challenge"], **HERE)
    with pytest.raises(InvalidError):
        await passkeys.add(elsewhere, name="Phone", answer=answer)
    await passkeys.add(who, name="Phone", answer=answer)
    with pytest.raises(InvalidError):
        await passkeys.add(who, name="Phone", answer=answer)

    late = SoftPasskey("b").register((await passkeys.begin(who))["challenge"], **HERE)
    gateway.clock.advance(CHALLENGE_LIFE.total_seconds() + 1)
    with pytest.raises(InvalidError):
        await passkeys.add(who, name="Phone", answer=late)
    assert len(await passkeys.of_caller(who)) == 1


async def test_a_wrong_answer_uses_the_challenge_up(gateway: Gateway):
    """After an answer from another page, the right one to the same challenge comes too late."""
    passkeys, who = gateway.services.identity.passkeys, await owner(gateway)
    challenge = (await passkeys.begin(who))["challenge"]

    for origin in ("https://evil.example", ORIGIN):
        with pytest.raises(InvalidError):
            await passkeys.add(
                who, name="Phone", answer=SoftPasskey().register(challenge, origin=origin, rp_id="localhost")
            )


async def test_what_the_browser_is_asked_for(gateway: Gateway):
    """A verified person, two algorithms, nothing a sign-in page could find, none known, no id of ours."""
    who = await owner(gateway)
    key = SoftPasskey()
    await add(gateway, who, key)
    options = await gateway.services.identity.passkeys.begin(who)

    assert options["rp"]["id"] == "localhost"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "discouraged"
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8]
    assert [each["id"] for each in options["excludeCredentials"]] == [key.owner.credential]
    assert who.person_id not in json.dumps(options)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
async def test_added_suspended_and_removed(both_gateways: Gateway, algorithm: str):
    """On both databases: the key is kept as sites pin it, and each step is one leaf."""
    gateway, key = both_gateways, SoftPasskey(algorithm=algorithm)
    passkeys, who = gateway.services.identity.passkeys, await owner(both_gateways)
    await add(gateway, who, key)
    (kept,) = await passkeys.of_caller(who)
    assert (kept.credential, kept.public_key, kept.is_suspended) == (key.owner.credential, key.owner.public_key, False)

    await passkeys.suspend(who, kept.credential)
    await passkeys.suspend(who, kept.credential)
    assert (await passkeys.one(who, kept.credential)).is_suspended
    await passkeys.resume(who, kept.credential)
    await passkeys.resume(who, kept.credential)
    assert not (await passkeys.one(who, kept.credential)).is_suspended
    await passkeys.remove(who, kept.credential)

    assert await passkeys.of_caller(who) == []
    steps = ("added", "suspended", "resumed", "removed")
    assert await kinds(gateway, who) == [f"credential.{step}" for step in steps]


async def test_somebody_elses_passkey_is_not_there(both_gateways: Gateway):
    """It can be neither suspended nor removed nor registered again by another person."""
    gateway, key = both_gateways, SoftPasskey()
    passkeys = gateway.services.identity.passkeys
    who, other = await owner(gateway), await owner(gateway, "bo@shop.example", session="s2")
    await add(gateway, who, key)

    for act in (passkeys.suspend, passkeys.resume, passkeys.remove):
        attempt = act(other, key.owner.credential)
        with pytest.raises(NotFoundError):
            await attempt
    with pytest.raises(ConflictError):
        await add(gateway, other, key)
    assert len(await passkeys.of_caller(who)) == 1


async def test_there_is_a_most(gateway: Gateway):
    """A full list takes no further one; without a session none begins."""
    who = await owner(gateway)
    for number in range(MAX_PASSKEYS):
        await add(gateway, who, SoftPasskey(str(number)))

    for caller in (who, await owner(gateway, "bo@shop.example", session="")):
        with pytest.raises(PreconditionError):
            await gateway.services.identity.passkeys.begin(caller)
