"""The agreement's pages for both sides, and the PDF."""

import hashlib
import io
import json
import re
from datetime import UTC, datetime

import pytest
from litestar.testing import AsyncTestClient
from pypdf import PdfReader

from gateway.desks.agreements import AGREEMENTS
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.partners.agreements.document import Section, differences, sections
from gateway.partners.agreements.pdf import to_pdf
from policies import packs
from policies.mou import parse_memorandum
from tests.fakes.signatures import CREDENTIAL
from tests.support.pages import Caller
from tests.support.partners import world

pytestmark = pytest.mark.anyio

ADMIN = Principal(PrincipalKind.AGENCY, "per_" + "8" * 26, "age_1", frozenset({Role.ADMIN}), name="Ada Admin")
SHIPPED = packs.load_document("agreements", "pilot-1.json")
DAY = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
async def desk(sqlite_database, clock, ids):
    """An owner, an administrator, and a client that is either."""
    w = world(sqlite_database, clock=clock, ids=ids)
    owner = await w.owner("ana@example.org", name="Peña & Söhne")
    caller = Caller(owner)
    async with AsyncTestClient(w.app(caller, more=AGREEMENTS)) as client:
        yield w, caller, owner, client


def text_of(pdf: bytes) -> str:
    """The words of a PDF, on one line."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


async def post(client, path, **fields):
    """Post a form."""
    return await client.post(path, data={"csrf": "t", **fields}, follow_redirects=False)


async def test_an_owner_reads_signs_and_keeps_the_document(desk):
    """Without the tick or an answer nothing is signed; with both it is, and the PDF says who, how and what."""
    w, _, owner, client = desk
    text = (await client.get("/portal/agreement")).text
    digest = re.search(r'name="sha256" value="([0-9a-f]{64})"', text)[1]

    assert (await post(client, "/portal/agreement", sha256=digest, consent="free")).status_code == 422
    wrong = await post(client, "/portal/agreement", sha256=digest, consent="forced", accepts="yes")
    assert wrong.status_code == 422
    assert await w.partners.memoranda.in_force(owner.organisation_id) is None
    signed = await post(client, "/portal/agreement", sha256=digest, consent="contract", accepts="yes")
    assert signed.status_code == 303
    pdf = await client.get(f"/portal/agreement/{digest}/document.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    said = text_of(pdf.content)
    assert digest in said
    assert "City Police, “the agency”, and Peña & Söhne." in said.replace('"the agency"', "“the agency”")
    assert "For City Police: offered with the installation" in said
    assert "Ana Ruiz" in said
    assert "A contract asks for it" in said
    assert "A court can still order you to hand over video." in said
    again = await client.get(f"/portal/agreement/{digest}/document.pdf")
    assert again.content == pdf.content


async def test_the_agency_keeps_a_draft_sees_what_changes_and_signs(desk):
    """A typing mistake loses nothing and names the place; the draft shows the difference; signing needs the tick."""
    w, caller, owner, client = desk
    await w.partners.accept_agreement(owner, sha256=w.partners.agreement.sha256)
    caller.principal = ADMIN
    body = json.dumps({**SHIPPED, "mou": "pilot-2", "session_s": 7200, "purposes": ["fire"]}, indent=1)

    bad = await post(client, "/admin/agreements", body=body.replace('"fire"', '"fire'))
    assert bad.status_code == 422
    assert "is not JSON" in bad.text
    assert "&#34;pilot-2&#34;" in bad.text
    kept = await post(client, "/admin/agreements", body=body)
    assert kept.status_code == 303
    path = kept.headers["location"].partition("?")[0]
    page = (await client.get(path)).text
    assert "It gives more, or promises otherwise" in page
    assert re.search(r"It gives more.*2 hours.*It gives less.*traffic", page, re.DOTALL)
    assert (await post(client, f"{path}/sign")).status_code == 422
    caller.principal = owner
    assert (await client.get(path.replace("admin/agreements", "portal/agreement"))).status_code == 404
    caller.principal = ADMIN
    assert (await post(client, f"{path}/sign", may_sign="yes")).status_code == 303
    caller.principal = owner
    offered = (await client.get("/portal/agreement")).text
    assert "The agency offers another version." in offered
    assert "Signed for City Police by Ada Admin" in offered
    assert "Every version" in offered


def test_the_document_says_every_clause():
    """Each typed clause and each promise stands in the document."""
    memorandum = packs.memorandum("pilot-1")
    said = " ".join(
        " ".join((one.heading, *one.paragraphs, *one.items))
        for one in sections(memorandum, agency="City", partner="Shop")
    )

    for article in memorandum.articles:
        assert article.text in said
    for words in ("Shop", "730 days", "30 days", "one live view: 60 minutes", "2160 lines", "danger to life"):
        assert words in said
    assert memorandum.retention in said
    assert memorandum.termination in said


def test_every_field_that_changes_is_a_difference():
    """No typed field can change without a line that says so."""
    old = packs.memorandum("pilot-1")
    changes = {
        "acts": ["live.view"], "purposes": ["fire"], "session_s": 1, "clip_s": 1, "hold_s": 1, "look_back_s": 1,
        "height_lines": 1, "term_days": 1, "notice_days": 1, "retention": "None.", "termination": "Never.",
        "consent": ["free"], "articles": [],
    }  # fmt: skip
    assert set(changes) == set(SHIPPED) - {"v", "mou", "title"}
    for name, value in changes.items():
        new = parse_memorandum(json.dumps({**SHIPPED, name: value}))
        assert differences(old, new), name
    assert differences(old, old) == ()


def test_the_same_document_is_the_same_bytes():
    """Another day is another file; letters of Spanish and typographic signs can be read out again."""
    clauses = [Section("Señales", ("“¿Quién mira?” — ñandú, acción, año…",), ("único",))]
    made = [to_pdf("Acuerdo", clauses, closing=["x"], language="es-US", dated=DAY) for _ in range(2)]

    assert made[0] == made[1]
    assert made[0] != to_pdf("Acuerdo", clauses, closing=["x"], language="es-US", dated=DAY.replace(day=2))
    assert '"¿Quién mira?" - ñandú, acción, año...' in text_of(made[0])
    assert "?" in text_of(to_pdf("Łódź", clauses, closing=[], language="en", dated=DAY))


async def test_whoever_has_a_passkey_signs_with_it(desk):
    """Without one they are asked to add it; with one the session alone signs nothing. The signature can be fetched."""
    w, _caller, owner, client = desk
    digest = w.partners.agreement.sha256
    assert "Add a passkey first" in (await client.get("/portal/agreement")).text
    w.signatures.with_passkey.add(owner.person_id)
    shown = (await client.get("/portal/agreement")).text
    assert f'data-passkey="approve" data-challenge="{digest}"' in shown
    assert "Add a passkey first" not in shown

    form = {"sha256": digest, "accepts": "yes", "consent": "free"}
    refused = await post(client, "/portal/agreement", **form)
    assert "nothing is signed yet" in refused.text
    assert not await w.partners.acceptances(owner.organisation_id)
    assert (await client.get(f"/portal/agreement/{digest}/signature.json")).status_code == 404
    touch = {"credential": CREDENTIAL, "client_data": "YQ", "authenticator_data": "YQ", "signature": "YQ"}
    assert (await post(client, "/portal/agreement", **form, **touch)).status_code == 303
    kept = await client.get(f"/portal/agreement/{digest}/signature.json")
    assert kept.json() == {"credential": CREDENTIAL, "digest": digest}
    assert "Signed with a passkey." in (await client.get("/portal/agreement")).text
    said = text_of((await client.get(f"/portal/agreement/{digest}/document.pdf")).content)
    assert hashlib.sha256(kept.content).hexdigest() in said
