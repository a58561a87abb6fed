"""The ordinance changes by two people, is refused with its place where it cannot be read, and narrows sites freely."""

import json

import pytest
from litestar.testing import AsyncTestClient

from gateway.audit import Kind
from gateway.desks.ordinance import ORDINANCE
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.sharing import InForce, Ordinances, Progress
from gateway.sharing.model import plan
from gateway.sharing.ordinance_store import SqlOrdinances
from gateway.sharing.ordinance_words import say_rule
from gateway.web import load_languages, speaking
from policies import packs
from tests.policies.build import policy, rule
from tests.support.pages import Caller
from tests.support.partners import world

pytestmark = pytest.mark.anyio


def person(number: int, role: Role) -> Principal:
    """Somebody of the agency."""
    ref = f"per_{str(number) * 26}"
    return Principal(PrincipalKind.AGENCY, ref, "age_1", frozenset({role}), name=f"Person {number}")


ADA, BEN, OUTSIDE = person(1, Role.ADMIN), person(2, Role.ADMIN), person(3, Role.SECOND)
DAY = packs.load_document("ordinances", "live_24_hours/pack.json")
OPEN = packs.ordinance("open_city")


def ordinances_of(w, ids) -> Ordinances:
    """The ordinance over a world's database."""
    rows = SqlOrdinances(w.database)
    return Ordinances(database=w.database, rows=rows, log=w.audit, clock=w.clock, ids=ids)


@pytest.fixture
def w(database, clock, ids):
    """A database and a log, on each database."""
    return world(database, clock=clock, ids=ids)


async def test_who_proposed_a_pack_cannot_approve_it(w, ids):
    """Nothing changes by one person; another administrator or somebody outside approves, once."""
    found = ordinances_of(w, ids)
    proposal = await found.propose(ADA, json.dumps(DAY))

    with pytest.raises(DeniedError):
        await found.decide(ADA, proposal.id, is_approved=True)
    decided = await found.decide(OUTSIDE, proposal.id, is_approved=True)
    assert decided.state is Progress.APPROVED
    with pytest.raises(ConflictError):
        await found.decide(BEN, proposal.id, is_approved=False)
    with pytest.raises(NotFoundError):
        await found.decide(BEN, "ord_nowhere", is_approved=True)


async def test_every_step_is_a_leaf_with_the_digest(w, ids):
    """Proposed, declined by the proposer, proposed again, approved by another."""
    found = ordinances_of(w, ids)
    first = await found.propose(ADA, json.dumps(DAY))
    await found.decide(ADA, first.id, is_approved=False)
    again = await found.propose(ADA, json.dumps(DAY))
    await found.decide(BEN, again.id, is_approved=True)

    leaves = [leaf for leaf in await w.entries() if leaf.kind.startswith("ordinance.")]
    assert [leaf.kind for leaf in leaves] == [
        Kind.ORDINANCE_PROPOSED, Kind.ORDINANCE_DECLINED, Kind.ORDINANCE_PROPOSED, Kind.ORDINANCE_APPROVED,
    ]  # fmt: skip
    assert {leaf.public["ordinance_sha256"] for leaf in leaves} == {packs.ordinance("live_24_hours").digest}


def with_first(**changes: object) -> str:
    """The pack with its first rule changed, and no other."""
    return json.dumps({**DAY, "rules": [{**DAY["rules"][0], **changes}]})  # type: ignore[index]


