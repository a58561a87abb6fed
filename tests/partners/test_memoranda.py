"""Versions of the agreement: both sides sign, the log holds the digest, nothing widens without the owner."""

import hashlib
import json
from datetime import timedelta

import pytest

from gateway.audit import Kind
from gateway.kernel.errors import ConflictError, InvalidError, NotFoundError, PreconditionError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from partner_agent.wire.touches import Assertion
from policies import packs
from policies.mou import Consent, parse_memorandum, read_memorandum, widens
from policies.vocabulary import Act, Purpose
from tests.fakes.signatures import CREDENTIAL
from tests.support.partners import world

pytestmark = pytest.mark.anyio

ADMIN = Principal(PrincipalKind.AGENCY, "per_" + "8" * 26, "age_1", frozenset({Role.ADMIN}), name="Ada")
SHIPPED = packs.load_document("agreements", "pilot-1.json")


def changed(mou: str, **changes: object) -> str:
    """The shipped version under another name, with changes."""
    return json.dumps({**SHIPPED, "mou": mou, **changes})


@pytest.fixture
def w(database, clock, ids):
    """Partners on each database."""
    return world(database, clock=clock, ids=ids)


async def owner_of(w):
    """A shop whose owner signed the version that came with the installation."""
    owner = await w.owner("ana@example.org")
    await w.partners.accept_agreement(owner, sha256=w.partners.agreement.sha256, consent=Consent.CONTRACT)
    return owner


async def offered(w, text: str):
    """A version that the agency has signed."""
    draft = await w.partners.memoranda.propose(ADMIN, text)
    return await w.partners.memoranda.sign_for_agency(ADMIN, draft.sha256)


async def test_a_draft_binds_nobody_and_cannot_be_signed_by_an_owner(w):
    """Until the agency has signed it, owners are offered what was offered before."""
    owner = await w.owner("ana@example.org")
    draft = await w.partners.memoranda.propose(ADMIN, changed("pilot-2", session_s=60))

    assert (await w.partners.memoranda.current()).sha256 == w.partners.agreement.sha256
    with pytest.raises(ConflictError):
        await w.partners.accept_agreement(owner, sha256=draft.sha256)
    assert await w.partners.memoranda.in_force(owner.organisation_id) is None


async def test_both_signatures_are_leaves_with_the_digest(w):
    """Proposed and signed by the agency, accepted by the owner with how consent came about: each in the log."""
    owner = await w.owner("ana@example.org")
    version = await offered(w, changed("pilot-2"))
    await w.partners.accept_agreement(owner, sha256=version.sha256, consent=Consent.LICENCE_CONDITION)

    leaves = [leaf for leaf in await w.entries() if leaf.kind.startswith("agreement.")]
    assert [leaf.kind for leaf in leaves] == [
        Kind.AGREEMENT_PROPOSED, Kind.AGREEMENT_SIGNED, Kind.AGREEMENT_ACCEPTED,
    ]  # fmt: skip
    assert {leaf.public["mou_sha256"] for leaf in leaves} == {version.sha256}
    assert leaves[-1].public["consent"] == "licence_condition"
    (accepted,) = await w.partners.acceptances(owner.organisation_id)
    assert (accepted.consent, accepted.version) == ("licence_condition", "pilot-2")


async def test_the_log_names_the_signature_by_passkey(w):
    """The leaf says what was signed with, and the SHA-256 of the kept signature; leaving erases it with the name."""
    owner, digest = await w.owner("ana@example.org"), w.partners.agreement.sha256
    w.signatures.with_passkey.add(owner.person_id)
    with pytest.raises(PreconditionError):
        await w.partners.accept_agreement(owner, sha256=digest)
    touch = Assertion(credential=CREDENTIAL, client_data="YQ", authenticator_data="YQ", signature="YQ")
    await w.partners.accept_agreement(owner, sha256=digest, assertion=touch)

    (kept,) = await w.partners.acceptances(owner.organisation_id)
    (leaf,) = [one for one in await w.entries() if one.kind == Kind.AGREEMENT_ACCEPTED]
    assert leaf.public["signed_with"] == "passkey"
    assert leaf.public["touch_sha256"] == hashlib.sha256(kept.touch.encode()).hexdigest()
    await w.partners.withdraw(owner)
    (kept,) = await w.partners.acceptances(owner.organisation_id)
    assert (kept.person_name, kept.touch) == ("", "")


async def test_nothing_widens_until_the_owner_signs(w):
    """More of everything is offered; what the owner signed stays what counts, and becomes it with their signature."""
    owner = await owner_of(w)
    wider = await offered(
        w,
        changed("pilot-2", session_s=7200, acts=[*SHIPPED["acts"][:-1], "share.forward", "still.take"]),  # type: ignore[index]
    )
    before = await w.partners.memoranda.in_force(owner.organisation_id)

    assert not before.is_current
    assert before.rules == packs.agreement("pilot-1")
    await w.partners.accept_agreement(owner, sha256=wider.sha256)
    after = await w.partners.memoranda.in_force(owner.organisation_id)
    assert after.is_current
    assert after.rules.unbound.session_s == 7200
    assert Act.SHARE_FORWARD in after.rules.unbound.acts


