"""The pages of agreement and ordinance in a real browser: both themes, phone and desktop, without a finding."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import Browser

from gateway.desks.agreements import AGREEMENTS
from gateway.desks.ordinance import ORDINANCE
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.sharing import InForce, Ordinances
from gateway.sharing.ordinance_store import SqlOrdinances
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from policies import packs
from tests.support.authenticators import authenticator
from tests.support.browser import served, watched
from tests.support.pages import Caller
from tests.support.partners import World, world

pytestmark = pytest.mark.browser

ADA = Principal(PrincipalKind.AGENCY, "per_" + "1" * 26, "age_1", frozenset({Role.ADMIN}), name="Ada Admin")
OUTSIDE = Principal(PrincipalKind.AGENCY, "per_" + "3" * 26, "age_1", frozenset({Role.SECOND}), name="Cy Clerk")


@dataclass
class Law:
    """The pages behind a port, a signed version, a draft, and a proposed pack."""

    origin: str
    caller: Caller
    w: World
    owner: Principal
    draft: str
    proposal: str


@pytest.fixture
def law(portal: BlockingPortal, served_database: Database) -> Iterator[Law]:
    """A shop that signed, a draft that gives more and less, and a proposal that loosens something."""
    w = world(served_database, clock=SystemClock(), ids=SystemIds())
    caller = Caller(ADA)
    ordinances = Ordinances(
        database=w.database,
        rows=SqlOrdinances(w.database),
        log=w.audit,
        clock=w.clock,
        ids=SystemIds(),
    )

    start = packs.load_document("ordinances", "open_city/pack.json")
    pack = InForce(start=start, rows=SqlOrdinances(w.database))

    async def laid() -> tuple[Principal, str, str]:
        owner = await w.owner("ana@example.org")
        await w.partners.accept_agreement(owner, sha256=w.partners.agreement.sha256)
        shipped = json.loads(w.partners.agreement.memorandum.body)
        changed = {**shipped, "mou": "pilot-2", "title": "Version 2", "session_s": 7200, "purposes": ["fire"]}
        draft = await w.partners.memoranda.propose(ADA, json.dumps(changed))
        day = packs.load_document("ordinances", "live_24_hours/pack.json")
        proposal = await ordinances.propose(ADA, json.dumps(day))
        return owner, draft.sha256, proposal.id

    owner, draft, proposal = portal.call(laid)
    with served(w.app(caller, more=[*AGREEMENTS, *ORDINANCE], ordinances=ordinances, ordinance=pack), portal) as origin:
        yield Law(origin, caller, w, owner, draft, proposal)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_every_page_of_the_law_is_sound(chromium: Browser, law: Law, dark: bool, width: int):
    """No finding, nothing stopped by the policy, no sideways scroll, for whoever may see the page."""
    pages = [
        (ADA, "/admin/agreements"), (ADA, f"/admin/agreements/{law.draft}"),
        (ADA, "/admin/ordinance?start=live_24_hours"), (ADA, f"/admin/ordinance/{law.proposal}"),
        (OUTSIDE, "/admin/ordinance"), (OUTSIDE, f"/admin/ordinance/{law.proposal}"),
        (law.owner, "/portal/agreement"),
    ]  # fmt: skip
    with watched(chromium, width=width, dark=dark) as seen:
        for who, path in pages:
            law.caller.principal = who
            seen.page.goto(law.origin + path)
            assert (seen.errors, seen.violations(), seen.axe()) == ([], [], []), path
            assert seen.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_an_owner_signs_the_agreement_with_a_passkey(chromium: Browser, law: Law, portal: BlockingPortal):
    """The button asks the device's own passkey, and what it signed is kept and can be fetched."""
    law.caller.principal = owner = portal.call(law.w.owner, "bo@example.org")
    with watched(chromium) as seen, authenticator(seen.page) as device:
        law.w.signatures.credential = device.add(rp_id="localhost")
        law.w.signatures.with_passkey.add(owner.person_id)
        seen.page.goto(law.origin + "/portal/agreement")
        seen.page.check("[name=accepts]")
        seen.page.click("button.main")
        seen.page.wait_for_url("**/portal/set-up?done=agreement-accepted")
        seen.page.goto(law.origin + "/portal/agreement")
        assert "Signed with a passkey." in seen.page.inner_text("main")
        assert seen.page.get_by_text("Download your signature").count() == 1
        assert (seen.errors, seen.violations(), seen.axe()) == ([], [], [])


def test_a_second_person_approves_by_keyboard_and_without_script(chromium: Browser, law: Law):
    """With JavaScript off, the button is reached by Tab and pressed by Enter."""
    law.caller.principal = OUTSIDE
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto(f"{law.origin}/admin/ordinance/{law.proposal}")
    page.focus("button[value=approve]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/ordinance?done=ordinance-approved")

    assert "It is in force now" in page.inner_text("body")
    assert packs.ordinance("live_24_hours").title in page.inner_text("main")