LOUD = [one for one in DAY["rules"] if one["id"] != "no_sound"]  # type: ignore[attr-defined]
BAD = {
    "not JSON": ('{"v": 1,,}', "Line 1"), "a list": ("[]", "pack must be"), "empty": ("", "Line 1"),
    "no number": ('{"v": NaN}', "pack.v"), "an unknown field": (json.dumps({**DAY, "more": 1}), "pack.more"),
    "an unknown act": (with_first(acts=["dance"]), "pack.rules[0].acts[0]"),
    "no citation": (with_first(cite=""), "pack.rules[0].cite"),
    "an effect": (with_first(effect="allow"), "pack.rules[0].effect"),
    "sound let through": (json.dumps({**DAY, "rules": LOUD}), "pack.rules must forbid sound"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_a_pack_that_cannot_be_read_is_not_kept_and_the_place_is_named(w, ids, name):
    """Line and column, or the field; and nothing waits."""
    text, place = BAD[name]
    found = ordinances_of(w, ids)

    with pytest.raises(InvalidError) as refused:
        await found.propose(ADA, text)
    assert refused.value.fields["body"].startswith(place)
    assert not await found.proposals()


async def test_the_same_pack_waits_once(w, ids):
    """A second proposal of the same content is refused while the first waits."""
    found = ordinances_of(w, ids)
    await found.propose(ADA, json.dumps(DAY))

    with pytest.raises(ConflictError):
        await found.propose(BEN, json.dumps(DAY, indent=3))


def test_a_stricter_pack_reaches_sites_without_their_owners_and_a_looser_one_does_not():
    """Between packs of one city that are both known: stricter is a narrowing, looser waits for the owner."""
    document = dict(packs.load_document("ordinances", "open_city/pack.json"))
    document["limits"] = {**document["limits"], "session_s": 60}  # type: ignore[dict-item]
    strict = packs.read_ordinance(document)
    known = {pack.digest: pack for pack in (OPEN, strict)}
    loose_site, strict_site = (policy(rule(), guardrail=pack.digest) for pack in (OPEN, strict))

    assert plan(loose_site, strict_site, packs=known).narrowing == strict_site
    assert plan(strict_site, loose_site, packs=known).narrowing is None
    assert plan(strict_site, loose_site, packs=known).proposal == loose_site
    assert plan(loose_site, strict_site).narrowing is None


def test_every_rule_of_every_pack_is_said():
    """No rule is left without a sentence, and no word of the vocabulary shows through."""
    for name in packs.ordinances():
        for one in packs.ordinance(name).rules:
            said = say_rule(one)
            assert said.startswith("Forbidden: ")
            assert "_" not in said
    assert "more than 24 hours after it was opened" in " ".join(
        say_rule(one) for one in packs.ordinance("live_24_hours").rules
    )


async def test_two_people_change_it_on_the_pages(sqlite_database, clock, ids):
    """Rules with their citations; a mistake loses nothing; the proposal says what it loosens; another approves."""
    w = world(sqlite_database, clock=clock, ids=ids)
    found, caller = ordinances_of(w, ids), Caller(ADA)
    law = InForce(start=packs.load_document("ordinances", "open_city/pack.json"), rows=SqlOrdinances(w.database))
    async with AsyncTestClient(w.app(caller, more=ORDINANCE, ordinances=found, ordinance=law)) as client:
        shown = (await client.get("/admin/ordinance?start=live_24_hours")).text
        assert "Section 3(a): no face recognition" in shown
        assert "Denied by default in every pack" in shown
        bad = await client.post("/admin/ordinance", data={"csrf": "t", "body": '{"title": "my own words"'})
        assert (bad.status_code, "this is not JSON" in bad.text, "my own words" in bad.text) == (422, True, True)
        kept = await client.post(
            "/admin/ordinance", data={"csrf": "t", "body": json.dumps(DAY)}, follow_redirects=False
        )
        path = kept.headers["location"].partition("?")[0]
        own = (await client.get(path)).text
        assert "What it loosens" in own
        assert "Put it in force" not in own
        refused = await client.post(path, data={"csrf": "t", "answer": "approve"})
        assert "Somebody else has to approve" in refused.text
        caller.principal = OUTSIDE
        assert (await client.post("/admin/ordinance", data={"csrf": "t", "body": "{}"})).status_code == 403
        done = await client.post(path, data={"csrf": "t", "answer": "approve"}, follow_redirects=False)
        assert done.status_code == 303
        now = (await client.get("/admin/ordinance")).text
        assert packs.ordinance("live_24_hours").title in now


def test_its_words_are_joined_as_the_language_joins_them():
    """Spanish says "e" before a word that begins with i, in the ordinance as in a policy."""
    with speaking(load_languages()["es"]):
        said = [say_rule(known) for known in packs.ordinance("live_24_hours").rules]
    assert any("robos y hurtos e investigaciones" in sentence for sentence in said)