async def test_less_counts_at_once_and_under_the_name_that_was_signed(w):
    """A version that gives less, and more elsewhere: the less counts without a signature, the more does not."""
    owner = await owner_of(w)
    await offered(w, changed("pilot-2", session_s=60, clip_s=9000, purposes=["fire"], term_days=10))
    found = await w.partners.memoranda.in_force(owner.organisation_id)
    envelope = found.rules.bind(agencies=["age_1"], accepted_at=found.accepted_at)

    assert (envelope.mou, envelope.session_s, envelope.clip_s) == ("pilot-1", 60, 7200)
    assert envelope.purposes == {Purpose.FIRE}
    assert envelope.until_ms == round((found.accepted_at + timedelta(days=10)).timestamp() * 1000)


async def test_a_version_is_signed_once_and_named_once(w):
    """The same body, another body under a known name, a second signature, a version that is not there: refused."""
    version = await offered(w, changed("pilot-2"))

    for text in (changed("pilot-2"), changed("pilot-2", session_s=1), json.dumps(SHIPPED)):
        with pytest.raises(ConflictError):
            await w.partners.memoranda.propose(ADMIN, text)
    with pytest.raises(ConflictError):
        await w.partners.memoranda.sign_for_agency(ADMIN, version.sha256)
    with pytest.raises(NotFoundError):
        await w.partners.memoranda.sign_for_agency(ADMIN, "0" * 64)


async def test_consent_that_the_version_does_not_admit_is_refused(w):
    """A version for free consent only is not signed by somebody whose licence asks for it."""
    owner = await w.owner("ana@example.org")
    version = await offered(w, changed("pilot-2", consent=["free"]))

    with pytest.raises(InvalidError) as refused:
        await w.partners.accept_agreement(owner, sha256=version.sha256, consent=Consent.LICENCE_CONDITION)
    assert "consent" in refused.value.fields
    await w.partners.accept_agreement(owner, sha256=version.sha256, consent=Consent.FREE)


BAD = {
    "not JSON": ('{"v": 2,\n oops}', "line 2"), "a list": ("[]", "agreement"), "empty": ("", "line 1"),
    "a field too many": (changed("p", more=1), "agreement.more"), "no name": (changed("No Name"), "agreement.mou"),
    "an unknown act": (changed("p", acts=["live.dance"]), "agreement.acts[0]"),
    "too long": (changed("p", session_s=10**9), "agreement.session_s"),
    "a clause that says nothing": (changed("p", retention=" "), "agreement.retention"),
    "no way to consent": (changed("p", consent=[]), "agreement.consent"),
    "the first form": (changed("p", v=1), "agreement.v"),
    "an article twice": (changed("p", articles=[SHIPPED["articles"][0]] * 2), "agreement.articles"),  # type: ignore[index]
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_a_version_that_cannot_be_read_names_the_place(w, name):
    """Nothing is kept, and the sentence says where to look."""
    text, place = BAD[name]

    with pytest.raises(InvalidError) as refused:
        await w.partners.memoranda.propose(ADMIN, text)
    assert refused.value.fields["body"].startswith(place)
    assert len(await w.partners.memoranda.versions()) == 1


async def test_a_version_is_named_by_its_content_alone(w):
    """Spaces and the order of fields do not matter; one letter of a promise does."""
    first = read_memorandum(SHIPPED)
    again = parse_memorandum(json.dumps(dict(reversed(SHIPPED.items())), indent=4))

    assert first.sha256 == again.sha256 == w.partners.agreement.sha256
    assert parse_memorandum(changed("pilot-1", retention="All is kept.")).sha256 != first.sha256


@pytest.mark.parametrize(
    ("changes", "is_wider"),
    [
        ({}, False), ({"session_s": 3599}, False), ({"session_s": 3601}, True), ({"term_days": 731}, True),
        ({"term_days": 729}, False), ({"purposes": ["fire"]}, False), ({"retention": "All is kept."}, True),
        ({"notice_days": 29}, True), ({"notice_days": 31}, False), ({"consent": ["free"]}, False),
        ({"articles": SHIPPED["articles"][1:]}, True),  # type: ignore[index]
        ({"articles": [*SHIPPED["articles"], {"heading": "More", "text": "We promise more."}]}, False),  # type: ignore[misc]
    ],
)  # fmt: skip
async def test_a_version_widens_when_it_gives_more_or_promises_less(changes, is_wider):
    """Limits by number; a promise in words that goes or changes counts as wider, for nobody can tell by machine."""
    assert widens(read_memorandum(SHIPPED), parse_memorandum(changed("pilot-1", **changes))) is is_wider
